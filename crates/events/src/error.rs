//! What can go wrong with events.

use db::DbError;

/// A failed operation of the outbox or of webhooks.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// A payload is larger than [`crate::PAYLOAD_BYTES_MAX`].
    #[error("an event's payload of {0} bytes is too large")]
    PayloadTooLarge(usize),
    /// The tenant has no such webhook.
    #[error("there is no such webhook")]
    NotFound,
    /// An argument is out of range; the caller changes it.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which argument.
        field: &'static str,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// There are as many as there may be.
    #[error("there are {limit} {what} already, and no more are taken")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: u32,
    },
    /// The webhook is disabled; enable it first.
    #[error("the webhook is disabled")]
    Disabled,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Why a subscription has no next event.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SubscriptionError {
    /// The subscriber was too slow and this many events, its own or other tenants', were dropped for it. The
    /// subscription goes on with the oldest one kept.
    #[error("{0} events were dropped for a slow subscriber")]
    Lagged(u64),
    /// The bus is gone.
    #[error("the event bus is closed")]
    Closed,
}
