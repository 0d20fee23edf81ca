//! What is left: files of broadcasts that no session holds, and objects that nobody keeps.

use ::live::{LiveError, Recorded};
use base::BroadcastId;
use blob::Key;
use media::live::{LiveObject, window::Moment};
use tracing::{info, warn};

use super::{
    Disk, Item, blocking,
    deposit::{DepositError, put_objects, recorded},
    disk,
};
use crate::Origin;

/// Objects removed at once.
const OBJECTS_MAX: usize = 500;

/// Looks through this disk for broadcasts that no session of this process holds, and through the rows for those that
/// nobody keeps.
pub(crate) async fn sweep_live(origin: &Origin) {
    let folder = origin.shelves().folder.clone();
    match blocking(move || disk::broadcasts(&folder)).await {
        Ok(found) => {
            for id in found {
                settle(origin, &id).await;
            }
        }
        Err(error) => warn!("the folder of broadcasts cannot be read: {error}"),
    }
    if let Err(error) = remove_outlived(origin).await {
        warn!("objects of broadcasts that nobody keeps stay: {error}");
    }
}

/// Puts what a broadcast left on this disk into the store, unless a session holds it; and removes it once the broadcast
/// is over.
pub(super) async fn settle(origin: &Origin, id: &BroadcastId) {
    let _looking = origin.shelves().looking.lock().await;
    if let Err(error) = try_settle(origin, id).await {
        metrics::counter!("nexus_live_deposit_failures_total").increment(1);
        warn!(broadcast = %id, "what a broadcast left on disk waits: {error}");
    }
}

async fn try_settle(origin: &Origin, id: &BroadcastId) -> Result<(), DepositError> {
    if origin.shelves().open().contains(id) {
        return Ok(());
    }
    let disk = Disk::of(&origin.shelves().folder, id);
    let Some(broadcast) = origin.live.broadcast(id).await? else { return remove(disk).await };
    if broadcast.ended.is_some() && broadcast.asset.is_some() {
        // Its objects are the asset's, and nothing is put beside them.
        return remove(disk).await;
    }
    let (of, now) = (disk.clone(), Moment(origin.ambient.now().micros()));
    let term = broadcast.term;
    let held_last = blocking(move || Ok(of.terms()?.contains(&term))).await?;
    if !held_last && broadcast.ended.is_some() {
        // Another machine went on with it: what is here has no place in it.
        return remove(disk).await;
    }
    if !held_last {
        return Ok(());
    }
    let of = disk.clone();
    let (headers, segments) = blocking(move || Ok((of.headers(term)?, of.segments(term, now)?))).await?;
    let of = disk.clone();
    let about = blocking(move || of.described()).await?;
    let items: Vec<Item> =
        headers.into_iter().map(Item::Header).chain(segments.into_iter().map(Item::Segment)).collect();
    let count = items.len();
    put_objects(origin, &disk, id.as_str(), &items).await?;
    let noted: Recorded = recorded(&items);
    match origin.live.keep_left_behind(id, term, &about, &noted).await {
        Ok(()) => {
            info!(broadcast = %id, "{count} pieces of broadcast {id} were found on disk and are in the store");
        }
        // Somebody has just taken it up.
        Err(LiveError::Superseded) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    if broadcast.ended.is_some() { remove(disk).await } else { Ok(()) }
}

async fn remove(disk: Disk) -> Result<(), DepositError> {
    Ok(blocking(move || disk.remove_all()).await?)
}

/// Objects first, rows last: what is interrupted is found again.
async fn remove_outlived(origin: &Origin) -> Result<(), DepositError> {
    for id in origin.live.outlived().await? {
        let prefix = LiveObject::prefix(id.as_str());
        loop {
            let keys: Vec<Key> = origin.store.list(&prefix, None, OBJECTS_MAX).await?;
            for key in &keys {
                origin.store.delete(key).await?;
            }
            if keys.len() < OBJECTS_MAX {
                break;
            }
        }
        origin.live.forget_record(&id).await?;
    }
    Ok(())
}
