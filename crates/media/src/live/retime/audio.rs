//! The clock of sound: samples are counted, and the sender's clock only corrects the count by whole frames.

use super::timebase::scaled;

/// Microseconds that the count may differ from the sender's clock; half a frame and a little where frames are longer.
const DEPARTURE_US_MAX: i64 = 16_000;
/// Frames in a row that have to differ the same way before the count is corrected: single ones only tremble.
const LASTING: u32 = 8;
/// Microseconds beyond which one frame is enough.
const GAP_US: i64 = 200_000;
/// Microseconds of silence put in at once, at most.
const SILENCE_US_MAX: i64 = 10_000_000;

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// It starts at `at` ticks, behind `silent` frames of silence that start at `silence_at`.
    Kept { at: i64, silence_at: i64, silent: u32 },
    /// It belongs to a time that has sound already.
    Late,
    /// The sender sends more sound than time passes.
    Surplus,
}

/// Counts the samples of one epoch.
#[derive(Clone, Debug)]
pub(super) struct AudioClock {
    rate: u32,
    frame: i64,
    /// Ticks at which the next frame starts; `None` before the first of an epoch.
    next: Option<i64>,
    /// End of all sound so far, in ticks.
    end: i64,
    ahead: u32,
    behind: u32,
}

impl AudioClock {
    /// Of sound with `rate` samples per second in frames of `frame`, both at least 1.
    pub(super) fn new(rate: u32, frame: u32, end: i64) -> Self {
        Self { rate: rate.max(1), frame: frame.max(1).into(), next: None, end, ahead: 0, behind: 0 }
    }

    /// The ticks of a moment of the broadcast.
    pub(super) fn ticks(&self, us: i64) -> i64 {
        scaled(us, self.rate.into(), 1_000_000)
    }

    fn micros(&self, ticks: i64) -> i64 {
        scaled(ticks, 1_000_000, self.rate.into())
    }

    /// End of all sound so far, in microseconds of the broadcast.
    pub(super) fn end_us(&self) -> i64 {
        self.micros(self.end)
    }

    /// A new epoch: the next frame sets the count.
    pub(super) const fn restart(&mut self) {
        self.next = None;
    }

    /// Places a frame that the sender dates at `us` of the broadcast, in an epoch that begins at `from_us`.
    pub(super) fn place(&mut self, us: i64, from_us: i64) -> Placed {
        let at = self.ticks(us);
        let Some(next) = self.next else { return self.begin(at, from_us) };
        let departure_us = self.micros(at - next);
        let bound_us = DEPARTURE_US_MAX.max(self.micros(self.frame) * 11 / 20);
        if departure_us < -GAP_US {
            return Placed::Late;
        }
        self.ahead = if departure_us > bound_us { self.ahead + 1 } else { 0 };
        self.behind = if departure_us < -bound_us { self.behind + 1 } else { 0 };
        if self.behind >= LASTING {
            self.behind = 0;
            return Placed::Surplus;
        }
        if departure_us > GAP_US || self.ahead >= LASTING {
            self.ahead = 0;
            let gap = self.ticks(departure_us.min(SILENCE_US_MAX));
            return self.keep(next, scaled(gap, 1, self.frame));
        }
        self.keep(next, 0)
    }

    fn begin(&mut self, at: i64, from_us: i64) -> Placed {
        if at < self.end || at < self.ticks(from_us) {
            return Placed::Late;
        }
        self.keep(at, 0)
    }

    fn keep(&mut self, silence_at: i64, silent: i64) -> Placed {
        let at = silence_at + silent * self.frame;
        self.end = at + self.frame;
        self.next = Some(self.end);
        Placed::Kept { at, silence_at, silent: u32::try_from(silent).unwrap_or(0) }
    }

