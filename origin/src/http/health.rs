//! `/health`, `/health/live`, `/health/ready`, `/metrics` and the version.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use base::Role;
use httpkit::{Json, Problem};
use serde::Serialize;
use subtle::ConstantTimeEq;
use telemetry::Component;

use super::auth::{bearer, caller};
use crate::Origin;

#[derive(Serialize)]
struct Report {
    status: &'static str,
    version: &'static str,
    components: Vec<Component>,
}

#[derive(Serialize)]
struct Version {
    version: &'static str,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn routes() -> Router<Origin> {
    Router::new()
        .route("/health", get(report))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/api/v1/version", get(version))
}

/// Parts and states. Reasons may name paths and addresses, so only administrators see them.
async fn report(
    State(origin): State<Origin>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let trusted =
        caller(&origin, &method, &headers).await?.is_some_and(|principal| principal.may(Role::Admin));
    let ready = origin.health.ready();
    let status = if ready { "ok" } else { "down" };
    let components = if trusted { origin.health.snapshot() } else { Vec::new() };
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((code, Json(Report { status, version: VERSION, components })).into_response())
}

async fn live() -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn ready(State(origin): State<Origin>) -> StatusCode {
    if origin.health.ready() { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn version() -> Json<Version> {
    Json(Version { version: VERSION })
}

async fn metrics(
    State(origin): State<Origin>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let token = origin.metrics_token.expose().as_bytes();
    let given = bearer(&headers).unwrap_or_default().as_bytes();
    let by_token = !token.is_empty() && bool::from(given.ct_eq(token));
    if !by_token {
        let found = caller(&origin, &method, &headers).await?;
        let principal = found.ok_or_else(|| {
            Problem::unauthorized("metrics need an administrator's key or the metrics token")
        })?;
        if !principal.may(Role::Admin) {
            return Err(Problem::forbidden("metrics need the role admin"));
        }
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], origin.metrics.render()).into_response())
}
