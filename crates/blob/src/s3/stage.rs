//! Uploads in progress, as multipart uploads.
//!
//! A part has at least 5 MiB unless it is the last, so what is left of a body goes into an object of its own, the
//! tail, before the append is answered. The state, a small object, says which parts and which tail count; it is
//! written last. So any process can go on from it, and what a crash left beside it does not count. Parts beyond the
//! ones that count are overwritten by the next append, and left out at the end.

use std::io;

use aws_sdk_s3::{
    primitives::ByteStream as Body,
    types::{CompletedMultipartUpload, CompletedPart},
};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};

use super::{Failure, S3, of};
use crate::{BlobError, Keep, Key};

/// Sizes of parts, in bytes, and up to which number. 10,000 parts are the most an upload may have; these hold
/// more than a tebibyte.
const PART_BYTES: [(i32, usize); 3] = [(3_000, 8 << 20), (6_000, 64 << 20), (10_000, 256 << 20)];

/// What counts of an upload in progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// The multipart upload's name at the server.
    upload: String,
    /// The object it becomes.
    object: String,
    /// Parts that count.
    parts: i32,
    /// Bytes in them.
    part_bytes: u64,
    tail: Option<Tail>,
}

/// What was left over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Tail {
    /// The full name of the object that holds it.
    name: String,
    bytes: u64,
}

impl State {
    fn len(&self) -> u64 {
        self.part_bytes + self.tail.as_ref().map_or(0, |tail| tail.bytes)
    }

    /// Bytes of the next part; `None` when there may be no more.
    fn next_part_bytes(&self) -> Option<usize> {
        PART_BYTES.iter().find(|(last, _)| self.parts < *last).map(|(_, bytes)| *bytes)
    }
}

/// How an append ended.
enum End {
    Whole,
    Broken(String),
    TooLong,
}

impl S3 {
    fn state_name(&self, stage: &Key) -> String {
        format!("{}stages/{stage}/state", self.prefix)
    }

    async fn state(&self, stage: &Key) -> Result<Option<State>, BlobError> {
        let Some(bytes) = self.get_at(&self.state_name(stage)).await? else { return Ok(None) };
        Ok(Some(serde_json::from_slice(&bytes).map_err(io::Error::other)?))
    }

    async fn save(&self, stage: &Key, state: &State) -> Result<(), BlobError> {
        let name = self.state_name(stage);
        let bytes = serde_json::to_vec(state).map_err(io::Error::other)?;
        self.put_at(&name, bytes.into(), false).await.map_err(|failure| failure.error(&name))
    }

    pub(crate) async fn stage_begin(&self, stage: &Key, becomes: &Key) -> Result<(), BlobError> {
        if self.state(stage).await?.is_some() {
            return Ok(());
        }
        let object = self.object(becomes);
        let request = self.client.create_multipart_upload().bucket(&self.bucket).key(&object);
        let upload = of(request.send().await).map_err(|failure| failure.error(&object))?.upload_id;
        let upload = upload.ok_or_else(|| io::Error::other("a multipart upload without a name"))?;
        self.save(stage, &State { upload, object, parts: 0, part_bytes: 0, tail: None }).await
    }

    pub(crate) async fn stage_len(&self, stage: &Key) -> Result<Option<u64>, BlobError> {
        Ok(self.state(stage).await?.map(|state| state.len()))
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
        let _hold = self.hold(stage).ok_or(BlobError::Busy)?;
        let missing = || BlobError::NotFound(stage.to_string());
        let before = self.state(stage).await?.ok_or_else(missing)?;
        if before.len() != at {
            return Err(BlobError::OffsetMismatch { len: before.len() });
        }
        let pending = self.tail_of(&before).await?;
        let mut append =
            Append { store: self, stage, keep, state: State { tail: None, ..before.clone() }, pending };
        match append.fill(at, body, limit).await? {
            End::TooLong => {
                self.save(stage, &before).await?;
                return Err(BlobError::TooLong { limit });
            }
            End::Broken(reason) if keep == Keep::Whole => {
                return Err(BlobError::BodyBroken { len: at, reason });
            }
            End::Broken(reason) => {
                let len = append.settle(&before).await?;
                return Err(BlobError::BodyBroken { len, reason });
            }
            End::Whole => {}
        }
        append.settle(&before).await
    }

