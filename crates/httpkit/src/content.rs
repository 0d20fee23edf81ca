//! Answers with a representation whose length and entity tag are known: conditions, ranges and HEAD in one
//! place.

use std::{convert::Infallible, future::Future, ops::Range};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use base::Timestamp;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::{
    ETag, Problem,
    conditional::{self, Validators, Verdict},
    date,
    range::{self, Wanted},
};

/// A representation that can be sent whole or in part.
#[derive(Clone, Debug)]
pub struct Content {
    /// The value of `Content-Type`.
    pub media_type: &'static str,
    /// The value of `Cache-Control`.
    pub cache_control: &'static str,
    /// Its entity tag.
    pub etag: ETag,
    /// Its length in bytes.
    pub length: u64,
    /// When it was last modified.
    pub modified: Option<Timestamp>,
}

/// What a request gets of a representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Share {
    /// 200 with all bytes, or to HEAD its headers.
    Whole,
    /// 206 with these bytes (half-open, never empty).
    Part(Range<u64>),
    /// 304.
    NotModified,
    /// 412.
    PreconditionFailed,
    /// 416.
    Unsatisfiable,
}

/// Judges conditions and range of a GET or HEAD request against a representation of `length` bytes, in the
/// order of RFC 9110 §13.2.2.
#[must_use]
pub fn share(method: &Method, headers: &HeaderMap, of: &Validators, length: u64) -> Share {
    match conditional::evaluate(method, headers, of) {
        Verdict::NotModified => return Share::NotModified,
        Verdict::PreconditionFailed => return Share::PreconditionFailed,
        Verdict::Proceed => {}
    }
    let range = headers.get(header::RANGE).filter(|_| conditional::range_applies(method, headers, of));
    match range::evaluate(range, length) {
        Wanted::Whole => Share::Whole,
        Wanted::Part(part) => Share::Part(part),
        Wanted::Unsatisfiable => Share::Unsatisfiable,
    }
}

/// The 416 answer for a representation of `length` bytes.
#[must_use]
pub fn unsatisfiable(length: u64) -> Problem {
    Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range-not-satisfiable", "No such bytes")
        .detail(format!("the representation has {length} bytes"))
        .member("length_bytes", length)
        .header(header::CONTENT_RANGE, range::unsatisfied(length))
}

/// The 412 answer.
#[must_use]
pub fn precondition_failed() -> Problem {
    Problem::precondition_failed("the representation is not the one the condition names")
}

impl Content {
    fn validators(&self) -> Validators {
        Validators { etag: Some(self.etag.clone()), modified_s: self.modified.map(Timestamp::seconds) }
    }

