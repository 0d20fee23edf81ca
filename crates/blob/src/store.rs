//! The store: one face over its back ends.

use std::{io, ops::Range, path::PathBuf, sync::Arc, time::Duration};

use base::Ambient;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream, stream::BoxStream};
use settings::Bucket;

use crate::{Access, BlobError, Checked, Key, folder::Folder, memory::Memory, s3::S3};

/// Largest piece a [`ByteStream`] yields, in bytes.
pub const PIECE_BYTES: u64 = 256 << 10;

/// The bytes of an object, in order, in pieces of at most [`PIECE_BYTES`].
pub type ByteStream = BoxStream<'static, Result<Bytes, BlobError>>;

/// What is known of an object without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Length in bytes.
    pub bytes: u64,
}

/// What an append keeps of a body that breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Whatever arrived, so that the sender goes on from there.
    Arrived,
    /// Nothing, even if the process dies meanwhile: the body counts only as a whole, such as one that is
    /// checked at its end.
    Whole,
}

/// An object store; clones share it.
#[derive(Clone)]
pub struct Store(Backend);

#[derive(Clone)]
enum Backend {
    Folder(Arc<Folder>),
    Memory(Arc<Memory>),
    S3(Arc<S3>),
}

macro_rules! on {
    ($store:expr, $backend:ident => $call:expr) => {
        match &$store.0 {
            Backend::Folder($backend) => $call,
            Backend::Memory($backend) => $call,
            Backend::S3($backend) => $call,
        }
    };
}

impl Store {
    /// A store in `root`, which is created if need be.
    ///
    /// # Errors
    /// When the folder cannot be created or written.
    pub async fn folder(root: impl Into<PathBuf>, ambient: Ambient) -> Result<Self, BlobError> {
        Folder::open(root.into(), ambient).await.map(|folder| Self(Backend::Folder(Arc::new(folder))))
    }

    /// A store in a bucket of an S3 server; without `access`, requests are not signed.
    ///
    /// # Errors
    /// When the bucket cannot be written.
    pub async fn s3(bucket: &Bucket, access: Option<Access>, ambient: Ambient) -> Result<Self, BlobError> {
        S3::open(bucket, access, ambient).await.map(|s3| Self(Backend::S3(Arc::new(s3))))
    }

    /// A store that forgets everything with the process.
    #[must_use]
    pub fn memory() -> Self {
        Self(Backend::Memory(Arc::default()))
    }

