//! The work this domain queues: kinds, payloads, priorities and keys.

use std::time::Duration;

use ::jobs::{NewJob, Queue};
use base::{AssetId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CatalogueError, Result, model::Piece};

/// One step of making or removing an asset, as a job's payload. The job's subject is the asset's identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Work {
    /// Find out what the source is and plan what is made of it.
    Probe {
        /// The asset.
        asset: AssetId,
        /// Its version.
        version: u32,
    },
    /// Make one chunk of every rung.
    Chunk {
        /// The asset.
        asset: AssetId,
        /// Its version.
        version: u32,
        /// Its place in the plan's chunks.
        chunk: u32,
    },
    /// Make an audio rendition.
    Audio {
        /// The asset.
        asset: AssetId,
        /// Its version.
        version: u32,
        /// The number in the name of its track.
        track: u32,
    },
    /// Make poster and thumbnails.
    Images {
        /// The asset.
        asset: AssetId,
        /// Its version.
        version: u32,
    },
    /// Check all that was made and publish it.
    Publish {
        /// The asset.
        asset: AssetId,
        /// Its version.
        version: u32,
    },
    /// Remove the objects nobody will ask for any more.
    Sweep {
        /// The asset.
        asset: AssetId,
    },
}

impl Work {
    /// Every kind, for a worker that does them all.
    pub const KINDS: [&str; 6] = ["probe", "chunk", "audio", "images", "publish", "sweep"];

    /// The work that makes a piece.
    #[must_use]
    pub fn of_piece(asset: AssetId, version: u32, piece: Piece) -> Self {
        match piece {
            Piece::Chunk(chunk) => Self::Chunk { asset, version, chunk },
            Piece::Audio(track) => Self::Audio { asset, version, track },
            Piece::Images => Self::Images { asset, version },
        }
    }

    /// Reads a job's payload.
    ///
    /// # Errors
    /// [`CatalogueError::Payload`] for one that this domain did not write.
    pub fn read(kind: &str, payload: &Value) -> Result<Self> {
        let wrong = |problem: String| CatalogueError::Payload { kind: kind.to_owned(), problem };
        let work = Self::deserialize(payload).map_err(|e| wrong(e.to_string()))?;
        if work.kind() == kind { Ok(work) } else { Err(wrong(format!("the payload is of {}", work.kind()))) }
    }

    /// The job's kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Probe { .. } => "probe",
            Self::Chunk { .. } => "chunk",
            Self::Audio { .. } => "audio",
            Self::Images { .. } => "images",
            Self::Publish { .. } => "publish",
            Self::Sweep { .. } => "sweep",
        }
    }

    /// The asset it is about.
    #[must_use]
    pub const fn asset(&self) -> &AssetId {
        match self {
            Self::Probe { asset, .. }
            | Self::Chunk { asset, .. }
            | Self::Audio { asset, .. }
            | Self::Images { asset, .. }
            | Self::Publish { asset, .. }
            | Self::Sweep { asset } => asset,
        }
    }

    /// The version it makes; none for a sweep.
    #[must_use]
    pub const fn version(&self) -> Option<u32> {
        match self {
            Self::Probe { version, .. }
            | Self::Chunk { version, .. }
            | Self::Audio { version, .. }
            | Self::Images { version, .. }
            | Self::Publish { version, .. } => Some(*version),
            Self::Sweep { .. } => None,
        }
    }

    /// What brings an asset nearer to being watched goes first; a probe is short, and its refusal is news.
    const fn priority(&self) -> i32 {
        match self {
            Self::Publish { .. } => 50,
            Self::Probe { .. } => 40,
            Self::Audio { .. } => 30,
            Self::Chunk { .. } => 20,
            Self::Images { .. } => 10,
            Self::Sweep { .. } => 0,
        }
    }

    /// Names the work within the asset's version, so that asking twice for it queues one job.
    pub(crate) fn dedupe(&self) -> Option<String> {
        let (asset, version, kind) = (self.asset(), self.version()?, self.kind());
        Some(match self {
            Self::Chunk { chunk: number, .. } | Self::Audio { track: number, .. } => {
                format!("{asset}/v{version}/{kind}-{number}")
            }
            _ => format!("{asset}/v{version}/{kind}"),
        })
    }
}

/// Queues work, not to be begun before `delay` has passed.
pub(crate) async fn enqueue(
    queue: &Queue,
    tx: &mut db::Tx,
    tenant: &TenantId,
    work: &Work,
    delay: Duration,
) -> Result<()> {
    let payload = serde_json::to_value(work)
        .map_err(|e| CatalogueError::Payload { kind: work.kind().to_owned(), problem: e.to_string() })?;
    let job = NewJob {
        tenant: tenant.clone(),
        kind: work.kind(),
        subject: work.asset().to_string(),
        payload,
        priority: work.priority(),
        delay,
        dedupe: work.dedupe(),
    };
    queue.enqueue(tx, job).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    fn all() -> [Work; 6] {
        let asset = AssetId::from((Timestamp(0), [1; 10]));
        [
            Work::Probe { asset: asset.clone(), version: 1 },
            Work::of_piece(asset.clone(), 1, Piece::Chunk(2)),
            Work::of_piece(asset.clone(), 1, Piece::Audio(2)),
            Work::of_piece(asset.clone(), 1, Piece::Images),
            Work::Publish { asset: asset.clone(), version: 1 },
            Work::Sweep { asset },
        ]
    }

    #[test]
    fn payloads_read_back_under_their_own_kind_only() {
        for work in all() {
            let payload = serde_json::to_value(&work).expect("serialisable");
            for kind in Work::KINDS {
                let read = Work::read(kind, &payload).ok();
                assert_eq!(read, (kind == work.kind()).then(|| work.clone()), "{kind} {payload}");
            }
        }
    }

    #[test]
    fn a_payload_names_asset_version_and_number() {
        let [_, chunk, ..] = all();
        let payload = serde_json::to_value(&chunk).expect("serialisable");
        let asset = chunk.asset();
        let expected = serde_json::json!({"kind": "chunk", "asset": asset, "version": 1, "chunk": 2});
        assert_eq!(payload, expected);
    }

    #[test]
    fn keys_differ_unless_the_work_is_the_same() {
        let keys: std::collections::BTreeSet<_> = all().iter().filter_map(Work::dedupe).collect();
        assert_eq!(keys.len(), 5);
        assert_eq!(all()[5].dedupe(), None);
    }
}
