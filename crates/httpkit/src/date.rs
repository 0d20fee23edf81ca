//! HTTP dates (RFC 9110 §5.6.7), in whole seconds since 1970-01-01T00:00:00Z.

use std::time::{Duration, UNIX_EPOCH};

/// 9999-12-31T23:59:59Z, the last second a four-digit year can say.
const LAST: i64 = 253_402_300_799;

/// The IMF-fixdate of `seconds`, brought into the years 1970 to 9999.
#[must_use]
pub fn format(seconds: i64) -> String {
    let since = Duration::from_secs(seconds.clamp(0, LAST).unsigned_abs());
    httpdate::fmt_http_date(UNIX_EPOCH + since)
}

/// Reads any of the three forms a recipient must accept; `None` for other text and for years before 1970.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let since = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(parse(text), Some(784_111_777), "{text}");
        }
        assert_eq!(format(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn times_out_of_range_are_clamped() {
        assert_eq!(format(i64::MIN), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(format(i64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    proptest! {
        #[test]
        fn dates_round_trip(seconds in 0..=LAST) {
            prop_assert_eq!(parse(&format(seconds)), Some(seconds));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = parse(&text);
        }
    }
}
