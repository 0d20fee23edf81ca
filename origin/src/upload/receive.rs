//! Bytes from a request body into an upload, and the upload into a source.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{body::Body, http::StatusCode};
use base::{Timestamp, UploadId};
use blob::{BlobError, Keep, Key};
use bytes::Bytes;
use catalogue::{Upload, WRITE_LEASE, WriteLease};
use futures_util::{Stream, StreamExt};
use httpkit::Problem;
use tracing::{info, warn};

use super::{
    checksum::{Checksum, Running},
    concat,
};
use crate::{Origin, http::problem};

/// What failing the checksum is answered with (tus checksum extension).
const CHECKSUM_MISMATCH: u16 = 460;

pub(crate) fn stage_key(id: &UploadId) -> Result<Key, Problem> {
    Key::new(media::stage_key(id.as_str())).map_err(problem)
}

/// What an upload becomes.
pub(crate) fn source_key(upload: &Upload) -> Result<Key, Problem> {
    match &upload.asset {
        Some(asset) => Key::new(media::source_key(asset.as_str(), upload.id.as_str())).map_err(problem),
        None => concat::partial_key(&upload.id),
    }
}

/// A request body that is hashed as it passes, and fails at its end when the digest is not the one promised.
struct Hashed {
    body: axum::body::BodyDataStream,
    promised: Option<(Checksum, Running)>,
    failure: Option<Failure>,
    flow: Arc<Flow>,
}

/// Whether a body is alive; by default, it is we who are waited for.
#[derive(Default)]
pub(super) struct Flow {
    /// Bytes that came.
    pub(super) bytes: AtomicU64,
    /// Whether it is the client that is waited for.
    pub(super) waiting: AtomicBool,
}

impl Flow {
    /// Whether anything came since `before` bytes had, or the client is waiting for us.
    fn goes_on(&self, before: u64) -> bool {
        self.bytes.load(Ordering::Relaxed) > before || !self.waiting.load(Ordering::Relaxed)
    }
}

/// Why a body failed; the store sees only that it did.
enum Failure {
    Body(axum::Error),
    Checksum,
}

impl Hashed {
    fn end(&mut self) -> Option<Result<Bytes, io::Error>> {
        let (checksum, running) = self.promised.take()?;
        if running.matches(&checksum) {
            return None;
        }
        self.failure = Some(Failure::Checksum);
        Some(Err(io::Error::other("the checksum does not match")))
    }

    fn piece(&mut self, piece: Result<Bytes, axum::Error>) -> Result<Bytes, io::Error> {
        match piece {
            Ok(bytes) => {
                self.flow.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                if let Some((_, running)) = &mut self.promised {
                    running.update(&bytes);
                }
                Ok(bytes)
            }
            Err(error) => {
                let told = io::Error::other(error.to_string());
                self.failure = Some(Failure::Body(error));
                Err(told)
            }
        }
    }
}

impl Stream for Hashed {
    type Item = Result<Bytes, io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = self.body.poll_next_unpin(cx);
        self.flow.waiting.store(piece.is_pending(), Ordering::Relaxed);
        let piece = futures_util::ready!(piece);
        Poll::Ready(match piece {
            Some(piece) => Some(self.piece(piece)),
            None => self.end(),
        })
    }
}

/// How many bytes of an upload are durable and, where checksums are used, verified.
pub(crate) async fn durable(origin: &Origin, upload: &Upload) -> Result<u64, Problem> {
    let gone = || Problem::gone("the bytes of this upload are gone; upload the file again");
    arrived(origin, upload).await?.ok_or_else(gone)
}

/// The same; `None` where there is neither a stage nor what it becomes.
pub(super) async fn arrived(origin: &Origin, upload: &Upload) -> Result<Option<u64>, Problem> {
    if let (Some(_), Some(length)) = (upload.finished, upload.length) {
        return Ok(Some(length));
    }
    if let Some(len) = origin.store.stage_len(&stage_key(&upload.id)?).await.map_err(problem)? {
        return Ok(Some(len));
    }
    // A crash between the object and its row: the stage is gone because all of it arrived.
    let source = origin.store.head(&source_key(upload)?).await.map_err(problem)?;
    Ok(source.map(|meta| meta.bytes))
}

/// When an upload is given up unless more of it comes.
pub(crate) fn expiry(origin: &Origin) -> Timestamp {
    origin.ambient.now() + Duration::from_secs(u64::from(origin.limits.upload.expiry_hours) * 3600)
}

