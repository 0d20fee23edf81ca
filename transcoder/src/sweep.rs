//! Removing objects that nobody will ask for any more, then the rows that named them.

use base::AssetId;
use blob::{Key, Store};
use catalogue::Inventory;
use jobs::{Claim, Settled};
use tracing::info;

use crate::{Transcoder, error::Trouble};

/// Keys looked at together.
const BATCH: usize = 500;

pub(crate) async fn run(transcoder: &Transcoder, claim: &Claim, asset: &AssetId) -> Result<Settled, Trouble> {
    let store = &transcoder.store;
    let removed = match transcoder.catalogue.inventory(asset).await? {
        Some(inventory) => sweep(store, &inventory).await?,
        None => remove(store, &format!("assets/{asset}/"), |_| false).await?,
    };
    if removed > 0 {
        info!(%asset, removed, "{removed} objects of {asset} were removed");
        metrics::counter!("nexus_objects_swept_total").increment(removed);
    }
    let mut tx = transcoder.db.write().await?;
    transcoder.catalogue.purge(&mut tx, asset).await?;
    Ok(transcoder.queue.complete(tx, claim).await?)
}

async fn sweep(store: &Store, inventory: &Inventory) -> Result<u64, Trouble> {
    let asset = &inventory.asset;
    let mut removed = 0;
    for prefix in inventory.swept() {
        removed += remove(store, &prefix, |key| inventory.keeps(key.as_str())).await?;
    }
    if inventory.deleted || inventory.abandoned {
        let upload = inventory.upload.as_str();
        let becomes = Key::new(media::source_key(asset.as_str(), upload))?;
        store.stage_abort(&Key::new(media::stage_key(upload))?, &becomes).await?;
    }
    Ok(removed)
}

/// Removes every object under `prefix` that `kept` does not name; how many.
async fn remove(store: &Store, prefix: &str, kept: impl Fn(&Key) -> bool) -> Result<u64, Trouble> {
    let (mut removed, mut after) = (0, None);
    loop {
        let keys = store.list(prefix, after.as_ref(), BATCH).await?;
        for key in keys.iter().filter(|key| !kept(key)) {
            store.delete(key).await?;
            removed += 1;
        }
        match keys.into_iter().next_back() {
            Some(last) => after = Some(last),
            None => return Ok(removed),
        }
    }
}
