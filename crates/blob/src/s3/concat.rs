//! One object made of others, by a multipart upload that the server fills by copying.
//!
//! Only a part of at least 5 MiB may be copied, unless it is the last; what is smaller goes through memory, together
//! with as much of its neighbour as makes a part.

use aws_sdk_s3::types::CompletedPart;
use bytes::BytesMut;

use super::{S3, multipart::completed, of};
use crate::{BlobError, Key};

/// The least that a part has unless it is the last, in bytes.
const PART_MIN: u64 = 5 << 20;
/// What is copied at once, in bytes: ten thousand of them are the largest object there may be.
const COPY_BYTES: u64 = 1 << 30;

/// An object in the making.
struct Assembly<'a> {
    store: &'a S3,
    object: String,
    upload: String,
    parts: Vec<CompletedPart>,
    /// Bytes that are too few for a part; fewer than [`PART_MIN`].
    pending: BytesMut,
}

impl S3 {
    pub(crate) async fn concat(&self, parts: &[(Key, u64)], key: &Key) -> Result<(), BlobError> {
        let object = self.object(key);
        let upload = self.begin_multipart(&object).await?;
        let mut assembly =
            Assembly { store: self, object, upload, parts: Vec::new(), pending: BytesMut::new() };
        let made = assembly.make(parts).await;
        if made.is_err() {
            // The first failure is the one to tell.
            let _ = self.abort_multiparts(&self.object(key)).await;
        }
        made
    }
}

impl Assembly<'_> {
    async fn make(&mut self, parts: &[(Key, u64)]) -> Result<(), BlobError> {
        for (part, bytes) in parts {
            self.add(part, *bytes).await?;
        }
        if !self.pending.is_empty() {
            self.upload_pending().await?;
        }
        let parts = std::mem::take(&mut self.parts);
        self.store.complete_multipart(&self.object, &self.upload, parts).await
    }

    /// Adds an object of `bytes` bytes.
    async fn add(&mut self, part: &Key, bytes: u64) -> Result<(), BlobError> {
        let mut at = 0;
        while at < bytes {
            let (gathered, left) = (self.pending.len() as u64, bytes - at);
            if gathered == 0 && left >= PART_MIN {
                // What is left over by the last copy is never too little to be copied.
                let len = if left < COPY_BYTES + PART_MIN { left } else { COPY_BYTES };
                self.copy(part, at, len).await?;
                at += len;
            } else {
                let len = left.min(PART_MIN - gathered);
                let piece = self.store.get_range(part, at, len).await?;
                if piece.len() as u64 != len {
                    return Err(BlobError::Io(std::io::ErrorKind::UnexpectedEof.into()));
                }
                self.pending.extend_from_slice(&piece);
                at += len;
                if self.pending.len() as u64 >= PART_MIN {
                    self.upload_pending().await?;
                }
            }
        }
        Ok(())
    }

    fn number(&self) -> i32 {
        i32::try_from(self.parts.len() + 1).unwrap_or(i32::MAX)
    }

    async fn upload_pending(&mut self) -> Result<(), BlobError> {
        let bytes = self.pending.split().freeze();
        let part = self.store.upload_part(&self.object, &self.upload, self.number(), bytes).await?;
        self.parts.push(part);
        Ok(())
    }

    async fn copy(&mut self, from: &Key, at: u64, len: u64) -> Result<(), BlobError> {
        let (number, source) = (self.number(), format!("{}/{}", self.store.bucket, self.store.object(from)));
        let request = self.store.client.upload_part_copy().bucket(&self.store.bucket).key(&self.object);
        let request = request.upload_id(&self.upload).part_number(number).copy_source(source);
        let request = request.copy_source_range(format!("bytes={at}-{}", at + len - 1));
        let copied = of(from.as_str(), request.send().await)?.copy_part_result;
        self.parts.push(completed(number, copied.and_then(|copied| copied.e_tag))?);
        Ok(())
    }
}
