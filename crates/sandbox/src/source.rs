//! Where a child's reads are answered from.

use std::future::Future;

use bytes::Bytes;

/// The bytes a child may read: a folder, ranged reads of an object store, memory.
pub trait Source: Send + Sync + 'static {
    /// The `len` bytes at `offset`. The range lies inside the length the spec states; fewer bytes are a fault.
    ///
    /// # Errors
    /// Why there are none; the child then ends with [`crate::SandboxError::Source`], whatever it says itself.
    fn read_at(&self, offset: u64, len: u32) -> impl Future<Output = Result<Bytes, SourceError>> + Send;
}

/// Why a source could not be read, in words for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Where it is kept does not answer; it may later.
    #[error("{0}")]
    Away(String),
    /// What came is not what was stored.
    #[error("damaged: {0}")]
    Damaged(String),
}

/// The source of a graph that reads nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSource;

impl Source for NoSource {
    async fn read_at(&self, _offset: u64, _len: u32) -> Result<Bytes, SourceError> {
        Err(SourceError::Away("this graph has no source".into()))
    }
}

impl Source for Bytes {
    async fn read_at(&self, offset: u64, len: u32) -> Result<Bytes, SourceError> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let upto = from.saturating_add(len as usize).min(self.len());
        Ok(self.slice(from..upto))
    }
}
