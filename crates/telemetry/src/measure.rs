//! Metrics in the Prometheus text format.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Why metrics could not begin.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot begin: {0}")]
pub struct MetricsError(String);

/// Upper bounds of duration histograms, in seconds.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0];

/// Upper bounds of the time from an encoder to a viewer's eye, in seconds, close where low latency is told from none.
const LATENCY: [f64; 16] =
    [0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 20.0, 60.0];

/// Counters that alerts watch begin at zero: the step from nothing to one is none to Prometheus.
const FROM_ZERO: [&str; 9] = [
    "nexus_db_begin_failed_total",
    "nexus_edge_key_fetches_failed_total",
    "nexus_edge_refused_waiters_total",
    "nexus_events_pump_failed_total",
    "nexus_http_connections_refused_total",
    "nexus_http_panics_total",
    "nexus_http_refused_busy_total",
    "nexus_jobs_panics_total",
    "nexus_uploads_refused_full_total",
];

/// The process's metrics.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the process-wide recorder. Histograms named `…_seconds` get fixed buckets.
    ///
    /// # Errors
    /// When a recorder is already installed.
    pub fn install() -> Result<Self, MetricsError> {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Full("nexus_live_latency_seconds".into()), &LATENCY)
            })
            .and_then(PrometheusBuilder::install_recorder)
            .map_err(|error| MetricsError(error.to_string()))?;
        metrics::gauge!("nexus_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        FROM_ZERO.iter().for_each(|name| metrics::counter!(*name).increment(0));
        Ok(Self(handle))
    }

    /// All metrics as Prometheus text (version 0.0.4).
    #[must_use]
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}
