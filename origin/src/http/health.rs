//! `/health`, `/health/live`, `/health/ready`, `/health/{service}`, `/metrics` and the version.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::Response,
    routing::get,
};
use base::Role;
use httpkit::{Json, Path, Problem, health};
use serde::Serialize;

use super::auth::caller;
use crate::Origin;

#[derive(Serialize)]
struct Version {
    version: &'static str,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn routes() -> Router<Origin> {
    Router::new()
        .route("/health", get(report))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(ready))
        .route("/health/{service}", get(service))
        .route("/metrics", get(metrics))
        .route("/api/v1/version", get(version))
}

/// Whether the caller bears the metrics token or an administrator's key.
async fn trusts(origin: &Origin, method: &Method, headers: &HeaderMap) -> Result<bool, Problem> {
    if health::bears(headers, &origin.metrics_token) {
        return Ok(true);
    }
    Ok(caller(origin, method, headers).await?.is_some_and(|principal| principal.may(Role::Admin)))
}

async fn report(
    State(origin): State<Origin>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let trusted = trusts(&origin, &method, &headers).await?;
    Ok(health::report(&origin.health, trusted))
}

async fn ready(State(origin): State<Origin>) -> StatusCode {
    health::ready(&origin.health)
}

async fn service(
    State(origin): State<Origin>,
    Path(name): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let trusted = trusts(&origin, &method, &headers).await?;
    health::service(&origin.health, &name, trusted)
}

async fn version() -> Json<Version> {
    Json(Version { version: VERSION })
}

async fn metrics(
    State(origin): State<Origin>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if health::bears(&headers, &origin.metrics_token) {
        return Ok(health::metrics(&origin.metrics));
    }
    let found = caller(&origin, &method, &headers).await?;
    let principal = found
        .ok_or_else(|| Problem::unauthorized("metrics need an administrator's key or the metrics token"))?;
    if !principal.may(Role::Admin) {
        return Err(Problem::forbidden("metrics need the role admin"));
    }
    Ok(health::metrics(&origin.metrics))
}
