//! Conditional requests (RFC 9110 §13), as pure functions.

use std::cell::RefCell;

use http::{HeaderMap, HeaderName, Method, header};

use crate::{ETag, date, etag::list_matches};

/// What a representation can be recognised by.
#[derive(Clone, Debug, Default)]
pub struct Validators {
    /// Its entity tag.
    pub etag: Option<ETag>,
    /// When it was last modified, in seconds since 1970.
    pub modified_s: Option<i64>,
}

/// What the conditions of a request ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Perform the method.
    Proceed,
    /// 304: the client already has it.
    NotModified,
    /// 412.
    PreconditionFailed,
}

/// All values of a list header joined, `None` when absent; an unreadable value reads as malformed text.
fn joined(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("\u{0}"));
    let first = values.next()?.to_owned();
    Some(values.fold(first, |all, next| all + "," + next))
}

fn date_of(headers: &HeaderMap, name: HeaderName) -> Option<i64> {
    headers.get(name)?.to_str().ok().and_then(date::parse)
}

/// Steps 1 and 2 of RFC 9110 §13.2.2: whether the state is the one the client expects.
fn expected_state(headers: &HeaderMap, of: &Validators) -> bool {
    let strong = |tag: &ETag| of.etag.as_ref().is_some_and(|own| own.same_strong(tag));
    if let Some(list) = joined(headers, header::IF_MATCH) {
        return list_matches(&list, strong).unwrap_or(false);
    }
    match (date_of(headers, header::IF_UNMODIFIED_SINCE), of.modified_s) {
        (Some(limit), Some(modified)) => modified <= limit,
        _ => true,
    }
}

/// The strong tags that a request's If-Match names, without their quotes, for a state that is only known under
/// a lock; `None` without the header and for `*`, which any state fits. A malformed header names none, so that
/// nothing fits.
#[must_use]
pub fn expected_tags(headers: &HeaderMap) -> Option<Vec<String>> {
    let list = joined(headers, header::IF_MATCH)?;
    if list.trim() == "*" {
        return None;
    }
    let tags = RefCell::new(Vec::new());
    let collect = |tag: &ETag| {
        tags.borrow_mut().extend((!tag.is_weak()).then(|| tag.opaque().to_owned()));
        false
    };
    list_matches(&list, collect).map(|_| tags.into_inner()).or(Some(Vec::new()))
}

