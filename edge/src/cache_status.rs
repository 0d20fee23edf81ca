//! What the edge did, in the words of Cache-Status (RFC 9211).

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What the edge did for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheStatus {
    /// Answered from memory; `ttl_s` is negative while it is being revalidated.
    Hit { ttl_s: i64 },
    /// Answered by a fill; `collapsed` when somebody else had begun it.
    Filled { stale: bool, collapsed: bool, stored: bool, status: StatusCode },
    /// The upstream confirmed what was stored.
    Revalidated { collapsed: bool },
    /// The upstream failed and what was stored stands in.
    StaleOnError { collapsed: bool, ttl_s: i64 },
    /// The answer is for this requester only.
    Passed { status: StatusCode },
    /// There is no answer.
    Failed { detail: &'static str },
}

fn flag(name: &'static str, set: bool) -> &'static str {
    if set { name } else { "" }
}

impl fmt::Display for CacheStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nexus-edge; ")?;
        match *self {
            Self::Hit { ttl_s } => write!(f, "hit; ttl={ttl_s}"),
            Self::Filled { stale, collapsed, stored, status } => write!(
                f,
                "fwd={}; fwd-status={}{}{}",
                if stale { "stale" } else { "uri-miss" },
                status.as_u16(),
                flag("; stored", stored),
                flag("; collapsed", collapsed),
            ),
            Self::Revalidated { collapsed } => {
                write!(f, "fwd=stale; fwd-status=304{}", flag("; collapsed", collapsed))
            }
            Self::StaleOnError { collapsed, ttl_s } => {
                write!(f, "fwd=stale; ttl={ttl_s}{}; detail=stale-if-error", flag("; collapsed", collapsed))
            }
            Self::Passed { status } => write!(f, "fwd=uri-miss; fwd-status={}", status.as_u16()),
            Self::Failed { detail } => write!(f, "fwd=uri-miss; detail={detail}"),
        }
    }
}

impl CacheStatus {
    /// Adds this after what caches nearer to the origin said (RFC 9211 §2).
    pub(crate) fn append_to(self, headers: &mut HeaderMap) {
        let value = HeaderValue::from_str(&self.to_string());
        if let Ok(value) = value {
            headers.append(CACHE_STATUS, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_rfc() {
        let status = StatusCode::OK;
        for (what, text) in [
            (CacheStatus::Hit { ttl_s: 35 }, "nexus-edge; hit; ttl=35"),
            (
                CacheStatus::Filled { stale: false, collapsed: true, stored: true, status },
                "nexus-edge; fwd=uri-miss; fwd-status=200; stored; collapsed",
            ),
            (CacheStatus::Revalidated { collapsed: false }, "nexus-edge; fwd=stale; fwd-status=304"),
            (
                CacheStatus::Failed { detail: "upstream-timeout" },
                "nexus-edge; fwd=uri-miss; detail=upstream-timeout",
            ),
        ] {
            assert_eq!(what.to_string(), text);
        }
    }

    #[test]
    fn earlier_caches_keep_their_place() {
        let mut headers = HeaderMap::from_iter([(CACHE_STATUS, HeaderValue::from_static("inner; hit"))]);
        CacheStatus::Hit { ttl_s: 1 }.append_to(&mut headers);
        let all: Vec<_> = headers.get_all(CACHE_STATUS).iter().collect();
        assert_eq!(all, ["inner; hit", "nexus-edge; hit; ttl=1"]);
    }
}
