//! What time does to uploads: finished ones that a crash left unsaid are concluded, expired ones given up.

use catalogue::{CatalogueError, Upload};
use tracing::{info, warn};

use super::{concat, receive};
use crate::Origin;

/// Uploads looked at in one sweep.
const BATCH: u32 = 200;

/// One pass: concludes what is whole, gives up what has expired. A given-up upload's bytes are removed by the
/// sweep job that giving it up queues.
pub(crate) async fn sweep_uploads(origin: &Origin) -> Result<(), CatalogueError> {
    origin.catalogue.revoke_promises().await?;
    for upload in origin.catalogue.stranded_uploads(BATCH).await? {
        conclude(origin, &upload).await;
    }
    for upload in origin.catalogue.expired_uploads(BATCH).await? {
        if !conclude(origin, &upload).await && origin.catalogue.expire_upload(&upload).await? {
            info!(upload = %upload.id, "an upload expired unfinished");
        }
    }
    for upload in origin.catalogue.expired_partials(BATCH).await? {
        if let Err(refused) = concat::remove_partial(origin, &upload.id).await {
            warn!(upload = %upload.id, "a partial upload that expired could not be removed: {refused}");
        }
    }
    Ok(())
}

/// Finishes an upload whose bytes are all there; whether they are.
async fn conclude(origin: &Origin, upload: &Upload) -> bool {
    let whole = upload.is_final()
        || (upload.length.is_some() && receive::durable(origin, upload).await.ok() == upload.length);
    if !whole {
        return false;
    }
    let finished = if upload.is_final() {
        concat::assemble(origin, upload).await
    } else {
        receive::finish(origin, upload).await
    };
    if let Err(refused) = &finished {
        warn!(upload = %upload.id, "an upload that is whole could not be concluded: {refused}");
    }
    // What a final upload is made of may be gone for good; bytes that were sent are not.
    finished.is_ok() || !upload.is_final()
}
