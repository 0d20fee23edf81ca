//! An edge as a process of its own: health and metrics beside the media routes.

use std::{process::ExitCode, time::Duration};

use axum::Router;
use httpkit::{
    Front,
    client::{Client, ClientOptions},
    health,
};
use lifecycle::Tasks;
use settings::{Secret, Settings};
use telemetry::{Health, Metrics, Role};

use crate::{Edge, EdgeError, EdgeOptions, Upstream, shelf::HELD_MAX};

/// By how much the client waits longer than whoever asks it to.
const MARGIN: Duration = Duration::from_secs(5);

impl Edge {
    /// The media routes with `/health…` and `/metrics` (for the bearer of `metrics_token`), and 404 and 405
    /// for everything else. The edge reports to `health` from now on.
    pub fn stand_alone(&self, health: Health, metrics: Metrics, metrics_token: &Secret) -> Router {
        self.report_to(health.clone());
        httpkit::fallbacks(health::routes(health, metrics, metrics_token).merge(self.router()))
    }
}

/// The edge bounds its waits itself; the client's own bounds are never the shorter ones.
fn client(settings: &settings::Edge) -> Result<Client, EdgeError> {
    let patience = HELD_MAX.max(Duration::from_secs(settings.upstream_timeout_seconds.into()));
    let options = ClientOptions {
        response_timeout: patience + MARGIN,
        body_idle: patience + MARGIN,
        ..ClientOptions::default()
    };
    if settings.upstream_ca.as_os_str().is_empty() {
        return Ok(Client::new(options));
    }
    Ok(Client::trusting(options, "edge.upstream_ca", &settings.upstream_ca)?)
}

/// Runs an edge in front of another process's origin until it is told to stop.
///
/// # Errors
/// When it cannot start; the message says what to change.
pub async fn run(mut settings: Settings) -> Result<ExitCode, EdgeError> {
    if settings.edge.upstream.is_empty() {
        return Err(EdgeError::NoUpstream);
    }
    let ambient = lifecycle::system();
    let front = Front::open(&mut settings, ambient.now()).await?;
    telemetry::init(&settings.telemetry)?;
    let metrics = Metrics::install()?;
    let (tasks, health) = (Tasks::new(), Health::new(Role::Edge));
    lifecycle::watch_signals(&tasks).map_err(EdgeError::Signals)?;
    let options = EdgeOptions::from_settings(&settings.edge, ambient.clone());
    let upstream = Upstream::http(&settings.edge.upstream, client(&settings.edge)?)?;
    let edge = Edge::new(options, upstream, &tasks)?;
    let router = edge.stand_alone(health.clone(), metrics, &settings.telemetry.metrics_token);
    println!("nexus edge is ready on {}", settings.public_url());
    front.serve(&settings, &ambient, &tasks, &health, router);
    Ok(tasks.run(settings.server.farewell() + settings.server.grace()).await)
}
