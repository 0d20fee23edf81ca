//! `/health`, `/health/live`, `/health/ready`, `/health/{service}`, `/metrics` and the version.

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use base::Role;
use httpkit::{Json, Path, Problem, health};
use identity::Scope;
use serde::Serialize;

use super::{
    auth::caller,
    error::problem,
    table::{Access, Routes},
};
use crate::Origin;

#[derive(Serialize)]
struct Version {
    version: &'static str,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/health", Access::Public, report)
        .get("/health/live", Access::Public, health::live)
        .get("/health/ready", Access::Public, ready)
        .get("/health/{service}", Access::Public, service)
        .get("/metrics", Access::Token, metrics)
        .get("/api/v1/version", Access::Public, version)
}

/// Whether the caller bears the metrics token or an administrator's key.
async fn trusts(origin: &Origin, method: &Method, headers: &HeaderMap) -> Result<bool, Problem> {
    if health::bears(headers, &origin.metrics_token) {
        return Ok(true);
    }
    let caller = caller(origin, method, headers).await?;
    Ok(caller.is_some_and(|caller| caller.require(Role::Admin, Some(Scope::Manage)).is_ok()))
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
    origin.audiences().show(origin.ambient.now());
    if health::bears(&headers, &origin.metrics_token) {
        return Ok(health::metrics(&origin.metrics));
    }
    let found = caller(&origin, &method, &headers).await?;
    let caller = found
        .ok_or_else(|| Problem::unauthorized("metrics need an administrator's key or the metrics token"))?;
    caller.require(Role::Admin, Some(Scope::Manage)).map_err(problem)?;
    Ok(health::metrics(&origin.metrics))
}
