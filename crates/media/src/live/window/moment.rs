//! Moments of the wall clock.

use std::{fmt, str::FromStr};

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

/// The day of a date, counted from 1970-01-01: what [`civil`] undoes.
const fn day(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let march_month = (month + 9) % 12;
    let of_year = (153 * march_month + 2) / 5 + day - 1;
    let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    year.div_euclid(400) * 146_097 + of_era - 719_468
}

/// A text that is no date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a date such as 2026-11-22T16:48:31.000Z is expected")]
pub struct NoMoment;

impl FromStr for Moment {
    type Err = NoMoment;

    /// Reads EXT-X-PROGRAM-DATE-TIME: ISO 8601 with an offset, fractions to the microsecond.
    fn from_str(text: &str) -> Result<Self, NoMoment> {
        read(text.trim()).map(Self).ok_or(NoMoment)
    }
}

fn read(text: &str) -> Option<i64> {
    let (date, clock) = text.split_once(['T', 't', ' '])?;
    let [year, month, of_month] = numbers(date, '-')?;
    let at = clock.find(['Z', 'z', '+', '-'])?;
    let (clock, offset) = clock.split_at(at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let [hour, minute, second] = numbers(clock, ':')?;
    let sane = (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&of_month);
    if !sane || hour > 24 || minute > 59 || second > 60 || !fraction.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let us = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
    let us = us.fold(0, |us, digit| us * 10 + i64::from(digit - b'0'));
    let seconds = day(year, month, of_month) * DAY_SECONDS + hour * 3_600 + minute * 60 + second;
    Some((seconds - offset_seconds(offset)?) * 1_000_000 + us)
}

/// How far east of UTC: `Z`, `+01:00` or `-0800`.
fn offset_seconds(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("Z" | "z", "") => return Some(0),
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let rest = rest.replace(':', "");
    let (hours, minutes) = rest.split_at_checked(2).filter(|(_, minutes)| matches!(minutes.len(), 0 | 2))?;
    let minutes = if minutes.is_empty() { 0 } else { number(minutes)? };
    Some(sign * (number(hours)? * 3_600 + minutes * 60))
}

fn numbers<const N: usize>(text: &str, between: char) -> Option<[i64; N]> {
    let numbers: Option<Vec<i64>> = text.split(between).map(number).collect();
    numbers?.try_into().ok()
}

fn number(digits: &str) -> Option<i64> {
    let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_of_others_are_read() {
        let noon = Ok(Moment(1_795_348_800_000_000));
        for text in ["2026-11-22T12:00:00Z", "2026-11-22T13:00:00.000+01:00", "2026-11-22t04:00:00-0800"] {
            assert_eq!(text.parse::<Moment>(), noon, "{text}");
        }
        assert_eq!("1970-01-01T00:00:00.1234567Z".parse::<Moment>(), Ok(Moment(123_456)));
        for wrong in ["", "2026-11-22", "2026-11-22T12:00:00", "2026-13-22T12:00:00Z", "2026-11-22T12:00Z"] {
            assert_eq!(wrong.parse::<Moment>(), Err(NoMoment), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read(ms in -62_135_596_800_000_i64..253_402_300_799_999) {
            let moment = Moment(ms * 1_000);
            prop_assert_eq!(moment.to_string().parse(), Ok(moment));
        }

        #[test]
        fn any_text_is_survived(text: String) {
            let _ = text.parse::<Moment>();
        }
    }

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
