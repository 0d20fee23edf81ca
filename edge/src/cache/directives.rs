//! The directives of Cache-Control (RFC 9111 §5.2).

use http::{HeaderMap, header};

/// Largest delta-seconds told apart (RFC 9111 §1.2.2).
const DELTA_MAX: u64 = 1 << 31;

/// The response directives of Cache-Control that matter to a shared cache (RFC 9111 §5.2.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    pub no_store: bool,
    /// Also the form that names fields: the whole answer is treated so.
    pub private: bool,
    /// Also the form that names fields.
    pub no_cache: bool,
    must_revalidate: bool,
    pub max_age: Option<u64>,
    pub s_maxage: Option<u64>,
    pub stale_while_revalidate: Option<u64>,
    pub stale_if_error: Option<u64>,
}

/// Splits at commas that are not inside quotes.
pub(crate) fn elements(text: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|character| {
        let cut = character == ',' && !quoted;
        quoted ^= character == '"' && !escaped;
        escaped = quoted && character == '\\' && !escaped;
        cut
    })
    .map(str::trim)
    .filter(|element| !element.is_empty())
    .collect()
}

/// Seconds; a value that is none counts as 0, which makes the answer stale (RFC 9111 §4.2.1).
pub(crate) fn delta(argument: &str) -> u64 {
    let digits = argument.trim().trim_matches('"');
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if valid { digits.parse().unwrap_or(DELTA_MAX).min(DELTA_MAX) } else { 0 }
}

/// Of contradicting values the smaller is kept.
fn keep_least(slot: &mut Option<u64>, argument: &str) {
    let value = delta(argument);
    *slot = Some(slot.map_or(value, |known| known.min(value)));
}

impl Directives {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut out = Self::default();
        for value in headers.get_all(header::CACHE_CONTROL) {
            match value.to_str() {
                Ok(text) => elements(text).into_iter().for_each(|element| out.add(element)),
                Err(_) => out.no_store = true,
            }
        }
        out
    }

    fn add(&mut self, element: &str) {
        let (name, argument) = element.split_once('=').unwrap_or((element, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" => self.no_store = true,
            "private" => self.private = true,
            "no-cache" => self.no_cache = true,
            "must-revalidate" | "proxy-revalidate" => self.must_revalidate = true,
            "max-age" => keep_least(&mut self.max_age, argument),
            "s-maxage" => keep_least(&mut self.s_maxage, argument),
            "stale-while-revalidate" => keep_least(&mut self.stale_while_revalidate, argument),
            "stale-if-error" => keep_least(&mut self.stale_if_error, argument),
            _ => {}
        }
    }

    /// Whether staleness is never to be shown; `s-maxage` implies it (RFC 9111 §5.2.2.10).
    pub(super) fn forbids_stale(&self) -> bool {
        self.no_cache || self.must_revalidate || self.s_maxage.is_some()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(lines: &[&str]) -> Directives {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::CACHE_CONTROL, HeaderValue::from_str(line).expect("a header"));
        }
        Directives::of(&headers)
    }

    #[test]
    fn quotes_hide_commas_and_names_have_no_case() {
        let read =
            of(&["Public, ext=\"a, no-store, \\\" b\", MAX-AGE=\"60\" ,, S-MaxAge=5", "No-Cache=\"x\""]);
        assert_eq!((read.max_age, read.s_maxage), (Some(60), Some(5)));
        assert!(read.no_cache && !read.no_store && !read.private);
        assert_eq!(of(&[]), Directives::default());
    }

    #[test]
    fn values_that_are_no_seconds_count_as_none_left() {
        for text in ["max-age", "max-age=", "max-age=x", "max-age=-1", "max-age=1.5", "max-age=1 no-store"] {
            assert_eq!(of(&[text]).max_age, Some(0), "{text}");
        }
        assert_eq!(of(&["max-age=9, max-age=7, max-age=8"]).max_age, Some(7));
        assert_eq!(of(&["max-age=99999999999999999999"]).max_age, Some(DELTA_MAX));
    }
}
