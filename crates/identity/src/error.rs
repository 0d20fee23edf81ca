//! What can go wrong here, and what the caller does about it.
//!
//! A credential that does not open anything is not an error: the `authenticate_…` functions answer `None`.

use db::DbError;

/// A failure of this domain.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The caller's tenant has nothing of that identifier; also the answer for another tenant's.
    #[error("no such key")]
    NotFound,
    /// An argument is out of range; the caller changes it.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which argument.
        field: &'static str,
        /// What is wrong with it and what would be right.
        problem: String,
    },
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
}

/// The result of a call into this domain.
pub type Result<T, E = IdentityError> = std::result::Result<T, E>;