    /// Frames of silence that lead up to `us` of the broadcast from where sound ended, and the tick where they start; in
    /// an epoch that begins at `from_us`.
    pub(super) fn fill(&mut self, us: i64, from_us: i64) -> (i64, u32) {
        let start = self.next.unwrap_or_else(|| self.end.max(self.ticks(from_us)));
        let until = self.ticks(us.min(self.micros(start).saturating_add(SILENCE_US_MAX)));
        let silent = (until - start).div_euclid(self.frame).max(0);
        if silent > 0 {
            self.end = start + silent * self.frame;
            self.next = Some(self.end);
        }
        (start, u32::try_from(silent).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME_US: i64 = 1_024_000_000 / 48_000;

    fn clock() -> AudioClock {
        AudioClock::new(48_000, 1_024, 0)
    }

    fn kept(at: i64, silent: u32) -> Placed {
        Placed::Kept { at, silence_at: at - i64::from(silent) * 1_024, silent }
    }

    /// Frames from `from`, each dated `shift_us` off its place.
    fn run(clock: &mut AudioClock, frames: std::ops::Range<i64>, shift_us: i64) -> Vec<Placed> {
        frames.map(|index| clock.place(index * FRAME_US + shift_us, 0)).collect()
    }

    #[test]
    fn samples_are_counted_whatever_the_milliseconds() {
        let mut clock = clock();
        for index in 0..10_000i64 {
            let us = index * 1_024_000 / 48_000 * 1_000;
            assert_eq!(clock.place(us, 0), kept(index * 1_024, 0));
        }
    }

    #[test]
    fn a_gap_is_silent() {
        let mut clock = clock();
        run(&mut clock, 0..10, 0);
        assert_eq!(clock.place(110 * FRAME_US, 0), kept(110 * 1_024, 100));
        // One lost frame shows itself after eight.
        let lost = run(&mut clock, 112..120, 0);
        assert_eq!(lost[6], kept(117 * 1_024, 0));
        assert_eq!(lost[7], kept(119 * 1_024, 1));
    }

    #[test]
    fn sound_twice_is_left_out() {
        let mut clock = clock();
        run(&mut clock, 0..20, 0);
        assert_eq!(run(&mut clock, 0..5, 0), [Placed::Late; 5]);
        let slow = run(&mut clock, 20..28, -20_000);
        assert_eq!((slow[6], slow[7]), (kept(26 * 1_024, 0), Placed::Surplus));
    }

    #[test]
    fn an_epoch_begins_where_the_sender_says() {
        let mut clock = clock();
        assert_eq!(clock.place(30_000, 40_000), Placed::Late);
        assert_eq!(clock.place(51_333, 40_000), kept(2_464, 0));
        clock.restart();
        assert_eq!(clock.place(60_000, 55_000), Placed::Late);
        assert_eq!(clock.place(80_000, 55_000), kept(3_840, 0));
    }

    #[test]
    fn sound_that_stays_away_is_silent() {
        let mut clock = clock();
        assert_eq!(clock.fill(100_000, 50_000), (2_400, 2));
        assert_eq!(clock.fill(100_000, 50_000), (4_448, 0));
        assert_eq!(clock.place(107_000, 50_000), kept(4_448, 0));
    }

    proptest! {
        /// Clocks that run apart by up to a thousandth never take sound farther than the bound.
        #[test]
        fn drift_stays_in_bounds(ppm in -1_000i64..1_000, rate in prop::sample::select(vec![44_100u32, 48_000])) {
            let mut clock = AudioClock::new(rate, 1_024, 0);
            for index in 0..20_000i64 {
                let us = index * 1_024 * (1_000_000 + ppm) / i64::from(rate) / 1_000 * 1_000;
                if let Placed::Kept { at, .. } = clock.place(us, 0) {
                    prop_assert!((clock.micros(at) - us).abs() <= 17_500, "{} at {}", clock.micros(at) - us, index);
                }
            }
        }

        #[test]
        fn frames_follow_each_other(times in prop::collection::vec(-1_000_000i64..20_000_000, 1..200)) {
            let mut clock = clock();
            let mut end = None;
            for us in times {
                if let Placed::Kept { at, silence_at, silent } = clock.place(us, 0) {
                    prop_assert!(end.is_none_or(|end| end == silence_at) && at == silence_at + i64::from(silent) * 1_024);
                    end = Some(at + 1_024);
                }
            }
        }
    }
}
