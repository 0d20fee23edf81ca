//! What becomes of senders' clocks.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{FrameRate, live::config::AudioConfig};

const FRAME_MS: i64 = 40;

fn sound() -> AudioConfig {
    AudioConfig::from_record(&Bytes::from_static(&[0x11, 0x90])).unwrap()
}

fn hints() -> Hints {
    Hints { parameter_set: FrameRate::new(25, 1), metadata: None }
}

fn unit(dts_ms: i64, pts_ms: i64, picture: Picture, name: i64) -> AccessUnit {
    let data = Bytes::copy_from_slice(&name.to_be_bytes());
    AccessUnit { dts_us: dts_ms * 1_000, pts_us: pts_ms * 1_000, arrived_us: 0, picture, data }
}

/// Picture `index` of a stream with a key frame each second, on a clock that began at `from_ms`.
fn picture(index: i64, from_ms: i64) -> (Track, AccessUnit) {
    let picture = if index % 25 == 0 { Picture::Key } else { Picture::Dependent };
    (Track::Video, unit(from_ms + index * FRAME_MS, from_ms + index * FRAME_MS, picture, index))
}

fn frame(index: i64, from_ms: i64) -> (Track, AccessUnit) {
    let ms = from_ms + index * 1_024 / 48;
    (Track::Audio, unit(ms, ms, Picture::Key, index))
}

/// Both tracks as a sender interleaves them.
fn both(pictures: std::ops::Range<i64>, from_ms: i64) -> Vec<(Track, AccessUnit)> {
    let frames = pictures.start * FRAME_MS * 48 / 1_024..pictures.end * FRAME_MS * 48 / 1_024;
    let mut all: Vec<_> = pictures.map(|index| picture(index, from_ms)).collect();
    all.extend(frames.map(|index| frame(index, from_ms)));
    all.sort_by_key(|(track, unit)| (unit.dts_us, *track == Track::Audio));
    all
}

fn run(retimer: &mut Retimer, units: Vec<(Track, AccessUnit)>) -> Vec<Outcome> {
    units.into_iter().flat_map(|(track, unit)| retimer.push(track, unit)).collect()
}

fn samples(outcomes: &[Outcome], track: Track) -> Vec<&Sample> {
    let mut samples = Vec::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Video(sample) if track == Track::Video => samples.push(sample),
            Outcome::Audio(sample) if track == Track::Audio => samples.push(sample),
            _ => {}
        }
    }
    samples
}

fn dropped(outcomes: &[Outcome]) -> Vec<(Track, Dropped)> {
    let of = |outcome: &Outcome| match outcome {
        Outcome::Dropped(track, reason) => Some((*track, *reason)),
        _ => None,
    };
    outcomes.iter().filter_map(of).collect()
}

fn epochs(outcomes: &[Outcome]) -> Vec<(u32, NewEpoch)> {
    let of = |outcome: &Outcome| match outcome {
        Outcome::Epoch { number, reason, .. } => Some((*number, *reason)),
        _ => None,
    };
    outcomes.iter().filter_map(of).collect()
}

/// Largest distance, in microseconds, by which sound and pictures of one epoch left the sender's clock against each
/// other.
fn apart_us(outcomes: &[Outcome], from_ms: i64) -> i64 {
    let name = |sample: &Sample| i64::from_be_bytes(*sample.data.first_chunk().unwrap_or(&[0; 8]));
    let video: Vec<i64> = samples(outcomes, Track::Video)
        .iter()
        .map(|sample| sample.shown * 400 - (from_ms + name(sample) * FRAME_MS) * 1_000)
        .collect();
    let audio: Vec<i64> = samples(outcomes, Track::Audio)
        .iter()
        .filter(|sample| sample.data.len() == 8)
        .map(|sample| sample.shown * 1_000 / 48 - from_ms * 1_000 - name(sample) * 64_000 / 3)
        .collect();
    let (low, high) = (video.iter().chain(&audio).min(), video.iter().chain(&audio).max());
    high.unwrap_or(&0) - low.unwrap_or(&0)
}

#[test]
fn both_tracks_share_one_timeline() {
    let mut retimer = Retimer::new(true, Some(&sound()), hints());
    let outcomes = run(&mut retimer, both(0..250, 1_234));
    assert_eq!((epochs(&outcomes), dropped(&outcomes)), (vec![(0, NewEpoch::Start)], vec![]));
    let video = samples(&outcomes, Track::Video);
    assert_eq!((video.len(), video[249].decode), (250, 24_900));
    assert!(apart_us(&outcomes, 1_234) <= 1_000);
}

