//! How long caches in front of the edge may keep an answer that only a token opens.

use std::time::Duration;

use base::Timestamp;
use http::{HeaderMap, HeaderValue, header};

use crate::cache::{delta, elements};

/// How long a token still allows its path at `now`, which is when the answer is there: it may have been waited for.
pub(crate) fn left(expires_s: i64, now: Timestamp) -> Duration {
    Duration::from_secs(expires_s.saturating_sub(now.seconds()).try_into().unwrap_or(0))
}

/// Limits Cache-Control to what a token still allows: the token is part of the URL, so that a cache that keeps
/// the answer longer would go on serving it after the token has ended. `max-age` counts from the answer's
/// making (RFC 9111 §4.2.3), so its Age is added.
pub(crate) fn cap(headers: &mut HeaderMap, remaining: Duration) {
    let Some(control) = headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok()) else {
        return;
    };
    let age = headers.get(header::AGE).and_then(|age| age.to_str().ok()).map_or(0, delta);
    let limit = remaining.as_secs().saturating_add(age);
    let directives: Vec<String> =
        elements(control).into_iter().filter_map(|directive| capped(directive, limit)).collect();
    if let Ok(value) = HeaderValue::from_str(&directives.join(", ")) {
        headers.insert(header::CACHE_CONTROL, value);
    }
}

/// A directive that promises no more than `limit` seconds; `None` when it would.
fn capped(directive: &str, limit: u64) -> Option<String> {
    let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
    match name.to_ascii_lowercase().as_str() {
        "max-age" | "s-maxage" => Some(format!("{name}={}", delta(argument).min(limit))),
        "immutable" | "stale-while-revalidate" | "stale-if-error" => None,
        _ => Some(directive.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(control: &'static str, age: &'static str, remaining: u64) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(control));
        headers.insert(header::AGE, HeaderValue::from_static(age));
        cap(&mut headers, Duration::from_secs(remaining));
        headers[header::CACHE_CONTROL].to_str().expect("text").into()
    }

    #[test]
    fn nothing_outlives_the_token() {
        assert_eq!(with("public, max-age=31536000, immutable", "0", 60), "public, max-age=60");
        assert_eq!(with("public, max-age=31536000, immutable", "40", 60), "public, max-age=100");
        assert_eq!(with("max-age=5, stale-while-revalidate=60", "0", 60), "max-age=5");
        assert_eq!(with("S-MaxAge=\"99\", no-transform", "0", 7), "S-MaxAge=7, no-transform");
        assert_eq!(with("max-age=10", "0", 0), "max-age=0");
    }

    #[test]
    fn an_answer_without_directives_stays_so() {
        let mut headers = HeaderMap::new();
        cap(&mut headers, Duration::from_secs(1));
        assert!(headers.is_empty());
    }
}
