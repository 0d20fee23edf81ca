//! The source object as a child reads it.

use blob::{BlobError, Checked, Key, Store};
use bytes::Bytes;
use catalogue::Asset;
use pipeline_wire::SourceSpec;
use sandbox::SourceError;

use crate::error::Trouble;

/// The film an asset is made from, in the object store.
#[derive(Clone)]
pub(crate) struct StoredSource(Checked);

impl StoredSource {
    /// The source of `asset`, with the length the store knows.
    pub(crate) async fn open(store: &Store, asset: &Asset) -> Result<Self, Trouble> {
        let key = Key::new(media::source_key(asset.id.as_str(), asset.source.upload.as_str()))?;
        let source = store.checked(&key).await?;
        let expected = asset.source.bytes;
        if source.bytes() == expected {
            return Ok(Self(source));
        }
        Err(BlobError::Damaged(format!("{key} has {} bytes of {expected}", source.bytes())).into())
    }

    pub(crate) fn spec(&self) -> SourceSpec {
        SourceSpec { bytes: self.0.bytes() }
    }

    /// All of it.
    pub(crate) async fn stream(&self) -> Result<blob::ByteStream, BlobError> {
        self.0.stream().await
    }
}

impl sandbox::Source for StoredSource {
    async fn read_at(&self, offset: u64, len: u32) -> Result<Bytes, SourceError> {
        self.0.read_at(offset, u64::from(len)).await.map_err(|error| match error {
            BlobError::Damaged(_) | BlobError::NotFound(_) => SourceError::Damaged(error.to_string()),
            error => SourceError::Away(error.to_string()),
        })
    }
}
