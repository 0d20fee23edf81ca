//! What can go wrong here besides answering a request, which is [`crate::Problem`]'s business.

use std::time::Duration;

/// A setting that names no address or network.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is neither an IP address nor a network such as 10.0.0.0/8")]
pub struct AddressError(pub String);

/// Why a request to another server failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not an absolute http or https URL.
    #[error("{0:?} is not an absolute http or https URL")]
    Url(String),
    /// No connection: name not found, refused, or TLS failed.
    #[error("cannot connect to {authority}: {reason}")]
    Connect {
        /// Host and port.
        authority: String,
        /// The innermost cause.
        reason: String,
    },
    /// The server did not answer in time.
    #[error("no answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// The connection broke before the answer's headers were there, or they were not HTTP.
    #[error("the connection failed: {0}")]
    Broken(String),
    /// The answer's body stalled or broke off.
    #[error("the answer's body failed: {0}")]
    Body(String),
    /// The answer's body is longer than the caller takes.
    #[error("the answer is longer than {0} bytes")]
    TooLong(u64),
}

impl ClientError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Url(_) | Self::TooLong(_))
    }
}
