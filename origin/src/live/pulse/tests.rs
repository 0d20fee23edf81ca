//! Figures of a pulse, second by second.

use bytes::Bytes;
use media::live::nal::Picture;
use proptest::prelude::*;

use super::*;

const START_US: i64 = 1_800_000_000 * SECOND_US;

/// Media of so many frames a second with a key frame every `gop`, and sound, from `from_us` on for `seconds`.
struct Source {
    fps: i64,
    gop: i64,
    sound: bool,
}

const PLAIN: Source = Source { fps: 30, gop: 60, sound: true };

fn unit(dts_us: i64, pts_us: i64, arrived_us: i64, key: bool, bytes: usize) -> AccessUnit {
    let picture = if key { Picture::Key } else { Picture::Dependent };
    let arrived_us = u64::try_from(arrived_us).expect("after 1970");
    AccessUnit { dts_us, pts_us, arrived_us, picture, data: Bytes::from(vec![0; bytes]) }
}

impl Source {
    /// Sends, and says when it stopped.
    fn send(&self, pulse: &Pulse, seconds: i64) -> Moment {
        for frame in 0..seconds * self.fps {
            // Whole milliseconds, as RTMP dates them.
            let at_us = frame * 1_000 / self.fps * 1_000;
            let key = frame % self.gop == 0;
            pulse.video(&unit(at_us, at_us, START_US + at_us, key, 5_000));
            if self.sound {
                pulse.audio(&unit(at_us, at_us, START_US + at_us, true, 500));
            }
        }
        Moment(START_US + seconds * SECOND_US)
    }
}

fn codes(reading: &Reading) -> Vec<&'static str> {
    reading.warnings.iter().map(|warning| warning.code).collect()
}

#[test]
fn a_plain_broadcast_has_its_figures_and_nothing_to_warn_of() {
    let pulse = Pulse::default();
    let now = PLAIN.send(&pulse, 12);
    let reading = pulse.read(now);
    assert_eq!((reading.video_bps, reading.audio_bps), (30 * 5_000 * 8, 30 * 500 * 8));
    assert_eq!((reading.frames_per_1000_s, reading.key_interval_ms), (30_000, Some(2_000)));
    assert_eq!((reading.totals.video_units, reading.totals.audio_units), (360, 360));
    assert_eq!((reading.totals.key_frames, reading.totals.bytes), (6, 360 * 5_500));
    assert_eq!(reading.seconds.len(), 12);
    assert!(reading.seconds.iter().all(|second| second.frames == 30 && second.dropped == 0));
    assert_eq!(reading.warnings, []);
}

#[test]
fn key_frames_that_come_too_seldom_are_warned_of_with_their_interval() {
    let pulse = Pulse::default();
    let now = Source { gop: 600, ..PLAIN }.send(&pulse, 45);
    let reading = pulse.read(now);
    assert_eq!(codes(&reading), ["key-frames"]);
    assert!(reading.warnings[0].text.starts_with("Key frames come every 20 s; viewers need one every 4 s."));
    // Known before the first interval has ended.
    let pulse = Pulse::default();
    let now = Source { gop: 9_000, ..PLAIN }.send(&pulse, 7);
    assert_eq!(codes(&pulse.read(now)), ["key-frames"]);
}

#[test]
fn no_sound_and_many_frames_are_warned_of() {
    let pulse = Pulse::default();
    let now = Source { fps: 240, gop: 240, sound: false }.send(&pulse, 8);
    assert_eq!(codes(&pulse.read(now)), ["no-sound", "many-frames"]);
}

#[test]
fn b_frames_are_warned_of_with_what_they_cost() {
    let pulse = Pulse::default();
    for frame in 0..300_i64 {
        let dts = frame * 40_000;
        let wait = if frame % 3 == 0 { 120_000 } else { 0 };
        pulse.video(&unit(dts, dts + wait, START_US + dts, frame % 50 == 0, 100));
        pulse.audio(&unit(dts, dts, START_US + dts, true, 100));
    }
    let reading = pulse.read(Moment(START_US + 12 * SECOND_US));
    assert_eq!(codes(&reading), ["b-frames"]);
    assert!(reading.warnings[0].text.contains("120 ms"), "{:?}", reading.warnings);
}

