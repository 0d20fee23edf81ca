//! Frame rates as exact fractions.

use std::fmt;

use serde::{Deserialize, Serialize};

const SECOND_NS: u128 = 1_000_000_000;

/// Frames per second as a reduced fraction; both parts are at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u32, u32)", into = "(u32, u32)")]
pub struct FrameRate {
    num: u32,
    den: u32,
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl FrameRate {
    /// The rate `num / den`, reduced; `None` when either is zero.
    #[must_use]
    pub const fn new(num: u32, den: u32) -> Option<Self> {
        if num == 0 || den == 0 {
            return None;
        }
        let divisor = gcd(num, den);
        Some(Self { num: num / divisor, den: den / divisor })
    }

    /// Frames per [`Self::den`] seconds.
    #[must_use]
    pub const fn num(self) -> u32 {
        self.num
    }

    /// Seconds that hold [`Self::num`] frames.
    #[must_use]
    pub const fn den(self) -> u32 {
        self.den
    }

    /// Frames per second, for comparisons and people.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// Frames per second in thousandths, rounded to nearest.
    #[must_use]
    pub const fn millihertz(self) -> u64 {
        (self.num as u64 * 2_000 + self.den as u64) / (2 * self.den as u64)
    }

    /// The start of slot `slot` on the output grid, in nanoseconds: `ceil(slot * den * 1e9 / num)`.
    #[must_use]
    pub fn slot_ns(self, slot: u64) -> u64 {
        let ns = (u128::from(slot) * u128::from(self.den) * SECOND_NS).div_ceil(u128::from(self.num));
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// The start of slot `slot` in ticks of `timescale` per second, rounded down: the `tfdt` of its fragment.
    #[must_use]
    pub fn slot_ticks(self, slot: u64, timescale: u32) -> u64 {
        let ticks = u128::from(slot) * u128::from(self.den) * u128::from(timescale) / u128::from(self.num);
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// How many slots `ns` nanoseconds hold, rounded to nearest.
    #[must_use]
    pub fn slots_in(self, ns: u64) -> u64 {
        let unit = u128::from(self.den) * SECOND_NS;
        let slots = (u128::from(ns) * u128::from(self.num) * 2 + unit) / (2 * unit);
        u64::try_from(slots).unwrap_or(u64::MAX)
    }
}

/// Three decimals, as HLS FRAME-RATE wants it (RFC 8216bis section 4.4.6.2).
impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millihertz = self.millihertz();
        write!(f, "{}.{:03}", millihertz / 1_000, millihertz % 1_000)
    }
}

impl TryFrom<(u32, u32)> for FrameRate {
    type Error = &'static str;
    fn try_from((num, den): (u32, u32)) -> Result<Self, Self::Error> {
        Self::new(num, den).ok_or("a frame rate has no zero parts")
    }
}

impl From<FrameRate> for (u32, u32) {
    fn from(rate: FrameRate) -> Self {
        (rate.num, rate.den)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(num: u32, den: u32) -> FrameRate {
        FrameRate::new(num, den).unwrap()
    }

    #[test]
    fn prints_three_decimals() {
        let shown = [(25, 1), (30_000, 1_001), (24_000, 1_001), (25, 2), (60_000, 1_001)]
            .map(|(num, den)| rate(num, den).to_string());
        assert_eq!(shown, ["25.000", "29.970", "23.976", "12.500", "59.940"]);
    }

    #[test]
    fn serialises_as_a_pair_and_refuses_zero() {
        assert_eq!(serde_json::to_string(&rate(50, 2)).unwrap(), "[25,1]");
        assert!(serde_json::from_str::<FrameRate>("[25,0]").is_err());
    }

    proptest! {
        #[test]
        fn slots_and_their_starts_agree(num in 1u32..240_000, den in 1u32..2_000, slot in 0u64..10_000_000) {
            let rate = rate(num, den);
            prop_assert_eq!(rate.slots_in(rate.slot_ns(slot)), slot);
        }
    }
}
