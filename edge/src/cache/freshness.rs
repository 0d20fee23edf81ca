//! Whether an answer may be stored and how long it may be used (RFC 9111 §3, §4.2; RFC 5861).

use std::time::Duration;

use base::Timestamp;
use http::{HeaderMap, HeaderName, StatusCode, header};
use httpkit::{date, encoding::Coding};

use super::{
    directives::{Directives, delta},
    head::text,
};

/// How long an absence is remembered when the upstream does not say; short, because segments come into being.
const ABSENCE: Duration = Duration::from_millis(500);
/// How long past its freshness an answer may stand in for a failing upstream that did not say.
const STALE_IF_ERROR: Duration = Duration::from_secs(300);

/// When the request for an answer left and when its head arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub requested: Timestamp,
    pub received: Timestamp,
}

/// How long a stored answer may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    received: Timestamp,
    initial_age: Duration,
    lifetime: Duration,
    while_revalidate: Duration,
    on_error: Duration,
    /// The upstream failed to confirm it: from now on nobody waits for the upstream while it may stand in.
    stands_in: bool,
}

/// How a stored answer may be used at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usable {
    /// As it is.
    Fresh,
    /// As it is, while somebody asks the upstream (RFC 5861 §3).
    WhileRevalidating,
    /// Only after the upstream confirmed it.
    Stale,
}

fn header_seconds(headers: &HeaderMap, name: HeaderName) -> Option<i64> {
    text(headers, name).and_then(date::parse)
}

/// RFC 9111 §4.2.3; apparent age in whole seconds, because Date has no finer ones.
fn initial_age(headers: &HeaderMap, times: &Times) -> Duration {
    let date_s = header_seconds(headers, header::DATE).unwrap_or_else(|| times.received.seconds());
    let apparent_s = times.received.seconds().saturating_sub(date_s).max(0).unsigned_abs();
    let told_s = text(headers, header::AGE).map_or(0, delta);
    let corrected = Duration::from_secs(told_s) + times.received.since(times.requested);
    corrected.max(Duration::from_secs(apparent_s))
}

/// RFC 9111 §4.2.1. Without any statement an absence is kept briefly and everything else not at all.
fn lifetime(status: StatusCode, headers: &HeaderMap, directives: &Directives, times: &Times) -> Duration {
    if directives.no_cache {
        return Duration::ZERO;
    }
    if let Some(seconds) = directives.s_maxage.or(directives.max_age) {
        return Duration::from_secs(seconds);
    }
    if headers.contains_key(header::EXPIRES) {
        let date_s = header_seconds(headers, header::DATE).unwrap_or_else(|| times.received.seconds());
        let left_s =
            header_seconds(headers, header::EXPIRES).map_or(0, |expires| expires.saturating_sub(date_s));
        return Duration::from_secs(left_s.max(0).unsigned_abs());
    }
    if status == StatusCode::OK { Duration::ZERO } else { ABSENCE }
}

fn varies_only_by_coding(headers: &HeaderMap) -> bool {
    headers.get_all(header::VARY).iter().all(|value| {
        let names = value.to_str().unwrap_or("*");
        names
            .split(',')
            .all(|name| name.trim().is_empty() || name.trim().eq_ignore_ascii_case("accept-encoding"))
    })
}

/// Whether the answer is in a coding that everyone with this key understands.
fn is_understood(coding: Coding, headers: &HeaderMap) -> bool {
    match headers.get(header::CONTENT_ENCODING).map(http::HeaderValue::as_bytes) {
        None => true,
        Some(applied) => coding == Coding::Gzip && applied.eq_ignore_ascii_case(b"gzip"),
    }
}

/// Of refusals only those that say for how long (RFC 9111 §3).
fn may_be_stored(status: StatusCode, directives: &Directives) -> bool {
    match status {
        StatusCode::OK | StatusCode::NOT_FOUND | StatusCode::GONE => true,
        StatusCode::BAD_REQUEST => directives.s_maxage.or(directives.max_age).is_some(),
        _ => false,
    }
}

fn is_storable(coding: Coding, status: StatusCode, headers: &HeaderMap, directives: &Directives) -> bool {
    may_be_stored(status, directives)
        && !directives.no_store
        && !directives.private
        && !headers.contains_key(header::SET_COOKIE)
        && !headers.contains_key(header::CONTENT_RANGE)
        && varies_only_by_coding(headers)
        && is_understood(coding, headers)
}

impl Policy {
    /// The policy of an answer, or `None` when only the one who asked for it may have it. `coding` is the one
    /// asked for.
    pub(crate) fn of(coding: Coding, status: StatusCode, headers: &HeaderMap, times: Times) -> Option<Self> {
        let directives = Directives::of(headers);
        is_storable(coding, status, headers, &directives)
            .then(|| Self::new(status, headers, &directives, times))
    }

