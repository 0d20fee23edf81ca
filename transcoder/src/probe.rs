//! What a source is, and what will be made of it.

use std::fmt::Write;

use futures_util::TryStreamExt;
use jobs::Settled;
use pipeline_wire::{FromChild, GraphSpec, ProbeReport, ProbeSpec};
use sha2::{Digest, Sha256};

use crate::{Attempt, Transcoder, captions, error::Trouble, source::StoredSource, wire};

pub(crate) async fn run(transcoder: &Transcoder, attempt: Attempt<'_>) -> Result<Settled, Trouble> {
    let source = StoredSource::open(&transcoder.store, &attempt.asset).await?;
    let (report, sha256) = tokio::try_join!(probe(transcoder, source.clone()), digest(&source))?;
    let facts = wire::facts(report);
    let plan = media::plan(&facts, &transcoder.policy)?;
    let captions = captions::write(transcoder, &attempt, &plan, &facts.text).await?;
    let mut tx = transcoder.db.write().await?;
    transcoder.catalogue.store_plan(&mut tx, attempt.id(), attempt.version, &plan, &sha256).await?;
    for part in &captions {
        transcoder.catalogue.store_part(&mut tx, attempt.id(), attempt.version, part).await?;
    }
    Ok(transcoder.queue.complete(tx, attempt.claim).await?)
}

async fn probe(transcoder: &Transcoder, source: StoredSource) -> Result<ProbeReport, Trouble> {
    let limits = transcoder.limits;
    let spec = GraphSpec::Probe(ProbeSpec {
        source: source.spec(),
        duration_max_ns: u64::try_from(limits.duration_max.as_nanos()).unwrap_or(u64::MAX),
        dimension_max: limits.dimension_max,
    });
    let mut child = transcoder.sandbox.start(&spec, source).await?;
    let mut found = None;
    while let Some(frame) = child.next().await? {
        if let FromChild::Probe(report) = frame {
            found = Some(report);
        }
    }
    found.ok_or_else(|| Trouble::Incomplete("no report".into()))
}

/// SHA-256 of the source, as lower-case hexadecimal.
async fn digest(source: &StoredSource) -> Result<String, Trouble> {
    let mut pieces = source.stream().await?;
    let mut digest = Sha256::new();
    while let Some(piece) = pieces.try_next().await? {
        digest.update(&piece);
    }
    Ok(digest.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
