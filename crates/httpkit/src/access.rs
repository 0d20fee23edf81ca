//! Request ids and the access log line.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use axum::body::Body;
use base::Ambient;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use http_body::{Frame, SizeHint};
use tracing::info;

use crate::address::ClientAddr;

/// The header a request id arrives and leaves in.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LENGTH_MAX: usize = 64;

/// The id under which everything about one request is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The caller's id when it is 1 to 64 characters of `[A-Za-z0-9._-]`, else a fresh one.
    #[must_use]
    pub fn of(headers: &HeaderMap, ambient: &Ambient) -> Self {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let given = headers.get(X_REQUEST_ID).filter(|value| {
            (1..=LENGTH_MAX).contains(&value.len()) && value.as_bytes().iter().copied().all(fits)
        });
        given.map_or_else(|| Self::fresh(ambient), |value| Self(value.clone()))
    }

    fn fresh(ambient: &Ambient) -> Self {
        let text = format!("{:024x}", u128::from_be_bytes(ambient.bytes()) >> 32);
        Self(HeaderValue::from_str(&text).expect("hexadecimal digits are valid in a header"))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or("")
    }

    /// The header value.
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// A path fit for logs: the playback token of `/p/{token}/…` and the secret of `/setup/{secret}` are credentials
/// and are left out, and so is the query.
pub struct LoggedPath<'a>(pub &'a Uri);

impl fmt::Display for LoggedPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.path();
        for (prefix, secret) in [("/p/", "(token)"), ("/setup/", "(secret)")] {
            if let Some(rest) = path.strip_prefix(prefix) {
                let after = rest.find('/').map_or("", |slash| &rest[slash..]);
                return write!(f, "{prefix}{secret}{after}");
            }
        }
        f.write_str(path)
    }
}

/// What the access log says about one request; written when its answer ends or is dropped.
pub(crate) struct Entry {
    pub method: Method,
    pub path: String,
    pub id: RequestId,
    pub client: Option<ClientAddr>,
    pub agent: Option<HeaderValue>,
    pub status: StatusCode,
    pub begun: Instant,
}

impl Entry {
    fn write(&self, bytes: u64, complete: bool) {
        let elapsed_ms = lifecycle::monotonic().duration_since(self.begun).as_secs_f64() * 1e3;
        let client = self.client.map(|ClientAddr(address)| address.to_string()).unwrap_or_default();
        info!(
            target: "access",
            method = %self.method,
            path = self.path,
            status = self.status.as_u16(),
            bytes,
            complete,
            elapsed_ms,
            client,
            agent = self.agent.as_ref().and_then(|agent| agent.to_str().ok()).unwrap_or(""),
            request = self.id.as_str(),
            "{} {} {}",
            self.method,
            self.path,
            self.status.as_u16(),
        );
    }
}

/// Whether access lines are wanted at all; when not, answers are not wrapped.
pub(crate) fn enabled() -> bool {
    tracing::enabled!(target: "access", tracing::Level::INFO)
}

pub(crate) fn agent_of(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(header::USER_AGENT).cloned()
}

/// A body that counts what it sends and writes the access line at its end.
pub(crate) struct Logged {
    inner: Body,
    entry: Entry,
    bytes: u64,
    ended: bool,
}

impl Logged {
    pub(crate) fn wrap(inner: Body, entry: Entry) -> Body {
        let ended = http_body::Body::is_end_stream(&inner);
        Body::new(Self { inner, entry, bytes: 0, ended })
    }
}

impl http_body::Body for Logged {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                self.ended = self.inner.is_end_stream();
            }
            Poll::Ready(None) => self.ended = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        let head_only = self.entry.method == Method::HEAD;
        self.entry.write(self.bytes, self.ended || head_only);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base::{Clock, Entropy, Timestamp};
    use proptest::prelude::*;

    use super::*;

    struct Fixed;
    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
    }
    impl Entropy for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.fill(0xab);
        }
    }

    fn id_for(value: &[u8]) -> String {
        let ambient = Ambient::new(Arc::new(Fixed), Arc::new(Fixed));
        let value = HeaderValue::from_bytes(value).expect("a header");
        RequestId::of(&HeaderMap::from_iter([(X_REQUEST_ID, value)]), &ambient).as_str().to_owned()
    }

    #[test]
    fn tokens_and_queries_stay_out_of_the_log() {
        for (target, shown) in [
            ("/p/SECRET/media/a/hls.m3u8?x=SECRET", "/p/(token)/media/a/hls.m3u8"),
            ("/p/SECRET", "/p/(token)"),
            ("/setup/SECRET", "/setup/(secret)"),
            ("/media/a?token=SECRET", "/media/a"),
        ] {
            assert_eq!(LoggedPath(&target.parse().expect("a uri")).to_string(), shown);
        }
    }

    #[test]
    fn fit_ids_are_kept_and_others_replaced() {
        assert_eq!(id_for(b"abc-1.2_3"), "abc-1.2_3");
        for unfit in [&b""[..], b"a b", b"\xff\xfe", &[b'a'; 65], b"x\"y"] {
            assert_eq!(id_for(unfit), "ab".repeat(12));
        }
    }

    proptest! {
        #[test]
        fn an_id_is_always_short_and_plain(value in prop::collection::vec(0x20u8..0x7f, 0..100)) {
            let id = id_for(&value);
            prop_assert!((1..=64).contains(&id.len()));
            prop_assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)));
        }
    }
}
