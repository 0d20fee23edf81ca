//! Cutting, by example and by property.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    FrameRate,
    live::retime::{Sample, Timebase},
};

const FRAME: i64 = 100;

fn limits() -> Limits {
    Limits { timescale: 2_500, part: 500, sample: 100, segment: 15_000, segment_max: 20_000 }
}

fn sample(slot: i64, key: bool) -> Sample {
    let decode = slot * FRAME;
    Sample { decode, end: decode + FRAME, shown: decode + 200, key, arrived_us: 7, data: Bytes::new() }
}

fn parts(cuts: &[Cut]) -> Vec<&Part> {
    cuts.iter().filter_map(|cut| if let Cut::Part(part) = cut { Some(part) } else { None }).collect()
}

fn ends(cuts: &[Cut]) -> Vec<SegmentEnd> {
    cuts.iter().filter_map(|cut| if let Cut::Segment(end) = cut { Some(*end) } else { None }).collect()
}

#[test]
fn a_part_is_complete_with_its_last_sample() {
    let mut cutter = Cutter::leading(limits());
    let counts: Vec<usize> = (0..11).map(|slot| cutter.push(sample(slot, slot == 0)).len()).collect();
    assert_eq!(counts, [0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
}

#[test]
fn segments_end_at_the_first_key_frame_from_the_target_on() {
    let mut cutter = Cutter::leading(limits());
    let mut cuts: Vec<Cut> = (0..400).flat_map(|slot| cutter.push(sample(slot, slot % 62 == 0))).collect();
    cuts.extend(cutter.finish());
    let ended: Vec<_> =
        ends(&cuts).iter().map(|end| (end.start, end.ticks, end.reason, end.boundary)).collect();
    assert_eq!(
        ended,
        [
            (0, 18_600, Reason::Boundary, Some(18_800)),
            (18_600, 18_600, Reason::Boundary, Some(37_400)),
            (37_200, 2_800, Reason::Finished, None),
        ]
    );
    let last_of_first = parts(&cuts)[37];
    assert_eq!((last_of_first.start, last_of_first.ticks, last_of_first.first), (18_500, 100, false));
    assert!(parts(&cuts)[38].first && parts(&cuts)[38].opens_with_key);
    // The key frame of slot 62 lies within a part.
    assert!(
        parts(&cuts)[12].independent && !parts(&cuts)[12].opens_with_key && !parts(&cuts)[13].independent
    );
}

#[test]
fn without_a_key_frame_segments_end_at_the_bound_and_say_so() {
    let mut cutter = Cutter::leading(limits());
    let cuts: Vec<Cut> = (0..500).flat_map(|slot| cutter.push(sample(slot, slot % 450 == 0))).collect();
    let ended: Vec<_> = ends(&cuts).iter().map(|end| (end.ticks, end.reason)).collect();
    assert_eq!(ended, [(20_000, Reason::NoKeyFrame), (20_000, Reason::NoKeyFrame)]);
    assert_eq!(parts(&cuts).iter().filter(|part| part.first && !part.opens_with_key).count(), 2);
}

#[test]
fn after_a_hole_decoding_catches_up_in_whole_parts() {
    let mut cutter = Cutter::leading(limits());
    let slots = [0, 1, 2, 13, 14, 15, 16, 17, 18, 19];
    let cuts: Vec<Cut> = slots.iter().flat_map(|slot| cutter.push(sample(*slot, *slot == 0))).collect();
    let durations: Vec<Vec<u32>> =
        parts(&cuts).iter().map(|part| part.samples.iter().map(|sample| sample.duration).collect()).collect();
    assert_eq!(durations, [vec![100, 100, 100, 200], vec![500], vec![500], vec![200, 100, 100, 100]]);
    let shown: Vec<i64> = parts(&cuts)
        .iter()
        .flat_map(|part| {
            let mut at = part.start as i64;
            part.samples.iter().map(move |sample| {
                let shown = at + i64::from(sample.offset);
                at += i64::from(sample.duration);
                shown
            })
        })
        .collect();
    let true_times: Vec<i64> = slots.iter().map(|slot| slot * FRAME + 200).collect();
    assert_eq!(shown, true_times[..shown.len()]);
}

#[test]
fn a_sender_of_few_pictures_is_caught_up_with_at_a_key_frame() {
    // One picture a second where parts last 200 ms, a key frame every fifth.
    let mut cutter = Cutter::leading(limits());
    let cuts: Vec<Cut> = (0..40).flat_map(|index| cutter.push(sample(index * 25, index % 5 == 0))).collect();
    let ended = ends(&cuts);
    assert!(ended.iter().all(|end| end.reason == Reason::Behind), "{ended:?}");
    let firsts: Vec<u64> = parts(&cuts).iter().filter(|part| part.first).map(|part| part.start).collect();
    assert_eq!(firsts, (0..8).map(|group| group * 12_500).collect::<Vec<_>>());
}

#[test]
fn sound_is_cut_at_the_first_frame_after_the_pictures() {
    let frame = |index: i64| Sample {
        decode: index * 1_024,
        end: (index + 1) * 1_024,
        shown: index * 1_024,
        key: true,
        arrived_us: 0,
        data: Bytes::new(),
    };
    let limits =
        Limits { timescale: 48_000, part: 10_240, sample: 1_024, segment: 288_000, segment_max: 480_000 };
    let mut cutter = Cutter::following(limits);
    let mut cuts = Vec::new();
    for index in 0..300 {
        cuts.extend(cutter.push(frame(index)));
        if index == 50 {
            assert_eq!(parts(&cuts).len(), 0, "nothing is cut before the leader has passed");
        }
        if index == 285 {
            cutter.boundary(rescaled(15_000, 2_500, 48_000));
        }
        if index >= 60 {
            cuts.extend(cutter.allow((index - 20) * 1_024));
        }
    }
    assert_eq!(ends(&cuts), []);
    cuts.extend(cutter.allow(290 * 1_024));
    let end = ends(&cuts)[0];
    assert_eq!((end.ticks, end.boundary), (282 * 1_024, Some(282 * 1_024)));
}

#[test]
fn a_follower_goes_on_when_its_leader_stands_still() {
    let mut cutter = Cutter::following(limits());
    let cuts: Vec<Cut> = (0..60).flat_map(|slot| cutter.push(sample(slot, true))).collect();
    assert_eq!(parts(&cuts).len(), 2);
}

#[test]
fn another_rate_in_the_same_list_keeps_its_part_target() {
    let video = |num, den| Limits::video(Timebase::constant(FrameRate::new(num, den).unwrap()), 6, 10);
    let stated = video(30_000, 1_001).part_target();
    let frames = |num, den| video(num, den).in_list(stated).map(|limits| limits.part / limits.sample);
    assert_eq!(
        [frames(30_000, 1_001), frames(30, 1), frames(25, 1), frames(50, 1)],
        [Some(6), Some(6), Some(5), Some(10)]
    );
    // Five frames are too long, four too short; one alone is too long.
    assert_eq!([frames(24, 1), frames(3, 1)], [None, None]);
    assert_eq!(video(25, 1).in_list((0, 0)), None);
}

#[test]
fn an_epoch_begins_where_its_first_sample_says() {
    let mut cutter = Cutter::leading(limits());
    (0..7).for_each(|slot| drop(cutter.push(sample(slot, slot == 0))));
    let cuts = cutter.end_epoch();
    assert_eq!((parts(&cuts)[0].ticks, ends(&cuts)[0].reason), (200, Reason::Epoch));
    assert_eq!(cutter.end_epoch(), []);
    let cuts: Vec<Cut> = (20..25).flat_map(|slot| cutter.push(sample(slot, slot == 20))).collect();
    assert_eq!((parts(&cuts)[0].start, parts(&cuts)[0].first), (2_000, true));
}

proptest! {
    /// Whatever pictures are missing and wherever key frames are.
    #[test]
    fn nothing_is_lost_and_sums_are_exact(
        steps in prop::collection::vec((1i64..30, 0u8..30), 1..600),
        variable: bool,
    ) {
        let limits = if variable { Limits { sample: 1, ..limits() } } else { limits() };
        let mut cutter = Cutter::leading(limits);
        let (mut slot, mut cuts, mut sent) = (0, Vec::new(), 0u32);
        for (step, key) in &steps {
            slot += if *step > 25 { *step } else { 1 };
            let mut sample = sample(slot, *key == 0);
            sample.data = Bytes::copy_from_slice(&sent.to_be_bytes());
            if variable {
                (sample.decode, sample.end) = (sample.decode + step, sample.decode + step + 1);
            }
            cuts.extend(cutter.push(sample));
            sent += 1;
        }
        cuts.extend(cutter.finish());
        let (mut at, mut segment, mut seen) = (None, None, 0u32);
        for (index, cut) in cuts.iter().enumerate() {
            match cut {
                Cut::Part(part) => {
                    prop_assert_eq!(at.unwrap_or(part.start), part.start);
                    prop_assert_eq!(part.samples.iter().map(|sample| sample.duration).sum::<u32>(), part.ticks);
                    prop_assert!(part.ticks <= limits.part && part.samples.iter().all(|sample| sample.duration > 0));
                    let last = matches!(cuts.get(index + 1), Some(Cut::Segment(_)));
                    prop_assert!(last || part.ticks == limits.part);
                    prop_assert_eq!(part.first, segment.is_none());
                    segment = segment.or(Some(part.start));
                    at = Some(part.start + u64::from(part.ticks));
                    for sample in &part.samples {
                        prop_assert_eq!(&sample.data[..], seen.to_be_bytes());
                        seen += 1;
                    }
                }
                Cut::Segment(end) => {
                    prop_assert_eq!(Some(end.start), segment.take());
                    prop_assert_eq!(Some(end.start + end.ticks), at);
                    if end.reason == Reason::Behind {
                        at = None;
                    }
                    prop_assert!(end.ticks <= limits.segment_max as u64);
                }
            }
        }
        prop_assert_eq!((seen, segment), (sent, None));
    }
}