#[test]
fn a_rate_that_varies_is_warned_of() {
    let pulse = Pulse::default();
    let mut at_us = 0;
    for frame in 0..400_i64 {
        at_us += if frame % 4 == 0 { 60_000 } else { 25_000 };
        pulse.video(&unit(at_us, at_us, START_US + at_us, frame % 40 == 0, 100));
        pulse.audio(&unit(at_us, at_us, START_US + at_us, true, 100));
    }
    assert_eq!(codes(&pulse.read(Moment(START_US + at_us))), ["frame-rate"]);
}

#[test]
fn a_link_that_does_not_keep_up_is_warned_of() {
    let pulse = Pulse::default();
    for frame in 0..600_i64 {
        let (dts, late) = (frame * 40_000, frame * 4_000);
        pulse.video(&unit(dts, dts, START_US + dts + late, frame % 50 == 0, 100));
        pulse.audio(&unit(dts, dts, START_US + dts + late, true, 100));
    }
    let reading = pulse.read(Moment(START_US + 600 * 44_000));
    assert_eq!(codes(&reading), ["late"]);
    assert!((2_200..2_400).contains(&reading.late_ms), "{}", reading.late_ms);
}

#[test]
fn a_jump_of_the_senders_clock_is_no_lateness() {
    let pulse = Pulse::default();
    let now = PLAIN.send(&pulse, 5);
    for frame in 0..60_i64 {
        let (dts, arrived) = (-3_600 * SECOND_US + frame * 33_000, now.0 + frame * 33_000);
        pulse.video(&unit(dts, dts, arrived, frame == 0, 100));
        pulse.audio(&unit(dts, dts, arrived, true, 100));
    }
    assert_eq!(pulse.read(now.plus(2_000_000)).late_ms, 0);
}

#[test]
fn what_is_left_out_is_told_with_its_reason_and_forgotten_after_a_minute() {
    let pulse = Pulse::default();
    let now = PLAIN.send(&pulse, 5);
    pulse.dropped("a unit that was sent twice", Moment(now.0 - SECOND_US));
    let reading = pulse.read(now.plus(1_000_000));
    assert_eq!(codes(&reading), ["dropped"]);
    assert_eq!(reading.totals.dropped["a unit that was sent twice"], 1);
    let later = now.plus(70_000_000);
    pulse.video(&unit(0, 0, later.0, true, 1));
    pulse.audio(&unit(0, 0, later.0, true, 1));
    assert!(!codes(&pulse.read(later)).contains(&"dropped"));
    for n in 0..100 {
        pulse.dropped(&format!("reason {n}"), later);
    }
    assert_eq!(pulse.read(later).totals.dropped.len(), REASONS_MAX + 1);
}

#[test]
fn silence_is_told_and_one_who_is_away_is_waited_for() {
    let pulse = Pulse::default();
    assert_eq!(codes(&pulse.read(Moment(START_US))), [""; 0], "nothing came yet");
    let now = PLAIN.send(&pulse, 5);
    let reading = pulse.read(now.plus(7_000_000));
    assert_eq!(reading.warnings[0].text, "Nothing has come from the encoder for 7 s.");
    assert_eq!(reading.video_bps, 0);
    pulse.away();
    let reading = pulse.read(now.plus(9_000_000));
    assert_eq!(codes(&reading), ["away"]);
    assert_eq!((reading.totals.video_units, reading.seconds.len()), (150, 14), "what was counted stays");
}

#[test]
fn loss_on_the_way_is_told() {
    let pulse = Pulse::default();
    let now = PLAIN.send(&pulse, 5);
    pulse.link(Link { rtt_ms: 40, loss_ppm: 30_000 }, Moment(now.0 - 1));
    let reading = pulse.read(now);
    assert_eq!(codes(&reading), ["loss"]);
    assert_eq!(reading.seconds.last().and_then(|second| second.rtt_ms), Some(40));
}

proptest! {
    #[test]
    fn the_ring_is_bounded_and_without_holes_whatever_the_clock_does(
        steps in proptest::collection::vec((-5_000_000_i64..700_000_000, any::<bool>(), any::<i64>()), 1..200),
    ) {
        let (pulse, mut now_us) = (Pulse::default(), START_US);
        for (step, key, dts) in steps {
            now_us = (now_us + step).max(0);
            pulse.video(&unit(dts, dts, now_us, key, 10));
            let reading = pulse.read(Moment(now_us));
            prop_assert!(reading.seconds.len() <= SECONDS_MAX);
            let following = reading.seconds.windows(2).all(|two| two[1].at_s == two[0].at_s + 1);
            prop_assert!(following);
        }
    }
}
