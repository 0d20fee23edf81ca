//! What can go wrong with a queue.

use db::DbError;

/// A failed queue operation.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// The claim's lease was taken over, cancelled or settled: whatever was prepared under it is void.
    #[error("the lease is lost")]
    LeaseLost,
    /// A payload is larger than [`crate::PAYLOAD_BYTES_MAX`].
    #[error("a job's payload of {0} bytes is too large")]
    PayloadTooLarge(usize),
    /// A payload is not what the handler of its kind expects.
    #[error("a job's payload is malformed")]
    Payload(#[source] serde_json::Error),
    /// Others kept adding and finishing jobs under the same dedupe key.
    #[error("the dedupe key is contended")]
    DedupeContended,
    /// Another process runs on the same data folder.
    #[error("another process is running on this data folder ({0} is locked)")]
    InstanceRunning(String),
    /// The instance file cannot be used.
    #[error("{path}")]
    InstanceFile {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}
