//! Answers made of a stored or arriving object: conditions, ranges and HEAD (RFC 9110 §13, §14).

use std::{io, ops::Range, sync::Arc, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use base::Timestamp;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use httpkit::{
    conditional::{self, Verdict},
    content::{self, Share},
    range,
};

use crate::{
    cache::{Flow, Head, Stored, read_flow},
    cache_status::CacheStatus,
};

/// The parts of a request that shape its answer beyond the cache key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub method: &'a Method,
    pub headers: &'a HeaderMap,
}

/// Fields of a stored answer that a 304 leaves out: they describe a body that is not sent (RFC 9110 §15.4.5).
const BODY_FIELDS: [http::HeaderName; 3] =
    [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE];

fn share(asked: Asked<'_>, head: &Head) -> Share {
    if head.status != StatusCode::OK {
        return Share::Whole;
    }
    if let Some(length) = head.length {
        return content::share(asked.method, asked.headers, &head.validators, length);
    }
    match conditional::evaluate(asked.method, asked.headers, &head.validators) {
        Verdict::Proceed => Share::Whole,
        Verdict::NotModified => Share::NotModified,
        Verdict::PreconditionFailed => Share::PreconditionFailed,
    }
}

fn with_status(head: &Head, status: StatusCode) -> Response {
    let mut response = status.into_response();
    *response.headers_mut() = head.headers.clone();
    response
}

fn with_head(head: &Head) -> Response {
    with_status(head, head.status)
}

fn whole(head: &Head) -> Response {
    let mut response = with_head(head);
    let headers = response.headers_mut();
    headers.extend(head.length.map(|length| (header::CONTENT_LENGTH, HeaderValue::from(length))));
    if head.status == StatusCode::OK {
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    response
}

fn part(head: &Head, range: &Range<u64>, length: u64) -> Response {
    let mut response = with_status(head, StatusCode::PARTIAL_CONTENT);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    headers.insert(header::CONTENT_RANGE, range::content_range(range, length));
    response
}

fn not_modified(head: &Head) -> Response {
    let mut response = with_status(head, StatusCode::NOT_MODIFIED);
    for name in BODY_FIELDS {
        response.headers_mut().remove(name);
    }
    response
}

/// The answer but for its body, and which bytes of the object that is.
fn without_body(asked: Asked<'_>, head: &Head) -> (Response, Range<u64>) {
    let length = head.length.unwrap_or(u64::MAX);
    match share(asked, head) {
        Share::Whole => (whole(head), 0..length),
        Share::Part(range) => (part(head, &range, length), range),
        Share::NotModified => (not_modified(head), 0..0),
        Share::PreconditionFailed => (content::precondition_failed().into_response(), 0..0),
        Share::Unsatisfiable => (content::unsatisfiable(length).into_response(), 0..0),
    }
}

fn compose(
    asked: Asked<'_>,
    head: &Head,
    age: Duration,
    status: CacheStatus,
    open: impl FnOnce(Range<u64>) -> Body,
) -> Response {
    let (mut response, range) = without_body(asked, head);
    if !range.is_empty() && *asked.method != Method::HEAD {
        *response.body_mut() = open(range);
    }
    let headers = response.headers_mut();
    headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    status.append_to(headers);
    response
}

fn body_of(mut pieces: Vec<Bytes>) -> Body {
    match pieces.len() {
        0 => Body::empty(),
        1 => Body::from(pieces.remove(0)),
        _ => Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, io::Error>))),
    }
}

/// Answers from memory.
pub(crate) fn from_stored(asked: Asked<'_>, stored: &Stored, age: Duration, status: CacheStatus) -> Response {
    compose(asked, &stored.head, age, status, |range| body_of(stored.chunks.slices(range)))
}

/// Answers with bytes as they arrive.
pub(crate) fn from_flow(
    asked: Asked<'_>,
    flow: &Arc<Flow>,
    head: &Head,
    age: Duration,
    status: CacheStatus,
) -> Response {
    compose(asked, head, age, status, |range| Body::from_stream(read_flow(flow, range)))
}

/// Passes on an answer that is for one requester only. Conditions and ranges are not applied to it: a
/// server may answer both with the whole (RFC 9110 §13.1, §14.2).
pub(crate) fn passed(asked: Asked<'_>, response: Response, now: Timestamp, status: CacheStatus) -> Response {
    let (parts, body) = response.into_parts();
    let kept: HeaderMap = [header::CONTENT_LENGTH, header::AGE]
        .into_iter()
        .filter_map(|name| parts.headers.get(&name).cloned().map(|value| (name, value)))
        .collect();
    let mut answer = with_head(&Head::of(parts, None, now));
    answer.headers_mut().extend(kept);
    status.append_to(answer.headers_mut());
    if *asked.method != Method::HEAD {
        *answer.body_mut() = body;
    }
    answer
}
