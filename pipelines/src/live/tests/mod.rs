//! Films through the live graph, judged by Debian's ffmpeg.

mod rig;

use std::io::Write;
use std::os::unix::net::UnixStream;

use bytes::Bytes;
use pipeline_wire::{KeyRule, LiveCodec, LiveSpec, LiveVideoSpec, Medium, ToChild, Unit};
use testkit::barcode;

use crate::clips::Studio;
use crate::link::Link;

use rig::{AUDIO, Source, done, file, run, shown};

const REORDERED: [&str; 8] = [
    "-c:v",
    "libx264",
    "-x264-params",
    "keyint=40:min-keyint=10:bframes=3:b-pyramid=2",
    "-c:a",
    "aac",
    "-b:a",
    "128k",
];

fn ntsc(frames: u64) -> (Studio, Source) {
    let studio = Studio::new((30_000, 1001), frames);
    let clip = studio.clip("live.mkv", &[], &REORDERED);
    let source = Source::read(&clip, (30_000, 1001), 48_000);
    (studio, source)
}

#[test]
fn every_picture_is_there_once_under_its_own_time_on_every_rung() {
    let (studio, source) = ntsc(130);
    assert!(!source.video.units.is_sorted_by_key(|unit| unit.pts), "the source reorders");
    for lookahead_frames in [0, 12] {
        let mut spec = source.spec(KeyRule::AsSource);
        spec.video.as_mut().expect("video").lookahead_frames = lookahead_frames;
        let made = done(&spec, source.messages());
        for track in [1, 2] {
            assert_eq!(made.times(track, false), source.times(false));
            assert_eq!(made.times(track, true), source.times(true));
            assert_eq!(shown(&studio, &made, track, 30_000), studio.every_frame());
        }
        assert_eq!(made.sizes, [(416, 234)]);
        let stats = &made.stats;
        assert_eq!(
            (stats.video_taken, stats.pictures, stats.pictures_lost, stats.pictures_damaged),
            (130, 130, 0, 0)
        );
        assert!(stats.encoded.iter().all(|count| count.track == AUDIO || count.units == 130), "{stats:?}");
    }
}

#[test]
fn key_pictures_stand_on_a_grid_of_their_own_when_asked() {
    let (studio, source) = ntsc(100);
    let made = done(&source.spec(KeyRule::Every { frames: 24 }), source.pictures());
    for track in [1, 2] {
        assert_eq!(made.times(track, true), [0, 24 * 1001, 48 * 1001, 72 * 1001, 96 * 1001]);
        assert_eq!(shown(&studio, &made, track, 30_000), studio.every_frame());
    }
}

#[test]
fn samples_hold_no_parameter_sets_and_are_not_reordered() {
    let (_studio, source) = ntsc(60);
    let made = done(&source.spec(KeyRule::AsSource), source.pictures());
    for unit in [1, 2].iter().flat_map(|track| &made.tracks[track].units) {
        assert_eq!(unit.dts, unit.pts);
        let mut rest = &unit.bytes[..];
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let (nal, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
            assert!(!matches!(nal[0] & 0x1f, 7 | 8), "a parameter set");
            rest = behind;
        }
        assert!(rest.is_empty());
    }
}

#[test]
fn flash_and_beep_stay_together() {
    for sample_rate in [48_000, 44_100] {
        let studio = Studio::new((30_000, 1001), 130);
        let rate = sample_rate.to_string();
        let clip = studio.clip("live.mkv", &[], &[&REORDERED[..], &["-ar", &rate]].concat());
        let source = Source::read(&clip, (30_000, 1001), sample_rate);
        let made = done(&source.spec(KeyRule::AsSource), source.messages());
        let times = made.times(AUDIO, false);
        let first = times[0];
        assert_eq!(first % 1024, 0);
        assert!(
            times.iter().zip(0..).all(|(time, place)| *time == first + place * 1024),
            "no hole: {times:?}"
        );
        let sound = file(&studio, "sound.mkv", &made.tracks[&AUDIO], 48_000);
        for track in [1, 2] {
            let rung = file(&studio, &format!("rung-{track}.mkv"), &made.tracks[&track], 30_000);
            let beats = barcode::beats(&rung, &sound).expect("beats");
            assert!(beats.len() >= 4 && beats.iter().all(|beat| beat.offset_ms().abs() <= 20.0), "{beats:?}");
        }
        assert_eq!(made.stats.silence_samples, 0);
    }
}

#[test]
fn missing_sound_is_silence_and_a_long_gap_is_left_open() {
    let (_studio, mut source) = ntsc(200);
    let units = &mut source.audio.units;
    units.remove(30);
    units.iter_mut().skip(100).for_each(|unit| {
        unit.pts += 5 * 48_000;
        unit.dts = unit.pts;
    });
    let messages: Vec<ToChild> =
        units.iter().map(|unit| ToChild::Unit { medium: Medium::Audio, unit: unit.clone() }).collect();
    let spec = LiveSpec { video: None, ..source.spec(KeyRule::AsSource) };
    let made = done(&spec, messages);
    let times = made.times(AUDIO, false);
    let holes: Vec<i64> =
        times.windows(2).map(|pair| pair[1] - pair[0]).filter(|apart| *apart != 1024).collect();
    assert_eq!(holes.len(), 1, "{holes:?}");
    assert!((4 * 48_000..6 * 48_000).contains(&holes[0]), "{holes:?}");
    assert!((1000..1100).contains(&made.stats.silence_samples), "{:?}", made.stats);
}