    async fn tail_of(&self, state: &State) -> Result<BytesMut, BlobError> {
        let Some(tail) = &state.tail else { return Ok(BytesMut::new()) };
        let bytes = self.get_at(&tail.name).await?.filter(|bytes| bytes.len() as u64 == tail.bytes);
        let lost = || io::Error::other(format!("{} is not what was written there", tail.name));
        Ok(BytesMut::from(bytes.ok_or_else(lost)?))
    }

    async fn upload_part(&self, state: &State, number: i32, bytes: Bytes) -> Result<String, BlobError> {
        let request = self.client.upload_part().bucket(&self.bucket).key(&state.object);
        let request = request.upload_id(&state.upload).part_number(number).body(Body::from(bytes));
        let part = of(request.send().await).map_err(|failure| failure.error(&state.object))?;
        Ok(part.e_tag.ok_or_else(|| io::Error::other("a part without an ETag"))?)
    }

    /// Completes the upload; the state goes last, so that a finish that is cut off can be done again.
    pub(crate) async fn stage_finish(&self, stage: &Key, key: &Key) -> Result<u64, BlobError> {
        let Some(state) = self.state(stage).await? else {
            let found = self.head(key).await?;
            return found.map(|meta| meta.bytes).ok_or_else(|| BlobError::NotFound(stage.to_string()));
        };
        if state.object != self.object(key) {
            return Err(BlobError::Conflict(key.clone()));
        }
        match self.complete(&state).await {
            // An earlier finish got this far.
            Err(BlobError::NotFound(_))
                if self.head(key).await?.is_some_and(|meta| meta.bytes == state.len()) => {}
            completed => completed?,
        }
        self.forget(stage).await?;
        Ok(state.len())
    }

    async fn complete(&self, state: &State) -> Result<(), BlobError> {
        if state.len() == 0 {
            return self
                .put_at(&state.object, Bytes::new(), false)
                .await
                .map_err(|failure| failure.error(&state.object));
        }
        let mut parts = self.parts(state).await?;
        let tail = self.tail_of(state).await?;
        if !tail.is_empty() {
            let number = state.parts + 1;
            let e_tag = self.upload_part(state, number, tail.freeze()).await?;
            parts.push(CompletedPart::builder().part_number(number).e_tag(e_tag).build());
        }
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.client.complete_multipart_upload().bucket(&self.bucket).key(&state.object);
        let request = request.upload_id(&state.upload).multipart_upload(parts);
        of(request.send().await).map(|_| ()).map_err(|failure| failure.error(&state.object))
    }

    /// The parts that count, checked against the bytes they must hold.
    async fn parts(&self, state: &State) -> Result<Vec<CompletedPart>, BlobError> {
        let (mut parts, mut bytes, mut marker) = (Vec::new(), 0, None);
        while i32::try_from(parts.len()).unwrap_or(i32::MAX) < state.parts {
            let request = self.client.list_parts().bucket(&self.bucket).key(&state.object);
            let request = request.upload_id(&state.upload).set_part_number_marker(marker.take());
            let page = of(request.send().await).map_err(|failure| failure.error(&state.object))?;
            for part in page.parts().iter().filter(|part| part.part_number.is_some_and(|n| n <= state.parts))
            {
                bytes += part.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
                let part =
                    CompletedPart::builder().set_part_number(part.part_number).set_e_tag(part.e_tag.clone());
                parts.push(part.build());
            }
            marker = page.next_part_number_marker.filter(|_| page.is_truncated == Some(true));
            if marker.is_none() {
                break;
            }
        }
        if i32::try_from(parts.len()).is_ok_and(|count| count == state.parts) && bytes == state.part_bytes {
            return Ok(parts);
        }
        Err(BlobError::Io(io::Error::other(format!(
            "the parts of {} are not those that were sent",
            state.object
        ))))
    }

