//! How a broadcast fares: what its publisher sends, second by second, and what is wrong with it.
//!
//! The session says what comes ([`Pulse::video`], [`Pulse::audio`], [`Pulse::dropped`]); whoever asks reads it
//! ([`Pulse::read`]). Nothing here asks what time it is: seconds end when something later is said or asked.

mod cadence;
mod warnings;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use media::live::{
    config::{AudioConfig, VideoConfig},
    retime::AccessUnit,
    window::Moment,
};

use cadence::{Cadence, Lag};
pub(crate) use warnings::Warning;

/// Seconds that are remembered.
pub(crate) const SECONDS_MAX: usize = 300;
/// Seconds whose mean the present figures are.
const MEAN_SECONDS: usize = 5;
/// Reasons for dropping that are told apart; later ones are counted as other.
const REASONS_MAX: usize = 32;
const SECOND_US: i64 = 1_000_000;

/// What is known of the link to a publisher, where its protocol measures it (SRT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Round-trip time, in milliseconds.
    pub(crate) rtt_ms: u32,
    /// Packets that did not come at first, per million.
    pub(crate) loss_ppm: u32,
}

/// What came in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Second {
    /// Which one, since 1970.
    pub(crate) at_s: i64,
    /// Bytes of pictures.
    pub(crate) video_bytes: u64,
    /// Bytes of sound.
    pub(crate) audio_bytes: u64,
    /// Pictures.
    pub(crate) frames: u32,
    /// Units of sound.
    pub(crate) sounds: u32,
    /// Units left out.
    pub(crate) dropped: u32,
    /// Pictures that did not follow the one before at the usual distance.
    pub(crate) uneven: u32,
    /// From key frame to key frame, as last seen, in milliseconds.
    pub(crate) key_interval_ms: Option<u32>,
    /// Round-trip time of the link, in milliseconds.
    pub(crate) rtt_ms: Option<u32>,
}

/// What has come since the broadcast began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Bytes of media.
    pub(crate) bytes: u64,
    /// Pictures.
    pub(crate) video_units: u64,
    /// Units of sound.
    pub(crate) audio_units: u64,
    /// Pictures at which decoding may begin.
    pub(crate) key_frames: u64,
    /// Units left out, by reason.
    pub(crate) dropped: BTreeMap<String, u64>,
}

/// The pictures that come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pictures {
    /// RFC 6381 string.
    pub(crate) codecs: String,
    /// In pixels, as shown.
    pub(crate) width: u32,
    /// In pixels, as shown.
    pub(crate) height: u32,
}

/// The sound that comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sound {
    /// RFC 6381 string.
    pub(crate) codecs: String,
    /// In hertz.
    pub(crate) sample_rate: u32,
    /// How many.
    pub(crate) channels: u32,
}

/// All of it, as it is at a moment. Rates are means of the last five whole seconds.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) pictures: Option<Pictures>,
    pub(crate) sound: Option<Sound>,
    pub(crate) totals: Totals,
    /// Bits of pictures a second.
    pub(crate) video_bps: u64,
    /// Bits of sound a second.
    pub(crate) audio_bps: u64,
    /// Pictures in a thousand seconds.
    pub(crate) frames_per_1000_s: u64,
    /// From key frame to key frame, in milliseconds; of an interval that goes on, so far, once it is the longer one.
    pub(crate) key_interval_ms: Option<u32>,
    /// How much later media come than at best, in milliseconds.
    pub(crate) late_ms: u32,
    pub(crate) link: Option<Link>,
    /// Whole seconds, the oldest first.
    pub(crate) seconds: Vec<Second>,
    pub(crate) warnings: Vec<Warning>,
}

/// The pulse of one broadcast.
#[derive(Debug, Default)]
pub(crate) struct Pulse(Mutex<Beats>);

#[derive(Debug, Default)]
struct Beats {
    pictures: Option<Pictures>,
    sound: Option<Sound>,
    totals: Totals,
    link: Option<Link>,
    ring: VecDeque<Second>,
    /// The second that goes on.
    open: Option<Second>,
    cadence: Cadence,
    lag: Lag,
    /// When the first unit came since the publisher is there.
    began: Option<Moment>,
    heard: Option<Moment>,
    sounded: Option<Moment>,
    key: Option<Moment>,
    key_interval_ms: Option<u32>,
    last_reason: Option<String>,
    away: bool,
}

impl Pulse {
    /// Pictures are described, for the first time or anew.
    pub(crate) fn pictures(&self, config: &VideoConfig) {
        let ((width, height), codecs) = (config.shown_size(), config.codecs.clone());
        self.beats().pictures = Some(Pictures { codecs, width, height });
    }

    /// Sound is described, for the first time or anew.
    pub(crate) fn sound(&self, config: &AudioConfig) {
        let AudioConfig { codecs, sample_rate, channels, .. } = config;
        let (codecs, sample_rate, channels) = (codecs.clone(), *sample_rate, *channels);
        self.beats().sound = Some(Sound { codecs, sample_rate, channels });
    }

