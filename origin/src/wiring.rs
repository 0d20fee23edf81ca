//! What one part does when another's time or event comes: the origin's own background work.

use std::{convert::Infallible, sync::Arc, time::Duration};

use events::webhooks::{PostOptions, post};
use jobs::WorkerOptions;
use lifecycle::Tasks;
use tracing::warn;

use crate::{
    Origin,
    courier::HttpCourier,
    import::Importer,
    live::{catch_up, sweep_live},
    upload::sweep_uploads,
};

/// Time between sweeps.
const SWEEP: Duration = Duration::from_secs(60);

/// Time between looks at who holds broadcasts: well below how long a lease lasts.
const PATROL: Duration = Duration::from_secs(5);

/// What webhooks may carry to the outside: the events of every domain that outsiders may be told of.
pub const TOLD: &[&str] = &[
    catalogue::events::READY,
    catalogue::events::FAILED,
    catalogue::events::DELETED,
    live::events::STARTED,
    live::events::ENDED,
];

/// The kind of jobs that an origin does.
pub const IMPORT: &str = catalogue::IMPORT;

/// Starts fetching files; `options` say how many at once, and know the kind [`IMPORT`].
pub fn work_imports(origin: &Origin, tasks: &Tasks, options: WorkerOptions) {
    let importer = Arc::new(Importer(origin.clone()));
    tasks.spawn_critical("imports", jobs::work(origin.queue.clone(), tasks.clone(), options, importer));
}

/// Starts the origin's background work.
pub fn wire(origin: &Origin, tasks: &Tasks) {
    tasks.spawn_critical("origin-sweep", sweep(origin.clone(), tasks.clone()));
    tasks.spawn_critical("live-patrol", patrol(origin.clone(), tasks.clone()));
    let courier = Arc::new(HttpCourier::new(origin.limits.webhook_reach.clone()));
    let posted = post(origin.webhooks.clone(), courier, tasks.clone(), PostOptions::default());
    tasks.spawn_critical("webhooks", posted);
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
        match origin.catalogue.sweep_plays().await {
            Ok(viewers) => metrics::gauge!("nexus_viewers").set(u32::try_from(viewers).unwrap_or(u32::MAX)),
            Err(error) => warn!("the sweep of plays is held up: {error}"),
        }
        if let Err(error) = origin.live.sweep().await {
            warn!("the sweep of broadcasts is held up: {error}");
        }
        sweep_live(&origin).await;
        if let Err(error) = origin.idempotency.sweep().await {
            warn!("the sweep of kept answers is held up: {error}");
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Notices broadcasts whose holders are gone, those of other processes too.
async fn patrol(origin: Origin, tasks: Tasks) -> Result<(), Infallible> {
    let stop = tasks.soft();
    loop {
        match origin.live.patrol().await {
            Ok(open) => metrics::gauge!("nexus_broadcasts_open").set(open),
            Err(error) => warn!("the look at who holds broadcasts is held up: {error}"),
        }
        if let Err(error) = catch_up(&origin).await {
            warn!("the look for broadcasts to record is held up: {error}");
        }
        tokio::select! {
            () = tokio::time::sleep(PATROL) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_may_be_told_can_be_asked_for() {
        assert_eq!(TOLD, [catalogue::events::OUTCOMES, live::events::OUTCOMES].concat());
    }
}