    pub(crate) async fn stage_abort(&self, stage: &Key) -> Result<(), BlobError> {
        let Some(state) = self.state(stage).await? else { return Ok(()) };
        let request = self.client.abort_multipart_upload().bucket(&self.bucket).key(&state.object);
        match of(request.upload_id(&state.upload).send().await) {
            Ok(_) | Err(Failure::Missing) => self.forget(stage).await,
            Err(failure) => Err(failure.error(&state.object)),
        }
    }

    /// Removes every tail there ever was, and the state last.
    async fn forget(&self, stage: &Key) -> Result<(), BlobError> {
        let tails = format!("{}stages/{stage}/tail-", self.prefix);
        loop {
            let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(&tails);
            let page = of(request.send().await).map_err(|failure| failure.error(&tails))?;
            for name in page.contents().iter().filter_map(|object| object.key()) {
                self.delete_at(name).await?;
            }
            if page.is_truncated != Some(true) {
                break;
            }
        }
        self.delete_at(&self.state_name(stage)).await
    }
}

/// One writer at work.
struct Append<'a> {
    store: &'a S3,
    stage: &'a Key,
    keep: Keep,
    /// What will count; its tail is `pending`.
    state: State,
    pending: BytesMut,
}

impl Append<'_> {
    async fn fill<B>(&mut self, at: u64, mut body: B, limit: u64) -> Result<End, BlobError>
    where
        B: Stream<Item = Result<Bytes, io::Error>> + Send + Unpin,
    {
        let mut len = at;
        while let Some(piece) = body.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => return Ok(End::Broken(error.to_string())),
            };
            len += piece.len() as u64;
            if len - at > limit {
                return Ok(End::TooLong);
            }
            self.pending.extend_from_slice(&piece);
            self.upload_full_parts().await?;
            if self.state.next_part_bytes().is_none() {
                return Ok(End::TooLong);
            }
        }
        Ok(End::Whole)
    }

    async fn upload_full_parts(&mut self) -> Result<(), BlobError> {
        while let Some(bytes) = self.state.next_part_bytes().filter(|bytes| self.pending.len() >= *bytes) {
            let part = self.pending.split_to(bytes).freeze();
            self.store.upload_part(&self.state, self.state.parts + 1, part).await?;
            self.state.parts += 1;
            self.state.part_bytes += bytes as u64;
            // What a tail held is in the first of these parts: a tail is shorter than a part.
            if self.keep == Keep::Arrived {
                self.store.save(self.stage, &self.state).await?;
            }
        }
        Ok(())
    }

    /// Makes all that arrived count; the new length.
    async fn settle(mut self, before: &State) -> Result<u64, BlobError> {
        if !self.pending.is_empty() {
            let name = format!(
                "{}stages/{}/tail-{:032x}",
                self.store.prefix,
                self.stage,
                u128::from_be_bytes(self.store.ambient.bytes())
            );
            let bytes = self.pending.len() as u64;
            let put = self.store.put_at(&name, self.pending.split().freeze(), false).await;
            put.map_err(|failure| failure.error(&name))?;
            self.state.tail = Some(Tail { name, bytes });
        }
        self.store.save(self.stage, &self.state).await?;
        if let Some(tail) = &before.tail {
            self.store.delete_at(&tail.name).await?;
        }
        Ok(self.state.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_so_that_ten_thousand_hold_a_tebibyte() {
        let (mut bytes, mut last) = (0_u64, 0);
        for (upto, size) in PART_BYTES {
            assert!((5 << 20..=5 << 30).contains(&size), "S3 takes parts of 5 MiB to 5 GiB");
            bytes += u64::from((upto - last).unsigned_abs()) * size as u64;
            last = upto;
        }
        assert!(last == 10_000 && bytes > 1 << 40);
        let state =
            |parts| State { upload: String::new(), object: String::new(), parts, part_bytes: 0, tail: None };
        assert_eq!(state(0).next_part_bytes(), Some(8 << 20));
        assert_eq!(state(3_000).next_part_bytes(), Some(64 << 20));
        assert_eq!(state(10_000).next_part_bytes(), None);
    }
}
