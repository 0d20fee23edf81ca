//! What one part does when another's time or event comes: the origin's own background work.

use std::{convert::Infallible, time::Duration};

use lifecycle::Tasks;
use tracing::warn;

use crate::{Origin, upload::sweep_uploads};

/// Time between sweeps.
const SWEEP: Duration = Duration::from_secs(60);

/// Starts the origin's background work.
pub fn wire(origin: &Origin, tasks: &Tasks) {
    tasks.spawn_critical("origin-sweep", sweep(origin.clone(), tasks.clone()));
}

async fn sweep(origin: Origin, tasks: Tasks) -> Result<(), Infallible> {
    let stop = tasks.soft();
    loop {
        if let Err(error) = sweep_uploads(&origin).await {
            warn!("the sweep of uploads is held up: {error}");
        }
        if let Err(error) = origin.identity.sweep().await {
            warn!("the sweep of sessions and records is held up: {error}");
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}
