//! Gauges of the queue's depth, and forgetting of old dead jobs.

use std::{collections::BTreeMap, convert::Infallible, time::Duration};

use tokio::time::sleep;
use tracing::warn;

use crate::{JobsError, Queue};

/// How long a dead job's reason is kept.
pub(crate) const DEAD_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Reports `nexus_jobs{kind, state}` and `nexus_jobs_oldest_seconds{kind, state}`, and forgets jobs dead for
/// thirty days, every `period` until the soft stage of shutdown.
///
/// # Errors
/// Never; the type is what `Tasks::spawn_critical` takes.
pub async fn watch(queue: Queue, tasks: lifecycle::Tasks, period: Duration) -> Result<(), Infallible> {
    let stop = tasks.soft();
    let mut known = BTreeMap::new();
    while !stop.is_cancelled() {
        if let Err(error) = look(&queue, &mut known).await {
            warn!(error = &error as &dyn std::error::Error, "the queue could not be watched: {error}");
        }
        tokio::select! {
            () = sleep(period) => {}
            () = stop.cancelled() => {}
        }
    }
    Ok(())
}

/// The last depth of each kind and state; what is gone is reported as zero once more.
pub(crate) type Known = BTreeMap<(String, String), (u64, f64)>;

pub(crate) async fn look(queue: &Queue, known: &mut Known) -> Result<(), JobsError> {
    let now = queue.now();
    known.values_mut().for_each(|value| *value = (0, 0.0));
    for depth in queue.depth(None).await? {
        known.insert((depth.kind, depth.state), (depth.jobs, now.since(depth.oldest).as_secs_f64()));
    }
    known.iter().for_each(|((kind, state), (jobs, oldest))| report(kind, state, *jobs, *oldest));
    known.retain(|_, (jobs, _)| *jobs > 0);
    queue.sweep_dead(now - DEAD_KEPT).await?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a double; counts stay far below 2^53")]
fn report(kind: &str, state: &str, jobs: u64, oldest_seconds: f64) {
    let labels = [("kind", kind.to_owned()), ("state", state.to_owned())];
    metrics::gauge!("nexus_jobs", &labels).set(jobs as f64);
    metrics::gauge!("nexus_jobs_oldest_seconds", &labels).set(oldest_seconds);
}
