//! What becomes of a broadcast that is over: the same objects as an asset, where its channel records.
//!
//! The rows of a broadcast's segments say what is to be recorded until an asset has them, so nothing else remembers it:
//! whoever held the broadcast makes the recording with its end, in one transaction; where that did not happen,
//! [`catch_up`] does it later. Only headers are read, of media nothing.

use ::live::{EndReason, Lease, LiveError, ToRecord};
use base::{AssetId, BroadcastId};
use blob::{BlobError, Key};
use catalogue::{CatalogueError, NewRecording};
use media::live::{
    LiveObject,
    recording::{Headers, tracks},
    window::Moment,
};
use tracing::{info, warn};

use crate::Origin;

/// Bytes of a header at most; ours have a thousand.
const HEADER_BYTES_MAX: u64 = 1 << 20;
/// Objects that are removed together.
const BATCH: usize = 500;

/// Why there is no recording yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordingError {
    /// The broadcast is in other hands, or its rows changed meanwhile.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// The asset cannot be made.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A header cannot be read.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The transaction failed.
    #[error(transparent)]
    Db(#[from] db::DbError),
}

/// Ends a broadcast all of whose segments have rows, with its recording where its channel records. When that cannot be
/// made now, the broadcast ends without it, and [`catch_up`] tries again.
///
/// # Errors
/// [`LiveError::Superseded`]; [`LiveError::Db`], [`LiveError::Events`].
pub(super) async fn end(
    origin: &Origin,
    lease: &Lease,
    reason: EndReason,
    detail: &str,
) -> Result<(), LiveError> {
    match end_recorded(origin, lease, reason, detail).await {
        Ok(true) => return Ok(()),
        Ok(false) => {}
        Err(error) => {
            warn!(broadcast = %lease.broadcast, "a broadcast ends without its recording for now: {error}");
        }
    }
    origin.live.end(lease, reason, detail).await
}

/// Makes the recording of a broadcast that somebody else ended, or that ended before all of its segments had rows, unless
/// it has one. What cannot be made now, [`catch_up`] makes later.
pub(super) async fn afterwards(origin: &Origin, broadcast: &BroadcastId) {
    if let Err(error) = make(origin, broadcast).await {
        warn!(%broadcast, "the recording of a broadcast is held up: {error}");
    }
}

/// Whether the broadcast was ended together with its recording.
async fn end_recorded(
    origin: &Origin,
    lease: &Lease,
    reason: EndReason,
    detail: &str,
) -> Result<bool, RecordingError> {
    let Some((of, new)) = prepare(origin, &lease.broadcast).await? else { return Ok(false) };
    if new.tracks.is_empty() {
        return Ok(false);
    }
    let mut tx = origin.catalogue.transaction().await?;
    let asset = origin.catalogue.create_recording(&mut tx, new).await?;
    origin.live.end_recorded(&mut tx, lease, (reason, detail), (&of, &asset)).await?;
    tx.commit().await?;
    told(&asset, &lease.broadcast);
    Ok(true)
}

/// Makes the recordings that ends of broadcasts have left to be made, of which holders died or lost their leases.
///
/// # Errors
/// [`LiveError::Db`] when it cannot be found out which they are. What keeps one from being made is logged.
pub(crate) async fn catch_up(origin: &Origin) -> Result<(), LiveError> {
    for broadcast in origin.live.unrecorded().await? {
        if let Err(error) = make(origin, &broadcast).await {
            metrics::counter!("nexus_recordings_delayed_total").increment(1);
            warn!(%broadcast, "the recording of a broadcast is held up: {error}");
        }
    }
    Ok(())
}

/// The recording of a broadcast that has ended. One of which nothing can be played is removed.
async fn make(origin: &Origin, broadcast: &BroadcastId) -> Result<(), RecordingError> {
    let Some((of, new)) = prepare(origin, broadcast).await? else { return Ok(()) };
    if new.tracks.is_empty() {
        return discard(origin, broadcast).await;
    }
    let mut tx = origin.catalogue.transaction().await?;
    let asset = origin.catalogue.create_recording(&mut tx, new).await?;
    origin.live.recorded(&mut tx, &of, &asset).await?;
    tx.commit().await?;
    told(&asset, broadcast);
    Ok(())
}

fn told(asset: &AssetId, broadcast: &BroadcastId) {
    metrics::counter!("nexus_recordings_made_total").increment(1);
    info!(%asset, %broadcast, "broadcast {broadcast} is recorded as {asset}");
}

/// What there is, and what is made of it; `None` when there is nothing to be made.
async fn prepare(
    origin: &Origin,
    broadcast: &BroadcastId,
) -> Result<Option<(ToRecord, NewRecording)>, RecordingError> {
    let Some(of) = origin.live.to_record(broadcast).await? else { return Ok(None) };
    let headers = read_headers(origin, &of).await?;
    let seconds = of.renditions.iter().map(|(_, about)| about.parameters.target_seconds).max();
    let new = NewRecording {
        broadcast: broadcast.clone(),
        tenant: of.channel.tenant.clone(),
        title: title(&of),
        visibility: of.channel.choices.visibility,
        target_seconds: seconds.unwrap_or(1).max(1),
        tracks: tracks(&of.renditions, &headers, &of.segments),
    };
    Ok(Some((of, new)))
}

/// What the headers say; one that is no header is left out, and what lies under it.
async fn read_headers(origin: &Origin, of: &ToRecord) -> Result<Headers, RecordingError> {
    let mut headers = Headers::new();
    for header in &of.headers {
        let key = Key::new(header.object().blob_key(of.broadcast.id.as_str()))?;
        let bytes = match origin.store.get_range(&key, 0, HEADER_BYTES_MAX).await {
            Err(BlobError::NotFound(_)) => continue,
            bytes => bytes?,
        };
        match media::cmaf::read_init(&bytes) {
            Ok(init) => drop(headers.insert((header.rendition, header.number), init)),
            Err(error) => warn!(%key, "a header of a broadcast cannot be read: {error}"),
        }
    }
    Ok(headers)
}

/// The channel and when it went on air: `Evening show, 2026-11-22 19:30 UTC`.
fn title(of: &ToRecord) -> String {
    let began = of.broadcast.live.unwrap_or(of.broadcast.started);
    let date = Moment(began.micros()).to_string();
    let (day, time) = (date.get(..10).unwrap_or_default(), date.get(11..16).unwrap_or_default());
    format!("{}, {day} {time} UTC", of.channel.choices.name)
}

/// Removes objects and rows of a broadcast of which nothing can be played.
async fn discard(origin: &Origin, broadcast: &BroadcastId) -> Result<(), RecordingError> {
    warn!(%broadcast, "nothing of broadcast {broadcast} can be played; it has no recording");
    let (prefix, mut after) = (LiveObject::prefix(broadcast.as_str()), None);
    loop {
        let keys = origin.store.list(&prefix, after.as_ref(), BATCH).await?;
        for key in &keys {
            origin.store.delete(key).await?;
        }
        match keys.into_iter().next_back() {
            Some(last) => after = Some(last),
            None => break,
        }
    }
    Ok(origin.live.forget_record(broadcast).await?)
}
