//! What workers write: each function takes the worker's transaction, which the worker ends with the queue's
//! fenced completion.
//!
//! Each begins by holding the asset's row. So of pieces that finish at the same moment the second one waits,
//! then counts what is left after the first; exactly one of them finds nothing left and queues the publish.

use std::time::Duration;

use ::jobs::Claim;
use base::AssetId;
use db::Tx;
use media::{Plan, SegmentInfo, TrackName};

use crate::{
    Asset, Catalogue, CatalogueError, Finding, Gate, IllegalStep, Part, Piece, REASON_CHARS_MAX, Remaining,
    Result, Severity, State, Step, Work, found, jobs, model,
    store::{self, asset::Locked, part::Among},
};

const NS_PER_US: u64 = 1_000;

impl Catalogue {
    /// Notes that a probe begins, in a transaction of its own; the asset to be probed.
    ///
    /// # Errors
    /// A moot one ([`CatalogueError::is_moot`]) when nobody waits for the probe; [`CatalogueError::Db`],
    /// [`CatalogueError::Events`].
    pub async fn start_probe(&self, asset: &AssetId, version: u32) -> Result<Asset> {
        let mut tx = self.db.write().await?;
        let mut held = self.hold_version(&mut tx, asset, version).await?;
        self.step(&mut tx, &mut held, Step::ProbeStarted).await?;
        let asset = found(store::asset::find(&mut tx, asset, None, Some(version)).await?)?;
        tx.commit().await?;
        Ok(asset)
    }

    /// The asset as the worker of a piece or of the publish needs it, with this version's plan.
    ///
    /// # Errors
    /// A moot one ([`CatalogueError::is_moot`]) unless this version is being made; [`CatalogueError::Db`],
    /// [`CatalogueError::Corrupt`].
    pub async fn asset_in_work(&self, asset: &AssetId, version: u32) -> Result<Asset> {
        let mut tx = self.db.read().await?;
        let asset = found(store::asset::find(&mut tx, asset, None, Some(version)).await?)?;
        check_version(version, asset.version)?;
        check_making(asset.state)?;
        Ok(asset)
    }

    /// Stores what a probe decided and queues every piece of it. `sha256` is the source's, in lower-case
    /// hexadecimal.
    ///
    /// # Errors
    /// A moot one ([`CatalogueError::is_moot`]); [`CatalogueError::Invalid`] for a plan of nothing;
    /// [`CatalogueError::Db`], [`CatalogueError::Jobs`], [`CatalogueError::Events`].
    pub async fn store_plan(
        &self,
        tx: &mut Tx,
        asset: &AssetId,
        version: u32,
        plan: &Plan,
        sha256: &str,
    ) -> Result<()> {
        if Piece::all(plan).next().is_none() {
            return Err(CatalogueError::Invalid { field: "plan", problem: "it asks for nothing".to_owned() });
        }
        let mut held = self.hold_version(tx, asset, version).await?;
        let duration_us = store::stored_number("duration", plan.duration_ns / NS_PER_US)?;
        store::asset::set_probed(tx, asset, duration_us, sha256).await?;
        store::piece::add_edition(tx, asset, version, plan, self.ambient.now()).await?;
        for (position, name) in (0..).zip(plan.track_names()) {
            store::part::add_track(tx, asset, version, name, position).await?;
        }
        for piece in Piece::all(plan) {
            store::piece::add(tx, asset, version, piece).await?;
            let work = Work::of_piece(asset.clone(), version, piece);
            jobs::enqueue(&self.queue, tx, &held.tenant, &work, Duration::ZERO).await?;
        }
        self.step(tx, &mut held, Step::Planned).await
    }

    /// Stores a chunk of a track, whose objects are durable.
    ///
    /// # Errors
    /// A moot one ([`CatalogueError::is_moot`]); [`CatalogueError::PartTaken`] when an attempt stored it
    /// before; [`CatalogueError::Invalid`] for segments that are none or not consecutive, and for track
    /// information that is missing from chunk 0, given with another, or of another track;
    /// [`CatalogueError::Db`], also for a track that is not planned.
    pub async fn store_part(&self, tx: &mut Tx, asset: &AssetId, version: u32, part: &Part) -> Result<()> {
        check_part(part)?;
        self.hold_making(tx, asset, version).await?;
        if store::part::add(tx, asset, version, part).await? {
            return Ok(());
        }
        Err(CatalogueError::PartTaken { track: part.track, chunk: part.chunk })
    }

