//! The plan of a source with pictures.

use super::{ChunkPlan, LadderPolicy, Plan, VideoPlan, audio, images, ladder, picture, rate};
use crate::{AudioFacts, FrameRate, PlanError, SegmentGrid, VideoFacts, WideColour, WideTransfer};

const GOPS_PER_SEGMENT: u32 = 3;

/// Segment numbers have five digits; 99,999 segments of six seconds are almost seven days.
pub(super) const SEGMENTS_MAX: u64 = 99_999;

/// Decides what is made of a film.
pub(super) fn plan(
    video: &VideoFacts,
    audio: &[AudioFacts],
    policy: &LadderPolicy,
) -> Result<Plan, PlanError> {
    let (size, size_reason) = picture::display(video)?;
    let (fps, rate_reason) = rate::grid_rate(video);
    let mut reasons = vec![rate_reason];
    reasons.extend(size_reason);
    if video.interlaced {
        reasons
            .push("The pictures are interlaced and become progressive frames at the same rate.".to_owned());
    }
    reasons.extend(video.colour.map(colour_sentence));
    let rungs = ladder::rungs(size, fps, policy, &mut reasons)?;
    let gop_frames = two_seconds(fps);
    let span_ns = u64::try_from(video.end_ns.saturating_sub(video.first_ns)).unwrap_or(0);
    let slots = fps.slots_in(span_ns).max(1);
    let segment_frames = gop_frames * GOPS_PER_SEGMENT;
    let segment = SegmentGrid::of_frames(segment_frames, fps)
        .ok_or(PlanError::Policy("the segment length leaves 32 bits"))?;
    let chunks = chunks(slots, segment_frames, segment, policy.chunk_seconds)?;
    let duration_ns = fps.slot_ns(slots);
    reasons.push(timing_sentence(fps, gop_frames, slots, segment, chunks.len()));
    Ok(Plan {
        origin_ns: video.first_ns,
        clock: video.clock,
        duration_ns,
        segment,
        audio: audio::beside_pictures(audio, video, duration_ns, &mut reasons),
        text: Vec::new(),
        images: Some(images::plan(size, duration_ns, &mut reasons)),
        video: Some(VideoPlan {
            fps,
            gop_frames,
            gops_per_segment: GOPS_PER_SEGMENT,
            slots,
            chunks,
            rungs,
            colour: video.colour,
        }),
        reasons,
    })
}

fn colour_sentence(colour: WideColour) -> String {
    match colour.transfer {
        WideTransfer::Gamma => "The colours are BT.2020's and are brought to BT.709.".to_owned(),
        WideTransfer::Pq => format!(
            "The picture has a high dynamic range (PQ, up to {} nits) and is toned down to a standard one in BT.709.",
            colour.peak_nits
        ),
        WideTransfer::Hlg => {
            "The picture has a high dynamic range (HLG) and is toned down to a standard one in BT.709."
                .to_owned()
        }
    }
}

/// Two seconds in whole frames: the closest the rate allows.
fn two_seconds(fps: FrameRate) -> u32 {
    let (num, den) = (u64::from(fps.num()), u64::from(fps.den()));
    u32::try_from((4 * num + den) / (2 * den)).unwrap_or(u32::MAX / GOPS_PER_SEGMENT).max(1)
}

/// Refuses presentations of more segments than their numbers reach.
pub(super) fn check_length(segments: u64, segment: SegmentGrid) -> Result<(), PlanError> {
    let seconds_in = |segments: u64| segments.saturating_mul(segment.nanoseconds()) / 1_000_000_000;
    if segments > SEGMENTS_MAX {
        return Err(PlanError::TooLong { seconds: seconds_in(segments), max: seconds_in(SEGMENTS_MAX) });
    }
    Ok(())
}

/// Cuts the slots into chunks of whole segments. A rest shorter than half a chunk joins the last one: a chunk of
/// its own would have to decode its way there from the key frame before.
fn chunks(
    slots: u64,
    segment_frames: u32,
    segment: SegmentGrid,
    chunk_seconds: u32,
) -> Result<Vec<ChunkPlan>, PlanError> {
    let frames = u64::from(segment_frames);
    check_length(slots.div_ceil(frames), segment)?;
    let wanted_ns = u64::from(chunk_seconds) * 1_000_000_000;
    let segments = ((wanted_ns + segment.nanoseconds() / 2) / segment.nanoseconds()).max(1);
    let length = segments * frames;
    let whole = slots / length;
    let rest = slots % length;
    let count = if rest >= frames.max(length / 2) || whole == 0 { whole + 1 } else { whole };
    let chunk = |index: u64| {
        let first = index * length;
        let end = if index + 1 == count { slots } else { first + length };
        let first_segment = u32::try_from(first / frames).unwrap_or(u32::MAX);
        ChunkPlan { first, count: end - first, first_segment }
    };
    Ok((0..count).map(chunk).collect())
}

fn timing_sentence(fps: FrameRate, gop: u32, slots: u64, segment: SegmentGrid, chunks: usize) -> String {
    let seconds = segment.nanoseconds() as f64 / 1e9;
    let pieces = if chunks == 1 { "one chunk".to_owned() } else { format!("{chunks} chunks") };
    format!(
        "{slots} frames at {fps} in {pieces}; a closed group of {gop} frames is the nearest to two seconds, and \
         three make a segment of {seconds:.3} seconds."
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn groups_are_two_seconds_to_the_nearest_frame() {
        let gop = |num, den| two_seconds(FrameRate::new(num, den).unwrap());
        assert_eq!([gop(25, 2), gop(30_000, 1_001), gop(24_000, 1_001), gop(60, 1)], [25, 60, 48, 120]);
    }

    fn cut(slots: u64, chunk_seconds: u32) -> Vec<(u64, u64)> {
        let segment = SegmentGrid::new(6, 1).unwrap();
        let made = chunks(slots, 150, segment, chunk_seconds).unwrap();
        made.iter().map(|chunk| (chunk.first, chunk.count)).collect()
    }

    #[test]
    fn chunks_are_whole_segments_and_a_rest_under_half_a_chunk_joins_the_last() {
        assert_eq!(cut(132, 60), [(0, 132)]);
        assert_eq!(cut(1_500, 60), [(0, 1_500)]);
        assert_eq!(cut(1_649, 60), [(0, 1_649)]);
        assert_eq!(cut(2_249, 60), [(0, 2_249)]);
        assert_eq!(cut(2_250, 60), [(0, 1_500), (1_500, 750)]);
        assert_eq!(cut(400, 1), [(0, 150), (150, 250)]);
    }

    #[test]
    fn what_numbers_cannot_reach_is_refused() {
        let segment = SegmentGrid::new(6, 1).unwrap();
        let refused = chunks(150 * 100_000, 150, segment, 60);
        assert_eq!(refused, Err(PlanError::TooLong { seconds: 600_000, max: 599_994 }));
    }

    proptest! {
        #[test]
        fn chunks_cover_every_slot_once(slots in 1u64..1_000_000, seconds in 1u32..400) {
            let made = cut(slots, seconds);
            let mut next = 0;
            for (first, count) in made {
                prop_assert_eq!(first, next);
                prop_assert!(first % 150 == 0 && count > 0);
                next = first + count;
            }
            prop_assert_eq!(next, slots);
        }
    }
}
