//! `/api/v1/openapi.json`: the API as OpenAPI 3.1, kept by hand beside the routes and held to them by tests.

use std::sync::LazyLock;

use axum::{
    http::{HeaderMap, Method},
    response::Response,
};
use httpkit::Encoded;

use super::table::{Access, Routes};

pub(super) const TEXT: &str = include_str!("openapi.json");

static DOCUMENT: LazyLock<Encoded> =
    LazyLock::new(|| Encoded::new("application/json", "no-cache", TEXT.to_owned()));

pub(super) fn routes() -> Routes {
    Routes::new().get("/api/v1/openapi.json", Access::Public, document)
}

async fn document(method: Method, headers: HeaderMap) -> Response {
    DOCUMENT.respond(&method, &headers)
}
