//! What can go wrong with stored bytes.

use crate::Key;

/// A failed operation; the variants tell the caller what to do next.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The text is not a key.
    #[error("{0:?} is not an object key")]
    BadKey(String),
    /// There is no such object or stage.
    #[error("no object {0}")]
    NotFound(String),
    /// The object exists with other bytes; objects never change.
    #[error("object {0} exists with other bytes")]
    Conflict(Key),
    /// Bytes were offered for another place than the end of the stage.
    #[error("the stage holds {len} bytes")]
    OffsetMismatch {
        /// Where the next byte goes.
        len: u64,
    },
    /// Another writer is appending to the stage.
    #[error("another writer is appending")]
    Busy,
    /// The body ended in an error; what arrived is kept.
    #[error("the body broke off: {reason}")]
    BodyBroken {
        /// Durable length of the stage.
        len: u64,
        /// What the body said.
        reason: String,
    },
    /// The body is longer than allowed; nothing of it is kept.
    #[error("the body exceeds {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: u64,
    },
    /// No room is left.
    #[error("the store is full")]
    Full,
    /// What was read is not what was written, or what was written did not arrive; a later attempt may succeed.
    #[error("the store brought wrong bytes: {0}")]
    Damaged(String),
    /// The store failed; a later attempt may succeed.
    #[error("the store failed: {0}")]
    Io(std::io::Error),
}

impl From<std::io::Error> for BlobError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}
