//! From a broadcast that is over to an asset that plays: its objects stay where they are, and rows say so.

use std::time::Duration;

use base::{AssetId, BroadcastId, TenantId, UploadId};
use db::Tx;
use media::{Plan, SegmentGrid, TrackTimeline, live::recording::RecordedTrack};

use crate::{
    Catalogue, CatalogueError, Lifecycle, Part, Result, TITLE_CHARS_MAX, Visibility, Work, events, jobs,
    model::printable,
    store::{self, asset::AssetToAdd},
};

/// The version of a recording, which is never made again.
const VERSION: u32 = 1;
/// The attempt that its parts are said to be of: there was none.
const ATTEMPT: u32 = 0;

/// What the recording of a broadcast is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecording {
    /// The broadcast; it has one recording.
    pub broadcast: BroadcastId,
    /// Who owns it.
    pub tenant: TenantId,
    /// What people call it; what does not fit in [`TITLE_CHARS_MAX`] printable characters is dropped.
    pub title: String,
    /// Who may watch it.
    pub visibility: Visibility,
    /// The target duration of the broadcast's lists, in whole seconds, at least 1.
    pub target_seconds: u32,
    /// Its tracks, at least one.
    pub tracks: Vec<RecordedTrack>,
}

impl Catalogue {
    /// Makes the asset of a broadcast that is over, in the caller's transaction, unless there is one: its identifier.
    /// It plays at once, and the publish that is queued judges it ([`Catalogue::publish`]). From now on the broadcast's
    /// objects are the asset's, and go when it is deleted.
    ///
    /// # Errors
    /// [`CatalogueError::Invalid`] for tracks that are none or no presentation; [`CatalogueError::Db`],
    /// [`CatalogueError::Jobs`], [`CatalogueError::Events`].
    pub async fn create_recording(&self, tx: &mut Tx, new: NewRecording) -> Result<AssetId> {
        if let Some(known) = store::asset::of_broadcast(tx, &new.broadcast).await? {
            return Ok(known);
        }
        let duration_us = duration_us(&new)?;
        let (id, life, now) = (self.ambient.id::<AssetId>(), Lifecycle::recorded(), self.ambient.now());
        let asset = AssetToAdd {
            id: id.clone(),
            tenant: new.tenant.clone(),
            title: printable(&new.title, TITLE_CHARS_MAX),
            visibility: new.visibility,
            source_name: String::new(),
        };
        store::asset::add(tx, &asset, &life, now).await?;
        store::asset::set_lifecycle(tx, &id, &life, now).await?;
        let us = store::stored_number("duration", duration_us)?;
        store::asset::set_recorded(tx, &id, &new.broadcast, us).await?;
        let upload: UploadId = self.ambient.id();
        store::upload::add_none(tx, &upload, &id, &new.tenant, bytes(&new.tracks), now).await?;
        let plan = Plan::of_recording(duration_us, new.target_seconds);
        store::piece::add_edition(tx, &id, VERSION, &plan, now).await?;
        let runs = new.tracks.iter().map(|track| track.runs.len()).max().unwrap_or(0);
        store::piece::set_runs(tx, &id, VERSION, u32::try_from(runs).unwrap_or(u32::MAX)).await?;
        for (position, track) in (0..).zip(new.tracks) {
            add_track(tx, &id, position, track).await?;
        }
        events::announce(&self.outbox, tx, &new.tenant, events::CREATED, &id, &life).await?;
        let publish = Work::Publish { asset: id.clone(), version: VERSION };
        jobs::enqueue(&self.queue, tx, &new.tenant, &publish, Duration::ZERO).await?;
        Ok(id)
    }

    /// The asset that a broadcast is recorded as, deleted ones included until their objects are gone.
    ///
    /// # Errors
    /// [`CatalogueError::Db`].
    pub async fn recording_of(&self, broadcast: &BroadcastId) -> Result<Option<AssetId>> {
        store::asset::of_broadcast(&mut self.db.read().await?, broadcast).await
    }
}

async fn add_track(tx: &mut Tx, asset: &AssetId, position: u32, track: RecordedTrack) -> Result<()> {
    let RecordedTrack { info, runs } = track;
    let name = info.name;
    store::part::add_track(tx, asset, VERSION, name, position).await?;
    let mut info = Some(info);
    for (chunk, (run, segments)) in (0..).zip(runs) {
        let run = Some(run);
        let part = Part { track: name, chunk, attempt: ATTEMPT, info: info.take(), segments, run };
        store::part::add(tx, asset, VERSION, &part).await?;
    }
    Ok(())
}

/// How long it plays; refused is what no playlist could be written of.
fn duration_us(new: &NewRecording) -> Result<u64> {
    let wrong = |problem: String| CatalogueError::Invalid { field: "tracks", problem };
    let grid =
        SegmentGrid::new(new.target_seconds, 1).ok_or_else(|| wrong("no target duration".to_owned()))?;
    let timelines = new.tracks.iter().cloned().map(|track| {
        let (runs, segments): (Vec<_>, Vec<_>) = track.runs.into_iter().unzip();
        TrackTimeline { info: track.info, segments: segments.concat(), runs }
    });
    let made = media::Presentation::new(VERSION, grid, true, timelines.collect());
    made.map(|presentation| presentation.duration_us()).map_err(|problem| wrong(problem.to_string()))
}

fn bytes(tracks: &[RecordedTrack]) -> u64 {
    let runs = tracks.iter().flat_map(|track| &track.runs);
    runs.flat_map(|(_, segments)| segments).map(|segment| segment.bytes).sum()
}
