//! Log lines on standard error, for people or as JSON.

use std::io::IsTerminal;

use settings::{LogFormat, Telemetry};
use tracing_subscriber::EnvFilter;

/// Why logging could not begin.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `telemetry.log` is not a filter.
    #[error("telemetry.log is not a filter such as `info,edge=debug`: {0}")]
    Filter(String),
    /// Logging was begun before in this process.
    #[error("logging was begun twice")]
    Twice,
}

/// Begins logging for the process.
///
/// # Errors
/// See [`LogError`].
pub fn init(section: &Telemetry) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(&section.log).map_err(|error| LogError::Filter(error.to_string()))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Reported on standard error by a print that panics: a log that nobody reads would end whoever logs.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    let begun = match section.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    begun.map_err(|_| LogError::Twice)
}
