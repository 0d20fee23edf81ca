//! A whole session over the rates that encoders are set to: from whole milliseconds to segments that are read back.

use bytes::Bytes;
use proptest::prelude::*;

use super::{
    config::AudioConfig,
    cut::{Cut, Cutter, Limits, Part, Reason, SegmentEnd, rescaled},
    mux::{Fragment, audio_header, fragment, video_header},
    nal::Picture,
    retime::{AccessUnit, Hints, Outcome, Retimer, Timebase, Track},
};
use crate::{FrameRate, InitInfo, SegmentInfo, cmaf};

const TARGET_SECONDS: u32 = 6;
const MAX_SECONDS: u32 = 10;

/// An encoder.
#[derive(Clone, Debug)]
struct Encoder {
    rate: FrameRate,
    sample_rate: u32,
    /// Pictures from key frame to key frame.
    group: i64,
    /// Pictures shown before the one that is sent before them.
    reordered: i64,
    from_ms: i64,
    seconds: i64,
    /// Whether the VUI says the rate.
    stated: bool,
}

impl Encoder {
    fn audio(&self) -> AudioConfig {
        let record: &'static [u8] = if self.sample_rate == 44_100 { &[0x12, 0x10] } else { &[0x11, 0x90] };
        AudioConfig::from_record(&Bytes::from_static(record)).unwrap()
    }

    fn hints(&self) -> Hints {
        Hints { parameter_set: self.stated.then_some(self.rate), metadata: None }
    }

    fn picture_ms(&self, slot: i64) -> i64 {
        self.from_ms + slot * 1_000 * i64::from(self.rate.den()) / i64::from(self.rate.num())
    }

    /// The slot in which picture `index`, in the order of decoding, is shown: groups of one that is sent first and
    /// `reordered` that are shown before it.
    fn shown(&self, index: i64) -> i64 {
        let (group, at) = (index / self.group * self.group, index % self.group);
        let (mini, length) = (at - 1, self.reordered + 1);
        let start = mini.div_euclid(length) * length;
        let cut_off = start + length >= self.group;
        let shown = match (at, mini - start) {
            _ if at == 0 || cut_off => at,
            (_, 0) => start + length,
            (_, place) => start + place,
        };
        let delay = i64::from(self.reordered > 0);
        group + shown + delay
    }

    fn units(&self) -> Vec<(Track, AccessUnit)> {
        let pictures = self.seconds * i64::from(self.rate.num()) / i64::from(self.rate.den());
        let frames = self.seconds * i64::from(self.sample_rate) / 1_024;
        let unit = |dts_ms: i64, pts_ms: i64, picture, name: i64| AccessUnit {
            dts_us: dts_ms * 1_000,
            pts_us: pts_ms * 1_000,
            arrived_us: 1_700_000_000_000_000,
            picture,
            data: Bytes::copy_from_slice(&name.to_be_bytes()),
        };
        let mut units: Vec<_> = (0..pictures)
            .map(|index| {
                let picture = if index % self.group == 0 { Picture::Key } else { Picture::Dependent };
                (
                    Track::Video,
                    unit(self.picture_ms(index), self.picture_ms(self.shown(index)), picture, index),
                )
            })
            .collect();
        units.extend((0..frames).map(|index| {
            let ms = self.from_ms + index * 1_024_000 / i64::from(self.sample_rate);
            (Track::Audio, unit(ms, ms, Picture::Key, index))
        }));
        units.sort_by_key(|(_, unit)| unit.dts_us);
        units
    }
}

/// What came out, as a session would keep it.
#[derive(Default)]
struct Rendition {
    parts: Vec<Part>,
    ends: Vec<SegmentEnd>,
    objects: Vec<Vec<u8>>,
    last_of_segment: Vec<usize>,
}

impl Rendition {
    fn take(&mut self, cuts: Vec<Cut>) {
        for cut in cuts {
            match cut {
                Cut::Part(part) => {
                    if part.first {
                        self.objects.push(Vec::new());
                    }
                    let around = Fragment {
                        sequence: self.parts.len() as u32,
                        produced_us: Some(part.arrived_us),
                        last: false,
                    };
                    self.objects.last_mut().unwrap().extend(fragment(&part, around).unwrap());
                    self.parts.push(part);
                }
                Cut::Segment(end) => {
                    self.ends.push(end);
                    self.last_of_segment.push(self.parts.len() - 1);
                }
            }
        }
    }

    fn names(&self) -> Vec<i64> {
        let samples = self.parts.iter().flat_map(|part| &part.samples);
        samples.map(|sample| i64::from_be_bytes(*sample.data.first_chunk().unwrap_or(&[0xff; 8]))).collect()
    }

    /// When each sample is shown, in ticks.
    fn shown(&self) -> Vec<i64> {
        let mut shown = Vec::new();
        for part in &self.parts {
            let mut at = part.start as i64;
            for sample in &part.samples {
                shown.push(at + i64::from(sample.offset));
                at += i64::from(sample.duration);
            }
        }
        shown
    }

