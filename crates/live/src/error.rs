//! What can go wrong here, and what the caller does about it.
//!
//! Requests meet `NotFound`, `Forbidden`, `Invalid`, `TooManyChannels` and `NotOnAir`; publishers are told `Busy`,
//! `Revoked`, `TooManyStreams` and `TooFast`; who holds a broadcast drops it when told `Superseded`. A stream key that
//! opens nothing is no error: [`crate::Live::authenticate`] answers `None`.

use std::time::Duration;

use base::Role;
use db::DbError;
use events::EventsError;

use crate::model::IllegalStep;

/// A failure of this domain.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The caller's tenant has no such channel; also the answer for another tenant's, and for one that the caller's
    /// role does not see.
    #[error("there is no such channel")]
    NotFound,
    /// The caller's role does not suffice.
    #[error("this needs the role {needs}")]
    Forbidden {
        /// The least role that may.
        needs: Role,
    },
    /// An argument is out of range; the caller changes it.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which argument.
        field: &'static str,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// The tenant has as many channels as it may have.
    #[error("there are {limit} channels already, and no more are allowed; delete one first")]
    TooManyChannels {
        /// How many there may be.
        limit: u32,
    },
    /// As many channels of the tenant are on air as may be at once.
    #[error("{limit} channels are on air already, and no more may be at once; end one first")]
    TooManyStreams {
        /// How many there may be at once.
        limit: u32,
    },
    /// A stream has a higher bitrate than the tenant's may have.
    #[error(
        "the stream has {kbps} kbit/s, and at most {limit_kbps} are allowed; lower the encoder's bitrate"
    )]
    TooFast {
        /// What it has, in kbit/s.
        kbps: u32,
        /// What it may have, in kbit/s.
        limit_kbps: u32,
    },
    /// Somebody else publishes to the channel.
    #[error("somebody else is publishing to this channel")]
    Busy {
        /// After how long the channel is free at the latest if the other one is not heard of any more.
        wait: Duration,
    },
    /// The channel was deleted, or its key changed, after the publisher showed the one it had.
    #[error("the channel's key was changed in the meantime")]
    Revoked,
    /// Nothing is on air that could be ended.
    #[error("nobody is publishing to this channel")]
    NotOnAir,
    /// The lease is over: the broadcast has ended, or another process holds it. Whoever is told so publishes nothing
    /// more of it.
    #[error("the broadcast has ended or belongs to another process")]
    Superseded,
    /// The channel is not in a state in which this may happen.
    #[error(transparent)]
    Illegal(#[from] IllegalStep),
    /// A stored value cannot be read back: the database was edited by hand or by a newer release.
    #[error("{table} row {id}, column {column}: {problem}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        id: String,
        /// Why the value is not one this release wrote.
        problem: String,
    },
    /// The database refused or is away.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The outbox refused or is away.
    #[error(transparent)]
    Events(#[from] EventsError),
}

impl LiveError {
    /// Whether the database as a whole is away, busy or full, which passes.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Db(error) | Self::Events(EventsError::Db(error)) => error.is_passing(),
            _ => false,
        }
    }
}

/// The result of a call into this domain.
pub type Result<T, E = LiveError> = std::result::Result<T, E>;
