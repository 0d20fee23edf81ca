//! The one place where failures get a status. Ours are 5xx and bland, with the cause in the log; theirs are
//! 4xx and say what to change.

use std::{error::Error, time::Duration};

use axum::http::StatusCode;
use blob::BlobError;
use catalogue::CatalogueError;
use db::DbError;
use events::EventsError;
use httpkit::Problem;
use idempotency::IdempotencyError;
use identity::IdentityError;
use jobs::JobsError;
use live::LiveError;
use tracing::{error, warn};

use crate::import::Refused;

/// After how long an overloaded or absent part is worth another try.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The least that a caller is asked to wait.
const RETRY_MIN: Duration = Duration::from_secs(1);

/// A failure that has an answer.
pub(crate) trait Answer {
    fn answer(self) -> Problem;
}

/// The answer to a failure.
pub(crate) fn problem(failure: impl Answer) -> Problem {
    failure.answer()
}

fn ours(failure: &(dyn Error + 'static)) -> Problem {
    error!(error = failure, "a request failed on our side: {failure}");
    Problem::internal()
}

fn away(part: &str, failure: &(dyn Error + 'static)) -> Problem {
    warn!(error = failure, part, "{part} is away: {failure}");
    Problem::unavailable(format!("{part} is busy or away; nothing was changed"), RETRY_AFTER)
}

fn full() -> Problem {
    Problem::insufficient_storage("the server has no room for more bytes now; try again later")
}

impl Answer for DbError {
    fn answer(self) -> Problem {
        match self {
            Self::Full(_) => full(),
            error if error.is_retryable() => away("the database", &error),
            error => ours(&error),
        }
    }
}

impl Answer for BlobError {
    fn answer(self) -> Problem {
        match self {
            Self::NotFound(_) => Problem::not_found("there is nothing at this address"),
            Self::OffsetMismatch { len } => Problem::conflict(format!("the upload stands at byte {len}")),
            Self::Busy => {
                Problem::conflict("another request is at work on the same bytes").retry_after(RETRY_AFTER)
            }
            Self::TooLong { limit } => Problem::payload_too_large(limit),
            Self::Full => full(),
            Self::BodyBroken { reason, .. } => Problem::bad_request(format!("the body broke off: {reason}")),
            Self::Io(_) | Self::Damaged(_) => away("the object store", &self),
            Self::BadKey(_) | Self::Conflict(_) => ours(&self),
        }
    }
}

impl Answer for JobsError {
    fn answer(self) -> Problem {
        match self {
            Self::Db(error) => error.answer(),
            other => ours(&other),
        }
    }
}

impl Answer for IdentityError {
    fn answer(self) -> Problem {
        match self {
            Self::NotFound(what) => Problem::not_found(format!("there is no such {what}")),
            Self::Invalid { field, problem } => {
                Problem::unprocessable(format!("{field}: {problem}")).member("field", field)
            }
            Self::Forbidden(why) => Problem::forbidden(why),
            Self::NameTaken => Problem::conflict(self.to_string()).member("field", "name"),
            Self::LastOwner => Problem::conflict(self.to_string()),
            Self::SetupClosed => Problem::gone(self.to_string()),
            Self::Throttled { retry_after } => {
                let minutes = retry_after.as_secs().div_ceil(60);
                let detail = format!("too many tries to sign in; come again in {minutes} minutes");
                Problem::too_many_requests(retry_after).detail(detail)
            }
            Self::Busy => Problem::unavailable(self.to_string(), RETRY_AFTER),
            Self::Db(error) => error.answer(),
            Self::Corrupt { .. } | Self::Hash(_) => ours(&self),
        }
    }
}

impl Answer for Refused {
    fn answer(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Off => Problem::new(StatusCode::FORBIDDEN, "imports-off", "Imports are off").detail(detail),
            Self::Url(_) => Problem::unprocessable(format!("url: {detail}")).member("field", "url"),
            Self::Host(_) | Self::Private(_) => {
                Problem::new(StatusCode::FORBIDDEN, "import-refused", "Not fetched from there")
                    .detail(detail)
                    .member("field", "url")
            }
        }
    }
}

impl Answer for CatalogueError {
    fn answer(self) -> Problem {
        match self {
            Self::NotFound => Problem::not_found("there is no such asset or upload"),
            Self::Forbidden { needs } => Problem::forbidden(format!("this needs the role {needs}")),
            Self::Invalid { field, problem } => {
                Problem::unprocessable(format!("{field}: {problem}")).member("field", field)
            }
            Self::PartUnusable { unknown: true, .. } => Problem::not_found(self.to_string()),
            Self::PartUnusable { .. } => Problem::conflict(self.to_string()),
            Self::OverQuota { used, limit } => {
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "quota-exceeded", "No room left for this tenant")
                    .detail(self.to_string())
                    .member("used_bytes", used)
                    .member("limit_bytes", limit)
            }
            Self::TooLarge { limit } => Problem::payload_too_large(limit),
            Self::Busy { wait } => Problem::conflict(self.to_string()).retry_after(wait.max(RETRY_MIN)),
            Self::Crowded => Problem::unavailable(self.to_string(), RETRY_AFTER),
            Self::Changed => Problem::precondition_failed(self.to_string()),
            Self::Incomplete { .. } | Self::NoSource | Self::Illegal(_) => {
                Problem::conflict(self.to_string())
            }
            Self::Db(error) => error.answer(),
            Self::Jobs(error) => error.answer(),
            other => ours(&other),
        }
    }
}

