//! Damaged files: whatever is changed in them, the answer is a verdict.

use bytes::Bytes;
use pipeline_wire::FailureKind;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sandbox::SandboxError;

use crate::clips::made;
use crate::rig::Rig;

const CASES: u32 = 24;

/// Overwrites short runs of bytes; the front, where the headers are, more often.
fn damage() -> impl Strategy<Value = Vec<(f64, Vec<u8>)>> {
    let place = (0.0..1.0f64).prop_map(|at| at * at * at);
    prop::collection::vec((place, prop::collection::vec(any::<u8>(), 1..9)), 1..12)
}

fn damaged(whole: &Bytes, damage: &[(f64, Vec<u8>)]) -> Bytes {
    let mut data = whole.to_vec();
    for (place, bytes) in damage {
        let at = (place * data.len() as f64) as usize;
        data.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
    }
    data.into()
}

#[test]
fn damaged_films_end_with_a_verdict() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let rig = runtime.block_on(Rig::new());
    let picture = "-f lavfi -i testsrc2=s=160x90:r=25:d=1 -f lavfi -i sine=d=1";
    let clips = [
        made("small.mp4", &format!("{picture} -c:v libx264 -c:a aac -movflags +faststart")),
        made("small.mkv", &format!("{picture} -c:v libx264 -c:a aac")),
        made("small.ts", &format!("{picture} -c:v libx264 -c:a aac")),
    ];
    // The same cases on every run: a test that fails must fail again.
    let mut runner = TestRunner::new_with_rng(Config::with_cases(CASES), deterministic());
    runner
        .run(&(0..clips.len(), damage()), |(clip, damage)| {
            match runtime.block_on(rig.probe(&damaged(&clips[clip], &damage))) {
                Ok(_) => {}
                Err(SandboxError::Refused(failure)) => {
                    prop_assert!(!failure.reason.is_empty());
                    prop_assert_ne!(failure.kind, FailureKind::SourceRead);
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
            Ok(())
        })
        .expect("a verdict for every case");
}

fn deterministic() -> proptest::test_runner::TestRng {
    proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha)
}
