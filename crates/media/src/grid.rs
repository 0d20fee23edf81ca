//! The grid of segment boundaries that every track of a presentation shares.

use serde::{Deserialize, Serialize};

use crate::FrameRate;

/// The length of a segment as an exact fraction of seconds; both parts are at least 1.
///
/// Segment `k` covers `[k * num / den, (k + 1) * num / den)` seconds of output time, in every track; audio
/// cuts at the access unit nearest to each boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u32, u32)", into = "(u32, u32)")]
pub struct SegmentGrid {
    num: u32,
    den: u32,
}

impl SegmentGrid {
    /// Segments of a second.
    pub const SECOND: Self = Self { num: 1, den: 1 };

    /// Segments of `num / den` seconds; `None` when either is zero.
    #[must_use]
    pub const fn new(num: u32, den: u32) -> Option<Self> {
        // A frame rate reduces its fraction the same way; seconds per segment is frames per second upside down.
        match FrameRate::new(num, den) {
            Some(fraction) => Some(Self { num: fraction.num(), den: fraction.den() }),
            None => None,
        }
    }

    /// Segments of `frames` frames each; `None` when `frames` is zero or the fraction leaves 32 bits.
    #[must_use]
    pub const fn of_frames(frames: u32, rate: FrameRate) -> Option<Self> {
        match frames.checked_mul(rate.den()) {
            Some(num) => Self::new(num, rate.num()),
            None => None,
        }
    }

    /// Seconds, numerator.
    #[must_use]
    pub const fn num(self) -> u32 {
        self.num
    }

    /// Seconds, denominator.
    #[must_use]
    pub const fn den(self) -> u32 {
        self.den
    }

    /// Length of a segment in nanoseconds, rounded to nearest.
    #[must_use]
    pub const fn nanoseconds(self) -> u64 {
        (self.num as u64 * 2_000_000_000 + self.den as u64) / (2 * self.den as u64)
    }

    /// Length of a segment in whole seconds, rounded to nearest, at least 1: the EXT-X-TARGETDURATION.
    #[must_use]
    pub fn target_seconds(self) -> u64 {
        let (num, den) = (u64::from(self.num), u64::from(self.den));
        ((2 * num + den) / (2 * den)).max(1)
    }

    /// Which segment a sample belongs to that starts at `start` and lasts `duration`, both in ticks of
    /// `timescale` per second: the one whose boundary its start is nearest to or past.
    #[must_use]
    pub fn index_of(self, start: u64, duration: u64, timescale: u32) -> u64 {
        let middle_doubled = u128::from(start) * 2 + u128::from(duration);
        let unit = 2 * u128::from(self.num) * u128::from(timescale.max(1));
        u64::try_from(middle_doubled * u128::from(self.den) / unit).unwrap_or(u64::MAX)
    }
}

impl TryFrom<(u32, u32)> for SegmentGrid {
    type Error = &'static str;
    fn try_from((num, den): (u32, u32)) -> Result<Self, Self::Error> {
        Self::new(num, den).ok_or("a segment length has no zero parts")
    }
}

impl From<SegmentGrid> for (u32, u32) {
    fn from(grid: SegmentGrid) -> Self {
        (grid.num, grid.den)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ntsc() -> SegmentGrid {
        SegmentGrid::of_frames(180, FrameRate::new(30_000, 1_001).unwrap()).unwrap()
    }

    #[test]
    fn ntsc_segments_last_6_006_seconds() {
        assert_eq!((ntsc().nanoseconds(), ntsc().target_seconds()), (6_006_000_000, 6));
    }

    #[test]
    fn an_access_unit_goes_to_the_nearest_boundary() {
        let grid = SegmentGrid::new(6, 1).unwrap();
        // 6 s is 281.25 AAC frames: frame 281 starts 5.3 ms early, 282 starts 16 ms late.
        assert_eq!(grid.index_of(280 * 1_024, 1_024, 48_000), 0);
        assert_eq!(grid.index_of(281 * 1_024, 1_024, 48_000), 1);
        // 18 s is 843.75 frames: frame 843 starts 16 ms early, 844 starts 5.3 ms late.
        assert_eq!(grid.index_of(843 * 1_024, 1_024, 48_000), 2);
        assert_eq!(grid.index_of(844 * 1_024, 1_024, 48_000), 3);
    }

    proptest! {
        #[test]
        fn frames_on_the_grid_count_exactly(k in 0u64..100_000, frame in 0u64..180) {
            prop_assert_eq!(ntsc().index_of((k * 180 + frame) * 1_001, 1_001, 30_000), k);
        }
    }
}
