//! What can go wrong here besides answering a request, which is [`crate::Problem`]'s business.

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use crate::outbound::NotPublic;

/// A setting that names no address or network.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is neither an IP address nor a network such as 10.0.0.0/8")]
pub struct AddressError(pub String);

/// Why a certificate or its key cannot be used; each names the setting to mend.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{setting} {}: {reason}", path.display())]
    File {
        /// Such as `tls.cert`.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A file does not hold what it should.
    #[error("{setting} {} cannot be used: {reason}", path.display())]
    Unusable {
        /// Such as `tls.cert`.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key is another certificate's.
    #[error("tls.key {} does not belong to the certificate of tls.cert {}", key.display(), cert.display())]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The TLS library cannot begin.
    #[error("TLS cannot begin: {0}")]
    Library(String),
}

/// Why a listener cannot be opened; each names the setting to mend.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    /// The address is taken, or not ours.
    #[error("listening on {address} ({setting}): {reason}")]
    Listen {
        /// Such as `server.listen`.
        setting: &'static str,
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
    /// The certificate or its key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// `server.trusted_proxies`.
    #[error("server.trusted_proxies: {0}")]
    Proxies(#[from] AddressError),
}

/// Why a request to another server failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not an absolute http or https URL.
    #[error("{0:?} is not an absolute http or https URL")]
    Url(String),
    /// The address leads where this client may not connect to.
    #[error(transparent)]
    NotPublic(#[from] NotPublic),
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
        !matches!(self, Self::Url(_) | Self::NotPublic(_) | Self::TooLong(_))
    }
}
