//! An edge as a process of its own: health and metrics beside the media routes.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use httpkit::{Json, Problem};
use serde::Serialize;
use settings::Secret;
use subtle::ConstantTimeEq;
use telemetry::{Component, Health, Metrics};

use crate::Edge;

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize)]
struct Report {
    status: &'static str,
    version: &'static str,
    components: Vec<Component>,
}

#[derive(Clone)]
struct Desk {
    health: Health,
    metrics: Metrics,
    token: Secret,
}

impl Desk {
    /// Whether the request carries the bearer token; an empty token opens nothing.
    fn trusts(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        let given = value.strip_prefix(b"Bearer ").unwrap_or_default();
        !self.token.is_empty() && bool::from(given.ct_eq(self.token.expose().as_bytes()))
    }

    fn readiness(&self, ready: StatusCode) -> StatusCode {
        if self.health.ready() { ready } else { StatusCode::SERVICE_UNAVAILABLE }
    }
}

/// Parts and states; reasons may name addresses, so only who may read the metrics sees them.
async fn report(State(desk): State<Desk>, headers: HeaderMap) -> Response {
    let status = if desk.health.ready() { "ok" } else { "down" };
    let components = if desk.trusts(&headers) { desk.health.snapshot() } else { Vec::new() };
    (desk.readiness(StatusCode::OK), Json(Report { status, version: VERSION, components })).into_response()
}

async fn live() -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn ready(State(desk): State<Desk>) -> StatusCode {
    desk.readiness(StatusCode::NO_CONTENT)
}

async fn metrics(State(desk): State<Desk>, headers: HeaderMap) -> Result<Response, Problem> {
    if !desk.trusts(&headers) {
        return Err(Problem::unauthorized("metrics need the metrics token"));
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], desk.metrics.render()).into_response())
}

impl Edge {
    /// The media routes with `/health`, `/health/live`, `/health/ready` and `/metrics` (for the bearer of
    /// `metrics_token`), and 404 and 405 for everything else. The edge reports to `health` from now on.
    pub fn stand_alone(&self, health: Health, metrics_reader: Metrics, metrics_token: &Secret) -> Router {
        self.report_to(health.clone());
        let desk = Desk { health, metrics: metrics_reader, token: metrics_token.clone() };
        let routes = Router::new()
            .route("/health", get(report))
            .route("/health/live", get(live))
            .route("/health/ready", get(ready))
            .route("/metrics", get(metrics))
            .with_state(desk);
        httpkit::fallbacks(routes.merge(self.router()))
    }
}