    /// Writes an object whole; it is durable when this returns.
    ///
    /// # Errors
    /// [`BlobError::Conflict`] when the key holds other bytes; [`BlobError::Full`]; [`BlobError::Io`].
    pub async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), BlobError> {
        on!(self, backend => backend.put(key, bytes).await)
    }

    /// What is known of an object, or `None` when there is none.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub async fn head(&self, key: &Key) -> Result<Option<Meta>, BlobError> {
        on!(self, backend => backend.head(key).await)
    }

    /// Up to `len` bytes from `offset`; fewer only at the end, none past it.
    ///
    /// # Errors
    /// [`BlobError::NotFound`]; [`BlobError::Io`].
    pub async fn get_range(&self, key: &Key, offset: u64, len: u64) -> Result<Bytes, BlobError> {
        on!(self, backend => backend.get_range(key, offset, len).await)
    }

    /// An object to be read with its bytes checked, where it has checksums.
    ///
    /// # Errors
    /// [`BlobError::NotFound`]; [`BlobError::Damaged`] when the checksums themselves are; [`BlobError::Io`].
    pub async fn checked(&self, key: &Key) -> Result<Checked, BlobError> {
        let meta = self.head(key).await?.ok_or_else(|| BlobError::NotFound(key.to_string()))?;
        let sums = if let Backend::S3(s3) = &self.0 { s3.sums(key, meta.bytes).await? } else { None };
        Ok(Checked::new(self.clone(), key.clone(), meta.bytes, sums))
    }

    /// The bytes of `range`, which must lie within the object; a stream that ends early is an error.
    ///
    /// # Errors
    /// [`BlobError::NotFound`] at once; [`BlobError::Io`] in the stream.
    pub async fn stream(&self, key: &Key, range: Range<u64>) -> Result<ByteStream, BlobError> {
        if let Backend::S3(s3) = &self.0 {
            return s3.stream(key, range).await;
        }
        self.head(key).await?.ok_or_else(|| BlobError::NotFound(key.to_string()))?;
        let (store, key) = (self.clone(), key.clone());
        let pieces = stream::try_unfold(range, move |left| {
            let (store, key) = (store.clone(), key.clone());
            async move {
                if left.is_empty() {
                    return Ok(None);
                }
                let piece = store.get_range(&key, left.start, PIECE_BYTES.min(left.end - left.start)).await?;
                if piece.is_empty() {
                    return Err(BlobError::Io(io::ErrorKind::UnexpectedEof.into()));
                }
                let next = left.start + piece.len() as u64..left.end;
                Ok(Some((piece, next)))
            }
        });
        Ok(pieces.boxed())
    }

    /// An address at which anybody may read an object for as long as `life`, which serves it under this media type
    /// and Cache-Control; `None` when the back end has no addresses. Whether the object is there is not asked.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub async fn presigned_read(
        &self,
        key: &Key,
        life: Duration,
        media_type: &str,
        cache_control: &str,
    ) -> Result<Option<String>, BlobError> {
        let Backend::S3(s3) = &self.0 else { return Ok(None) };
        s3.presigned_read(key, life, media_type, cache_control).await.map(Some)
    }

    /// Removes an object; removing none is fine.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub async fn delete(&self, key: &Key) -> Result<(), BlobError> {
        on!(self, backend => backend.delete(key).await)
    }

    /// At most `limit` keys that begin with `prefix` and come after `after`, in order.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub async fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Key>, BlobError> {
        on!(self, backend => backend.list(prefix, after, limit).await)
    }

    /// Begins a stage that will become the object `becomes`; beginning one that exists is fine.
    ///
    /// # Errors
    /// [`BlobError::Full`]; [`BlobError::Io`].
    pub async fn stage_begin(&self, stage: &Key, becomes: &Key) -> Result<(), BlobError> {
        on!(self, backend => backend.stage_begin(stage, becomes).await)
    }

    /// Length of a stage in bytes, or `None` when there is none.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub async fn stage_len(&self, stage: &Key) -> Result<Option<u64>, BlobError> {
        on!(self, backend => backend.stage_len(stage).await)
    }

    /// Appends `body`, at most `limit` bytes, at `at`; returns the new length once it is durable. An error in
    /// the body leaves what `keep` says.
    ///
    /// Who may write when is the caller's to say, such as by a lease. The store sees to it that two writers spoil
    /// nothing: in a folder, and within a process, the second one is [`BlobError::Busy`] while the first one lives;
    /// of two processes on a bucket the first one is, from when the second one begins.
    ///
    /// # Errors
    /// [`BlobError::OffsetMismatch`], [`BlobError::Busy`] and [`BlobError::NotFound`] before anything is read;
    /// [`BlobError::BodyBroken`] with what was kept; [`BlobError::TooLong`]; [`BlobError::Full`];
    /// [`BlobError::Io`].
    pub async fn stage_append<B>(
        &self,
        stage: &Key,
        at: u64,
        body: B,
        limit: u64,
        keep: Keep,
    ) -> Result<u64, BlobError>
    where
        B: Stream<Item = Result<Bytes, io::Error>> + Send + Unpin,
    {
        on!(self, backend => backend.stage_append(stage, at, body, limit, keep).await)
    }

    /// Turns a stage into the object it was begun for and returns its length; doing so again is fine.
    ///
    /// # Errors
    /// [`BlobError::NotFound`]; [`BlobError::Conflict`]; [`BlobError::Io`].
    pub async fn stage_finish(&self, stage: &Key, key: &Key) -> Result<u64, BlobError> {
        on!(self, backend => backend.stage_finish(stage, key).await)
    }

    /// Makes an object of others, in order; they stay. Bounded in memory however long they are, and done by the
    /// back end where it can.
    ///
    /// # Errors
    /// [`BlobError::NotFound`] for one that is not there; [`BlobError::Conflict`] when the object exists with another
    /// length; [`BlobError::Full`]; [`BlobError::Io`].
    pub async fn concat(&self, parts: &[Key], key: &Key) -> Result<u64, BlobError> {
        let mut lengths = Vec::with_capacity(parts.len());
        for part in parts {
            let meta = self.head(part).await?.ok_or_else(|| BlobError::NotFound(part.to_string()))?;
            lengths.push((part.clone(), meta.bytes));
        }
        let whole = lengths.iter().map(|(_, bytes)| bytes).sum();
        match self.head(key).await? {
            Some(there) if there.bytes == whole => return Ok(whole),
            Some(_) => return Err(BlobError::Conflict(key.clone())),
            None => {}
        }
        on!(self, backend => backend.concat(&lengths, key).await)?;
        Ok(whole)
    }

    /// Drops a stage that was begun for the object `becomes`, and what a process that ended while it began one
    /// left behind; dropping none is fine.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub async fn stage_abort(&self, stage: &Key, becomes: &Key) -> Result<(), BlobError> {
        on!(self, backend => backend.stage_abort(stage, becomes).await)
    }

    /// Bytes free for new objects, or `None` when the back end has no such limit.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub async fn free_bytes(&self) -> Result<Option<u64>, BlobError> {
        on!(self, backend => backend.free_bytes().await)
    }

    /// Fails unless `floor` bytes are free for new objects.
    ///
    /// # Errors
    /// [`BlobError::Full`]; [`BlobError::Io`].
    pub async fn check_room(&self, floor: u64) -> Result<(), BlobError> {
        let free = self.free_bytes().await?;
        if free.is_none_or(|free| free >= floor) { Ok(()) } else { Err(BlobError::Full) }
    }
}