#[test]
fn nothing_begins_before_a_key_frame() {
    let mut retimer = Retimer::new(true, Some(&sound()), hints());
    let outcomes = run(&mut retimer, both(20..60, 0));
    assert_eq!(dropped(&outcomes).iter().filter(|(track, _)| *track == Track::Video).count(), 5);
    assert!(dropped(&outcomes).iter().all(|(_, reason)| *reason == Dropped::AwaitingKey));
    assert_eq!(samples(&outcomes, Track::Video)[0].decode, 0);
}

#[test]
fn a_clock_of_32_bits_wraps_without_anybody_noticing() {
    let mut retimer = Retimer::new(true, Some(&sound()), hints());
    let from_ms = (1 << 32) - 2_000;
    let mut units = both(0..250, from_ms);
    for (_, unit) in &mut units {
        let wrapped = unit.dts_us % ((1 << 32) * 1_000);
        (unit.dts_us, unit.pts_us) = (wrapped, wrapped);
    }
    let outcomes = run(&mut retimer, units);
    assert_eq!((epochs(&outcomes).len(), dropped(&outcomes)), (1, vec![]));
    assert!(apart_us(&outcomes, from_ms) <= 1_000);
    // Another epoch behind the wrap: sound stays beside the pictures.
    let later = run(&mut retimer, both(400..500, from_ms - (1 << 32)));
    assert_eq!(epochs(&later), [(1, NewEpoch::Jump)]);
    assert!(samples(&later, Track::Audio).len() > 180);
}

#[test]
fn a_clock_that_is_wrapped_on_purpose_ends_nothing() {
    let mut retimer = Retimer::new(true, Some(&sound()), hints());
    let half_ms = (1i64 << 31) - 1;
    for index in 0..20_000 {
        let at = index * half_ms % (1 << 32);
        retimer.push(Track::Video, unit(at, at, Picture::Key, index));
    }
}

#[test]
fn an_encoder_that_comes_back_goes_on() {
    let mut retimer = Retimer::new(true, Some(&sound()), hints());
    let first = run(&mut retimer, both(0..110, 0));
    assert_eq!(retimer.reconnect(), []);
    let second = run(&mut retimer, both(0..100, 77_000));
    assert_eq!(epochs(&second), [(1, NewEpoch::Reconnect)]);
    for track in [Track::Video, Track::Audio] {
        let (before, after) = (samples(&first, track), samples(&second, track));
        let end = before.last().unwrap().end;
        let frames = (after[0].decode - end) / (after[0].end - after[0].decode);
        assert!(
            (0..=2).contains(&frames),
            "{track:?}: {frames} frames between {end} and {}",
            after[0].decode
        );
    }
    assert!(apart_us(&second, 77_000) <= 1_000);
    assert_eq!(samples(&second, Track::Video).len(), 100);
}

#[test]
fn another_configuration_goes_on_behind_the_one_before() {
    let mut retimer = Retimer::new(true, Some(&sound()), hints());
    let first = run(&mut retimer, both(0..110, 0));
    let other = AudioConfig::from_record(&Bytes::from_static(&[0x12, 0x10])).unwrap();
    let faster = Hints { parameter_set: FrameRate::new(50, 1), metadata: None };
    assert_eq!(retimer.reconfigure(true, Some(&other), faster), []);
    let units = (0..100).flat_map(|index| {
        let key = if index % 50 == 0 { Picture::Key } else { Picture::Dependent };
        let ms = 4_400 + index * 20;
        [(Track::Video, unit(ms, ms, key, index)), (Track::Audio, unit(ms, ms, Picture::Key, index))]
    });
    let second = run(&mut retimer, units.collect());
    assert_eq!(epochs(&second), [(1, NewEpoch::Configuration)]);
    let (before, after) = (samples(&first, Track::Video), samples(&second, Track::Video));
    // A hundred ticks are 40 ms before and 20 ms after; sound ended a frame of its own later.
    assert_eq!((before[109].end, after[0].end - after[0].decode), (11_000, 100));
    assert!((22_000..22_200).contains(&after[0].decode), "{}", after[0].decode);
    let (before, after) = (samples(&first, Track::Audio), samples(&second, Track::Audio));
    let (end_us, start_us) = (before.last().unwrap().end * 1_000 / 48, after[0].decode * 10_000 / 441);
    assert!((0..45_000).contains(&(start_us - end_us)), "{end_us} {start_us}");
}

