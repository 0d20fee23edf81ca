//! Ticks of a track to times on a graph's clock, and back to the same ticks.

use gstreamer as gst;

use crate::failure::{GraphError, Result};

const SECOND_NS: i128 = 1_000_000_000;
/// Tick zero on a graph's clock, in nanoseconds: 2000 hours. Graphs know no negative times, and encoders move what
/// comes before their first 1000 hours.
const ZERO_NS: i128 = 2_000 * 3_600 * SECOND_NS;
/// A hundred years.
const END_NS: i128 = 876_000 * 3_600 * SECOND_NS;

/// A track's timescale.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    per_second: i128,
}

impl Clock {
    /// A clock of `timescale` ticks a second.
    ///
    /// # Errors
    /// When that is none, or more than a graph's clock tells apart.
    pub fn new(timescale: u32) -> Result<Self> {
        let per_second = i128::from(timescale);
        if !(1..=SECOND_NS).contains(&per_second) {
            return Err(GraphError::internal(format!("the spec asks for {timescale} ticks a second")));
        }
        Ok(Self { per_second })
    }

    /// The time of a tick, rounded up so that [`Clock::ticks`] finds it again; `None` beyond a century or before the
    /// graph's clock begins.
    #[must_use]
    pub fn time(self, ticks: i64) -> Option<gst::ClockTime> {
        // Rounds up, below zero too.
        let ns = -(-i128::from(ticks) * SECOND_NS).div_euclid(self.per_second);
        let on_clock = Some(ZERO_NS + ns).filter(|time| (0..END_NS).contains(time))?;
        u64::try_from(on_clock).ok().map(gst::ClockTime::from_nseconds)
    }

    /// The last tick at or before `time`.
    #[must_use]
    pub fn ticks(self, time: gst::ClockTime) -> i64 {
        let ticks = ((i128::from(time.nseconds()) - ZERO_NS) * self.per_second).div_euclid(SECOND_NS);
        i64::try_from(ticks).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX })
    }
}

/// Nanoseconds from tick zero to `time`.
#[must_use]
pub fn since_zero(time: gst::ClockTime) -> i64 {
    i64::try_from(i128::from(time.nseconds()) - ZERO_NS).unwrap_or(i64::MAX)
}

/// The time `ns` nanoseconds after tick zero; the graph's beginning before that.
#[must_use]
pub fn at(ns: i64) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(u64::try_from(ZERO_NS + i128::from(ns)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_no_clock_can_tell_is_refused() {
        assert!(Clock::new(0).is_err() && Clock::new(1_000_000_001).is_err());
        let clock = Clock::new(1).expect("a clock");
        assert_eq!(clock.time(i64::MAX), None);
        assert_eq!(clock.time(i64::MIN), None);
        assert_eq!(clock.time(-7_200_000).map(gst::ClockTime::nseconds), Some(0));
    }

    proptest! {
        #[test]
        fn ticks_come_back(timescale in 1u32..=1_000_000_000, ticks in -1_000_000i64..1_000_000_000_000) {
            let clock = Clock::new(timescale).expect("a clock");
            if let Some(time) = clock.time(ticks) {
                prop_assert_eq!(clock.ticks(time), ticks);
                prop_assert_eq!(at(since_zero(time)), time);
            }
        }
    }
}