    /// Notes what the objects of poster and thumbnails take, in bytes.
    ///
    /// # Errors
    /// [`CatalogueError::Db`]; [`CatalogueError::Invalid`] for a number beyond all disks.
    pub async fn note_images(&self, tx: &mut Tx, asset: &AssetId, version: u32, bytes: u64) -> Result<()> {
        store::piece::set_bytes(tx, asset, version, Piece::Images, bytes).await
    }

    /// Marks a piece as made by this attempt, after all of its parts are stored, and queues the publish when
    /// nothing else is left. The asset becomes playable when every track has its beginning.
    ///
    /// # Errors
    /// A moot one ([`CatalogueError::is_moot`]); [`CatalogueError::PartMissing`]; [`CatalogueError::Db`],
    /// [`CatalogueError::Jobs`], [`CatalogueError::Events`].
    pub async fn finish_work(
        &self,
        tx: &mut Tx,
        asset: &AssetId,
        version: u32,
        piece: Piece,
        attempt: u32,
    ) -> Result<Remaining> {
        let mut held = self.hold_making(tx, asset, version).await?;
        check_parts_stored(tx, asset, version, piece).await?;
        if !store::piece::finish(tx, asset, version, piece, attempt, self.ambient.now()).await? {
            return Err(CatalogueError::PartMissing {
                piece,
                problem: "it is not planned, or finished before",
            });
        }
        let begun = store::part::lacking(tx, asset, version, Among::All, 0).await? == 0;
        if begun && held.life.playing.is_none() {
            self.step(tx, &mut held, Step::Playable).await?;
        }
        let remaining = store::piece::remaining(tx, asset, version).await?;
        if remaining > 0 {
            return Ok(Remaining::Pieces(remaining));
        }
        let publish = Work::Publish { asset: asset.clone(), version };
        jobs::enqueue(&self.queue, tx, &held.tenant, &publish, Duration::ZERO).await?;
        Ok(Remaining::Publish)
    }

    /// Stores what the gate found and publishes the version, unless something in it must be otherwise: then
    /// it fails. At most [`crate::FINDINGS_MAX`] findings are kept, the most severe.
    ///
    /// # Errors
    /// A moot one ([`CatalogueError::is_moot`]); [`CatalogueError::Unfinished`] while pieces are missing;
    /// [`CatalogueError::Db`], [`CatalogueError::Jobs`], [`CatalogueError::Events`].
    pub async fn publish(
        &self,
        tx: &mut Tx,
        asset: &AssetId,
        version: u32,
        findings: Vec<Finding>,
    ) -> Result<Gate> {
        let mut held = self.hold_making(tx, asset, version).await?;
        let remaining = store::piece::remaining(tx, asset, version).await?;
        if remaining > 0 {
            return Err(CatalogueError::Unfinished { remaining });
        }
        let findings = model::kept_findings(findings);
        store::piece::set_findings(tx, asset, version, &findings).await?;
        let (gate, step) = match refusal(&findings) {
            None => (Gate::Passed, Step::Published),
            Some(reason) => (Gate::Refused, Step::Failed(reason)),
        };
        let played = held.life.playing;
        self.step(tx, &mut held, step).await?;
        if let Some(replaced) = played.filter(|played| held.life.playing.is_some_and(|now| now != *played)) {
            store::piece::retire(tx, asset, replaced, self.ambient.now() + self.version_grace).await?;
            self.sweep_after(tx, &held, self.version_grace).await?;
        }
        self.sweep_after(tx, &held, self.sweep_delay).await?;
        Ok(gate)
    }

    /// Fails the asset that a given-up job worked for, in the transaction in which the job dies, and cancels
    /// its other jobs. `reason` is in words that a creator understands; at most [`REASON_CHARS_MAX`]
    /// characters of it are kept. `false` when there was nothing to fail: a sweep fails nobody, and the work
    /// may be moot.
    ///
    /// # Errors
    /// [`CatalogueError::Payload`] for a job of another domain; [`CatalogueError::Db`],
    /// [`CatalogueError::Jobs`], [`CatalogueError::Events`].
    pub async fn fail(&self, tx: &mut Tx, claim: &Claim, reason: &str) -> Result<bool> {
        let work = Work::read(&claim.kind, &claim.payload)?;
        let Some(version) = work.version() else { return Ok(false) };
        let mut held = match self.hold_version(tx, work.asset(), version).await {
            Err(moot) if moot.is_moot() => return Ok(false),
            held => held?,
        };
        if !held.life.is_in_work() {
            return Ok(false);
        }
        let reason = model::printable(reason, REASON_CHARS_MAX);
        self.step(tx, &mut held, Step::Failed(reason)).await?;
        self.cancel_pieces(tx, &held, &work).await?;
        self.sweep_after(tx, &held, self.sweep_delay).await?;
        Ok(true)
    }

