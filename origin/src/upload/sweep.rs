//! What time does to uploads: finished ones that a crash left unsaid are concluded, expired ones given up.

use catalogue::{CatalogueError, Upload};
use tracing::{info, warn};

use super::receive;
use crate::Origin;

/// Uploads looked at in one sweep.
const BATCH: u32 = 200;

/// One pass: concludes what is whole, gives up what has expired. A given-up upload's bytes are removed by the
/// sweep job that giving it up queues.
pub(crate) async fn sweep_uploads(origin: &Origin) -> Result<(), CatalogueError> {
    for upload in origin.catalogue.stranded_uploads(BATCH).await? {
        conclude(origin, &upload).await;
    }
    for upload in origin.catalogue.expired_uploads(BATCH).await? {
        if !conclude(origin, &upload).await && origin.catalogue.expire_upload(&upload).await? {
            info!(upload = %upload.id, "an upload expired unfinished");
        }
    }
    Ok(())
}

/// Finishes an upload whose bytes are all there; whether they are.
async fn conclude(origin: &Origin, upload: &Upload) -> bool {
    if receive::durable(origin, upload).await.ok() != Some(upload.length) {
        return false;
    }
    if let Err(refused) = receive::finish(origin, upload).await {
        warn!(upload = %upload.id, "an upload that is whole could not be concluded: {refused}");
    }
    true
}
