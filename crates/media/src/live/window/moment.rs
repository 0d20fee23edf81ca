//! Moments of the wall clock.

use std::fmt;

use serde::{Deserialize, Serialize};

const DAY_SECONDS: i64 = 86_400;

/// Microseconds since 1970-01-01T00:00:00Z. It is shown as EXT-X-PROGRAM-DATE-TIME wants it: ISO 8601 in UTC
/// with milliseconds, rounded towards the past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub i64);

impl Moment {
    /// So many microseconds later.
    #[must_use]
    pub const fn plus(self, us: u64) -> Self {
        Self(self.0.saturating_add_unsigned(us))
    }

    /// Microseconds since `earlier`; 0 when that is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

/// Year, month and day of a day counted from 1970-01-01 in the proleptic Gregorian calendar: eras of 400 years
/// that begin on 1 March, so that the leap day is the last of a year.
const fn civil(day: i64) -> (i64, i64, i64) {
    let from_march = day + 719_468;
    let era = from_march.div_euclid(146_097);
    let of_era = from_march.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let turned = if month <= 2 { 1 } else { 0 };
    (year + era * 400 + turned, month, of_year - (153 * march_month + 2) / 5 + 1)
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.div_euclid(1_000);
        let seconds = ms.div_euclid(1_000);
        let (year, month, day) = civil(seconds.div_euclid(DAY_SECONDS));
        let of_day = seconds.rem_euclid(DAY_SECONDS);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        let ms = ms.rem_euclid(1_000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000Z"),
            (1_795_366_111, "2026-11-22T16:48:31.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(Moment(seconds * 1_000_000).to_string(), date);
        }
        assert_eq!(Moment(1_999).to_string(), "1970-01-01T00:00:00.001Z");
    }

    #[test]
    fn arithmetic_stays_inside_its_range() {
        assert_eq!(Moment(i64::MAX).plus(u64::MAX), Moment(i64::MAX));
        assert_eq!((Moment(5).since(Moment(9)), Moment(9).since(Moment(5))), (0, 4));
        assert!(!Moment(i64::MAX).to_string().is_empty() && !Moment(i64::MIN).to_string().is_empty());
    }
}
