//! What can go wrong with events.

use db::DbError;

/// A failed outbox operation.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// A payload is larger than [`crate::PAYLOAD_BYTES_MAX`].
    #[error("an event's payload of {0} bytes is too large")]
    PayloadTooLarge(usize),
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
