//! What may be removed from the object store, and the rows that go after it.

use std::collections::BTreeSet;

use base::{AssetId, BroadcastId, Principal, Role, Timestamp, UploadId};
use db::Tx;
use media::{Object, TrackName, live::LiveObject};

use crate::{Asset, Catalogue, Lifecycle, Part, Result, State, needs, store};

/// What is and is not to be kept of an asset's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// The asset.
    pub asset: AssetId,
    /// The upload its source came by; part of the source object's key.
    pub upload: UploadId,
    /// The broadcast whose objects it consists of, where it is a recording: they go with it.
    pub broadcast: Option<BroadcastId>,
    /// Whether the source and everything else goes.
    pub deleted: bool,
    /// Whether bytes of an upload that nobody will finish may be staged.
    pub abandoned: bool,
    /// The versions nobody works on any more, from 1. What is not listed is left alone.
    pub settled: Vec<SettledVersion>,
}

/// A version nobody works on any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledVersion {
    /// Its number.
    pub version: u32,
    /// The keys of its objects that are in use; every other object of the version may go.
    pub keep: BTreeSet<String>,
}

impl Inventory {
    /// Where objects lie that a sweep may remove, as prefixes of their keys; [`Inventory::keeps`] says which.
    #[must_use]
    pub fn swept(&self) -> Vec<String> {
        if self.deleted {
            let own = [format!("assets/{}/", self.asset), format!("sources/{}/", self.asset)];
            let live = self.broadcast.iter().map(|broadcast| LiveObject::prefix(broadcast.as_str()));
            return own.into_iter().chain(live).collect();
        }
        self.settled.iter().map(|settled| self.place(settled)).collect()
    }

    fn place(&self, settled: &SettledVersion) -> String {
        format!("assets/{}/v{}/", self.asset, settled.version)
    }

    /// Whether an object of the asset, by its key, may still be asked for or be in the making.
    #[must_use]
    pub fn keeps(&self, key: &str) -> bool {
        if self.deleted {
            return false;
        }
        if key.starts_with("sources/") {
            return !self.abandoned && key == media::source_key(self.asset.as_str(), self.upload.as_str());
        }
        let of = |settled: &&SettledVersion| key.starts_with(&self.place(settled));
        self.settled.iter().find(of).is_none_or(|settled| settled.keep.contains(key))
    }
}

/// What an asset takes in the object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskUse {
    /// The asset.
    pub asset: AssetId,
    /// Its title.
    pub title: String,
    /// Bytes of the file it is made from, as far as they have arrived.
    pub source: u64,
    /// Bytes of the segments and images of all its versions that are there.
    pub media: u64,
}

impl Catalogue {
    /// What a sweep may remove: list the objects of each settled version, delete those not kept, then
    /// [`Catalogue::purge`]. `None` when the asset's rows are gone: then all of it may go.
    ///
    /// # Errors
    /// [`crate::CatalogueError::Db`], [`crate::CatalogueError::Corrupt`].
    pub async fn inventory(&self, asset: &AssetId) -> Result<Option<Inventory>> {
        let mut tx = self.db.read().await?;
        let Some(life) = store::asset::lifecycle(&mut tx, asset).await? else { return Ok(None) };
        let upload = store::upload::of_asset(&mut tx, asset).await?;
        let deleted = life.state == State::Deleted;
        let replaced = store::piece::kept(&mut tx, asset, self.ambient.now()).await?;
        let mut settled = Vec::new();
        for version in settled_versions(&life) {
            let plays = life.playing == Some(version) || replaced.contains(&version);
            let keep =
                if plays && !deleted { in_use(&mut tx, asset, version).await? } else { BTreeSet::new() };
            settled.push(SettledVersion { version, keep });
        }
        Ok(Some(Inventory {
            asset: asset.clone(),
            upload: upload.id,
            broadcast: store::asset::broadcast_of(&mut tx, asset).await?,
            deleted,
            abandoned: upload.finished.is_none() && life.state != State::Uploading,
            settled,
        }))
    }

