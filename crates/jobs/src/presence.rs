//! Workers say that they are alive, for operators to see; leases do not depend on it.

use std::{convert::Infallible, time::Duration};

use base::WorkerId;
use lifecycle::Tasks;
use tokio::time::sleep;
use tracing::warn;

use crate::{JobsError, Queue};

/// Time between signs of life.
const EVERY: Duration = Duration::from_secs(10);
/// Silence after which a worker is forgotten.
pub(crate) const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// Who is present.
#[derive(Clone, Debug)]
pub struct Presence {
    /// Whom leases belong to.
    pub worker: WorkerId,
    /// Which process it is, for people.
    pub name: String,
    /// Jobs at a time.
    pub slots: u32,
}

/// Gives a sign of life every ten seconds until the soft stage of shutdown, and takes leave then.
///
/// # Errors
/// Never; the type is what `Tasks::spawn_critical` takes.
pub async fn attend(queue: Queue, tasks: Tasks, presence: Presence) -> Result<(), Infallible> {
    let stop = tasks.soft();
    while !stop.is_cancelled() {
        told(sign(&queue, &presence).await);
        tokio::select! {
            () = sleep(EVERY) => {}
            () = stop.cancelled() => {}
        }
    }
    told(queue.forget_worker(&presence.worker).await);
    Ok(())
}

pub(crate) async fn sign(queue: &Queue, presence: &Presence) -> Result<(), JobsError> {
    let silent_since = queue.now() - FORGOTTEN_AFTER;
    queue.see_worker(&presence.worker, &presence.name, presence.slots, silent_since).await
}

fn told(noted: Result<(), JobsError>) {
    if let Err(error) = noted {
        warn!(error = &error as &dyn std::error::Error, "the worker's presence was not noted: {error}");
    }
}
