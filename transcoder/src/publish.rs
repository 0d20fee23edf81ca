//! The last job of a version: the gate, then viewers.

use catalogue::Gate;
use jobs::Settled;
use tracing::{info, warn};

use crate::{
    Attempt, Transcoder,
    error::Trouble,
    gate::{self, Candidate},
};

pub(crate) async fn run(transcoder: &Transcoder, attempt: Attempt<'_>) -> Result<Settled, Trouble> {
    let catalogue = &transcoder.catalogue;
    let tracks = catalogue.tracks_of(attempt.id(), attempt.version).await?;
    let presentation = gate::presentation(attempt.version, attempt.plan()?, tracks)?;
    let candidate = Candidate { catalogue, store: &transcoder.store, asset: attempt.id(), presentation };
    let findings = gate::judge(&candidate).await?;
    let count = findings.len();
    let mut tx = transcoder.db.write().await?;
    let gate = catalogue.publish(&mut tx, attempt.id(), attempt.version, findings).await?;
    let settled = transcoder.queue.complete(tx, attempt.claim).await?;
    match gate {
        Gate::Passed => info!(asset = %attempt.id(), findings = count, "{} is ready", attempt.id()),
        Gate::Refused => warn!(asset = %attempt.id(), findings = count, "{} does not conform", attempt.id()),
    }
    Ok(settled)
}
