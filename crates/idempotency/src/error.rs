//! Why a request with a key is not simply performed.

use db::DbError;

/// What stands in a request's way.
#[derive(Debug, thiserror::Error)]
pub enum IdempotencyError {
    /// The key is empty, too long or not visible ASCII; the caller sends another.
    #[error("an Idempotency-Key is 1 to {} visible ASCII characters", crate::KEY_BYTES_MAX)]
    Key,
    /// A request with this key is being handled; the caller waits for its answer or asks again later.
    #[error("a request with this Idempotency-Key is being handled")]
    InFlight,
    /// The key was used for another request; the caller sends a fresh one.
    #[error("this Idempotency-Key was used for another request")]
    Reused,
    /// Too many answers are kept for the tenant; the caller tries later or without a key.
    #[error("{} answers are kept already", crate::ROWS_MAX)]
    Full,
    /// The database refused or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}