    /// The headers every answer about this representation carries, 304 included (RFC 9110 §15.4.5).
    fn shared_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, self.etag.to_header());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.cache_control));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if let Some(modified) = self.modified {
            let text = date::format(modified.seconds());
            headers.extend(HeaderValue::from_str(&text).map(|value| (header::LAST_MODIFIED, value)));
        }
        headers
    }

    fn head(&self, status: StatusCode, sent_bytes: u64) -> Response {
        let mut response = status.into_response();
        *response.headers_mut() = self.shared_headers();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(sent_bytes));
        response
    }

    fn not_modified(&self) -> Response {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        *response.headers_mut() = self.shared_headers();
        response
    }

    fn partial(&self, range: &Range<u64>) -> Response {
        let mut response = self.head(StatusCode::PARTIAL_CONTENT, range.end - range.start);
        let value = range::content_range(range, self.length);
        response.headers_mut().insert(header::CONTENT_RANGE, value);
        response
    }

    /// Answers a GET or HEAD: 200, 206, 304, 412 or 416. `open` is called only when bytes are needed, with
    /// the half-open range to send.
    ///
    /// # Errors
    /// Those of `open`.
    pub async fn respond<E, F>(
        &self,
        method: &Method,
        headers: &HeaderMap,
        open: impl FnOnce(Range<u64>) -> F,
    ) -> Result<Response, E>
    where
        F: Future<Output = Result<Body, E>>,
    {
        let (mut response, range) = match share(method, headers, &self.validators(), self.length) {
            Share::Whole => (self.head(StatusCode::OK, self.length), 0..self.length),
            Share::Part(range) => (self.partial(&range), range),
            Share::NotModified => return Ok(self.not_modified()),
            Share::PreconditionFailed => return Ok(precondition_failed().into_response()),
            Share::Unsatisfiable => return Ok(unsatisfiable(self.length).into_response()),
        };
        if *method != Method::HEAD && !range.is_empty() {
            *response.body_mut() = open(range).await?;
        }
        Ok(response)
    }

    /// Answers a GET or HEAD from memory; `bytes` is the whole representation, of `length` bytes.
    #[must_use]
    pub fn respond_bytes(&self, method: &Method, headers: &HeaderMap, bytes: &Bytes) -> Response {
        let cut = |range: Range<u64>| {
            let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
            let part = bytes.slice(start.unwrap_or(bytes.len())..end.unwrap_or(bytes.len()).min(bytes.len()));
            std::future::ready(Ok::<_, Infallible>(Body::from(part)))
        };
        let answer = self.respond(method, headers, cut);
        let Some(Ok(response)) = futures_util::FutureExt::now_or_never(answer) else {
            unreachable!("a body cut from memory is ready at once and cannot fail")
        };
        response
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    const TEXT: &[u8] = b"0123456789";

    fn content() -> Content {
        Content {
            media_type: "video/mp4",
            cache_control: "public, max-age=31536000, immutable",
            etag: ETag::strong("v1").expect("a tag"),
            length: 10,
            modified: Some(Timestamp(784_111_777_000_000)),
        }
    }

    fn ask(method: Method, pairs: &[(http::HeaderName, &str)]) -> Response {
        let headers = pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).expect("a header")))
            .collect();
        content().respond_bytes(&method, &headers, &Bytes::from_static(TEXT))
    }

    async fn body(response: Response) -> Bytes {
        response.into_body().collect().await.expect("a body").to_bytes()
    }

    #[tokio::test]
    async fn whole_part_and_head() {
        let whole = ask(Method::GET, &[]);
        assert_eq!(whole.status(), StatusCode::OK);
        assert_eq!(whole.headers()[header::CONTENT_LENGTH], "10");
        assert_eq!(whole.headers()[header::LAST_MODIFIED], "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(body(whole).await, TEXT);
        let part = ask(Method::GET, &[(header::RANGE, "bytes=2-4")]);
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.headers()[header::CONTENT_RANGE], "bytes 2-4/10");
        assert_eq!(part.headers()[header::CONTENT_LENGTH], "3");
        assert_eq!(body(part).await, "234");
        let head = ask(Method::HEAD, &[(header::RANGE, "bytes=2-4")]);
        assert_eq!(head.status(), StatusCode::OK);
        assert_eq!(head.headers()[header::CONTENT_LENGTH], "10");
        assert_eq!(body(head).await, "");
    }

    #[tokio::test]
    async fn unsatisfiable_and_conditional() {
        let refused = ask(Method::GET, &[(header::RANGE, "bytes=10-")]);
        assert_eq!(refused.status(), StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(refused.headers()[header::CONTENT_RANGE], "bytes */10");
        let held = ask(Method::GET, &[(header::IF_NONE_MATCH, "\"v1\""), (header::RANGE, "bytes=0-1")]);
        assert_eq!(held.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(held.headers()[header::ETAG], "\"v1\"");
        assert!(held.headers().contains_key(header::CACHE_CONTROL));
        assert!(!held.headers().contains_key(header::CONTENT_TYPE));
        let other = ask(Method::GET, &[(header::IF_RANGE, "\"v0\""), (header::RANGE, "bytes=0-1")]);
        assert_eq!(other.status(), StatusCode::OK);
        let stale = ask(Method::GET, &[(header::IF_MATCH, "\"v0\"")]);
        assert_eq!(stale.status(), StatusCode::PRECONDITION_FAILED);
    }

    #[tokio::test]
    async fn bytes_are_opened_only_when_needed() {
        for (method, name, value) in [
            (Method::HEAD, header::ACCEPT, "*/*"),
            (Method::GET, header::IF_NONE_MATCH, "\"v1\""),
            (Method::GET, header::RANGE, "bytes=99-"),
        ] {
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
            let open = |_| async { Err::<Body, _>("opened") };
            assert!(content().respond(&method, &headers, open).await.is_ok());
        }
        let open = |_| async { Err::<Body, _>("opened") };
        let failed = content().respond(&Method::GET, &HeaderMap::new(), open).await;
        assert_eq!(failed.err(), Some("opened"));
    }
}
