//! Cross-origin access to media: any page may read it, without credentials (Fetch standard §3.2).
//!
//! The API has none of this: it is for its own origin only.

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

const METHODS: &str = "GET, HEAD, OPTIONS";
/// What scripts may read of an answer besides the safelisted headers.
const EXPOSED: &str = "accept-ranges, age, cache-status, content-encoding, content-length, content-range, date, etag, x-request-id";

const ALWAYS: [(HeaderName, &str); 5] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    (HeaderName::from_static("timing-allow-origin"), "*"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

const PREFLIGHT: [(HeaderName, &str); 4] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
    (header::ACCESS_CONTROL_ALLOW_HEADERS, "*"),
    (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    (header::ALLOW, METHODS),
];

fn put(headers: &mut HeaderMap, pairs: &[(HeaderName, &'static str)]) {
    for (name, value) in pairs {
        headers.insert(name.clone(), HeaderValue::from_static(value));
    }
}

/// Sets the headers that let any page read an answer.
pub fn allow(headers: &mut HeaderMap) {
    put(headers, &ALWAYS);
}

/// The answer to `OPTIONS`, preflight or not.
#[must_use]
pub fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    allow(response.headers_mut());
    put(response.headers_mut(), &PREFLIGHT);
    response
}

async fn media_answer(request: Request, next: Next) -> Response {
    if *request.method() == Method::OPTIONS {
        return preflight();
    }
    let mut response = next.run(request).await;
    allow(response.headers_mut());
    response
}

/// Opens all routes of a router to pages of any origin.
pub fn media(router: Router) -> Router {
    router.layer(middleware::from_fn(media_answer))
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, routing};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn any_page_may_ask_and_read() {
        let router = media(Router::new().route("/x", routing::get(async || "x")));
        let ask = |method| Request::builder().method(method).uri("/x").header("origin", "https://a.example");
        for method in [Method::OPTIONS, Method::GET, Method::DELETE] {
            let request = ask(method.clone()).body(Body::empty()).expect("a request");
            let response = router.clone().oneshot(request).await.expect("infallible");
            assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{method}");
            let exposed = &response.headers()[header::ACCESS_CONTROL_EXPOSE_HEADERS];
            assert!(exposed.to_str().expect("text").contains("content-range"));
        }
        let request = ask(Method::OPTIONS).body(Body::empty()).expect("a request");
        let response = router.oneshot(request).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_METHODS], METHODS);
    }
}
