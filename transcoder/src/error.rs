//! What can go wrong in a job, and whether another attempt may help.

use std::time::Duration;

use blob::BlobError;
use catalogue::CatalogueError;
use db::DbError;
use jobs::{Failure, JobsError};
use media::{CmafError, PlanError, PresentationError, TrackError};
use sandbox::{SandboxError, SourceError};

/// The pause before what was damaged is read again for the first time; three times as long each further time. With the
/// usual five attempts a fault on the way has more than three minutes to be mended before a film fails of it.
const DAMAGE_PAUSE: Duration = Duration::from_secs(5);
/// Longest of these pauses.
const DAMAGE_PAUSE_MAX: Duration = Duration::from_secs(300);

/// A failed attempt.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The result is not wanted any more: the asset was deleted, failed or has a newer version.
    #[error("the result is not wanted any more")]
    Moot,
    /// The child delivered nothing; tells itself whether that is final.
    #[error(transparent)]
    Child(#[from] SandboxError),
    /// No ladder can be planned for this source. Final.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The child's output is not the CMAF that was asked for.
    #[error("the pipeline child's output is wrong: {0}")]
    Cmaf(#[from] CmafError),
    /// The child's output has the wrong kind of track.
    #[error("the pipeline child's output is wrong: {0}")]
    Track(#[from] TrackError),
    /// The child's output is not all that was asked for.
    #[error("the pipeline child's output is incomplete: {0}")]
    Incomplete(String),
    /// What was made does not fit together.
    #[error(transparent)]
    Presentation(#[from] PresentationError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] BlobError),
    /// The queue or the database failed.
    #[error(transparent)]
    Jobs(#[from] JobsError),
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(CatalogueError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Rows and job contradict each other.
    #[error("{0}")]
    Internal(&'static str),
}

impl From<CatalogueError> for Trouble {
    fn from(error: CatalogueError) -> Self {
        if error.is_moot() { Self::Moot } else { Self::Catalogue(error) }
    }
}

impl Trouble {
    /// Words for the creator when no other attempt can end differently.
    pub(crate) fn final_reason(&self) -> Option<String> {
        match self {
            Self::Child(error) if error.is_final() => Some(error.reason()),
            Self::Plan(error) => Some(error.to_string()),
            _ => None,
        }
    }

    /// Whether something that every job needs is away, busy or full: it passes, and says nothing about this job.
    fn is_passing(&self) -> bool {
        match self {
            Self::Child(SandboxError::Source(SourceError::Away(_)))
            | Self::Store(BlobError::Io(_) | BlobError::Full) => true,
            Self::Db(error) | Self::Jobs(JobsError::Db(error)) => error.is_passing(),
            Self::Catalogue(error) => error.is_passing(),
            _ => false,
        }
    }

    /// Whether bytes came that are not those that were stored.
    fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Child(SandboxError::Source(SourceError::Damaged(_))) | Self::Store(BlobError::Damaged(_))
        )
    }

    /// Words for the creator when the attempts are used up.
    fn reason(&self) -> String {
        match self {
            Self::Child(error) => error.reason(),
            Self::Store(BlobError::Full) => "The server has no room left for this film.".to_owned(),
            Self::Store(BlobError::Damaged(_) | BlobError::NotFound(_)) => {
                "The stored film is damaged; upload it again.".to_owned()
            }
            _ => "The film could not be processed because of a fault in the server.".to_owned(),
        }
    }
}

impl Trouble {
    /// What the worker is to do about it, of a job that failed so often before.
    pub(crate) fn into_failure(self, failures: u32) -> Failure {
        let failure = Failure::from(self);
        match failure {
            Failure::Retry { reason, delay: Some(pause) } => {
                let pause = pause.saturating_mul(3_u32.saturating_pow(failures)).min(DAMAGE_PAUSE_MAX);
                Failure::Retry { reason, delay: Some(pause) }
            }
            failure => failure,
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Jobs(JobsError::LeaseLost) => Self::LeaseLost,
            trouble if trouble.is_passing() => Self::away(trouble.to_string()),
            trouble if trouble.is_damage() => {
                Self::Retry { reason: trouble.reason(), delay: Some(DAMAGE_PAUSE) }
            }
            trouble => Self::retry(trouble.reason()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_away_is_no_failure_and_what_is_damaged_is_read_again_for_three_minutes() {
        let away = || Trouble::Store(BlobError::Io(std::io::Error::other("503")));
        assert!(matches!(away().into_failure(99), Failure::Away { .. }));
        assert!(matches!(Trouble::Store(BlobError::Full).into_failure(0), Failure::Away { .. }));
        let child = |fault| Trouble::Child(SandboxError::Source(fault));
        assert!(matches!(child(SourceError::Away(String::new())).into_failure(0), Failure::Away { .. }));
        let pause = |failures| match child(SourceError::Damaged(String::new())).into_failure(failures) {
            Failure::Retry { reason, delay: Some(pause) } if reason.contains("damaged") => pause.as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!([pause(0), pause(1), pause(2), pause(3), pause(99)], [5, 15, 45, 135, 300]);
        let other = Trouble::Incomplete("no report".into()).into_failure(0);
        assert!(matches!(other, Failure::Retry { delay: None, .. }));
    }
}
