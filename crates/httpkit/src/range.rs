//! Byte ranges (RFC 9110 §14).
//!
//! One range is served as 206. Several are answered whole, which RFC 9110 §14.2 allows and every player
//! understands; several of which only one can be satisfied are served as that one.

use std::ops::Range;

use http::HeaderValue;

/// What a request wants of a representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it (200).
    Whole,
    /// These bytes, half-open and never empty (206).
    Part(Range<u64>),
    /// Bytes that do not exist, or a set that is malformed (416).
    Unsatisfiable,
}

/// One element of a range set before the length is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spec {
    /// `first-` or `first-last`, both inclusive; `last` is `u64::MAX` when open.
    From(u64, u64),
    /// The last so many bytes.
    Suffix(u64),
}

/// Digits of any length; numbers past `u64::MAX` saturate, which no representation reaches.
fn number(digits: &str) -> Option<u64> {
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| digits.parse().unwrap_or(u64::MAX))
}

impl Spec {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        if first.is_empty() {
            return number(last).map(Self::Suffix);
        }
        let first = number(first)?;
        let last = if last.is_empty() { u64::MAX } else { number(last)? };
        (first <= last).then_some(Self::From(first, last))
    }

    /// The bytes meant in a representation of `length` bytes; `None` when there are none.
    #[must_use]
    pub fn resolve(self, length: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From(first, last) => first..last.saturating_add(1).min(length),
            Self::Suffix(count) => length.saturating_sub(count)..length,
        };
        (range.start < range.end).then_some(range)
    }
}

/// The elements of a `bytes` range set, `Err` for an element that is malformed; `None` for another unit,
/// which is to be ignored (RFC 9110 §14.2).
fn elements(value: &str) -> Option<impl Iterator<Item = Result<Spec, ()>> + '_> {
    let (unit, set) = value.trim().split_once('=')?;
    unit.trim().eq_ignore_ascii_case("bytes").then(|| {
        set.split(',')
            .map(|element| element.trim_matches([' ', '\t']))
            .filter(|element| !element.is_empty())
            .map(|element| Spec::parse(element).ok_or(()))
    })
}

/// The one range asked for, when exactly one well-formed `bytes` range is; used where the length is not yet
/// known.
#[must_use]
pub fn single(value: &HeaderValue) -> Option<Spec> {
    let mut set = elements(value.to_str().ok()?)?;
    match (set.next(), set.next()) {
        (Some(Ok(spec)), None) => Some(spec),
        _ => None,
    }
}

/// What a `Range` header wants of a representation of `length` bytes. The caller has already judged
/// `If-Range` and the method ([`crate::conditional::range_applies`]).
#[must_use]
pub fn evaluate(header: Option<&HeaderValue>, length: u64) -> Wanted {
    let Some(header) = header else { return Wanted::Whole };
    let Ok(text) = header.to_str() else { return Wanted::Unsatisfiable };
    match elements(text) {
        Some(set) => resolve_set(set, length),
        None if text.contains('=') => Wanted::Whole,
        None => Wanted::Unsatisfiable,
    }
}

fn resolve_set(set: impl Iterator<Item = Result<Spec, ()>>, length: u64) -> Wanted {
    let mut wanted = Wanted::Unsatisfiable;
    for element in set {
        let Ok(spec) = element else { return Wanted::Unsatisfiable };
        if length == 0 && matches!(spec, Spec::Suffix(1..)) {
            return Wanted::Whole;
        }
        wanted = match (wanted, spec.resolve(length)) {
            (wanted, None) => wanted,
            (Wanted::Unsatisfiable, Some(range)) => Wanted::Part(range),
            (Wanted::Part(_) | Wanted::Whole, Some(_)) => Wanted::Whole,
        };
    }
    wanted
}

/// The `Content-Range` of a 206 answer; `range` is half-open and not empty.
#[must_use]
pub fn content_range(range: &Range<u64>, length: u64) -> HeaderValue {
    let last = range.end.saturating_sub(1);
    text_header(&format!("bytes {}-{last}/{length}", range.start))
}

/// The `Content-Range` of a 416 answer (RFC 9110 §15.5.17).
#[must_use]
pub fn unsatisfied(length: u64) -> HeaderValue {
    text_header(&format!("bytes */{length}"))
}

fn text_header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("digits, spaces and punctuation are valid in a header")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ask(text: &str, length: u64) -> Wanted {
        evaluate(Some(&HeaderValue::from_str(text).expect("a header")), length)
    }

    #[test]
    fn the_examples_of_the_rfc() {
        for (text, wanted) in [
            ("bytes=0-499", Wanted::Part(0..500)),
            ("bytes=500-999", Wanted::Part(500..1000)),
            ("bytes=-500", Wanted::Part(9500..10000)),
            ("bytes=9500-", Wanted::Part(9500..10000)),
            ("bytes=0-0,-1", Wanted::Whole),
            ("bytes= 0-999, 4500-5499, -1000", Wanted::Whole),
            ("BYTES=9999-20000", Wanted::Part(9999..10000)),
            ("bytes=-20000", Wanted::Part(0..10000)),
        ] {
            assert_eq!(ask(text, 10_000), wanted, "{text}");
        }
    }

    #[test]
    fn bytes_that_do_not_exist_and_nonsense_are_refused() {
        let far = format!("bytes={}-", "9".repeat(40));
        for text in [
            "bytes=10-",
            "bytes=-0",
            "bytes=5-3",
            "bytes=a-b",
            "bytes=",
            "bytes=--1",
            "bytes",
            &far,
            "bytes=0-1,x",
        ] {
            assert_eq!(ask(text, 10), Wanted::Unsatisfiable, "{text}");
        }
    }

    #[test]
    fn other_units_are_ignored_and_a_lone_satisfiable_range_is_served() {
        assert_eq!(ask("items=0-5", 10), Wanted::Whole);
        assert_eq!(evaluate(None, 10), Wanted::Whole);
        assert_eq!(ask("bytes=50-60,2-3", 10), Wanted::Part(2..4));
        assert_eq!(ask("bytes=-5", 0), Wanted::Whole);
        assert_eq!(ask("bytes=0-", 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn a_single_range_is_known_without_the_length() {
        let one = |text| single(&HeaderValue::from_static(text));
        assert_eq!(one("bytes=5-9"), Some(Spec::From(5, 9)));
        assert_eq!(one("bytes=-9"), Some(Spec::Suffix(9)));
        assert_eq!(one("bytes=5-9,1-2"), None);
        assert_eq!(one("bytes=9-5"), None);
        assert_eq!(one("lines=5-9"), None);
    }

    proptest! {
        #[test]
        fn a_served_range_is_inside_and_is_what_was_asked(first in 0u64..200, last in 0u64..200, length in 0u64..150) {
            match ask(&format!("bytes={first}-{last}"), length) {
                Wanted::Part(range) => {
                    prop_assert!(first <= last && first < length);
                    prop_assert_eq!(range, first..length.min(last + 1));
                }
                Wanted::Unsatisfiable => prop_assert!(first > last || first >= length),
                Wanted::Whole => prop_assert!(false, "one range is never answered whole"),
            }
        }

        #[test]
        fn no_header_panics(bytes in prop::collection::vec(0x20u8..0x7f, 0..60), length: u64) {
            let text = format!("bytes={}", String::from_utf8_lossy(&bytes));
            if let Wanted::Part(range) = ask(&text, length) {
                prop_assert!(range.start < range.end && range.end <= length);
            }
        }
    }
}
