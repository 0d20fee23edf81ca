//! What can go wrong here, and what the caller does about it.
//!
//! A credential that does not open anything is not an error: the `authenticate_…` and `sign_in_…` functions
//! answer `None`.

use std::time::Duration;

use db::DbError;

/// A failure of this domain.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The caller's tenant has nothing of that identifier; also the answer for another tenant's.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// An argument is out of range; the caller changes it.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which argument.
        field: &'static str,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// The caller is known and may not do this; somebody with more rights may.
    #[error("{0}")]
    Forbidden(String),
    /// Somebody has this name already; another one is needed.
    #[error("somebody signs in with this name already")]
    NameTaken,
    /// It would leave a tenant without an owner who can sign in; another owner has to be named first.
    #[error("this is the last owner; name another owner first")]
    LastOwner,
    /// The set-up link was used, replaced or has expired; starting the server again prints a new one while
    /// there is no owner.
    #[error("this set-up link was used, replaced or has expired")]
    SetupClosed,
    /// Too many tries to sign in; worth another one after a while.
    #[error("too many tries to sign in")]
    Throttled {
        /// After how long.
        retry_after: Duration,
    },
    /// Too many passwords are being hashed at once; nothing was decided.
    #[error("too many people sign in at this moment")]
    Busy,
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
    /// A password could not be hashed: a mistake in this program.
    #[error("hashing a password failed: {0}")]
    Hash(String),
    /// The database refused or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The result of a call into this domain.
pub type Result<T, E = IdentityError> = std::result::Result<T, E>;
