//! Frames of sound, and silence where there are none.

use bytes::Bytes;

use super::{
    AccessUnit, Dropped, Outcome, Sample, Track,
    audio::{AudioClock, Placed},
    dates::Seen,
    silence,
};
use crate::live::config::AudioConfig;

/// Frames in a row dated off the pictures before sound is set beside them.
const APART_MAX: u32 = 100;

/// Microseconds that sound may stay behind the pictures before silence takes its place, at first and at most.
const PATIENCE_US: i64 = 1_000_000;
const PATIENCE_US_MAX: i64 = 8_000_000;

#[derive(Debug)]
pub(super) struct Sound {
    pub(super) clock: AudioClock,
    frame: u32,
    silence: Option<Bytes>,
    /// The last frame, which stands in for silence that cannot be made.
    last: Bytes,
    pub(super) seen: Seen,
    /// Microseconds added to its dates to bring it beside the pictures.
    pub(super) shift_us: i64,
    pub(super) apart: u32,
    /// The moment of the sender that is `start_us`, where there are no pictures.
    pub(super) origin_us: i64,
    pub(super) patience_us: i64,
    /// Whether silence took the place of sound that may only have been slow.
    pub(super) replaced: bool,
}

impl Sound {
    pub(super) fn new(config: &AudioConfig, end_us: i64) -> Self {
        let mut clock = AudioClock::new(config.sample_rate, config.frame, 0);
        clock = AudioClock::new(config.sample_rate, config.frame, clock.ticks(end_us));
        Self {
            clock,
            frame: config.frame,
            silence: silence::frame(config),
            last: Bytes::new(),
            seen: Seen::default(),
            shift_us: 0,
            apart: 0,
            origin_us: 0,
            patience_us: PATIENCE_US,
            replaced: false,
        }
    }

    pub(super) fn restart(&mut self) {
        self.clock.restart();
        (self.shift_us, self.apart, self.seen) = (0, 0, Seen::default());
    }

    /// Counts a frame dated far off the pictures, and sets sound beside them when that lasts.
    pub(super) const fn bring_beside(&mut self, off_us: i64) {
        self.apart += 1;
        if self.apart >= APART_MAX {
            self.shift_us -= off_us;
            self.apart = 0;
        }
    }

    /// Whether the unit is the one before it again.
    pub(super) fn repeats(&self, unit: &AccessUnit) -> bool {
        self.seen.last == Some((unit.dts_us, unit.pts_us)) && self.last == unit.data
    }

    pub(super) fn place(&mut self, us: i64, start_us: i64, unit: AccessUnit, outcomes: &mut Vec<Outcome>) {
        let dropped = |reason| Outcome::Dropped(Track::Audio, reason);
        match self.clock.place(us, start_us) {
            Placed::Late => {
                if std::mem::take(&mut self.replaced) {
                    self.patience_us = (self.patience_us * 2).min(PATIENCE_US_MAX);
                }
                outcomes.push(dropped(Dropped::Late));
            }
            Placed::Surplus => outcomes.push(dropped(Dropped::Surplus)),
            Placed::Kept { at, silence_at, silent } => {
                self.put_silence(silence_at, silent, unit.arrived_us, outcomes);
                self.last = unit.data.clone();
                self.replaced = false;
                outcomes.push(self.sample(at, unit.arrived_us, unit.data));
            }
        }
    }

    pub(super) fn put_silence(&self, from: i64, silent: u32, arrived_us: u64, outcomes: &mut Vec<Outcome>) {
        if silent == 0 {
            return;
        }
        outcomes.push(Outcome::Silence(silent));
        let data = self.silence.as_ref().unwrap_or(&self.last);
        for index in 0..i64::from(silent) {
            outcomes.push(self.sample(from + index * i64::from(self.frame), arrived_us, data.clone()));
        }
    }

    pub(super) fn sample(&self, at: i64, arrived_us: u64, data: Bytes) -> Outcome {
        let end = at + i64::from(self.frame);
        Outcome::Audio(Sample { decode: at, end, shown: at, key: true, arrived_us, data })
    }
}
