//! How far an asset is: finished chunks from the rows, running ones from a board in memory.
//!
//! The rows know each finished chunk. What a worker of this process reports in between is worth no write: it
//! stands on a bounded board, and subscribers hear of it as a volatile event at most twice a second an asset.

mod board;

use base::{AssetId, TenantId};
use media::TrackName;
use serde::{Deserialize, Serialize};

use crate::{Asset, Catalogue, Result, events, found, store};
pub(crate) use board::ProgressBoard;
use board::Tracks;

/// How far a version is; also the payload of [`events::PROGRESS`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The asset.
    pub asset: AssetId,
    /// All tracks together, 0 to 100.
    pub percent: u8,
    /// Each track, in playlist order; none before it is planned.
    pub tracks: Vec<TrackProgress>,
}

/// How far a track is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackProgress {
    /// The track.
    pub name: TrackName,
    /// 0 to 100.
    pub percent: u8,
}

/// Takes what a worker has to say about the pieces it makes of one version.
#[derive(Clone, Debug)]
pub struct Reporter {
    catalogue: Catalogue,
    tenant: TenantId,
    asset: AssetId,
    version: u32,
}

impl Reporter {
    /// `done` of `total` (frames, samples, in any one unit) of a chunk are made. Cheap: called as often as
    /// the worker knows more.
    pub fn report(&self, track: TrackName, chunk: u32, done: u64, total: u64) {
        let percent = board::percent(done, total);
        let now = self.catalogue.ambient.now();
        let news = self.catalogue.board.report(&self.asset, self.version, (track, chunk), percent, now);
        if let Some(tracks) = news {
            self.tell(&tracks.progress(&self.asset));
        }
    }

    fn tell(&self, progress: &Progress) {
        let Progress { asset, percent, tracks } = progress;
        let payload = serde_json::json!({"asset": asset, "percent": percent, "tracks": tracks});
        self.catalogue.bus.volatile(&self.tenant, events::PROGRESS, asset.as_str(), payload);
    }
}

impl Catalogue {
    /// A reporter for the version that a worker makes of `asset`, which came from
    /// [`Catalogue::asset_in_work`].
    ///
    /// # Errors
    /// [`crate::CatalogueError::Db`].
    pub async fn reporter(&self, asset: &Asset) -> Result<Reporter> {
        if self.board.read(&asset.id, asset.version).is_none() {
            let tracks = self.made_so_far(asset).await?;
            self.board.place(&asset.id, asset.version, tracks, self.ambient.now());
        }
        let (tenant, id, version) = (asset.tenant.clone(), asset.id.clone(), asset.version);
        Ok(Reporter { catalogue: self.clone(), tenant, asset: id, version })
    }

    /// How far the newest version of an asset is. Complete when a worker of this process makes it; in whole
    /// chunks when another does.
    ///
    /// # Errors
    /// [`crate::CatalogueError::NotFound`]; [`crate::CatalogueError::Db`],
    /// [`crate::CatalogueError::Corrupt`].
    pub async fn progress(&self, id: &AssetId, version: u32) -> Result<Progress> {
        if let Some(tracks) = self.board.read(id, version) {
            return Ok(tracks.progress(id));
        }
        let asset = store::asset::find(&mut self.db.read().await?, id, None, Some(version)).await?;
        Ok(self.made_so_far(&found(asset)?).await?.progress(id))
    }

    async fn made_so_far(&self, asset: &Asset) -> Result<Tracks> {
        let Some(plan) = &asset.plan else { return Ok(Tracks::default()) };
        let mut tracks = Tracks::of(plan);
        let mut tx = self.db.read().await?;
        for (track, chunk) in store::part::made(&mut tx, &asset.id, asset.version).await? {
            tracks.set(track, chunk, 100);
        }
        Ok(tracks)
    }
}
