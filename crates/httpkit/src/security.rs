//! Headers that keep the page safe in a browser and on TLS, and the check that a cookie's request comes from our own
//! page.

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Players play through blob: URLs and workers, and hls.js makes its caption tracks of data: URLs; media may come from
/// another host (an edge or CDN).
const POLICY: &str = "default-src 'self'; img-src 'self' https: http: data: blob:; \
     media-src 'self' https: http: data: blob:; connect-src 'self' https: http:; worker-src 'self' blob:; \
     style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; form-action 'self'";

fn policy(embeddable: bool) -> String {
    let ancestors = if embeddable { "*" } else { "'self'" };
    format!("{POLICY}; frame-ancestors {ancestors}")
}

fn dress(headers: &mut HeaderMap, embeddable: bool) {
    let plain = HeaderValue::from_static;
    let policy = HeaderValue::from_str(&policy(embeddable)).expect("the policy is plain text");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, plain("nosniff"));
    headers.insert(header::REFERRER_POLICY, plain("strict-origin-when-cross-origin"));
    if !embeddable {
        headers.insert(header::X_FRAME_OPTIONS, plain("SAMEORIGIN"));
        headers.insert("cross-origin-opener-policy", plain("same-origin"));
    }
}

async fn page_answer(request: Request, next: Next) -> Response {
    let embeddable = request.uri().path().starts_with("/embed/");
    let mut response = next.run(request).await;
    dress(response.headers_mut(), embeddable);
    response
}

/// Adds the security headers of the page; only `/embed/…` may stand in other sites' frames.
pub fn page(router: Router) -> Router {
    router.layer(middleware::from_fn(page_answer))
}

/// Tells browsers to come by TLS alone for a year (RFC 6797); for a listener whose certificate lasts.
pub fn strict_transport(router: Router) -> Router {
    router.layer(middleware::map_response(async |mut response: Response| {
        let year = HeaderValue::from_static("max-age=31536000");
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, year);
        response
    }))
}

/// Whether a request with a cookie comes from our own page: by Sec-Fetch-Site, else by Origin against
/// `public_url`. A request with neither header is not from a browser's page and carries no ambient cookie,
/// so it counts as foreign.
#[must_use]
pub fn same_origin(headers: &HeaderMap, public_url: &str) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    match (text(SEC_FETCH_SITE), text(header::ORIGIN)) {
        (Some(site), _) => site.eq_ignore_ascii_case("same-origin"),
        (None, Some(origin)) => origin.eq_ignore_ascii_case(origin_of(public_url)),
        (None, None) => false,
    }
}

/// Scheme and authority of a URL.
fn origin_of(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url[after_scheme..].find('/').map_or(url.len(), |at| after_scheme + at);
    &url[..end]
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, routing};
    use tower::ServiceExt;

    use super::*;

    #[test]
    fn only_our_own_page_may_use_the_cookie() {
        let own = "https://video.example/base";
        for (pairs, expected) in [
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("sec-fetch-site", "none")], false),
            (vec![("origin", "https://video.example")], true),
            (vec![("origin", "https://video.example.evil")], false),
            (vec![("origin", "http://video.example")], false),
            (vec![("origin", "null")], false),
            (vec![("sec-fetch-site", "cross-site"), ("origin", "https://video.example")], false),
            (vec![], false),
        ] {
            let headers = pairs
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
            assert_eq!(same_origin(&headers, own), expected, "{pairs:?}");
        }
    }

    #[tokio::test]
    async fn only_the_embed_page_may_be_framed() {
        let router = page(Router::new().fallback(routing::get(async || "page")));
        for (path, ancestors) in [("/embed/x", "frame-ancestors *"), ("/watch/x", "frame-ancestors 'self'")] {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            let response = router.clone().oneshot(request).await.expect("infallible");
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
            assert!(policy.ends_with(ancestors), "{path}: {policy}");
        }
    }
}