/// Steps 3 and 4: whether the client's copy is still the present one.
fn already_held(headers: &HeaderMap, method: &Method, of: &Validators) -> bool {
    let weak = |tag: &ETag| of.etag.as_ref().is_some_and(|own| own.same_weak(tag));
    if let Some(list) = joined(headers, header::IF_NONE_MATCH) {
        return list_matches(&list, weak).unwrap_or(false);
    }
    match (date_of(headers, header::IF_MODIFIED_SINCE), of.modified_s) {
        (Some(since), Some(modified)) if is_read(method) => modified <= since,
        _ => false,
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Evaluates the conditions in the order of RFC 9110 §13.2.2. A malformed If-Match fails, a malformed
/// If-None-Match is as if absent: both are the outcome that loses nothing.
#[must_use]
pub fn evaluate(method: &Method, headers: &HeaderMap, of: &Validators) -> Verdict {
    if !expected_state(headers, of) {
        Verdict::PreconditionFailed
    } else if !already_held(headers, method, of) {
        Verdict::Proceed
    } else if is_read(method) {
        Verdict::NotModified
    } else {
        Verdict::PreconditionFailed
    }
}

/// Step 5: whether a `Range` header is to be honoured, by method and If-Range (RFC 9110 §13.1.5).
#[must_use]
pub fn range_applies(method: &Method, headers: &HeaderMap, of: &Validators) -> bool {
    if *method != Method::GET || !headers.contains_key(header::RANGE) {
        return false;
    }
    let Some(condition) = headers.get(header::IF_RANGE) else { return true };
    let Ok(text) = condition.to_str() else { return false };
    match ETag::parse(text) {
        Some(tag) => of.etag.as_ref().is_some_and(|own| own.same_strong(&tag)),
        None => date::parse(text).is_some_and(|date| of.modified_s == Some(date)),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn of(etag: &str, modified_s: i64) -> Validators {
        Validators { etag: ETag::parse(etag), modified_s: Some(modified_s) }
    }

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name, HeaderValue::from_str(value).expect("a header"));
        }
        map
    }

    fn check(method: Method, pairs: &[(HeaderName, &str)], expected: Verdict) {
        assert_eq!(evaluate(&method, &headers(pairs), &of("\"a\"", 1_000)), expected, "{method} {pairs:?}");
    }

    #[test]
    fn none_match_beats_dates_and_compares_weakly() {
        let old = date::format(10);
        check(Method::GET, &[(header::IF_NONE_MATCH, "W/\"a\"")], Verdict::NotModified);
        check(Method::GET, &[(header::IF_NONE_MATCH, "*")], Verdict::NotModified);
        check(Method::PUT, &[(header::IF_NONE_MATCH, "*")], Verdict::PreconditionFailed);
        check(Method::GET, &[(header::IF_NONE_MATCH, "\"b\"")], Verdict::Proceed);
        check(Method::GET, &[(header::IF_NONE_MATCH, "nonsense")], Verdict::Proceed);
        let both = [(header::IF_NONE_MATCH, "\"a\""), (header::IF_MODIFIED_SINCE, old.as_str())];
        check(Method::GET, &both, Verdict::NotModified);
        let split = [(header::IF_NONE_MATCH, "\"x\""), (header::IF_NONE_MATCH, "\"a\"")];
        check(Method::HEAD, &split, Verdict::NotModified);
    }

    #[test]
    fn dates_decide_where_no_tag_is_given() {
        let (before, same) = (date::format(999), date::format(1_000));
        check(Method::GET, &[(header::IF_MODIFIED_SINCE, &same)], Verdict::NotModified);
        check(Method::GET, &[(header::IF_MODIFIED_SINCE, &before)], Verdict::Proceed);
        check(Method::POST, &[(header::IF_MODIFIED_SINCE, &same)], Verdict::Proceed);
        check(Method::GET, &[(header::IF_MODIFIED_SINCE, "yesterday")], Verdict::Proceed);
        check(Method::GET, &[(header::IF_UNMODIFIED_SINCE, &before)], Verdict::PreconditionFailed);
        check(Method::GET, &[(header::IF_UNMODIFIED_SINCE, &same)], Verdict::Proceed);
    }

    #[test]
    fn match_compares_strongly_and_comes_first() {
        check(Method::PUT, &[(header::IF_MATCH, "\"a\"")], Verdict::Proceed);
        check(Method::PUT, &[(header::IF_MATCH, "W/\"a\"")], Verdict::PreconditionFailed);
        check(Method::PUT, &[(header::IF_MATCH, "nonsense")], Verdict::PreconditionFailed);
        let both = [(header::IF_MATCH, "\"b\""), (header::IF_NONE_MATCH, "\"a\"")];
        check(Method::GET, &both, Verdict::PreconditionFailed);
    }

    #[test]
    fn if_range_needs_a_strong_match_or_the_same_date() {
        let same = date::format(1_000);
        for (value, applies) in
            [("\"a\"", true), ("W/\"a\"", false), ("\"b\"", false), (same.as_str(), true), ("soon", false)]
        {
            let asked = headers(&[(header::RANGE, "bytes=0-1"), (header::IF_RANGE, value)]);
            assert_eq!(range_applies(&Method::GET, &asked, &of("\"a\"", 1_000)), applies, "{value}");
            assert!(!range_applies(&Method::HEAD, &asked, &of("\"a\"", 1_000)));
        }
    }

    proptest! {
        #[test]
        fn a_client_that_sends_our_tag_back_gets_no_body(tag in "[!#-~]{1,20}", others in prop::collection::vec("[!#-~]{1,8}", 0..4)) {
            let own = ETag::strong(&tag).expect("a tag");
            let list: Vec<String> = others.iter().map(|other| format!("\"{other}\"")).chain([own.to_string()]).collect();
            let asked = headers(&[(header::IF_NONE_MATCH, &list.join(", "))]);
            let of = Validators { etag: Some(own), modified_s: None };
            prop_assert_eq!(evaluate(&Method::GET, &asked, &of), Verdict::NotModified);
        }
    }
}