#[test]
fn damaged_units_are_counted_and_do_not_end_it() {
    let (studio, mut source) = ntsc(130);
    let keys: Vec<usize> = (0..130).filter(|place| source.video.units[*place].key).collect();
    assert!(keys.len() >= 3, "{keys:?}");
    // One picture in the second group, and the key picture of the third.
    for place in [keys[1] + 4, keys[2]] {
        source.video.units[place].bytes = Bytes::from(vec![0x5a; 700]);
    }
    source.audio.units[50].bytes = Bytes::from_static(&[0xff; 90]);
    let made = done(&source.spec(KeyRule::AsSource), source.messages());
    assert!(made.stats.pictures_lost >= 1, "{:?}", made.stats);
    assert_eq!(made.stats.pictures + made.stats.pictures_lost, 130, "{:?}", made.stats);
    let intact = source.video.units[keys[1]].pts / 1001;
    for track in [1, 2] {
        let times = made.times(track, false);
        assert!(times.is_sorted_by(|a, b| a < b));
        let before = times.iter().filter(|time| **time < intact * 1001).count();
        assert_eq!(before as i64, intact, "what came before the damage is whole");
        assert!(made.times(track, true).len() >= 3);
    }
    assert_eq!(made.stats.encoded[0].units, made.stats.pictures);
    drop(studio);
}

#[test]
fn another_size_in_the_middle_is_told_and_goes_on() {
    let studio = Studio::new((25, 1), 50);
    let large = Source::read(&studio.clip("large.mkv", &[], &REORDERED), (25, 1), 48_000);
    let after = [&REORDERED[..], &["-vf", "scale=640:480"]].concat();
    let other = Source::read(&studio.clip("other.mkv", &[], &after), (25, 1), 48_000);
    let config = other.video.config.clone();
    let later = other.video.units.iter().cloned().map(|unit| {
        let unit = Unit { dts: unit.dts + 50, pts: unit.pts + 50, ..unit };
        ToChild::Unit { medium: Medium::Video, unit }
    });
    let change = ToChild::Reconfigure { medium: Medium::Video, config: config.into() };
    let messages = large.pictures().into_iter().chain([change]).chain(later).collect();
    let made = done(&large.spec(KeyRule::AsSource), messages);
    assert_eq!(made.sizes, [(416, 234), (640, 480)]);
    let numbers: Vec<u32> = (0..50).chain(0..50).collect();
    for track in [1, 2] {
        assert_eq!(made.times(track, false), (0..100).collect::<Vec<_>>());
        assert_eq!(shown(&studio, &made, track, 25), numbers);
    }
}

#[test]
fn hevc_becomes_h264() {
    let studio = Studio::new((25, 1), 60);
    let after = [
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-x265-params",
        "keyint=25:log-level=error",
        "-c:a",
        "aac",
    ];
    let source = Source::read(&studio.clip("hevc.mkv", &[], &after), (25, 1), 48_000);
    let mut spec = source.spec(KeyRule::AsSource);
    spec.video.as_mut().expect("video").codec = LiveCodec::Hevc;
    let made = done(&spec, source.messages());
    for track in [1, 2] {
        assert_eq!(made.times(track, true), source.times(true));
        assert_eq!(shown(&studio, &made, track, 25), studio.every_frame());
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let (_studio, source) = ntsc(10);
    let spec = |change: fn(&mut LiveVideoSpec)| {
        let mut spec = source.spec(KeyRule::AsSource);
        change(spec.video.as_mut().expect("video"));
        spec
    };
    let nothing = LiveSpec { video: None, audio: None };
    for spec in [
        nothing,
        spec(|video| video.rungs[0].height = 233),
        spec(|video| video.rungs[1].width = 0),
        spec(|video| video.rungs[1].track = AUDIO),
        spec(|video| video.rungs.clear()),
        spec(|video| video.frame_ticks = 0),
        spec(|video| video.timescale = 0),
        spec(|video| video.lookahead_frames = 61),
        spec(|video| video.keys = KeyRule::Every { frames: 0 }),
        spec(|video| video.rungs[0].crf = 23.5),
    ] {
        assert!(run(&spec, source.messages()).0.is_err(), "{spec:?}");
    }
}

#[test]
fn a_parent_that_goes_away_ends_it() {
    let (_studio, source) = ntsc(60);
    let (ours, theirs) = UnixStream::pair().expect("pair");
    let link = Link::open(ours, || {}).expect("link");
    let some: Vec<u8> = source.messages().iter().take(20).flat_map(ToChild::encode).collect();
    (&theirs).write_all(&some).expect("written");
    let ender = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(500));
        drop(theirs);
    });
    assert!(crate::live::run(&source.spec(KeyRule::AsSource), &link).is_err());
    ender.join().expect("ender");
}