    /// Removes the rows of what a sweep has removed, in the sweep's transaction: all of a deleted asset, else
    /// the parts of versions that neither play nor are being made.
    ///
    /// # Errors
    /// [`crate::CatalogueError::Db`].
    pub async fn purge(&self, tx: &mut Tx, asset: &AssetId) -> Result<()> {
        let Some(held) = store::asset::lock(tx, asset).await? else { return Ok(()) };
        let life = held.life;
        if life.state == State::Deleted {
            forget_versions(tx, asset, [0, 0], [0, 0], Timestamp(i64::MAX)).await?;
            store::play::forget(tx, asset).await?;
            store::upload::forget(tx, asset).await?;
            return store::asset::forget(tx, asset).await;
        }
        let playing = life.playing.unwrap_or(0);
        let unsettled = if life.is_settled() { 0 } else { life.version };
        let now = self.ambient.now();
        forget_versions(tx, asset, [playing, unsettled], [playing, life.version], now).await
    }

    /// What the tenant's assets take in the object store: up to `limit`, those with the largest sources first.
    ///
    /// # Errors
    /// [`crate::CatalogueError::Forbidden`] below [`Role::Admin`]; [`crate::CatalogueError::Db`].
    pub async fn disk(&self, principal: &Principal, limit: u32) -> Result<Vec<DiskUse>> {
        needs(principal, Role::Admin)?;
        store::asset::disk(&mut self.db.read().await?, &principal.tenant, limit).await
    }
}

/// Versions count from 1, so 0 keeps none.
async fn forget_versions(
    tx: &mut Tx,
    asset: &AssetId,
    kept: [u32; 2],
    editions: [u32; 2],
    now: Timestamp,
) -> Result<()> {
    store::part::forget(tx, asset, kept, now).await?;
    store::piece::forget(tx, asset, kept, now).await?;
    store::piece::forget_editions(tx, asset, editions, now).await
}

fn settled_versions(life: &Lifecycle) -> impl Iterator<Item = u32> {
    let last = if life.is_settled() { life.version } else { life.version.saturating_sub(1) };
    1..=last
}

/// The keys of a version's objects that rows name.
async fn in_use(tx: &mut Tx, id: &AssetId, version: u32) -> Result<BTreeSet<String>> {
    let parts = store::part::parts(tx, id, version, None).await?;
    let asset = store::asset::find(tx, id, None, Some(version)).await?;
    let images = asset.iter().flat_map(|asset| images_in_use(asset, version));
    let films = parts.iter().filter(|part| part.run.is_none());
    let objects = films.flat_map(|part| part_in_use(part, version)).chain(images);
    Ok(objects.filter_map(|(object, attempt)| object.blob_key(id.as_str(), attempt)).collect())
}

fn part_in_use(part: &Part, version: u32) -> impl Iterator<Item = (Object, u32)> + '_ {
    let (track, attempt) = (part.track, part.attempt);
    let init = part.info.as_ref().map(|_| match track {
        TrackName::Text(_) => Object::Captions { version, track },
        _ => Object::Init { version, track },
    });
    let segments =
        part.segments.iter().map(move |segment| Object::Segment { version, track, seq: segment.seq });
    init.into_iter().chain(segments).map(move |object| (object, attempt))
}

fn images_in_use(asset: &Asset, version: u32) -> Vec<(Object, u32)> {
    let planned = asset.plan.as_ref().and_then(|plan| plan.images.as_ref());
    let (Some(images), Some(attempt)) = (planned, asset.images_attempt) else { return Vec::new() };
    let sprites = (0..images.sprite_count()).map(|index| Object::Sprite { version, index });
    let objects = [Object::Poster { version }, Object::Thumbs { version }].into_iter().chain(sprites);
    objects.map(|object| (object, attempt)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_made_is_not_settled() {
        let life = |state, version| Lifecycle { state, reason: None, version, playing: None };
        let settled = |state, version| settled_versions(&life(state, version)).collect::<Vec<u32>>();
        assert_eq!(settled(State::Uploading, 1), Vec::<u32>::new());
        assert_eq!(settled(State::Transcoding, 1), Vec::<u32>::new());
        assert_eq!(settled(State::Queued, 3), [1, 2]);
        assert_eq!(settled(State::Ready, 2), [1, 2]);
        assert_eq!(settled(State::Failed, 1), [1]);
    }
}
