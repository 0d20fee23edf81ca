//! The walk over all objects, for those that no row names and no sweep of an asset will meet: what a worker wrote
//! that was stopped, woke after its asset was swept, and died before it noticed.
//!
//! One job for the whole installation, which comes again and again. It goes in short strolls and remembers in its
//! payload where it stands, so it holds up nothing and a crash costs one stroll. It never fails for good.

use std::{collections::HashMap, time::Duration};

use base::{AssetId, TenantId, Timestamp};
use blob::Key;
use catalogue::Inventory;
use jobs::{Claim, NewJob, Settled};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::{Transcoder, error::Trouble};

/// The job's kind.
pub(crate) const KIND: &str = "patrol";
/// Where objects of assets are, as the first part of their keys; the second is the asset.
const PLACES: [&str; 2] = ["assets/", "sources/"];
/// Keys looked at in one stroll.
const STROLL: usize = 2_000;
/// Rest between two strolls of a round, and after one that met trouble.
const REST: Duration = Duration::from_secs(1);
const REST_AFTER_TROUBLE: Duration = Duration::from_secs(60);

/// Where the walk stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Stand {
    /// Index in [`PLACES`].
    place: usize,
    /// The last key seen there.
    after: Option<String>,
}

impl Stand {
    /// Where the walk goes on after the keys it found; `None` at the end of a round.
    fn next(&self, last: Option<&Key>) -> Option<Self> {
        if let Some(last) = last {
            return Some(Self { place: self.place, after: Some(last.to_string()) });
        }
        let place = self.place + 1;
        (place < PLACES.len()).then_some(Self { place, after: None })
    }
}

/// The job that starts the walk; queued again, it changes nothing.
pub(crate) fn job() -> NewJob {
    // No tenant's: identifiers that people get are never all zeros.
    let nobody = TenantId::from((Timestamp(0), [0; 10]));
    let payload = serde_json::json!({ "place": 0, "after": null });
    NewJob { dedupe: Some(KIND.to_owned()), ..NewJob::new(nobody, KIND, KIND, payload) }
}

pub(crate) async fn run(transcoder: &Transcoder, claim: &Claim) -> Result<Settled, Trouble> {
    let stand: Stand = claim.payload().unwrap_or_default();
    let (next, rest) = match stroll(transcoder, &stand).await {
        Ok(Some(next)) => (next, REST),
        Ok(None) => (Stand::default(), transcoder.patrol_every),
        Err(Trouble::Jobs(error)) => return Err(error.into()),
        Err(trouble) => {
            warn!(
                error = &trouble as &dyn std::error::Error,
                "the walk over all objects is held up: {trouble}"
            );
            (stand, REST_AFTER_TROUBLE)
        }
    };
    let payload = serde_json::json!({ "place": next.place, "after": next.after });
    let tx = transcoder.db.write().await?;
    Ok(transcoder.queue.repeat(tx, claim, &payload, rest).await?)
}

async fn stroll(transcoder: &Transcoder, stand: &Stand) -> Result<Option<Stand>, Trouble> {
    let Some(place) = PLACES.get(stand.place) else { return Ok(None) };
    let after = stand.after.clone().map(Key::new).transpose()?;
    let keys = transcoder.store.list(place, after.as_ref(), STROLL).await?;
    let mut known: HashMap<AssetId, Option<Inventory>> = HashMap::new();
    let mut removed = 0;
    for key in &keys {
        let Some(asset) = asset_of(place, key) else { continue };
        let inventory = match known.get(&asset) {
            Some(inventory) => inventory,
            None => {
                let inventory = transcoder.catalogue.inventory(&asset).await?;
                known.entry(asset).or_insert(inventory)
            }
        };
        if inventory.as_ref().is_none_or(|inventory| !inventory.keeps(key.as_str())) {
            transcoder.store.delete(key).await?;
            removed += 1;
        }
    }
    if removed > 0 {
        info!(removed, "{removed} objects that no row names were removed");
        metrics::counter!("nexus_objects_orphaned_total").increment(removed);
    }
    Ok(stand.next(keys.last()))
}

/// The asset of a key; none for names that we do not give.
fn asset_of(place: &str, key: &Key) -> Option<AssetId> {
    key.as_str().strip_prefix(place)?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_goes_through_every_place() {
        let key = Key::new("assets/a/b").expect("a key");
        let first = Stand::default();
        let within = first.next(Some(&key)).expect("the same place");
        assert_eq!(within, Stand { place: 0, after: Some("assets/a/b".to_owned()) });
        let second = within.next(None).expect("the next place");
        assert_eq!(second, Stand { place: 1, after: None });
        assert_eq!(second.next(None), None);
    }

    #[test]
    fn only_our_own_names_have_an_asset() {
        let id = "01jd0c7y5mq3xk2v8n4t6r9bwz";
        let asset = |text: &str| asset_of("assets/", &Key::new(text).expect("a key"));
        assert_eq!(asset(&format!("assets/{id}/v1/x")).map(|asset| asset.to_string()).as_deref(), Some(id));
        assert_eq!(asset("assets/notes.txt"), None);
        assert_eq!(asset(&format!("sources/{id}/x")), None);
    }
}