#[test]
fn a_jump_begins_an_epoch_at_the_next_key_frame() {
    for by_ms in [5_000, -3_000, 3_600_000, -1_000_000_000] {
        let mut retimer = Retimer::new(true, Some(&sound()), hints());
        run(&mut retimer, both(0..110, 0));
        let outcomes = run(&mut retimer, both(110..200, by_ms));
        assert_eq!(epochs(&outcomes), [(1, NewEpoch::Jump)], "{by_ms}");
        assert_eq!(samples(&outcomes, Track::Video).len(), 75, "{by_ms}");
        assert!(apart_us(&outcomes, by_ms) <= 1_500, "{by_ms}: {}", apart_us(&outcomes, by_ms));
    }
}

#[test]
fn what_was_sent_twice_or_runs_back_is_left_out() {
    let mut retimer = Retimer::new(true, None, hints());
    let units = [0, 1, 2, 2, 3, 1, 2, 4, 5, 6, 7, 8, 9, 10].map(|index| picture(index, 0));
    let outcomes = run(&mut retimer, units.to_vec());
    let expected = [Dropped::Duplicate, Dropped::Backwards, Dropped::Backwards];
    // Held until the rate is known, then judged.
    assert_eq!(dropped(&outcomes), expected.map(|reason| (Track::Video, reason)));
    let decodes: Vec<i64> =
        samples(&outcomes, Track::Video).iter().map(|sample| sample.decode / 100).collect();
    assert_eq!(decodes, (0..11).collect::<Vec<_>>());
    let (_, mut nonsense) = picture(11, 0);
    nonsense.pts_us = i64::MAX;
    assert_eq!(retimer.push(Track::Video, nonsense), [Outcome::Dropped(Track::Video, Dropped::Date)]);
    let (track, stray) = frame(0, 0);
    assert_eq!(retimer.push(track, stray), []);
}

#[test]
fn sound_that_stays_away_becomes_silence_and_returns() {
    let mut retimer = Retimer::new(true, Some(&sound()), hints());
    let mut units = both(0..500, 0);
    units.retain(|(track, unit)| *track == Track::Video || !(4_000_000..12_000_000).contains(&unit.dts_us));
    let outcomes = run(&mut retimer, units);
    let audio = samples(&outcomes, Track::Audio);
    assert!(audio.windows(2).all(|pair| pair[0].end == pair[1].decode));
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Outcome::Silence(_))));
    assert!(apart_us(&outcomes, 0) <= 17_000, "{}", apart_us(&outcomes, 0));
    assert_eq!(epochs(&outcomes).len(), 1);
}

#[test]
fn sound_that_is_only_slow_is_waited_for_the_second_time() {
    let mut retimer = Retimer::new(true, Some(&sound()), hints());
    let mut units = both(0..1_000, 0);
    units.sort_by_key(|(track, unit)| unit.dts_us + if *track == Track::Audio { 1_300_000 } else { 0 });
    let outcomes = run(&mut retimer, units);
    let silences = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Silence(_))).count();
    assert_eq!(silences, 1);
    assert!(samples(&outcomes, Track::Audio).iter().filter(|sample| sample.data.len() == 8).count() > 1_700);
}

#[test]
fn another_rate_is_another_epoch() {
    let mut retimer = Retimer::new(true, None, hints());
    run(&mut retimer, (0..100).map(|index| picture(index, 0)).collect());
    let fast = (0..400).map(|index| {
        let key = if index % 50 == 0 { Picture::Key } else { Picture::Dependent };
        (Track::Video, unit(4_000 + index * 20, 4_000 + index * 20, key, index))
    });
    let outcomes = run(&mut retimer, fast.collect());
    let bases: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| {
            if let Outcome::Epoch { reason, video, .. } = outcome { Some((*reason, *video)) } else { None }
        })
        .collect();
    assert_eq!(bases, [(NewEpoch::FrameRate, FrameRate::new(50, 1).map(Timebase::constant))]);
}

#[test]
fn a_rate_a_thousandth_off_is_corrected_at_a_key_frame() {
    let hints = Hints { parameter_set: FrameRate::new(30_000, 1_001), metadata: None };
    let mut retimer = Retimer::new(true, None, hints);
    let true_rate = (0..3_000).map(|index| {
        let key = if index % 60 == 0 { Picture::Key } else { Picture::Dependent };
        (Track::Video, unit(index * 100 / 3, index * 100 / 3, key, index))
    });
    let outcomes = run(&mut retimer, true_rate.collect());
    assert_eq!(epochs(&outcomes), [(0, NewEpoch::Start), (1, NewEpoch::FrameRate)]);
    assert_eq!(samples(&outcomes, Track::Video).len(), 3_000);
    let last = outcomes
        .iter()
        .rev()
        .find_map(|outcome| if let Outcome::Epoch { video, .. } = outcome { Some(*video) } else { None });
    assert_eq!(last, Some(FrameRate::new(30, 1).map(Timebase::constant)));
}