    fn read(&self, header: &Bytes) -> (InitInfo, Vec<SegmentInfo>) {
        let init = cmaf::read_init(header).unwrap();
        let read = |(seq, object): (usize, &Vec<u8>)| cmaf::read_segment(object, &init, seq as u32).unwrap();
        let segments = self.objects.iter().enumerate().map(read).collect();
        (init, segments)
    }
}

/// Runs a session; the video's limits, both renditions.
fn session(encoder: &Encoder) -> (Limits, Limits, Rendition, Rendition) {
    let config = encoder.audio();
    let sound_limits = Limits::audio(&config, TARGET_SECONDS, MAX_SECONDS);
    let limits = Limits::video(Timebase::constant(encoder.rate), TARGET_SECONDS, MAX_SECONDS);
    let mut retimer = Retimer::new(true, Some(&config), encoder.hints());
    let (mut leader, mut follower) = (Cutter::leading(limits), Cutter::following(sound_limits));
    let (mut video, mut audio) = (Rendition::default(), Rendition::default());
    let mut outcomes: Vec<Outcome> =
        encoder.units().into_iter().flat_map(|(track, unit)| retimer.push(track, unit)).collect();
    outcomes.extend(retimer.finish());
    let rescale = |ticks| rescaled(ticks, limits.timescale, sound_limits.timescale);
    for outcome in outcomes {
        match outcome {
            Outcome::Video(sample) => {
                let cuts = leader.push(sample);
                let boundaries = cuts
                    .iter()
                    .filter_map(|cut| if let Cut::Segment(end) = cut { end.boundary } else { None });
                boundaries.for_each(|shown| follower.boundary(rescale(shown)));
                video.take(cuts);
                audio.take(follower.allow(rescale(leader.horizon())));
            }
            Outcome::Audio(sample) => audio.take(follower.push(sample)),
            Outcome::Epoch { number, .. } => assert_eq!(number, 0),
            other => panic!("{other:?}"),
        }
    }
    video.take(leader.finish());
    audio.take(follower.finish());
    (limits, sound_limits, video, audio)
}

/// Parts are as LL-HLS wants them, samples are all there once, and what was written reads the same.
fn check(rendition: &Rendition, limits: &Limits, header: &Bytes) {
    let mut at = rendition.parts[0].start;
    for (index, part) in rendition.parts.iter().enumerate() {
        assert_eq!(part.start, at);
        assert_eq!(part.ticks, part.samples.iter().map(|sample| sample.duration).sum::<u32>());
        assert!(part.ticks <= limits.part && part.ticks % limits.sample == 0);
        let last = rendition.last_of_segment.contains(&index);
        assert!(last || part.ticks * 100 >= limits.part * 85);
        at += u64::from(part.ticks);
    }
    let names = rendition.names();
    assert_eq!(names, (names[0]..names[0] + names.len() as i64).collect::<Vec<_>>());
    let (init, segments) = rendition.read(header);
    assert_eq!((init.timescale, segments.len()), (limits.timescale, rendition.ends.len()));
    for (read, end) in segments.iter().zip(&rendition.ends) {
        assert_eq!((read.start, read.ticks), (end.start, end.ticks));
    }
}

fn check_session(encoder: &Encoder) {
    let (limits, sound_limits, video, audio) = session(encoder);
    check(&video, &limits, &video_header(&super::config::tests::fixture(), limits.timescale));
    check(&audio, &sound_limits, &audio_header(&encoder.audio()));
    let pictures = encoder.seconds * i64::from(encoder.rate.num()) / i64::from(encoder.rate.den());
    assert_eq!(video.names(), (0..pictures).collect::<Vec<_>>());
    assert!(video.parts.iter().flat_map(|part| &part.samples).all(|sample| sample.offset >= 0));
    // Sound and pictures at the end lie where the sender put them.
    let seconds = |ticks: i64, limits: &Limits| ticks as f64 / f64::from(limits.timescale);
    let last_picture = seconds(*video.shown().last().unwrap(), &limits)
        - encoder.picture_ms(encoder.shown(pictures - 1)) as f64 / 1e3;
    let last_frame = seconds(*audio.shown().last().unwrap(), &sound_limits)
        - (encoder.from_ms as f64 / 1e3
            + *audio.names().last().unwrap() as f64 * 1_024.0 / f64::from(encoder.sample_rate));
    assert!((last_picture - last_frame).abs() < 0.002, "{last_picture} {last_frame}");
    check_segments(encoder, &limits, &sound_limits, &video, &audio);
}

