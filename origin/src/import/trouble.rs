//! Why an import does not go on, in words that its creator can act on, and whether another try may help.

use std::time::Duration;

use axum::http::StatusCode;
use blob::BlobError;
use catalogue::CatalogueError;
use db::DbError;
use httpkit::{ClientError, Problem};
use jobs::{Failure, JobsError};

use super::rules::Refused;
use crate::upload::IntakeError;

/// A failed attempt at a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// Nobody waits for it any more.
    #[error("nobody waits for it any more")]
    Moot,
    /// The address may not be fetched.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It leads from address to address.
    #[error("more than {0} redirects")]
    Redirects(usize),
    /// The server says no.
    #[error("the server answered {status}")]
    Status {
        /// Its status.
        status: StatusCode,
        /// Whether another try may help.
        again: bool,
        /// When it says so itself.
        after: Option<Duration>,
    },
    /// The server's answer is of no use, and the next one would be the same.
    #[error("the server answered with {0}")]
    Useless(&'static str),
    /// It cannot be reached, or the line broke.
    #[error(transparent)]
    Line(#[from] ClientError),
    /// What is staged does not fit what comes.
    #[error("the file changed while it was fetched")]
    Changed,
    /// It took too long.
    #[error("it took longer than import.time_max_seconds")]
    TooSlow,
    /// More than may come.
    #[error("more than {limit} bytes")]
    TooMuch {
        /// What may.
        limit: u64,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] BlobError),
    /// The catalogue.
    #[error(transparent)]
    Catalogue(CatalogueError),
    /// The queue.
    #[error(transparent)]
    Jobs(#[from] JobsError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A fault of ours.
    #[error("{0}")]
    Internal(Problem),
}

impl From<CatalogueError> for Trouble {
    fn from(error: CatalogueError) -> Self {
        if error.is_moot() { Self::Moot } else { Self::Catalogue(error) }
    }
}

impl From<IntakeError<ClientError>> for Trouble {
    fn from(error: IntakeError<ClientError>) -> Self {
        match error {
            IntakeError::Source(error) => error.into(),
            IntakeError::TooMuch { limit } => Self::TooMuch { limit },
            IntakeError::Store(error) => error.into(),
            IntakeError::Catalogue(error) => error.into(),
            IntakeError::Internal(problem) => Self::Internal(problem),
        }
    }
}

impl Trouble {
    /// Whether no other try can end differently.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Refused(_)
            | Self::Redirects(_)
            | Self::Useless(_)
            | Self::TooSlow
            | Self::TooMuch { .. }
            | Self::Catalogue(CatalogueError::TooLarge { .. } | CatalogueError::OverQuota { .. }) => true,
            Self::Status { again, .. } => !again,
            Self::Line(error) => !error.is_transient(),
            _ => false,
        }
    }

    /// What it says to a creator; `host` is where the file was asked for.
    pub(super) fn reason(&self, host: &str) -> String {
        match self {
            Self::Refused(refused) => format!("The file may not be fetched: {refused}."),
            Self::Redirects(most) => format!("{host} leads from address to address, more than {most} times."),
            Self::Status { status, .. } => format!("{host} answered {status}."),
            Self::Useless(what) => format!("{host} answered with {what}."),
            Self::Line(ClientError::NotPublic(name)) => {
                format!("The file may not be fetched: {}.", Refused::Private(name.0.clone()))
            }
            Self::Line(error) => format!("{host} could not be read: {error}."),
            Self::Changed => format!("The file changed at {host} again and again while it was fetched."),
            Self::TooSlow => format!("Fetching from {host} took longer than this server allows."),
            Self::TooMuch { limit } => format!("The file is larger than the {limit} bytes that may come."),
            Self::Catalogue(error @ (CatalogueError::TooLarge { .. } | CatalogueError::OverQuota { .. })) => {
                format!("The file does not fit: {error}.")
            }
            Self::Store(BlobError::Full) => "The server has no room left for this file.".to_owned(),
            _ => "The file could not be fetched because of a fault in the server.".to_owned(),
        }
    }

    /// The same for the queue, which tries again.
    pub(super) fn failure(self, host: &str) -> Failure {
        let delay = match &self {
            Self::Status { after, .. } => *after,
            _ => None,
        };
        match self {
            Self::Jobs(JobsError::LeaseLost) => Failure::LeaseLost,
            trouble => Failure::Retry { reason: trouble.reason(host), delay },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_pass_is_final_and_says_what_to_do() {
        let gone = Trouble::Status { status: StatusCode::NOT_FOUND, again: false, after: None };
        assert!(gone.is_final());
        assert_eq!(gone.reason("a.example"), "a.example answered 404 Not Found.");
        let off = Trouble::Refused(Refused::Host("b.example".into()));
        assert!(off.is_final() && off.reason("a.example").contains("b.example is not among the hosts"));
        let large = Trouble::Catalogue(CatalogueError::TooLarge { limit: 5 });
        assert!(large.is_final() && large.reason("a.example").contains("5 bytes"));
        assert!(!Trouble::Line(ClientError::Body("it stalled".into())).is_final());
        assert!(!Trouble::Store(BlobError::Full).is_final());
        assert!(matches!(Trouble::from(CatalogueError::NotFound), Trouble::Moot));
    }

    #[test]
    fn a_server_may_say_when_to_come_again() {
        let after = Some(Duration::from_secs(9));
        let busy = Trouble::Status { status: StatusCode::SERVICE_UNAVAILABLE, again: true, after };
        assert!(matches!(busy.failure("a.example"), Failure::Retry { delay, .. } if delay == after));
    }
}
