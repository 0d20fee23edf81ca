//! What `/health`, `/health/live`, `/health/ready`, `/health/{service}` and `/metrics` answer, in every role.
//!
//! Reasons may name paths and addresses, so only who may read the metrics is told them.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use settings::Secret;
use subtle::ConstantTimeEq;
use telemetry::{Component, Health, Metrics, State};

use crate::{Json, Path, Problem, bearer};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize)]
struct Report {
    status: &'static str,
    version: &'static str,
    components: Vec<Component>,
}

#[derive(Serialize)]
struct ServiceReport<'a> {
    service: &'a str,
    #[serde(flatten)]
    state: State,
}

/// `/health`: 200, or 503 when a part is down.
#[must_use]
pub fn report(health: &Health, trusted: bool) -> Response {
    let (status, code) =
        if health.ready() { ("ok", StatusCode::OK) } else { ("down", StatusCode::SERVICE_UNAVAILABLE) };
    let components = if trusted { health.snapshot() } else { Vec::new() };
    (code, Json(Report { status, version: VERSION, components })).into_response()
}

/// `/health/ready`: 204, or 503 when a part is down or the process is ending.
#[must_use]
pub fn ready(health: &Health) -> StatusCode {
    if health.ready() { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// `/health/live`: 204 as long as the process answers at all.
pub async fn live() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// `/health/{service}`: 200, or 503 when something that the service needs is down.
///
/// # Errors
/// 404 when no such service runs in this process.
pub fn service(health: &Health, name: &str, trusted: bool) -> Result<Response, Problem> {
    let state = health.service(name);
    let state = state.ok_or_else(|| Problem::not_found("no service of this name runs in this process"))?;
    let code = if matches!(state, State::Down(_)) { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let state = match state {
        State::Degraded(_) if !trusted => State::Degraded(String::new()),
        State::Down(_) if !trusted => State::Down(String::new()),
        state => state,
    };
    Ok((code, Json(ServiceReport { service: name, state })).into_response())
}

/// `/metrics`: Prometheus text.
#[must_use]
pub fn metrics(metrics: &Metrics) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render()).into_response()
}

/// Whether a request carries the metrics token as its bearer; an empty token opens nothing.
#[must_use]
pub fn bears(headers: &HeaderMap, token: &Secret) -> bool {
    let given = bearer(headers).unwrap_or_default();
    !token.is_empty() && bool::from(given.as_bytes().ct_eq(token.expose().as_bytes()))
}

struct Desk {
    health: Health,
    metrics: Metrics,
    token: Secret,
}

/// All of them, for roles that know no keys: the bearer of `token` is told reasons and metrics.
pub fn routes(health: Health, metrics: Metrics, token: &Secret) -> Router {
    Router::new()
        .route("/health", get(desk_report))
        .route("/health/live", get(live))
        .route("/health/ready", get(async |Shared(desk): Shared<Arc<Desk>>| ready(&desk.health)))
        .route("/health/{service}", get(desk_service))
        .route("/metrics", get(desk_metrics))
        .with_state(Arc::new(Desk { health, metrics, token: token.clone() }))
}

async fn desk_report(Shared(desk): Shared<Arc<Desk>>, headers: HeaderMap) -> Response {
    report(&desk.health, bears(&headers, &desk.token))
}

async fn desk_service(
    Shared(desk): Shared<Arc<Desk>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    service(&desk.health, &name, bears(&headers, &desk.token))
}

async fn desk_metrics(Shared(desk): Shared<Arc<Desk>>, headers: HeaderMap) -> Result<Response, Problem> {
    if !bears(&headers, &desk.token) {
        return Err(Problem::unauthorized("metrics need the metrics token"));
    }
    Ok(metrics(&desk.metrics))
}
