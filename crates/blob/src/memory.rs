//! Objects in memory, for processes that keep nothing.

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};

use crate::{BlobError, Keep, Key, Meta};

#[derive(Default)]
struct Shelves {
    objects: BTreeMap<Key, Bytes>,
    stages: BTreeMap<Key, Stage>,
}

#[derive(Default)]
struct Stage {
    bytes: BytesMut,
    busy: bool,
}

#[derive(Default)]
pub(crate) struct Memory(Mutex<Shelves>);

impl Stage {
    fn begin(&mut self, at: u64) -> Result<(), BlobError> {
        match self.bytes.len() as u64 {
            _ if self.busy => Err(BlobError::Busy),
            len if len != at => Err(BlobError::OffsetMismatch { len }),
            _ => {
                self.busy = true;
                Ok(())
            }
        }
    }
}

/// One writer's hold on a stage.
struct Append<'a> {
    memory: &'a Memory,
    stage: &'a Key,
    keep_to: Option<u64>,
}

impl Append<'_> {
    async fn fill<B>(&self, at: u64, mut body: B, limit: u64) -> Result<u64, BlobError>
    where
        B: Stream<Item = Result<Bytes, io::Error>> + Send + Unpin,
    {
        let mut len = at;
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| BlobError::BodyBroken { len, reason: error.to_string() })?;
            if len - at + piece.len() as u64 > limit {
                return Err(BlobError::TooLong { limit });
            }
            self.memory.with_stage(self.stage, |found| found.bytes.extend_from_slice(&piece))?;
            len += piece.len() as u64;
        }
        Ok(len)
    }
}

impl Drop for Append<'_> {
    fn drop(&mut self) {
        if let Some(stage) = self.memory.shelves().stages.get_mut(self.stage) {
            stage.busy = false;
            if let Some(len) = self.keep_to {
                stage.bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX));
            }
        }
    }
}

impl Memory {
    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_stage<T>(&self, stage: &Key, act: impl FnOnce(&mut Stage) -> T) -> Result<T, BlobError> {
        let mut shelves = self.shelves();
        let found = shelves.stages.get_mut(stage).ok_or_else(|| BlobError::NotFound(stage.to_string()))?;
        Ok(act(found))
    }

    pub(crate) async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), BlobError> {
        match self.shelves().objects.entry(key.clone()).or_insert_with(|| bytes.clone()) {
            present if *present == bytes => Ok(()),
            _ => Err(BlobError::Conflict(key.clone())),
        }
    }

    pub(crate) async fn head(&self, key: &Key) -> Result<Option<Meta>, BlobError> {
        Ok(self.shelves().objects.get(key).map(|object| Meta { bytes: object.len() as u64 }))
    }

    pub(crate) async fn get_range(&self, key: &Key, offset: u64, len: u64) -> Result<Bytes, BlobError> {
        let shelves = self.shelves();
        let object = shelves.objects.get(key).ok_or_else(|| BlobError::NotFound(key.to_string()))?;
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(object.len());
        Ok(object.slice(place(offset)..place(offset.saturating_add(len))))
    }

    pub(crate) async fn delete(&self, key: &Key) -> Result<(), BlobError> {
        self.shelves().objects.remove(key);
        Ok(())
    }

    pub(crate) async fn list(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Key>, BlobError> {
        let shelves = self.shelves();
        let keys = shelves.objects.keys().filter(|key| key.as_str().starts_with(prefix));
        Ok(keys.filter(|key| after.is_none_or(|after| *key > after)).take(limit).cloned().collect())
    }

    pub(crate) async fn stage_begin(&self, stage: &Key, _becomes: &Key) -> Result<(), BlobError> {
        self.shelves().stages.entry(stage.clone()).or_default();
        Ok(())
    }

    pub(crate) async fn stage_len(&self, stage: &Key) -> Result<Option<u64>, BlobError> {
        Ok(self.shelves().stages.get(stage).map(|stage| stage.bytes.len() as u64))
    }

    pub(crate) async fn stage_append<B>(
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
        self.with_stage(stage, |found| found.begin(at))??;
        // Dropped with the future too: a stage keeps only what `keep` allows, and is free for the next writer.
        let mut append =
            Append { memory: self, stage, keep_to: if keep == Keep::Whole { Some(at) } else { None } };
        let result = append.fill(at, body, limit).await;
        match &result {
            Ok(_) => append.keep_to = None,
            Err(BlobError::TooLong { .. }) => append.keep_to = Some(at),
            Err(_) => {}
        }
        match (result, append.keep_to) {
            (Err(BlobError::BodyBroken { reason, .. }), Some(len)) => {
                Err(BlobError::BodyBroken { len, reason })
            }
            (result, _) => result,
        }
    }

    pub(crate) async fn stage_finish(&self, stage: &Key, key: &Key) -> Result<u64, BlobError> {
        let mut shelves = self.shelves();
        if let Some(done) = shelves.stages.remove(stage) {
            if shelves.objects.contains_key(key) {
                return Err(BlobError::Conflict(key.clone()));
            }
            shelves.objects.insert(key.clone(), done.bytes.freeze());
        }
        let object = shelves.objects.get(key).ok_or_else(|| BlobError::NotFound(stage.to_string()))?;
        Ok(object.len() as u64)
    }

    pub(crate) async fn stage_abort(&self, stage: &Key, _becomes: &Key) -> Result<(), BlobError> {
        self.shelves().stages.remove(stage);
        Ok(())
    }

    pub(crate) async fn concat(&self, parts: &[(Key, u64)], key: &Key) -> Result<(), BlobError> {
        let mut shelves = self.shelves();
        let mut whole = BytesMut::new();
        for (part, _) in parts {
            let missing = || BlobError::NotFound(part.to_string());
            whole.extend_from_slice(shelves.objects.get(part).ok_or_else(missing)?);
        }
        shelves.objects.insert(key.clone(), whole.freeze());
        Ok(())
    }

    pub(crate) async fn free_bytes(&self) -> Result<Option<u64>, BlobError> {
        Ok(None)
    }
}
