//! What can go wrong, and the only place where it gets a status: a start that cannot be ([`EdgeError`]), and
//! a fill that failed ([`FillError`], always the upstream's or our own fault, so always 5xx).

use std::time::Duration;

use httpkit::{ClientError, Problem};

/// Why an edge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// The upstream's address is not the base of http or https URLs.
    #[error("the upstream {0:?} is not an http or https URL without query")]
    Upstream(String),
    /// The credential cannot be sent in a header.
    #[error("the edge credential must be visible ASCII")]
    Credential,
    /// Nothing to pull from.
    #[error("edge.upstream is empty: name the origin to pull from, such as --upstream http://origin:8080")]
    NoUpstream,
    /// The listener cannot be opened.
    #[error(transparent)]
    Front(#[from] httpkit::FrontError),
    /// The upstream's certificates cannot be checked.
    #[error(transparent)]
    Tls(#[from] httpkit::TlsError),
    /// Logging cannot begin.
    #[error(transparent)]
    Log(#[from] telemetry::LogError),
    /// Metrics cannot begin.
    #[error(transparent)]
    Metrics(#[from] telemetry::MetricsError),
    /// Signals cannot be watched.
    #[error("signals cannot be watched: {0}")]
    Signals(std::io::Error),
    /// The key set that was given is not usable.
    #[error("the token keys are not usable: {0}")]
    Keys(#[from] playback_token::TokenError),
}

/// Why an object could not be brought from the upstream. Shared by all who waited for it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum FillError {
    #[error("the upstream failed: {0}")]
    Upstream(String),
    #[error("the upstream is not able to answer now")]
    Unavailable,
    #[error("the upstream broke the connection: {0}")]
    Broken(String),
    #[error("the upstream did not answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    #[error("too many requests to the upstream at once")]
    Busy,
    #[error("too many requests wait at once")]
    Crowded,
    #[error("the upstream sent {got} bytes where it announced {announced}")]
    WrongLength { announced: u64, got: u64 },
    #[error("the upstream sent more than fits into the cache without announcing a length")]
    Endless,
    #[error("the fill was given up")]
    Abandoned,
}

const RETRY_AFTER: Duration = Duration::from_secs(1);

impl FillError {
    /// What the parameter `detail` of Cache-Status says (RFC 9211 §2.8).
    pub(crate) fn detail(&self) -> &'static str {
        match self {
            Self::Upstream(_) => "upstream-failed",
            Self::Unavailable => "upstream-unavailable",
            Self::Broken(_) => "upstream-broke",
            Self::TimedOut(_) => "upstream-timeout",
            Self::Busy => "upstream-busy",
            Self::Crowded => "crowded",
            Self::WrongLength { .. } => "upstream-length",
            Self::Endless => "upstream-endless",
            Self::Abandoned => "abandoned",
        }
    }

    /// The answer to whoever waited; what exactly the upstream did is for the log.
    pub(crate) fn problem(&self) -> Problem {
        match self {
            Self::TimedOut(_) => Problem::gateway_timeout("the origin did not answer in time"),
            Self::Unavailable => Problem::unavailable("the origin has no answer at the moment", RETRY_AFTER),
            Self::Busy => Problem::unavailable("the origin is asked too much at the moment", RETRY_AFTER),
            Self::Crowded => Problem::unavailable("too many viewers wait at once", RETRY_AFTER),
            Self::Abandoned => Problem::unavailable("the server is going down", RETRY_AFTER),
            Self::Upstream(_) | Self::Broken(_) | Self::WrongLength { .. } | Self::Endless => {
                Problem::bad_gateway("the origin could not be reached or did not answer properly")
            }
        }
    }
}

impl From<ClientError> for FillError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::TimedOut(limit) => Self::TimedOut(limit),
            ClientError::Broken(reason) => Self::Broken(reason),
            error => Self::Upstream(error.to_string()),
        }
    }
}
