//! Who watches: plays, which count once they have lasted, and viewers, who are there as long as their players say
//! so. Any process of the database may hear of a play that another began.

use std::{collections::HashMap, time::Duration};

use base::{AssetId, PlayId};

use crate::{Catalogue, CatalogueError, Result, found, store};

/// How often a player says that it still plays.
pub const PLAY_HEARTBEAT: Duration = Duration::from_secs(20);
/// How long a viewer counts as there without a word: two words may be lost.
pub const PLAY_LEASE: Duration = Duration::from_secs(65);
/// How long a play lasts before it counts.
pub const PLAY_COUNTED_AFTER: Duration = Duration::from_secs(5);
/// Viewers of one asset at once; more are not counted.
pub const VIEWERS_MAX: u32 = 100_000;

const SWEEP_ROWS_MAX: u32 = 1_000;

/// How many watch, and watched, an asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// Plays so far that lasted.
    pub plays: u64,
    /// Viewers at the moment.
    pub viewers: u64,
}

impl Catalogue {
    /// Begins a play of an asset that this viewer may watch, which the caller has made sure of.
    ///
    /// # Errors
    /// [`CatalogueError::NotFound`] when there is nothing to play; [`CatalogueError::Crowded`] beyond
    /// [`VIEWERS_MAX`]; [`CatalogueError::Db`].
    pub async fn begin_play(&self, asset: &AssetId) -> Result<PlayId> {
        let (now, id) = (self.ambient.now(), self.ambient.id());
        let mut tx = self.db.write().await?;
        let life = found(store::asset::lifecycle(&mut tx, asset).await?)?;
        if life.playing.is_none() || life.state == crate::State::Deleted {
            return Err(CatalogueError::NotFound);
        }
        if !store::play::begin(&mut tx, &id, asset, now, now + PLAY_LEASE).await? {
            return Err(CatalogueError::Crowded);
        }
        tx.commit().await?;
        Ok(id)
    }

    /// Keeps a play going for [`PLAY_LEASE`], and counts it once it has lasted [`PLAY_COUNTED_AFTER`]; whether it
    /// was counted now.
    ///
    /// # Errors
    /// [`CatalogueError::NotFound`] for one that ended or never was: begin another; [`CatalogueError::Db`].
    pub async fn keep_play(&self, id: &PlayId) -> Result<bool> {
        let now = self.ambient.now();
        let mut tx = self.db.write().await?;
        if !store::play::keep(&mut tx, id, now, now + PLAY_LEASE).await? {
            return Err(CatalogueError::NotFound);
        }
        let counted = store::play::count(&mut tx, id, now - PLAY_COUNTED_AFTER).await?;
        tx.commit().await?;
        Ok(counted)
    }

    /// Ends a play, counting it if it lasted; whether it was counted now.
    ///
    /// # Errors
    /// As for [`Catalogue::keep_play`].
    pub async fn end_play(&self, id: &PlayId) -> Result<bool> {
        let now = self.ambient.now();
        let mut tx = self.db.write().await?;
        if !store::play::keep(&mut tx, id, now, now).await? {
            return Err(CatalogueError::NotFound);
        }
        let counted = store::play::count(&mut tx, id, now - PLAY_COUNTED_AFTER).await?;
        store::play::end(&mut tx, id).await?;
        tx.commit().await?;
        Ok(counted)
    }

    /// How many watch, and watched, each of these assets.
    ///
    /// # Errors
    /// [`CatalogueError::Db`].
    pub async fn audiences(&self, assets: &[&AssetId]) -> Result<HashMap<String, Audience>> {
        let assets: Vec<&str> = assets.iter().map(|id| id.as_str()).collect();
        let mut tx = self.db.read().await?;
        let mut all: HashMap<String, Audience> = HashMap::new();
        for (asset, plays) in store::play::plays(&mut tx, &assets).await? {
            all.entry(asset).or_default().plays = plays;
        }
        for (asset, viewers) in store::play::viewers(&mut tx, &assets, self.ambient.now()).await? {
            all.entry(asset).or_default().viewers = viewers;
        }
        Ok(all)
    }

    /// Forgets plays that ended without a word; how many viewers there are.
    ///
    /// # Errors
    /// [`CatalogueError::Db`].
    pub async fn sweep_plays(&self) -> Result<u64> {
        let now = self.ambient.now();
        loop {
            let mut tx = self.db.write().await?;
            let swept = store::play::sweep(&mut tx, now, SWEEP_ROWS_MAX).await?;
            let viewers = store::play::all_viewers(&mut tx, now).await?;
            tx.commit().await?;
            if swept < u64::from(SWEEP_ROWS_MAX) {
                return Ok(u64::try_from(viewers).unwrap_or_default());
            }
        }
    }
}
