//! What one part does when another's time or event comes: the origin's own background work.

use std::{convert::Infallible, sync::Arc, time::Duration};

use events::webhooks::{PostOptions, post};
use lifecycle::Tasks;
use tracing::warn;

use crate::{Origin, courier::HttpCourier, upload::sweep_uploads};

/// Time between sweeps.
const SWEEP: Duration = Duration::from_secs(60);

/// Starts the origin's background work.
pub fn wire(origin: &Origin, tasks: &Tasks) {
    tasks.spawn_critical("origin-sweep", sweep(origin.clone(), tasks.clone()));
    let courier = Arc::new(HttpCourier::new(origin.limits.webhook_reach));
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
        if let Err(error) = origin.idempotency.sweep().await {
            warn!("the sweep of kept answers is held up: {error}");
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}
