//! What viewers are served from: read models, two queries each at most.

use base::AssetId;
use media::{TrackName, TrackTimeline};

use crate::{Catalogue, Part, Piece, Playback, Result, State, Winner, store};

impl Catalogue {
    /// Everything the playlists of an asset's playing version are written from; `None` when there is nothing
    /// to play or no such asset. The caller asks whether this viewer may watch it.
    ///
    /// # Errors
    /// [`crate::CatalogueError::Db`], [`crate::CatalogueError::Corrupt`].
    pub async fn playback(&self, asset: &AssetId) -> Result<Option<Playback>> {
        self.playback_of(asset, None).await
    }

    /// The same with only one track, for its own playlist; without tracks when it has no such track.
    ///
    /// # Errors
    /// [`crate::CatalogueError::Db`], [`crate::CatalogueError::Corrupt`].
    pub async fn playback_track(&self, asset: &AssetId, track: TrackName) -> Result<Option<Playback>> {
        self.playback_of(asset, Some(track)).await
    }

    /// The same for one version: the playing one, or one that was replaced while somebody was in the middle of
    /// it; `None` for any other.
    ///
    /// # Errors
    /// [`crate::CatalogueError::Db`], [`crate::CatalogueError::Corrupt`].
    pub async fn playback_version(&self, asset: &AssetId, version: u32) -> Result<Option<Playback>> {
        let playing = self.playback_of(asset, None).await?;
        if playing.as_ref().is_none_or(|playing| playing.version == version) {
            return Ok(playing);
        }
        let mut tx = self.db.read().await?;
        if !store::piece::kept(&mut tx, asset, self.ambient.now()).await?.contains(&version) {
            return Ok(None);
        }
        let Some(asset) = store::asset::find(&mut tx, asset, None, Some(version)).await? else {
            return Ok(None);
        };
        let tracks = timelines(store::part::parts(&mut tx, &asset.id, version, None).await?);
        Ok(Some(Playback { asset, version, ended: true, tracks }))
    }

    async fn playback_of(&self, asset: &AssetId, only: Option<TrackName>) -> Result<Option<Playback>> {
        let mut tx = self.db.read().await?;
        let Some(asset) = store::asset::find(&mut tx, asset, None, None).await? else { return Ok(None) };
        let Some(version) = asset.playing else { return Ok(None) };
        let tracks = timelines(store::part::parts(&mut tx, &asset.id, version, only).await?);
        let ended = version < asset.version || asset.state == State::Ready;
        Ok(Some(Playback { asset, version, ended, tracks }))
    }

    /// The tracks of any version as far as they are made, for the gate that decides whether viewers get it.
    ///
    /// # Errors
    /// [`crate::CatalogueError::Db`], [`crate::CatalogueError::Corrupt`].
    pub async fn tracks_of(&self, asset: &AssetId, version: u32) -> Result<Vec<TrackTimeline>> {
        let mut tx = self.db.read().await?;
        Ok(timelines(store::part::parts(&mut tx, asset, version, None).await?))
    }

    #[cfg(test)]
    pub(crate) async fn parts(&self, asset: &AssetId, version: u32) -> Result<Vec<crate::Part>> {
        store::part::parts(&mut self.db.read().await?, asset, version, None).await
    }

    /// Which attempt's object a segment is, and who may watch it; `None` until it is made.
    ///
    /// # Errors
    /// [`crate::CatalogueError::Db`].
    pub async fn segment_attempt(
        &self,
        asset: &AssetId,
        version: u32,
        track: TrackName,
        seq: u32,
    ) -> Result<Option<Winner>> {
        store::part::segment_winner(&mut self.db.read().await?, asset, version, track, seq).await
    }

    /// Which attempt's object a track's header is, and who may watch it; `None` until it is made.
    ///
    /// # Errors
    /// [`crate::CatalogueError::Db`].
    pub async fn init_attempt(
        &self,
        asset: &AssetId,
        version: u32,
        track: TrackName,
    ) -> Result<Option<Winner>> {
        store::part::init_winner(&mut self.db.read().await?, asset, version, track).await
    }

    /// Which object of a broadcast the header of a run of its recording is, and who may watch it.
    ///
    /// # Errors
    /// [`crate::CatalogueError::Db`], [`crate::CatalogueError::Corrupt`].
    pub async fn run_init(
        &self,
        asset: &AssetId,
        version: u32,
        track: TrackName,
        number: u32,
    ) -> Result<Option<Winner>> {
        store::part::run_init_winner(&mut self.db.read().await?, asset, version, track, number).await
    }

    /// Which attempt's objects poster and thumbnails are, and who may watch them; `None` until they are made.
    ///
    /// # Errors
    /// [`crate::CatalogueError::Db`].
    pub async fn images_attempt(&self, asset: &AssetId, version: u32) -> Result<Option<Winner>> {
        store::piece::winner(&mut self.db.read().await?, asset, version, Piece::Images).await
    }
}

/// The tracks of `parts`, which come by track and in order: each from its chunk 0 to its first gap.
pub(crate) fn timelines(parts: Vec<Part>) -> Vec<TrackTimeline> {
    let mut tracks: Vec<TrackTimeline> = Vec::new();
    let mut next = 0;
    for part in parts {
        match (part.info, tracks.last_mut()) {
            (Some(info), _) => {
                let runs = part.run.into_iter().collect();
                tracks.push(TrackTimeline { info, segments: part.segments, runs });
                next = 1;
            }
            (None, Some(track)) if track.info.name == part.track && part.chunk == next => {
                track.segments.extend(part.segments);
                track.runs.extend(part.run);
                next += 1;
            }
            _ => {}
        }
    }
    tracks
}