    /// Cancels the jobs of all pieces that are still to be made, but not `own`, which its worker settles.
    async fn cancel_pieces(&self, tx: &mut Tx, held: &Locked, own: &Work) -> Result<()> {
        for piece in store::piece::open(tx, &held.id, held.life.version).await? {
            let work = Work::of_piece(held.id.clone(), held.life.version, piece);
            if let Some(key) = work.dedupe().filter(|_| work != *own) {
                self.queue.cancel(tx, &held.tenant, &key).await?;
            }
        }
        Ok(())
    }

    async fn hold_version(&self, tx: &mut Tx, asset: &AssetId, version: u32) -> Result<Locked> {
        let held = self.hold(tx, asset).await?;
        check_version(version, held.life.version)?;
        Ok(held)
    }

    async fn hold_making(&self, tx: &mut Tx, asset: &AssetId, version: u32) -> Result<Locked> {
        let held = self.hold_version(tx, asset, version).await?;
        check_making(held.life.state)?;
        Ok(held)
    }
}

fn check_version(version: u32, current: u32) -> Result<()> {
    if version == current { Ok(()) } else { Err(CatalogueError::Superseded { version, current }) }
}

fn check_making(state: State) -> Result<()> {
    if state == State::Transcoding { Ok(()) } else { Err(IllegalStep { state, step: "be worked on" }.into()) }
}

/// Whether every track the piece is about has the chunk it makes.
async fn check_parts_stored(tx: &mut Tx, asset: &AssetId, version: u32, piece: Piece) -> Result<()> {
    let (among, chunk) = match piece {
        Piece::Chunk(chunk) => (Among::Video, chunk),
        Piece::Audio(number) => (Among::One(TrackName::Audio(number)), 0),
        Piece::Images => return Ok(()),
    };
    match store::part::lacking(tx, asset, version, among, chunk).await? {
        0 => Ok(()),
        _ => Err(CatalogueError::PartMissing { piece, problem: "a track lacks it" }),
    }
}

fn check_part(part: &Part) -> Result<()> {
    let wrong = |field, problem: &str| Err(CatalogueError::Invalid { field, problem: problem.to_owned() });
    if !are_consecutive(&part.segments) {
        return wrong("segments", "one or more with consecutive numbers are expected");
    }
    match &part.info {
        Some(info) if part.chunk == 0 && info.name == part.track => Ok(()),
        None if part.chunk > 0 => Ok(()),
        _ => wrong("info", "the track's own, with chunk 0 and only there, is expected"),
    }
}

fn are_consecutive(segments: &[SegmentInfo]) -> bool {
    let follows = |pair: &[SegmentInfo]| pair[0].seq.checked_add(1) == Some(pair[1].seq);
    !segments.is_empty() && segments.windows(2).all(follows)
}

/// Why a version with these findings is not published.
fn refusal(findings: &[Finding]) -> Option<String> {
    let grave = findings.iter().filter(|finding| finding.severity == Severity::Must);
    let first = grave.clone().next()?;
    let (count, Finding { rule, place, message, .. }) = (grave.count(), first);
    let reason = format!(
        "The result did not pass its check, so it was not published ({count} faults; the first: {rule}, \
         {place}: {message}). This is a fault of the server."
    );
    Some(model::printable(&reason, REASON_CHARS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(seq: u32) -> SegmentInfo {
        SegmentInfo { seq, start: 0, ticks: 1, bytes: 1, fragments: Vec::new() }
    }

    #[test]
    fn segments_are_consecutive_or_refused() {
        for (seqs, fine) in
            [(&[0][..], true), (&[5, 6, 7], true), (&[], false), (&[1, 3], false), (&[2, 1], false)]
        {
            let segments: Vec<_> = seqs.iter().map(|seq| segment(*seq)).collect();
            assert_eq!(are_consecutive(&segments), fine, "{seqs:?}");
        }
        assert!(!are_consecutive(&[segment(u32::MAX), segment(0)]));
    }

    #[test]
    fn only_a_must_refuses() {
        let finding = |severity| Finding {
            rule: "HLS-X".to_owned(),
            clause: "1".to_owned(),
            severity,
            place: "line 3".to_owned(),
            message: "wrong".to_owned(),
        };
        assert_eq!(refusal(&[]), None);
        assert_eq!(refusal(&[finding(Severity::Should)]), None);
        let reason = refusal(&[finding(Severity::Must), finding(Severity::Should)]).expect("refused");
        assert!(reason.contains("1 faults; the first: HLS-X, line 3: wrong"), "{reason}");
    }
}
