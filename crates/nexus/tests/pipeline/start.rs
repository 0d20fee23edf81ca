//! How long a child takes to start; printed, not judged.

use std::time::Duration;

use pipeline_wire::FromChild;
use tokio::time::Instant;

use crate::clips::clip;
use crate::rig::{Rig, probe_spec};

const RUNS: usize = 7;

#[tokio::test]
async fn a_child_starts_behind_its_door() {
    let rig = Rig::new().await;
    let data = clip("a.mp4", "-c:v libx264 -c:a aac");
    let (mut ready, mut reported) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let begin = Instant::now();
        let mut child = rig.sandbox.start(&probe_spec(data.len() as u64), data.clone()).await.expect("start");
        while let Some(frame) = child.next().await.expect("a report") {
            if ready.len() == reported.len() {
                ready.push(begin.elapsed());
            }
            if matches!(frame, FromChild::Probe(_)) {
                reported.push(begin.elapsed());
            }
        }
        assert!(child.door().is_some_and(|door| door.seccomp));
    }
    println!(
        "first frame {:?}, probe report {:?} (medians of {RUNS})",
        median(&mut ready),
        median(&mut reported)
    );
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