    fn new(status: StatusCode, headers: &HeaderMap, directives: &Directives, times: Times) -> Self {
        let allowed = |seconds: Option<u64>, default: Duration| match seconds {
            _ if directives.forbids_stale() => Duration::ZERO,
            Some(seconds) => Duration::from_secs(seconds),
            None => default,
        };
        Self {
            received: times.received,
            initial_age: initial_age(headers, &times),
            lifetime: lifetime(status, headers, directives, &times),
            while_revalidate: allowed(directives.stale_while_revalidate, Duration::ZERO),
            on_error: allowed(directives.stale_if_error, STALE_IF_ERROR),
            stands_in: false,
        }
    }

    /// RFC 9111 §4.2.3.
    pub(crate) fn age(&self, now: Timestamp) -> Duration {
        self.initial_age + now.since(self.received)
    }

    /// Whole seconds of freshness left, negative once stale.
    pub(crate) fn ttl_s(&self, now: Timestamp) -> i64 {
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        seconds(self.lifetime).saturating_sub(seconds(self.age(now)))
    }

    fn overdue(&self, now: Timestamp) -> Option<Duration> {
        let age = self.age(now);
        (age >= self.lifetime).then(|| age - self.lifetime)
    }

    pub(crate) fn usable(&self, now: Timestamp) -> Usable {
        match self.overdue(now) {
            None => Usable::Fresh,
            Some(overdue) if overdue < self.while_revalidate => Usable::WhileRevalidating,
            Some(_) if self.stands_in && self.usable_on_error(now) => Usable::WhileRevalidating,
            Some(_) => Usable::Stale,
        }
    }

    /// Whether the answer may stand in for a failing upstream (RFC 5861 §4).
    pub(crate) fn usable_on_error(&self, now: Timestamp) -> bool {
        self.overdue(now).is_none_or(|overdue| overdue < self.on_error)
    }

    /// The same, after the upstream failed.
    pub(crate) fn standing_in(&self) -> Self {
        Self { stands_in: true, ..*self }
    }

