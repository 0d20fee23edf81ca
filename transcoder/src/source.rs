//! The source object as a child reads it.

use blob::{Key, Store};
use bytes::Bytes;
use catalogue::Asset;
use pipeline_wire::SourceSpec;

use crate::error::Trouble;

/// The film an asset is made from, in the object store.
#[derive(Clone)]
pub(crate) struct StoredSource {
    store: Store,
    pub(crate) key: Key,
    pub(crate) bytes: u64,
}

impl StoredSource {
    /// The source of `asset`, with the length the store knows.
    pub(crate) async fn open(store: &Store, asset: &Asset) -> Result<Self, Trouble> {
        let key = Key::new(media::source_key(asset.id.as_str(), asset.source.upload.as_str()))?;
        let meta = store.head(&key).await?.ok_or_else(|| blob::BlobError::NotFound(key.to_string()))?;
        Ok(Self { store: store.clone(), key, bytes: meta.bytes })
    }

    pub(crate) fn spec(&self) -> SourceSpec {
        SourceSpec { bytes: self.bytes }
    }
}

impl sandbox::Source for StoredSource {
    async fn read_at(&self, offset: u64, len: u32) -> Result<Bytes, String> {
        self.store.get_range(&self.key, offset, u64::from(len)).await.map_err(|error| error.to_string())
    }
}
