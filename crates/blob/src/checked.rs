//! Reading an object whose bytes are held against what was written.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::{BlobError, ByteStream, Key, Store, sums::Sums};

/// An object opened for reading. A bucket's server and everything on the way to it may fail to bring what was
/// written: what was uploaded in a stage has checksums, and what does not fit them is [`BlobError::Damaged`].
/// In a folder the file system is trusted, as is what a server made by joining objects.
#[derive(Clone)]
pub struct Checked {
    store: Store,
    key: Key,
    bytes: u64,
    sums: Option<Arc<Sums>>,
}

impl Checked {
    pub(crate) fn new(store: Store, key: Key, bytes: u64, sums: Option<Sums>) -> Self {
        Self { store, key, bytes, sums: sums.map(Arc::new) }
    }

    /// Length in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Up to `len` bytes from `offset`; fewer only at the end. Checked are those blocks of 256 KiB, counted from
    /// the first byte, that lie whole in them.
    ///
    /// # Errors
    /// [`BlobError::Damaged`]; otherwise as of [`Store::get_range`].
    pub async fn read_at(&self, offset: u64, len: u64) -> Result<Bytes, BlobError> {
        let bytes = self.store.get_range(&self.key, offset, len).await?;
        if let Some(sums) = &self.sums {
            sums.check(offset, &bytes)?;
        }
        Ok(bytes)
    }

    /// All of it; damage is told at the end at the latest.
    ///
    /// # Errors
    /// As of [`Store::stream`], and [`BlobError::Damaged`] in the stream.
    pub async fn stream(&self) -> Result<ByteStream, BlobError> {
        let pieces = self.store.stream(&self.key, 0..self.bytes).await?;
        let Some(sums) = self.sums.clone() else { return Ok(pieces) };
        let state = (pieces, Sums::default(), sums);
        Ok(stream::try_unfold(state, async |(mut pieces, mut seen, sums)| {
            let Some(piece) = pieces.next().await.transpose()? else {
                let whole = seen == *sums;
                let damaged = || BlobError::Damaged(format!("{} bytes", seen.bytes()));
                return if whole { Ok(None) } else { Err(damaged()) };
            };
            seen.push(&piece);
            Ok(Some((piece, (pieces, seen, sums))))
        })
        .boxed())
    }
}
