//! Values of tags as integers, so that sums and comparisons are exact.

/// Seconds with a fraction as microseconds, what lies below rounded down.
pub(super) fn micros(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let mut padded: String = fraction.chars().take(6).collect();
    while padded.len() < 6 {
        padded.push('0');
    }
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(padded.parse().ok()?)
}

/// A date (ISO/IEC 8601, as RFC 3339 has it) as microseconds since 1970.
pub(super) fn date(text: &str) -> Option<i64> {
    let (day, time) = text.split_once('T')?;
    let mut day = day.splitn(3, '-').map(|piece| piece.parse::<i64>().ok());
    let (year, month, day) = (day.next()??, day.next()??, day.next()??);
    let zone_at = time.find(['Z', '+', '-'])?;
    let (clock, zone) = time.split_at(zone_at);
    let mut clock = clock.splitn(3, ':');
    let (hour, minute) = (clock.next()?.parse::<i64>().ok()?, clock.next()?.parse::<i64>().ok()?);
    let second = i64::try_from(micros(clock.next()?)?).ok()?;
    let lawful = (1..=12).contains(&month) && (1..=31).contains(&day) && (0..=9999).contains(&year);
    if !lawful || !(0..24).contains(&hour) || !(0..60).contains(&minute) || second > 60_999_999 {
        return None;
    }
    let minutes = days(year, month, day) * 1_440 + hour * 60 + minute - offset_minutes(zone)?;
    Some(minutes * 60_000_000 + second)
}

fn offset_minutes(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (sign, rest) = zone.split_at_checked(1)?;
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
    Some(if sign == "-" { -minutes } else { minutes })
}

/// Days since 1970-01-01 in the Gregorian calendar, counted from March so that leap days come last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_to_the_microsecond() {
        assert_eq!(micros("6"), Some(6_000_000));
        assert_eq!(micros("0.208542"), Some(208_542));
        assert_eq!(micros("4.0000009"), Some(4_000_000));
        for bad in ["", ".5", "-1", "1e3", "1.2.3", "99999999999999999999"] {
            assert_eq!(micros(bad), None, "{bad}");
        }
    }

    #[test]
    fn dates_are_read_with_their_zone() {
        assert_eq!(date("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(date("2023-11-14T22:13:20.000Z"), Some(1_700_000_000_000_000));
        assert_eq!(date("2023-11-15T00:13:20.5+02:00"), Some(1_700_000_000_500_000));
        assert_eq!(date("2024-02-29T00:00:00Z"), Some(1_709_164_800_000_000));
        for bad in ["", "2023-11-14", "2023-13-01T00:00:00Z", "2023-11-14T25:00:00Z", "2023-11-14T00:00:00"] {
            assert_eq!(date(bad), None, "{bad}");
        }
    }
}