    /// A picture came.
    pub(crate) fn video(&self, unit: &AccessUnit) {
        let (mut beats, now) = (self.beats(), arrived(unit));
        let uneven = beats.cadence.took(unit.dts_us, unit.pts_us);
        if unit.picture.is_key() {
            beats.key_interval_ms = beats.key.map(|key| millis(now.since(key))).or(beats.key_interval_ms);
            beats.key = Some(now);
            beats.totals.key_frames += 1;
        }
        beats.totals.video_units += 1;
        let bytes = beats.came(unit, now);
        let second = beats.second(now);
        second.video_bytes += bytes;
        second.frames += 1;
        second.uneven += u32::from(uneven);
    }

    /// A unit of sound came.
    pub(crate) fn audio(&self, unit: &AccessUnit) {
        let (mut beats, now) = (self.beats(), arrived(unit));
        beats.totals.audio_units += 1;
        beats.sounded = Some(now);
        let bytes = beats.came(unit, now);
        let second = beats.second(now);
        second.audio_bytes += bytes;
        second.sounds += 1;
    }

    /// Something of what came was left out.
    pub(crate) fn dropped(&self, reason: &str, now: Moment) {
        let mut beats = self.beats();
        let known = beats.totals.dropped.contains_key(reason) || beats.totals.dropped.len() < REASONS_MAX;
        let reason = if known { reason } else { "another reason" };
        *beats.totals.dropped.entry(reason.to_owned()).or_default() += 1;
        beats.last_reason = Some(reason.to_owned());
        beats.second(now).dropped += 1;
    }

    /// The link to the publisher was measured.
    pub(crate) fn link(&self, link: Link, now: Moment) {
        let mut beats = self.beats();
        beats.link = Some(link);
        beats.second(now).rtt_ms = Some(link.rtt_ms);
    }

    /// The publisher went away and is waited for.
    pub(crate) fn away(&self) {
        let mut beats = self.beats();
        let (ring, open) = (std::mem::take(&mut beats.ring), beats.open.take());
        let kept = Beats { ring, open, totals: std::mem::take(&mut beats.totals), ..Beats::default() };
        *beats = Beats { pictures: beats.pictures.take(), sound: beats.sound.take(), away: true, ..kept };
    }

    /// How it fares now.
    pub(crate) fn read(&self, now: Moment) -> Reading {
        let mut beats = self.beats();
        if beats.open.is_some() {
            let _ = beats.second(now);
        }
        beats.reading(now)
    }

    fn beats(&self) -> MutexGuard<'_, Beats> {
        // What is counted is whole after every step; a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Beats {
    fn came(&mut self, unit: &AccessUnit, now: Moment) -> u64 {
        let bytes = unit.data.len() as u64;
        self.totals.bytes += bytes;
        self.away = false;
        self.began = self.began.or(Some(now));
        self.heard = Some(now);
        self.lag.took(unit.dts_us, now.0);
        bytes
    }

    /// The second of `now`; those before it are whole, and silent ones are remembered as such.
    fn second(&mut self, now: Moment) -> &mut Second {
        let at_s = now.0.div_euclid(SECOND_US);
        let fresh = |at_s| Second { at_s, ..Second::default() };
        if let Some(open) = self.open.take_if(|open| open.at_s < at_s) {
            let last = Second { key_interval_ms: self.key_interval_ms, ..open };
            let silent = (last.at_s + 1).max(at_s - SECONDS_MAX as i64)..at_s;
            self.ring.push_back(last);
            self.ring.extend(silent.map(fresh));
            let surplus = self.ring.len().saturating_sub(SECONDS_MAX);
            self.ring.drain(..surplus);
        }
        self.open.get_or_insert_with(|| fresh(at_s))
    }

    /// The last so many whole seconds since the publisher is there.
    fn last(&self, seconds: usize) -> impl Iterator<Item = &Second> {
        let began_s = self.began.map_or(i64::MAX, |began| began.0.div_euclid(SECOND_US));
        self.ring.iter().rev().take(seconds).take_while(move |second| second.at_s > began_s)
    }

    fn key_interval(&self, now: Moment) -> Option<u32> {
        let going_on = self.key.map(|key| millis(now.since(key)));
        match (self.key_interval_ms, going_on) {
            (Some(measured), Some(going_on)) => Some(measured.max(going_on)),
            // The first interval is not known before it ends, but it is known to be long.
            (None, Some(going_on)) if going_on > warnings::KEY_INTERVAL_MS_MAX => Some(going_on),
            (measured, _) => measured,
        }
    }

    fn reading(&self, now: Moment) -> Reading {
        let count = self.last(MEAN_SECONDS).count().max(1) as u64;
        let mean = |of: fn(&Second) -> u64| self.last(MEAN_SECONDS).map(of).sum::<u64>() / count;
        Reading {
            pictures: self.pictures.clone(),
            sound: self.sound.clone(),
            totals: self.totals.clone(),
            video_bps: mean(|second| second.video_bytes * 8),
            audio_bps: mean(|second| second.audio_bytes * 8),
            frames_per_1000_s: mean(|second| u64::from(second.frames) * 1_000),
            key_interval_ms: self.key_interval(now),
            late_ms: self.lag.late_ms(),
            link: self.link,
            seconds: self.ring.iter().copied().collect(),
            warnings: warnings::of(self, now),
        }
    }
}

fn arrived(unit: &AccessUnit) -> Moment {
    Moment(i64::try_from(unit.arrived_us).unwrap_or(i64::MAX))
}

fn millis(us: u64) -> u32 {
    u32::try_from(us / 1_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