    /// Whether keeping the answer can be of any use.
    pub(crate) fn is_worth_storing(&self, can_be_validated: bool) -> bool {
        can_be_validated || self.initial_age < self.lifetime
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000;
    const TIMES: Times = Times { requested: Timestamp(1_000 * SECOND), received: Timestamp(1_000 * SECOND) };

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_str(value).expect("a header"));
        }
        map
    }

    fn policy(pairs: &[(&'static str, &str)]) -> Option<Policy> {
        Policy::of(Coding::Identity, StatusCode::OK, &headers(pairs), TIMES)
    }

    fn controlled(text: &str) -> Policy {
        policy(&[("cache-control", text)]).expect("storable")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp((1_000 + seconds) * SECOND)
    }

    #[test]
    fn lifetimes_come_from_s_maxage_then_max_age_then_expires() {
        for (pairs, lifetime_s) in [
            (vec![("cache-control", "max-age=60")], 60),
            (vec![("cache-control", "max-age=60, s-maxage=5")], 5),
            (vec![("cache-control", "MAX-AGE=\"60\"")], 60),
            (vec![("cache-control", "max-age=60, max-age=7")], 7),
            (vec![("cache-control", "max-age=sixty")], 0),
            (vec![("cache-control", "max-age=-1")], 0),
            (vec![("cache-control", "max-age=99999999999999999999")], 1 << 31),
            (vec![("cache-control", "ext=\"a, no-store\", max-age=60")], 60),
            (
                vec![("expires", "Thu, 01 Jan 1970 00:20:00 GMT"), ("date", "Thu, 01 Jan 1970 00:16:40 GMT")],
                200,
            ),
            (vec![("expires", "0")], 0),
            (vec![("cache-control", "max-age=3"), ("expires", "Thu, 01 Jan 1990 00:00:00 GMT")], 3),
            (vec![("cache-control", "no-cache, max-age=60")], 0),
            (vec![], 0),
        ] {
            let policy = policy(&pairs).expect("storable");
            assert_eq!(policy.lifetime, Duration::from_secs(lifetime_s), "{pairs:?}");
        }
    }

    #[test]
    fn what_is_not_for_everyone_is_not_stored() {
        for pairs in [
            vec![("cache-control", "no-store")],
            vec![("cache-control", "public, private=\"x-user\"")],
            vec![("cache-control", "max-age=60"), ("cache-control", "private")],
            vec![("set-cookie", "a=b"), ("cache-control", "public, max-age=60")],
            vec![("vary", "*")],
            vec![("vary", "accept-encoding, cookie")],
            vec![("content-range", "bytes 0-1/2")],
            vec![("content-encoding", "gzip")],
        ] {
            assert_eq!(policy(&pairs), None, "{pairs:?}");
        }
        let unreadable = HeaderMap::from_iter([(
            header::CACHE_CONTROL,
            HeaderValue::from_bytes(b"\xff").expect("a header"),
        )]);
        assert_eq!(Policy::of(Coding::Identity, StatusCode::OK, &unreadable, TIMES), None);
        for status in [206, 302, 403, 500, 503] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(
                Policy::of(Coding::Identity, status, &headers(&[("cache-control", "max-age=60")]), TIMES),
                None
            );
        }
        let refused = |control| {
            let headers = headers(&[("cache-control", control)]);
            Policy::of(Coding::Identity, StatusCode::BAD_REQUEST, &headers, TIMES)
        };
        assert_eq!(refused("max-age=1").map(|policy| policy.lifetime.as_secs()), Some(1));
        assert_eq!((refused("public"), refused("no-store, max-age=1")), (None, None));
        let gzip = headers(&[("content-encoding", "gzip"), ("vary", "Accept-Encoding")]);
        assert!(Policy::of(Coding::Gzip, StatusCode::OK, &gzip, TIMES).is_some());
    }

    #[test]
    fn absences_are_remembered_briefly_or_as_told() {
        let absent =
            |pairs: &[_]| Policy::of(Coding::Identity, StatusCode::NOT_FOUND, &headers(pairs), TIMES);
        assert_eq!(absent(&[]).map(|policy| policy.lifetime), Some(ABSENCE));
        assert_eq!(
            absent(&[("cache-control", "max-age=9")]).map(|policy| policy.lifetime.as_secs()),
            Some(9)
        );
        assert_eq!(absent(&[("cache-control", "no-store")]), None);
    }

    #[test]
    fn age_counts_transit_earlier_caches_and_residence() {
        let late = Times { requested: at(-3), received: at(0) };
        let age = |pairs: &[_]| {
            Policy::of(Coding::Identity, StatusCode::OK, &headers(pairs), late)
                .expect("storable")
                .age(at(10))
                .as_secs()
        };
        assert_eq!(age(&[]), 13);
        assert_eq!(age(&[("age", "20")]), 33);
        assert_eq!(age(&[("date", "Thu, 01 Jan 1970 00:10:00 GMT")]), 410);
        assert_eq!(age(&[("date", "Thu, 01 Jan 1980 00:10:00 GMT")]), 13);
    }

    #[test]
    fn freshness_ends_and_staleness_is_bounded() {
        let policy = controlled("max-age=10, stale-while-revalidate=5, stale-if-error=20");
        assert_eq!(policy.usable(at(9)), Usable::Fresh);
        assert_eq!(policy.usable(at(10)), Usable::WhileRevalidating);
        assert_eq!(policy.usable(at(15)), Usable::Stale);
        assert!(policy.usable_on_error(at(29)) && !policy.usable_on_error(at(30)));
        assert_eq!(policy.ttl_s(at(12)), -2);
        for text in
            ["max-age=10, must-revalidate, stale-while-revalidate=5", "s-maxage=10, stale-while-revalidate=5"]
        {
            assert_eq!(controlled(text).usable(at(11)), Usable::Stale, "{text}");
            assert!(!controlled(text).usable_on_error(at(11)), "{text}");
        }
        assert!(controlled("max-age=10").usable_on_error(at(300)));
        let standing_in = controlled("max-age=10, stale-if-error=20").standing_in();
        assert_eq!(standing_in.usable(at(29)), Usable::WhileRevalidating);
        assert_eq!(standing_in.usable(at(30)), Usable::Stale);
    }

    #[test]
    fn an_answer_that_is_stale_from_birth_is_kept_only_to_be_validated() {
        assert!(controlled("max-age=1").is_worth_storing(false));
        assert!(!controlled("no-cache").is_worth_storing(false));
        assert!(controlled("no-cache").is_worth_storing(true));
    }

    proptest! {
        #[test]
        fn no_header_panics_and_no_store_always_wins(text in "[ -~]{0,60}") {
            let plain = HeaderMap::from_iter([(header::CACHE_CONTROL, HeaderValue::from_str(&text).expect("a header"))]);
            let _ = Policy::of(Coding::Identity, StatusCode::OK, &plain, TIMES);
            let mut forbidden = plain;
            forbidden.append(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            prop_assert_eq!(Policy::of(Coding::Identity, StatusCode::OK, &forbidden, TIMES), None);
        }

        #[test]
        fn age_never_runs_backwards(age_s in 0u64..1_000, first in 0i64..1_000, later in 0i64..1_000) {
            let policy = policy(&[("age", &age_s.to_string()), ("cache-control", "max-age=500")]).expect("storable");
            prop_assert!(policy.age(at(first)) <= policy.age(at(first + later)));
            prop_assert_eq!(policy.usable(at(first)) == Usable::Fresh, age_s + first.unsigned_abs() < 500);
        }
    }
}
