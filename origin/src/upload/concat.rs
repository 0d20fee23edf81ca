//! Uploads that are made of others (tus concatenation extension).

use base::UploadId;
use blob::{BlobError, Key};
use catalogue::Upload;
use httpkit::Problem;
use tracing::info;

use super::{
    protocol,
    receive::{self, Flow},
};
use crate::{Origin, http::problem};

/// Where the bytes of a finished partial upload are.
pub(super) fn partial_key(id: &UploadId) -> Result<Key, Problem> {
    Key::new(media::partial_key(id.as_str())).map_err(problem)
}

/// Makes the source of a final upload of its parts, finishes it and removes the parts; doing so again is fine. It goes
/// on when the client goes away.
pub(super) async fn assemble(origin: &Origin, upload: &Upload) -> Result<(), Problem> {
    let (held, of) = (origin.clone(), upload.clone());
    let made = origin.tasks.spawn("upload-concat", async move { make(&held, &of).await });
    made.await.map_err(|_| Problem::internal())?
}

async fn make(origin: &Origin, upload: &Upload) -> Result<(), Problem> {
    let parts = protocol::parts(upload.concat.as_deref().unwrap_or_default())?;
    let keys: Vec<Key> = parts.iter().map(partial_key).collect::<Result<_, _>>()?;
    let source = receive::source_key(upload)?;
    let mut lease = origin.catalogue.begin_write(upload, &origin.worker, None).await.map_err(problem)?;
    // Nobody but us is waited for.
    let flow = Flow::default();
    let made = tokio::select! {
        made = origin.store.concat(&keys, &source) => made,
        () = receive::keep_lease(origin, &mut lease, &flow) => Err(BlobError::Busy),
    };
    origin.catalogue.end_write(upload, lease, upload.offset, upload.expires).await.map_err(problem)?;
    let bytes = made.map_err(problem)?;
    origin.catalogue.complete_source(upload, bytes).await.map_err(problem)?;
    info!(upload = %upload.id, parts = parts.len(), bytes, "upload {} was made of {} parts", upload.id, parts.len());
    for part in &parts {
        remove_partial(origin, part).await?;
    }
    Ok(())
}

/// Removes a partial upload, finished or not: its bytes, then its row.
pub(super) async fn remove_partial(origin: &Origin, id: &UploadId) -> Result<(), Problem> {
    let (stage, object) = (receive::stage_key(id)?, partial_key(id)?);
    origin.store.stage_abort(&stage, &object).await.map_err(problem)?;
    origin.store.delete(&object).await.map_err(problem)?;
    origin.catalogue.forget_partial(id).await.map_err(problem)
}
