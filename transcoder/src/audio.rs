//! An audio rendition, whole.

use catalogue::{Part, Piece};
use jobs::Settled;
use media::{Grouping, TrackInfo, TrackName};
use pipeline_wire::{FromChild, GraphSpec};

use crate::{
    Attempt, Transcoder,
    error::Trouble,
    source::StoredSource,
    track_writer::{Shape, TrackWriter},
    wire,
};

pub(crate) async fn run(
    transcoder: &Transcoder,
    attempt: Attempt<'_>,
    number: u32,
) -> Result<Settled, Trouble> {
    let plan = attempt.plan()?;
    let wanted = TrackName::Audio(number);
    let audio = plan.audio.iter().find(|audio| audio.name == wanted);
    let audio = audio.ok_or(Trouble::Internal("an audio track that was not planned"))?;
    let source = StoredSource::open(&transcoder.store, &attempt.asset).await?;
    let spec = GraphSpec::Audio(wire::audio_spec(source.spec(), plan, audio));
    let shape = Shape { grouping: Grouping::Grid(plan.segment), first_seq: 0, start_ns: 0, last: true };
    let mut writer = TrackWriter::new(transcoder, &attempt, wanted, shape);
    let reporter = transcoder.catalogue.reporter(&attempt.asset).await?;
    let mut child = transcoder.sandbox.start(&spec, source).await?;
    while let Some(frame) = child.next().await? {
        match frame {
            FromChild::Init { bytes, .. } => writer.header(&bytes).await?,
            FromChild::Fragment { count, bytes, .. } => writer.fragment(bytes, count).await?,
            FromChild::Progress { done, total } => reporter.report(wanted, 0, done, total),
            _ => {}
        }
    }
    // The encoder rounds the end up to a whole AAC frame.
    let samples = writer.count;
    if samples < audio.samples {
        return Err(Trouble::Incomplete(format!("{wanted} has {samples} of {} samples", audio.samples)));
    }
    let written = writer.finish(samples).await?;
    let info = Some(TrackInfo::audio(audio, written.init)?);
    let part = Part {
        track: wanted,
        chunk: 0,
        attempt: attempt.claim.attempt,
        info,
        segments: written.segments,
        run: None,
    };
    let mut tx = transcoder.db.write().await?;
    transcoder.catalogue.store_part(&mut tx, attempt.id(), attempt.version, &part).await?;
    transcoder
        .catalogue
        .finish_work(&mut tx, attempt.id(), attempt.version, Piece::Audio(number), attempt.claim.attempt)
        .await?;
    Ok(transcoder.queue.complete(tx, attempt.claim).await?)
}
