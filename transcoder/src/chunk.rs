//! A chunk: one child decodes it once and encodes it for every rung. The pattern of a job.

use catalogue::{Part, Piece};
use jobs::Settled;
use media::{TrackInfo, VideoPlan};
use pipeline_wire::{FromChild, GraphSpec};

use crate::{
    Attempt, Transcoder,
    error::Trouble,
    source::StoredSource,
    track_writer::{Shape, TrackWriter, Written, gops},
    wire,
};

pub(crate) async fn run(
    transcoder: &Transcoder,
    attempt: Attempt<'_>,
    number: u32,
) -> Result<Settled, Trouble> {
    let plan = attempt.plan()?;
    let video = plan.video.as_ref().ok_or(Trouble::Internal("a chunk of a film without pictures"))?;
    let index = number as usize;
    let chunk = video.chunks.get(index).ok_or(Trouble::Internal("a chunk that was not planned"))?;
    let last = index + 1 == video.chunks.len();
    let source = StoredSource::open(&transcoder.store, &attempt.asset).await?;
    let spec = GraphSpec::Video(wire::video_spec(source.spec(), plan, video, chunk, last));
    let shape = Shape {
        grouping: gops(video.gops_per_segment),
        first_seq: chunk.first_segment,
        start_ns: video.fps.slot_ns(chunk.first),
        last,
    };
    let mut writers: Vec<_> =
        video.rungs.iter().map(|rung| TrackWriter::new(transcoder, &attempt, rung.name, shape)).collect();
    let reporter = transcoder.catalogue.reporter(&attempt.asset).await?;
    let mut child = transcoder.sandbox.start(&spec, source).await?;
    while let Some(frame) = child.next().await? {
        match frame {
            FromChild::Init { track, bytes } => writer(&mut writers, track)?.header(&bytes).await?,
            FromChild::Fragment { track, count, bytes, .. } => {
                let writer = writer(&mut writers, track)?;
                writer.fragment(bytes, count).await?;
                reporter.report(writer.name, number, writer.count, chunk.count);
            }
            _ => {}
        }
    }
    let mut written = Vec::with_capacity(writers.len());
    for writer in writers {
        written.push(writer.finish(chunk.count).await?);
    }
    settle(transcoder, &attempt, video, number, written).await
}

fn writer<'w, 'a>(writers: &'w mut [TrackWriter<'a>], track: u8) -> Result<&'w mut TrackWriter<'a>, Trouble> {
    let unknown = || Trouble::Incomplete(format!("track {track} was not asked for"));
    writers.get_mut(usize::from(track)).ok_or_else(unknown)
}

/// Rows last: the parts, the piece, and the job's end, all or nothing.
async fn settle(
    transcoder: &Transcoder,
    attempt: &Attempt<'_>,
    video: &VideoPlan,
    number: u32,
    written: Vec<Written>,
) -> Result<Settled, Trouble> {
    let mut tx = transcoder.db.write().await?;
    for (rung, Written { init, segments }) in video.rungs.iter().zip(written) {
        let info = if number == 0 { Some(TrackInfo::video(rung.name, init, video.fps)?) } else { None };
        let part = Part {
            track: rung.name,
            chunk: number,
            attempt: attempt.claim.attempt,
            info,
            segments,
            run: None,
        };
        transcoder.catalogue.store_part(&mut tx, attempt.id(), attempt.version, &part).await?;
    }
    transcoder
        .catalogue
        .finish_work(&mut tx, attempt.id(), attempt.version, Piece::Chunk(number), attempt.claim.attempt)
        .await?;
    Ok(transcoder.queue.complete(tx, attempt.claim).await?)
}