/// Appends a body at `at` and finishes the upload when that was the last of it; the new durable offset. A body with
/// a checksum counts only as a whole. `announced` is the body's length if it is known.
///
/// A client that goes away ends its body, not the writing down of what came.
pub(super) async fn append(
    origin: &Origin,
    upload: &Upload,
    at: u64,
    body: Body,
    announced: Option<u64>,
    checksum: Option<Checksum>,
) -> Result<u64, Problem> {
    check_room(origin).await?;
    let end = announced.map(|bytes| at.saturating_add(bytes));
    let lease = origin.catalogue.begin_write(upload, &origin.worker, end).await.map_err(problem)?;
    let (held, upload) = (origin.clone(), upload.clone());
    let write = async move { write(&held, &upload, lease, at, body, checksum).await };
    origin.tasks.spawn("upload-write", write).await.map_err(|_| Problem::internal())?
}

/// Writes under a lease, and gives it back.
async fn write(
    origin: &Origin,
    upload: &Upload,
    mut lease: WriteLease,
    at: u64,
    body: Body,
    checksum: Option<Checksum>,
) -> Result<u64, Problem> {
    let keep = if checksum.is_some() { Keep::Whole } else { Keep::Arrived };
    let promised = checksum.map(|checksum| {
        let running = Running::new(checksum.algorithm);
        (checksum, running)
    });
    let flow = Arc::<Flow>::default();
    let mut hashed = Hashed { body: body.into_data_stream(), promised, failure: None, flow: flow.clone() };
    let (stage, room) = (stage_key(&upload.id)?, lease.end.saturating_sub(at));
    let appended = tokio::select! {
        appended = origin.store.stage_append(&stage, at, &mut hashed, room, keep) => appended,
        () = keep_lease(origin, &mut lease, &flow) => Err(BlobError::Busy),
    };
    let stands = match &appended {
        Ok(len) | Err(BlobError::BodyBroken { len, .. } | BlobError::OffsetMismatch { len }) => *len,
        Err(_) => upload.offset,
    };
    metrics::counter!("nexus_upload_bytes_total").increment(stands.saturating_sub(at));
    origin.catalogue.end_write(upload, lease, stands, expiry(origin)).await.map_err(problem)?;
    let len = appended.map_err(|error| append_problem(error, hashed.failure.as_ref(), room))?;
    if upload.length == Some(len) {
        finish(origin, upload).await?;
    }
    Ok(len)
}

/// Renews a lease while its body is alive; returns once somebody else has it.
pub(super) async fn keep_lease(origin: &Origin, lease: &mut WriteLease, flow: &Flow) {
    loop {
        let before = flow.bytes.load(Ordering::Relaxed);
        tokio::time::sleep(WRITE_LEASE / 3).await;
        match origin.catalogue.renew_write(lease, flow.goes_on(before)).await {
            Ok(true) => {}
            Ok(false) => return,
            // Nobody else can take it while the database is away, and the store knows who was overtaken.
            Err(error) => warn!("the lease on an upload was not renewed: {error}"),
        }
    }
}

/// Refuses new bytes while the store has less room than the floor.
pub(crate) async fn check_room(origin: &Origin) -> Result<(), Problem> {
    let checked = origin.store.check_room(origin.limits.upload.free_floor_bytes).await;
    if matches!(checked, Err(BlobError::Full)) {
        metrics::counter!("nexus_uploads_refused_full_total").increment(1);
    }
    checked.map_err(problem)
}

fn mismatch() -> Problem {
    let status = StatusCode::from_u16(CHECKSUM_MISMATCH).unwrap_or(StatusCode::BAD_REQUEST);
    Problem::new(status, "checksum-mismatch", "Checksum mismatch")
        .detail("the bytes do not match Upload-Checksum; they were dropped")
}

pub(super) fn offset_conflict(len: u64) -> Problem {
    Problem::conflict(format!("the upload stands at byte {len}")).member("offset", len)
}

fn append_problem(error: BlobError, failure: Option<&Failure>, room: u64) -> Problem {
    match (error, failure) {
        (BlobError::OffsetMismatch { len }, _) => offset_conflict(len),
        (BlobError::TooLong { .. }, _) => Problem::payload_too_large(room),
        (BlobError::BodyBroken { .. }, Some(Failure::Body(body))) => httpkit::body_problem(body),
        (BlobError::BodyBroken { .. }, Some(Failure::Checksum)) => mismatch(),
        (error, _) => problem(error),
    }
}

/// Turns a whole stage into what it becomes and tells the catalogue; doing so again is fine.
pub(crate) async fn finish(origin: &Origin, upload: &Upload) -> Result<(), Problem> {
    if upload.finished.is_some() {
        return Ok(());
    }
    let bytes =
        origin.store.stage_finish(&stage_key(&upload.id)?, &source_key(upload)?).await.map_err(problem)?;
    if upload.is_partial() {
        return origin.catalogue.complete_partial(upload).await.map_err(problem);
    }
    origin.catalogue.complete_source(upload, bytes).await.map_err(problem)?;
    info!(upload = %upload.id, bytes, "upload {} is complete", upload.id);
    Ok(())
}
