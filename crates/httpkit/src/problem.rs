//! Error answers: RFC 9457 problem details.

use std::{borrow::Cow, fmt, time::Duration};

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

/// The media type of RFC 9457 §3.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// What the `type` URI of every problem begins with; the slug follows.
pub const TYPE_PREFIX: &str = "urn:nexus:problem:";

#[derive(Clone, Debug)]
struct Inner {
    status: StatusCode,
    slug: &'static str,
    title: Cow<'static, str>,
    detail: Option<String>,
    members: Map<String, Value>,
    headers: HeaderMap,
}

/// An error answer (RFC 9457). The `type` is `urn:nexus:problem:{slug}`; slugs never change meaning.
///
/// Answers are `Cache-Control: no-store` unless [`Problem::header`] says otherwise.
#[derive(Clone, Debug)]
pub struct Problem(Box<Inner>);

impl Problem {
    /// A problem with a stable slug of `[a-z0-9-]` and a title that is the same on every occurrence.
    #[must_use]
    pub fn new(status: StatusCode, slug: &'static str, title: &'static str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let title = Cow::Borrowed(title);
        Self(Box::new(Inner { status, slug, title, detail: None, members: Map::new(), headers }))
    }

    /// What is special about this occurrence, in words for the caller.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds an extension member (RFC 9457 §3.2). The five standard members cannot be replaced.
    #[must_use]
    pub fn member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// Tells the caller when to try again; rounded up to whole seconds (RFC 9110 §10.2.3).
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Sets a header of the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable slug.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        self.0.slug
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The JSON object that is sent.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let inner = &self.0;
        let mut object = inner.members.clone();
        object.insert("type".to_owned(), format!("{TYPE_PREFIX}{}", inner.slug).into());
        object.insert("title".to_owned(), inner.title.as_ref().into());
        object.insert("status".to_owned(), inner.status.as_u16().into());
        match &inner.detail {
            Some(detail) => object.insert("detail".to_owned(), detail.as_str().into()),
            None => object.remove("detail"),
        };
        Value::Object(object).to_string().into_bytes()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.to_json();
        let mut response = (self.0.status, self.0.headers, body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.status.as_u16(), self.0.title)?;
        self.0.detail.as_ref().map_or(Ok(()), |detail| write!(f, ": {detail}"))
    }
}

impl std::error::Error for Problem {}

macro_rules! detailed {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $slug:literal, $title:literal;)*) => {
        impl Problem {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name(detail: impl Into<String>) -> Self {
                Self::new(StatusCode::$status, $slug, $title).detail(detail)
            }
        )*}
    };
}

detailed! {
    /// 400: the request cannot be understood.
    bad_request = BAD_REQUEST, "bad-request", "The request cannot be understood";
    /// 403: the caller is known and may not do this.
    forbidden = FORBIDDEN, "forbidden", "Not allowed";
    /// 404: nothing is there, or the caller may not know.
    not_found = NOT_FOUND, "not-found", "Not found";
    /// 408: the request arrived too slowly.
    request_timeout = REQUEST_TIMEOUT, "request-timeout", "The request arrived too slowly";
    /// 409: the request contradicts the present state.
    conflict = CONFLICT, "conflict", "In conflict with the present state";
    /// 410: it was there and will not come back.
    gone = GONE, "gone", "Gone";
    /// 412: a condition of the request does not hold.
    precondition_failed = PRECONDITION_FAILED, "precondition-failed", "A condition of the request does not hold";
    /// 415: the body has a media type that is not taken here.
    unsupported_media_type = UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type";
    /// 422: well-formed, but a value is not acceptable.
    unprocessable = UNPROCESSABLE_ENTITY, "unprocessable", "A value is not acceptable";
    /// 502: the server behind this one failed or answered nonsense.
    bad_gateway = BAD_GATEWAY, "bad-gateway", "The upstream server failed";
    /// 504: the server behind this one did not answer in time.
    gateway_timeout = GATEWAY_TIMEOUT, "gateway-timeout", "The upstream server did not answer in time";
    /// 507: no room for more bytes.
    insufficient_storage = INSUFFICIENT_STORAGE, "insufficient-storage", "No room for more data";
}

impl Problem {
    /// 401 with a bearer challenge (RFC 6750 §3).
    #[must_use]
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Sign in first")
            .detail(detail)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 405: the resource exists and does not know this method. The `Allow` header is the router's to add.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This method is not known here")
    }

    /// 413: the body is larger than `limit_bytes`.
    #[must_use]
    pub fn payload_too_large(limit_bytes: u64) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large", "The body is too large")
            .detail(format!("at most {limit_bytes} bytes are taken here"))
            .member("limit_bytes", limit_bytes)
    }

    /// 414: the target is longer than `limit_bytes`.
    #[must_use]
    pub fn uri_too_long(limit_bytes: usize) -> Self {
        Self::new(StatusCode::URI_TOO_LONG, "uri-too-long", "The request target is too long")
            .member("limit_bytes", limit_bytes)
    }

    /// 431: the header fields are larger than `limit_bytes` together.
    #[must_use]
    pub fn headers_too_large(limit_bytes: usize) -> Self {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(status, "headers-too-large", "The header fields are too large")
            .member("limit_bytes", limit_bytes)
    }

    /// 429: this caller asks too often.
    #[must_use]
    pub fn too_many_requests(after: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests").retry_after(after)
    }

    /// 500: our fault; the cause is in the log under the request id, not in the answer.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "An error on our side")
    }

    /// 503: cannot serve this now; worth another try after `after`.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>, after: Duration) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available at the moment")
            .detail(detail)
            .retry_after(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_members_and_the_extensions_are_sent() {
        let problem = Problem::payload_too_large(10).member("status", 200);
        let json: Value = serde_json::from_slice(&problem.to_json()).expect("an object");
        assert_eq!(json["type"], "urn:nexus:problem:payload-too-large");
        assert_eq!(json["status"], 413);
        assert_eq!(json["limit_bytes"], 10);
        assert_eq!(json["detail"], "at most 10 bytes are taken here");
        assert_eq!(json["title"], "The body is too large");
    }

    #[test]
    fn headers_come_along() {
        let response = Problem::unavailable("busy", Duration::from_millis(1_001)).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    }
}