impl Answer for LiveError {
    fn answer(self) -> Problem {
        let detail = self.to_string();
        let full = |slug, title, limit: u32| {
            Problem::new(StatusCode::CONFLICT, slug, title).detail(detail.clone()).member("limit", limit)
        };
        match self {
            Self::NotFound => Problem::not_found(detail),
            Self::Forbidden { .. } => Problem::forbidden(detail),
            Self::Invalid { field, .. } => Problem::unprocessable(detail).member("field", field),
            Self::TooManyChannels { limit } => full("too-many-channels", "No more channels", limit),
            Self::TooManyStreams { limit } => full("too-many-streams", "No more streams at once", limit),
            Self::TooFast { limit_kbps, .. } => {
                full("too-fast", "The stream's bitrate is too high", limit_kbps)
            }
            Self::Busy { wait } => Problem::conflict(detail).retry_after(wait.max(RETRY_MIN)),
            Self::Revoked | Self::NotOnAir | Self::Superseded | Self::Illegal(_) => Problem::conflict(detail),
            Self::Db(error) => error.answer(),
            Self::Events(error) => error.answer(),
            Self::Corrupt { .. } => ours(&self),
        }
    }
}

impl Answer for EventsError {
    fn answer(self) -> Problem {
        match self {
            Self::NotFound => Problem::not_found("there is no such webhook"),
            Self::Invalid { field, problem } => {
                Problem::unprocessable(format!("{field}: {problem}")).member("field", field)
            }
            Self::TooMany { .. } | Self::Disabled => Problem::conflict(self.to_string()),
            Self::Db(error) => error.answer(),
            Self::PayloadTooLarge(_) => ours(&self),
        }
    }
}

/// Statuses as the draft says (draft-ietf-httpapi-idempotency-key-header-07 §2.7).
impl Answer for IdempotencyError {
    fn answer(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Key => Problem::bad_request(detail),
            Self::InFlight => {
                let title = "A request with this Idempotency-Key is being handled";
                Problem::new(StatusCode::CONFLICT, "idempotency-key-in-flight", title)
                    .retry_after(RETRY_AFTER)
            }
            Self::Reused => {
                let title = "This Idempotency-Key was used for another request";
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", title)
            }
            Self::Full => Problem::unavailable(detail, RETRY_AFTER),
            Self::Db(error) => error.answer(),
        }
    }
}
