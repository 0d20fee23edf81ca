//! What is wrong with a broadcast, in words that a creator can act on.

use media::live::window::Moment;

use super::{Beats, Second, millis};

/// The longest that viewers should wait for a key frame, in milliseconds: segments end at the first one after this.
pub(super) const KEY_INTERVAL_MS_MAX: u32 = 4_000;
/// Jitter of a key frame's arrival that is no matter, in milliseconds.
const KEY_SLACK_MS: u32 = 500;
/// After how long without a word something is missing, in milliseconds.
const SILENCE_MS: u32 = 3_000;
/// How late media may come, in milliseconds.
const LATE_MS_MAX: u32 = 2_000;
/// Pictures a second that players can be expected to show, with some slack.
const FRAMES_MAX: u32 = 62;
/// Loss on the way that is worth a word, per million.
const LOSS_PPM_MAX: u32 = 20_000;
/// Seconds looked back on for the rate of frames.
const RATE_SECONDS: usize = 10;
/// Seconds looked back on for what was left out.
const DROPPED_SECONDS: usize = 60;

/// Something that the creator should change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Warning {
    /// A word for it that never changes its meaning.
    pub(crate) code: &'static str,
    /// What is wrong, and what to do.
    pub(crate) text: String,
}

type Check = fn(&Beats, Moment) -> Option<(&'static str, String)>;

const CHECKS: [Check; 8] = [sound, keys, rate, fast, reordered, late, dropped, loss];

/// All that is wrong now; where nothing comes, only that.
pub(super) fn of(beats: &Beats, now: Moment) -> Vec<Warning> {
    let found: Vec<_> = match silent(beats, now) {
        Some(silent) => vec![silent],
        None => CHECKS.iter().filter_map(|check| check(beats, now)).collect(),
    };
    found.into_iter().map(|(code, text)| Warning { code, text }).collect()
}

fn silent(beats: &Beats, now: Moment) -> Option<(&'static str, String)> {
    if beats.away {
        return Some((
            "away",
            "The encoder is away. The broadcast waits for it and goes on by itself.".to_owned(),
        ));
    }
    let quiet_ms = millis(now.since(beats.heard?));
    let words = || format!("Nothing has come from the encoder for {} s.", quiet_ms / 1_000);
    (quiet_ms >= SILENCE_MS).then(|| ("silent", words()))
}

fn sound(beats: &Beats, now: Moment) -> Option<(&'static str, String)> {
    let missing_ms = millis(now.since(beats.sounded.or(beats.began)?));
    let text = if beats.sound.is_some() {
        format!("No sound has come for {} s. Is the encoder's audio source gone?", missing_ms / 1_000)
    } else {
        "There is no sound: the encoder sends none. Add an audio source if there should be some.".to_owned()
    };
    (missing_ms >= SILENCE_MS).then_some(("no-sound", text))
}

fn keys(beats: &Beats, now: Moment) -> Option<(&'static str, String)> {
    let interval_ms = beats.key_interval(now)?;
    let words = || {
        format!(
            "Key frames come every {} s; viewers need one every {} s. Set the encoder's keyframe interval to 2 s.",
            (interval_ms + 500) / 1_000,
            KEY_INTERVAL_MS_MAX / 1_000
        )
    };
    (interval_ms > KEY_INTERVAL_MS_MAX + KEY_SLACK_MS).then(|| ("key-frames", words()))
}

fn rate(beats: &Beats, _: Moment) -> Option<(&'static str, String)> {
    let sum = |of: fn(&Second) -> u32| beats.last(RATE_SECONDS).map(of).sum::<u32>();
    let (frames, uneven) = (sum(|second| second.frames), sum(|second| second.uneven));
    let text = "The frame rate varies: pictures do not come at even distances. Set a constant frame rate, and look \
                whether the encoder's computer keeps up.";
    (frames >= 30 && uneven * 10 > frames).then(|| ("frame-rate", text.to_owned()))
}

fn fast(beats: &Beats, _: Moment) -> Option<(&'static str, String)> {
    let count = u32::try_from(beats.last(RATE_SECONDS).count()).ok().filter(|count| *count > 2)?;
    let mean = beats.last(RATE_SECONDS).map(|second| second.frames).sum::<u32>() / count;
    let words = || format!("{mean} pictures a second are more than most players show. 60 are enough.");
    (mean > FRAMES_MAX).then(|| ("many-frames", words()))
}

fn reordered(beats: &Beats, _: Moment) -> Option<(&'static str, String)> {
    let wait_ms = beats.cadence.reorder_us() / 1_000;
    let words = || {
        format!(
            "B-frames make everybody wait {wait_ms} ms longer. Set B-frames to 0, or the tuning to zerolatency."
        )
    };
    // Dates in whole milliseconds are off by one without any reordering.
    (wait_ms > 2).then(|| ("b-frames", words()))
}

fn late(beats: &Beats, _: Moment) -> Option<(&'static str, String)> {
    let late_ms = beats.lag.late_ms();
    let words = || {
        format!(
            "What comes is {}.{} s late: the encoder or its connection does not keep up. Lower the bitrate.",
            late_ms / 1_000,
            late_ms % 1_000 / 100
        )
    };
    (late_ms > LATE_MS_MAX).then(|| ("late", words()))
}

fn dropped(beats: &Beats, _: Moment) -> Option<(&'static str, String)> {
    let recent: u32 = beats.ring.iter().rev().take(DROPPED_SECONDS).map(|second| second.dropped).sum();
    let reason = beats.last_reason.as_deref()?;
    let words = || format!("{recent} pictures or sounds were left out in the last minute: {reason}.");
    (recent > 0).then(|| ("dropped", words()))
}

fn loss(beats: &Beats, _: Moment) -> Option<(&'static str, String)> {
    let loss_ppm = beats.link?.loss_ppm;
    let words = || {
        format!(
            "{} % of what the encoder sends is lost on the way. Lower the bitrate or raise the SRT latency.",
            loss_ppm / 10_000
        )
    };
    (loss_ppm > LOSS_PPM_MAX).then(|| ("loss", words()))
}
