//! Uploads in progress, as multipart uploads.
//!
//! A part has at least 5 MiB unless it is the last, so what is left of a body goes into an object of its own, the
//! tail, before the append is answered. The state, a small object, says which parts and which tail count; it is
//! written last. So any process can go on from it, and what a crash left beside it does not count.
//!
//! A writer first writes its name into the state, and each time on condition that the state is the one it knows.
//! So whoever was overtaken learns it before anything of its own counts. It may have one part under way by then:
//! the next writer leaves that part's number out.

use std::io;

use aws_sdk_s3::types::CompletedPart;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};

use super::{
    Failure, Only, PAGE, Reason, S3,
    multipart::completed,
    of,
    state::{State, Tail},
};
use crate::{BlobError, Keep, Key, sums::Sums};

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

    fn random_name(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.ambient.bytes()))
    }

    /// The state and its ETag.
    async fn state(&self, stage: &Key) -> Result<Option<(State, String)>, BlobError> {
        let Some((bytes, tag)) = self.get_at(&self.state_name(stage)).await? else { return Ok(None) };
        Ok(Some((serde_json::from_slice(&bytes).map_err(io::Error::other)?, tag)))
    }

    /// Writes the state over the one with the ETag `over`; its new ETag. [`BlobError::Busy`] when that is gone.
    async fn save(&self, stage: &Key, state: &State, over: &str) -> Result<String, BlobError> {
        let name = self.state_name(stage);
        let bytes = Bytes::from(serde_json::to_vec(state).map_err(io::Error::other)?);
        match self.put_at(&name, bytes.clone(), Only::Over(over)).await {
            // A write whose answer was lost is tried again, and then meets itself.
            Err(Failure { reason: Reason::Changed | Reason::Missing, .. }) => {
                match self.get_at(&name).await? {
                    Some((held, tag)) if held == bytes => Ok(tag),
                    _ => Err(BlobError::Busy),
                }
            }
            saved => Ok(saved?),
        }
    }

    pub(crate) async fn stage_begin(&self, stage: &Key, becomes: &Key) -> Result<(), BlobError> {
        if self.state(stage).await?.is_some() {
            return Ok(());
        }
        let object = self.object(becomes);
        let upload = self.begin_multipart(&object).await?;
        let state = serde_json::to_vec(&State::begin(upload, object)).map_err(io::Error::other)?;
        self.put_at(&self.state_name(stage), state.into(), Only::New).await?;
        Ok(())
    }

    pub(crate) async fn stage_len(&self, stage: &Key) -> Result<Option<u64>, BlobError> {
        Ok(self.state(stage).await?.map(|(state, _)| state.len()))
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
        let (before, tag) = self.state(stage).await?.ok_or_else(missing)?;
        if before.len() != at {
            return Err(BlobError::OffsetMismatch { len: before.len() });
        }
        let append = Append::begin(self, stage, keep, &before, &tag).await?;
        append.run(at, body, limit, before).await.map_err(|error| match error {
            // The upload was there: somebody else has finished or dropped it meanwhile.
            BlobError::NotFound(_) => BlobError::Busy,
            error => error,
        })
    }

    pub(super) fn sums_name(&self, key: &Key) -> String {
        format!("{}sums/{key}", self.prefix)
    }

    async fn save_sums(&self, key: &Key, sums: &Sums) -> Result<(), BlobError> {
        let sealed = sums.seal().map_err(io::Error::other)?;
        self.put_at(&self.sums_name(key), sealed.into(), Only::Always).await?;
        Ok(())
    }

    /// The sums of an object of `bytes` bytes, where there are any.
    pub(crate) async fn sums(&self, key: &Key, bytes: u64) -> Result<Option<Sums>, BlobError> {
        let Some((sealed, _)) = self.get_at(&self.sums_name(key)).await? else { return Ok(None) };
        let sums = Sums::unseal(&sealed).filter(|sums| sums.bytes() == bytes);
        sums.map(Some).ok_or_else(|| BlobError::Damaged(format!("the sums of {key}")))
    }

    async fn tail_of(&self, state: &State) -> Result<BytesMut, BlobError> {
        let Some(tail) = &state.tail else { return Ok(BytesMut::new()) };
        let held = self.get_at(&tail.name).await?.filter(|(bytes, _)| tail.is(bytes));
        let lost = || BlobError::Damaged(format!("{} is not what was written there", tail.name));
        Ok(BytesMut::from(held.ok_or_else(lost)?.0))
    }

    /// Completes the upload; the state goes last, so that a finish that is cut off can be done again.
    pub(crate) async fn stage_finish(&self, stage: &Key, key: &Key) -> Result<u64, BlobError> {
        let Some((state, _)) = self.state(stage).await? else {
            let found = self.head(key).await?;
            return found.map(|meta| meta.bytes).ok_or_else(|| BlobError::NotFound(stage.to_string()));
        };
        if state.object != self.object(key) {
            return Err(BlobError::Conflict(key.clone()));
        }
        match self.complete(&state, key).await {
            // An earlier finish got this far.
            Err(BlobError::NotFound(_))
                if self.head(key).await?.is_some_and(|meta| meta.bytes == state.len()) => {}
            completed => completed?,
        }
        self.forget(stage).await?;
        Ok(state.len())
    }

    /// Writes the object's sums, and then the object.
    async fn complete(&self, state: &State, key: &Key) -> Result<(), BlobError> {
        let mut parts = self.parts(state).await?;
        let tail = self.tail_of(state).await?;
        if let Some(mut sums) = state.sums.clone() {
            sums.push(&tail);
            self.save_sums(key, &sums).await?;
        }
        if !tail.is_empty() {
            let number = state.free_number();
            parts.push(self.upload_part(&state.object, &state.upload, number, tail.freeze()).await?);
        }
        self.complete_multipart(&state.object, &state.upload, parts).await
    }

    /// The parts that count, checked against the bytes they must hold.
    async fn parts(&self, state: &State) -> Result<Vec<CompletedPart>, BlobError> {
        let (mut parts, mut bytes, mut marker, mut more) = (Vec::new(), 0, None, true);
        while more {
            let request = self.client.list_parts().bucket(&self.bucket).key(&state.object);
            let request = request.upload_id(&state.upload).set_part_number_marker(marker.take());
            let page = of(&state.object, request.send().await)?;
            for part in page.parts() {
                let Some(number) = part.part_number.filter(|number| state.counts(*number)) else { continue };
                bytes += part.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
                parts.push(completed(number, part.e_tag.clone())?);
            }
            marker = page.next_part_number_marker.filter(|_| page.is_truncated == Some(true));
            more = marker.is_some();
        }
        let count: i32 = state.parts.iter().map(|run| run.count).sum();
        if i32::try_from(parts.len()).is_ok_and(|there| there == count) && bytes == state.part_bytes {
            return Ok(parts);
        }
        Err(BlobError::Io(io::Error::other(format!(
            "the parts of {} are not those that were sent",
            state.object
        ))))
    }

    pub(crate) async fn stage_abort(&self, stage: &Key, becomes: &Key) -> Result<(), BlobError> {
        self.abort_multiparts(&self.object(becomes)).await?;
        self.delete_at(&self.sums_name(becomes)).await?;
        self.forget(stage).await
    }

    /// Removes every tail there ever was, and the state last.
    async fn forget(&self, stage: &Key) -> Result<(), BlobError> {
        let tails = format!("{}stages/{stage}/tail-", self.prefix);
        let mut more = true;
        while more {
            let names;
            (names, more) = self.names(&tails, None, PAGE).await?;
            for name in names {
                self.delete_at(&name).await?;
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
    /// What is in the bucket.
    saved: State,
    /// Its ETag.
    tag: String,
    /// What will count; its tail is `pending`.
    state: State,
    pending: BytesMut,
}

impl<'a> Append<'a> {
    async fn begin(
        store: &'a S3,
        stage: &'a Key,
        keep: Keep,
        before: &State,
        tag: &str,
    ) -> Result<Self, BlobError> {
        let pending = store.tail_of(before).await?;
        let (next, writer) = (before.free_number(), Some(store.random_name()));
        let saved = State { next, writer, ..before.clone() };
        let tag = store.save(stage, &saved, tag).await?;
        let state = State { tail: None, ..saved.clone() };
        Ok(Self { store, stage, keep, saved, tag, state, pending })
    }

    async fn run<B>(mut self, at: u64, body: B, limit: u64, before: State) -> Result<u64, BlobError>
    where
        B: Stream<Item = Result<Bytes, io::Error>> + Send + Unpin,
    {
        match self.fill(at, body, limit).await? {
            End::TooLong => {
                self.undo(before).await?;
                Err(BlobError::TooLong { limit })
            }
            End::Broken(reason) if self.keep == Keep::Whole => {
                self.undo(before).await?;
                Err(BlobError::BodyBroken { len: at, reason })
            }
            End::Broken(reason) => {
                let len = self.settle(&before).await?;
                Err(BlobError::BodyBroken { len, reason })
            }
            End::Whole => self.settle(&before).await,
        }
    }

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
            let State { object, upload, next, .. } = &self.state;
            self.store.upload_part(object, upload, *next, part.clone()).await?;
            self.state.count(&part);
            match self.keep {
                // What a tail held is in the first of these parts: a tail is shorter than a part.
                Keep::Arrived => self.saved = self.state.clone(),
                Keep::Whole => self.saved.next = self.state.next,
            }
            self.save().await?;
        }
        Ok(())
    }

    async fn save(&mut self) -> Result<(), BlobError> {
        self.tag = self.store.save(self.stage, &self.saved, &self.tag).await?;
        Ok(())
    }

    /// Makes all that arrived count; the new length.
    async fn settle(mut self, before: &State) -> Result<u64, BlobError> {
        if !self.pending.is_empty() {
            let name =
                format!("{}stages/{}/tail-{}", self.store.prefix, self.stage, self.store.random_name());
            let pending = self.pending.split().freeze();
            let (bytes, sum) = (pending.len() as u64, Some(crc32fast::hash(&pending)));
            self.store.put_at(&name, pending, Only::Always).await?;
            self.state.tail = Some(Tail { name, bytes, sum });
        }
        self.saved = State { writer: None, ..self.state.clone() };
        let saved = self.save().await;
        let left_over = match &saved {
            Ok(()) => &before.tail,
            Err(BlobError::Busy) => &self.state.tail,
            Err(_) => &None,
        };
        if let Some(tail) = left_over {
            self.store.delete_at(&tail.name).await?;
        }
        saved.map(|()| self.state.len())
    }

    /// Makes nothing count that was not there before.
    async fn undo(mut self, before: State) -> Result<(), BlobError> {
        self.saved = State { next: self.state.next, writer: None, ..before };
        self.save().await
    }
}
