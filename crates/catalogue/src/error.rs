//! What can go wrong here, and what the caller does about it.
//!
//! Requests meet `NotFound`, `Forbidden`, `Invalid`, `Changed`, `Incomplete`, `Busy` and `NoSource`; work meets
//! `NotFound`, `Superseded` and `Illegal` when nobody wants its result any more ([`CatalogueError::is_moot`]), and
//! `PartTaken`, `PartMissing` and `Unfinished` when it breaks the order of work.

use std::time::Duration;

use ::events::EventsError;
use ::jobs::JobsError;
use base::{Role, UploadId};
use db::DbError;
use media::TrackName;

use crate::model::{IllegalStep, Piece};

/// A failure of this domain.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The caller's tenant has nothing of that identifier; also the answer for another tenant's and for
    /// what was deleted or has expired.
    #[error("not found")]
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
    /// The asset is not in the state that the caller expects; it reads it again and decides anew.
    #[error("the asset was changed in the meantime")]
    Changed,
    /// So many watch the asset that no more are counted; they may watch all the same.
    #[error("no more viewers are counted")]
    Crowded,
    /// An upload was declared finished with another number of bytes than it announced.
    #[error("the upload has {received} of {} bytes", length.map_or("yet unknown".to_owned(), |n| n.to_string()))]
    Incomplete {
        /// Bytes that arrived.
        received: u64,
        /// Bytes that were announced; `None` when none were.
        length: Option<u64>,
    },
    /// A partial upload cannot become part of a final one.
    #[error("partial upload {part}: {problem}")]
    PartUnusable {
        /// Which.
        part: UploadId,
        /// Why.
        problem: &'static str,
        /// Whether the caller's tenant has none of that identifier.
        unknown: bool,
    },
    /// More bytes than one upload may have.
    #[error("at most {limit} bytes may be uploaded")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// More bytes than the tenant may have together.
    #[error("{used} of {limit} bytes are used or promised; delete something first, or ask for more room")]
    OverQuota {
        /// Bytes used, promised ones included.
        used: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// Somebody else is writing to the upload.
    #[error("another request is sending bytes of this upload")]
    Busy {
        /// How long it may do so if it is not heard of.
        wait: Duration,
    },
    /// The asset cannot be made again: its upload never finished.
    #[error("the upload never finished; upload the file again")]
    NoSource,
    /// The asset is not in a state in which this may happen.
    #[error(transparent)]
    Illegal(#[from] IllegalStep),
    /// The work belongs to an older version of the asset.
    #[error("version {version} was superseded by version {current}")]
    Superseded {
        /// The version the work is for.
        version: u32,
        /// The asset's version.
        current: u32,
    },
    /// This chunk of this track was stored before; nothing of the later attempt may be kept.
    #[error("chunk {chunk} of {track} is stored already")]
    PartTaken {
        /// The track.
        track: TrackName,
        /// The chunk.
        chunk: u32,
    },
    /// A piece of work was called finished before its parts were stored, or twice, or was never planned.
    #[error("piece {piece} cannot be finished: {problem}")]
    PartMissing {
        /// The piece.
        piece: Piece,
        /// What is missing.
        problem: &'static str,
    },
    /// A version was to be published before all of its pieces were finished.
    #[error("{remaining} pieces are not finished")]
    Unfinished {
        /// How many.
        remaining: u32,
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
    /// A job's payload is not one this domain wrote.
    #[error("job of kind {kind}: {problem}")]
    Payload {
        /// The job's kind.
        kind: String,
        /// What is wrong.
        problem: String,
    },
    /// The database refused or is away.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The queue refused or is away.
    #[error(transparent)]
    Jobs(#[from] JobsError),
    /// The outbox refused or is away.
    #[error(transparent)]
    Events(#[from] EventsError),
}

impl CatalogueError {
    /// Whether this tells a worker that its result is not wanted: the asset is gone, has failed, was
    /// cancelled or is at a later version. The worker ends the job and keeps nothing.
    #[must_use]
    pub fn is_moot(&self) -> bool {
        matches!(self, Self::NotFound | Self::Superseded { .. } | Self::Illegal(_))
    }

    /// Whether the database as a whole is away, busy or full, which passes.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Db(error) | Self::Jobs(JobsError::Db(error)) | Self::Events(EventsError::Db(error)) => {
                error.is_passing()
            }
            _ => false,
        }
    }
}

/// The result of a call into this domain.
pub type Result<T, E = CatalogueError> = std::result::Result<T, E>;