/// Segments end at key frames from the target on; those of sound less than a frame after.
fn check_segments(encoder: &Encoder, limits: &Limits, sound: &Limits, video: &Rendition, audio: &Rendition) {
    let last_sound = *audio.shown().last().unwrap();
    let boundary =
        |end: &SegmentEnd| end.boundary.map(|shown| rescaled(shown, limits.timescale, sound.timescale));
    // The encoder may end before there is sound of the last segment.
    let with_sound =
        video.ends.iter().filter_map(boundary).filter(|boundary| *boundary <= last_sound).count();
    assert_eq!(audio.ends.len(), with_sound + 1);
    let frame = i64::from(limits.sample);
    for (index, end) in video.ends.iter().enumerate() {
        let last = index + 1 == video.ends.len();
        assert_eq!(end.reason, if last { Reason::Finished } else { Reason::Boundary });
        let Some(heard) = audio.ends.get(index).filter(|_| index < with_sound) else { continue };
        let group = encoder.group * frame;
        assert!(end.ticks as i64 % group == 0 && end.ticks as i64 >= limits.segment);
        assert!((end.ticks as i64) < limits.segment + group);
        let boundary = end.boundary.unwrap() as f64 / f64::from(limits.timescale);
        let sound_boundary = heard.boundary.unwrap() as f64 / f64::from(sound.timescale);
        let late = (sound_boundary - boundary) * f64::from(sound.timescale);
        assert!((-0.001..1_024.0).contains(&late), "{late}");
    }
}

const RATES: [(u32, u32); 5] = [(24_000, 1_001), (25, 1), (30_000, 1_001), (50, 1), (60_000, 1_001)];

fn rates() -> Vec<FrameRate> {
    RATES.iter().filter_map(|(num, den)| FrameRate::new(*num, *den)).collect()
}

#[test]
fn every_rate_with_every_sample_rate() {
    for rate in rates() {
        for sample_rate in [44_100, 48_000] {
            for (stated, reordered) in [(true, 0), (false, 2)] {
                let group = i64::from(rate.num().div_ceil(rate.den())) * 2;
                check_session(&Encoder {
                    rate,
                    sample_rate,
                    group,
                    reordered,
                    from_ms: 777,
                    seconds: 40,
                    stated,
                });
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_group_and_order(
        rate in prop::sample::select(rates()),
        high: bool,
        group in 5i64..250,
        reordered in 0i64..4,
        from_ms in 0i64..1 << 31,
        seconds in 3i64..25,
        stated: bool,
    ) {
        let sample_rate = if high { 48_000 } else { 44_100 };
        // No key frame in ten seconds is another test.
        let group = group.min(i64::from(rate.num() / rate.den()) * 9 / 2);
        check_session(&Encoder { rate, sample_rate, group, reordered, from_ms, seconds, stated });
    }
}

#[test]
fn a_group_of_twenty_seconds_is_cut_at_the_bound() {
    let encoder = Encoder {
        rate: rates()[1],
        sample_rate: 48_000,
        group: 500,
        reordered: 0,
        from_ms: 0,
        seconds: 45,
        stated: true,
    };
    let (limits, sound_limits, video, audio) = session(&encoder);
    check(&video, &limits, &video_header(&super::config::tests::fixture(), limits.timescale));
    check(&audio, &sound_limits, &audio_header(&encoder.audio()));
    let reasons: Vec<Reason> = video.ends.iter().map(|end| end.reason).collect();
    let (none, key, last) = (Reason::NoKeyFrame, Reason::Boundary, Reason::Finished);
    assert_eq!(reasons, [none, key, none, key, last]);
    assert!(video.ends.iter().all(|end| end.ticks <= 25_000));
    assert_eq!(audio.ends.len(), video.ends.len());
}

#[test]
fn pictures_without_a_rate_make_whole_parts_too() {
    let mut state = 7u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i64::from(state >> 16) % 90 + 12
    };
    let mut retimer = Retimer::new(true, None, Hints::default());
    let (mut at_ms, mut sent, mut outcomes) = (500, Vec::new(), Vec::new());
    for index in 0..1_000i64 {
        let picture = if index % 40 == 0 { Picture::Key } else { Picture::Dependent };
        let (dts_us, pts_us) = (at_ms * 1_000, at_ms * 1_000);
        let data = Bytes::copy_from_slice(&index.to_be_bytes());
        outcomes
            .extend(retimer.push(Track::Video, AccessUnit { dts_us, pts_us, arrived_us: 0, picture, data }));
        sent.push((at_ms - 500) * 90);
        at_ms += next();
    }
    outcomes.extend(retimer.finish());
    let (mut cutter, mut video) = (None, Rendition::default());
    for outcome in outcomes {
        match (outcome, &mut cutter) {
            (Outcome::Epoch { video: Some(base), .. }, cutter) => {
                assert_eq!(base.timescale, 90_000);
                *cutter = Some(Cutter::leading(Limits::video(base, TARGET_SECONDS, MAX_SECONDS)));
            }
            (Outcome::Video(sample), Some(cutter)) => video.take(cutter.push(sample)),
            (other, _) => panic!("{other:?}"),
        }
    }
    video.take(cutter.unwrap().finish());
    let limits = Limits { part: 18_000, sample: 1, ..Limits::video(Timebase::constant(rates()[1]), 6, 10) };
    let limits = Limits { timescale: 90_000, ..limits };
    check(&video, &limits, &video_header(&super::config::tests::fixture(), 90_000));
    assert_eq!(video.shown(), sent);
    assert!(video.parts.iter().flat_map(|part| &part.samples).all(|sample| sample.offset >= 0));
}
