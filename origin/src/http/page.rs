//! The page: built by npm, embedded at compile time.
//!
//! Files under `/assets/` carry a hash in their name and never change; every other path that belongs to no
//! other route is a place inside the page and answers with its index.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use axum::{
    Router,
    http::{HeaderMap, Method, Uri},
    response::Response,
};
use bytes::Bytes;
use httpkit::{Content, ETag, Encoded, Problem};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../web/dist"]
struct Files;

const INDEX: &str = "index.html";
/// Paths of machines; a typing error there must not answer with a page.
const NOT_PAGES: [&str; 7] = ["api/", "files/", "media/", "p/", "assets/", ".well-known/", "health/"];

/// Answers whatever no route of `router` does.
pub(super) fn behind(router: Router) -> Router {
    httpkit::method_not_allowed(router).fallback(page)
}

/// Every text file of the page, compressed once.
static TEXTS: LazyLock<HashMap<String, Encoded>> = LazyLock::new(|| {
    let texts = Files::iter().filter(|path| media_type(path).starts_with("text/"));
    let encode =
        |path: &str| Some(Encoded::new(media_type(path), cache_control(path), bytes(&Files::get(path)?)));
    texts.filter_map(|path| Some((path.to_string(), encode(&path)?))).collect()
});

async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let nothing = || Problem::not_found("there is nothing at this address");
    if !matches!(method, Method::GET | Method::HEAD) {
        return Err(nothing());
    }
    let path = uri.path().trim_start_matches('/');
    if let Some(found) = file(path, &method, &headers) {
        return Ok(found);
    }
    if NOT_PAGES.iter().any(|prefix| path.starts_with(prefix)) {
        return Err(nothing());
    }
    file(INDEX, &method, &headers).ok_or_else(Problem::internal)
}

fn file(path: &str, method: &Method, headers: &HeaderMap) -> Option<Response> {
    if let Some(text) = TEXTS.get(path) {
        return Some(text.respond(method, headers));
    }
    let bytes = bytes(&Files::get(path)?);
    let (media_type, cache_control) = (media_type(path), cache_control(path));
    let content = Content {
        media_type,
        cache_control,
        etag: ETag::of(&bytes),
        length: bytes.len() as u64,
        modified: None,
    };
    Some(content.respond_bytes(method, headers, &bytes))
}

fn bytes(file: &EmbeddedFile) -> Bytes {
    match &file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.clone().into(),
    }
}

fn cache_control(path: &str) -> &'static str {
    if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