#[test]
fn sound_alone_has_a_timeline_too() {
    let mut retimer = Retimer::new(false, Some(&sound()), Hints::default());
    let mut outcomes = run(&mut retimer, (0..100).map(|index| frame(index, 500)).collect());
    outcomes.extend(run(&mut retimer, (0..100).map(|index| frame(index, 90_000)).collect()));
    assert_eq!(epochs(&outcomes), [(0, NewEpoch::Start), (1, NewEpoch::Jump)]);
    let audio = samples(&outcomes, Track::Audio);
    assert!(audio.windows(2).all(|pair| pair[0].end == pair[1].decode), "{audio:?}");
    assert_eq!((audio.len(), audio[0].decode), (200, 0));
}

#[test]
fn a_first_date_of_zero_before_the_true_ones_does_not_hide_the_rate() {
    let mut retimer = Retimer::new(true, None, Hints::default());
    let mut units = vec![picture(0, 0)];
    units.extend((0..100).map(|index| picture(index, 7_000_000)));
    let outcomes = run(&mut retimer, units);
    assert_eq!(epochs(&outcomes), [(0, NewEpoch::Start), (1, NewEpoch::Jump)]);
    let base = FrameRate::new(25, 1).map(Timebase::constant);
    assert!(
        outcomes.iter().all(|outcome| !matches!(outcome, Outcome::Epoch { video, .. } if *video != base))
    );
    assert_eq!(samples(&outcomes, Track::Video).len(), 101);
}

#[test]
fn leading_pictures_of_an_open_beginning_are_left_out() {
    let mut retimer = Retimer::new(true, None, hints());
    let kinds = |index| match index % 30 {
        0 => Picture::OpenKey,
        1 | 2 => Picture::Leading,
        _ => Picture::Dependent,
    };
    let units = (0..90).map(|index| (Track::Video, unit(index * 40, index * 40 + 80, kinds(index), index)));
    let outcomes = run(&mut retimer, units.collect());
    assert_eq!(dropped(&outcomes), [(Track::Video, Dropped::Leading); 2]);
}

proptest! {
    /// Whatever is sent: no panic, nothing overlaps, and time goes forward.
    #[test]
    fn any_sender(
        units in prop::collection::vec(
            (any::<bool>(), prop_oneof![-2_000_000i64..4_000_000, any::<i64>()], -600_000i64..600_000, 0u8..9), 1..300),
        reconnect in 0usize..300,
    ) {
        let mut retimer = Retimer::new(true, Some(&sound()), Hints::default());
        let (mut video_end, mut audio_end, mut base) = (i64::MIN, i64::MIN, None);
        let total = units.len();
        for (index, (audio, dts_us, offset, kind)) in units.into_iter().enumerate() {
            let picture = match kind { 0..=2 => Picture::Key, 3 => Picture::OpenKey, 4 => Picture::Leading, _ => Picture::Dependent };
            let data = Bytes::copy_from_slice(&dts_us.to_be_bytes());
            let unit = AccessUnit { dts_us, pts_us: dts_us.saturating_add(offset), arrived_us: 0, picture, data };
            let mut outcomes = if index == reconnect { retimer.reconnect() } else { Vec::new() };
            outcomes.extend(retimer.push(if audio { Track::Audio } else { Track::Video }, unit));
            if index + 1 == total {
                outcomes.extend(retimer.finish());
            }
            for outcome in outcomes {
                match outcome {
                    Outcome::Epoch { video, .. } => {
                        if base != video {
                            video_end = i64::MIN;
                        }
                        base = video;
                    }
                    Outcome::Video(sample) => {
                        prop_assert!(sample.decode >= video_end && sample.end > sample.decode && sample.decode >= 0);
                        video_end = sample.end;
                    }
                    Outcome::Audio(sample) => {
                        prop_assert!(sample.decode >= audio_end && sample.end == sample.decode + 1_024 && sample.decode >= 0);
                        audio_end = sample.end;
                    }
                    Outcome::Silence(_) | Outcome::Dropped(..) => {}
                }
            }
        }
    }
}
