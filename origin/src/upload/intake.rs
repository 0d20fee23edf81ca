//! Bytes that the server itself brings, from another server or a folder: into an upload as a client's would go.
//!
//! They go in slices, each under a lease of its own, after each of which the upload's row says how far it is: so
//! who looks sees it move, and a process that is killed costs one slice.

use std::{
    error::Error,
    io,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};

use blob::{BlobError, Keep};
use bytes::Bytes;
use catalogue::{CatalogueError, Upload, WriteLease};
use futures_util::{Stream, StreamExt, ready};
use httpkit::Problem;
use tokio::time::{Sleep, sleep};

use super::receive::{self, Flow};
use crate::Origin;

/// The most that a slice takes, and for how long.
const SLICE_BYTES: u64 = 32 << 20;
const SLICE_TIME: Duration = Duration::from_secs(2);
/// How often a lease that somebody else has is waited for.
const LEASE_TRIES: u32 = 4;

/// Why bytes did not go in; what went in before stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntakeError<E: Error + 'static> {
    /// Where they come from failed.
    #[error("the source failed: {0}")]
    Source(E),
    /// More than the upload or its tenant may have.
    #[error("more than {limit} bytes")]
    TooMuch {
        /// What may be had.
        limit: u64,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] BlobError),
    /// The catalogue; also that nobody waits for the bytes any more.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A name that cannot be, which would be a fault of ours.
    #[error("{0}")]
    Internal(Problem),
}

/// Bytes that come one after the other, of which the rest of a piece can wait for the next slice.
pub(crate) struct Source<S> {
    pieces: S,
    rest: Option<Bytes>,
    over: bool,
}

impl<S, E> Source<S>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
{
    pub(crate) const fn new(pieces: S) -> Self {
        Self { pieces, rest: None, over: false }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, E>>> {
        if let Some(rest) = self.rest.take() {
            return Poll::Ready(Some(Ok(rest)));
        }
        let piece = ready!(self.pieces.poll_next_unpin(cx));
        self.over = piece.is_none();
        Poll::Ready(piece)
    }

    /// Whether nothing comes any more.
    async fn is_over(&mut self) -> Result<bool, E> {
        if self.over || self.rest.is_some() {
            return Ok(self.over);
        }
        self.rest = std::future::poll_fn(|cx| self.poll_piece(cx)).await.transpose()?;
        Ok(self.over)
    }
}

/// Some of a source's bytes, as a body that ends.
struct Slice<'a, S, E> {
    source: &'a mut Source<S>,
    left: u64,
    taken: bool,
    time: Pin<Box<Sleep>>,
    flow: Arc<Flow>,
    failure: Option<E>,
}

impl<S, E> Slice<'_, S, E>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: Error,
{
    fn piece(&mut self, mut piece: Bytes) -> Bytes {
        if piece.len() as u64 > self.left {
            // What is left of a slice fits into memory, and so into an index.
            let rest = piece.split_off(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.source.rest = Some(rest);
        }
        self.left -= piece.len() as u64;
        self.taken = true;
        self.flow.bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
        piece
    }
}

impl<S, E> Stream for Slice<'_, S, E>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: Error + Unpin,
{
    type Item = Result<Bytes, io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let slice = &mut *self;
        let timed_out = slice.taken && slice.time.as_mut().poll(cx).is_ready();
        if slice.left == 0 || timed_out {
            return Poll::Ready(None);
        }
        let piece = slice.source.poll_piece(cx);
        slice.flow.waiting.store(piece.is_pending(), Ordering::Relaxed);
        Poll::Ready(ready!(piece).map(|piece| match piece {
            Ok(piece) => Ok(slice.piece(piece)),
            Err(error) => {
                let told = io::Error::other(error.to_string());
                slice.failure = Some(error);
                Err(told)
            }
        }))
    }
}

/// Takes the right to write, waiting for somebody who had it and is gone.
pub(crate) async fn lease(
    origin: &Origin,
    upload: &Upload,
    end: Option<u64>,
) -> Result<WriteLease, CatalogueError> {
    for _ in 1..LEASE_TRIES {
        match origin.catalogue.begin_write(upload, &origin.worker, end).await {
            Err(CatalogueError::Busy { wait }) => sleep(wait.max(Duration::from_millis(50))).await,
            taken => return taken,
        }
    }
    origin.catalogue.begin_write(upload, &origin.worker, end).await
}

/// The lease for a slice. Where nothing says how long the upload will be, a slice's worth is promised, or all that
/// its tenant may yet have when that is less.
async fn slice_lease(origin: &Origin, upload: &Upload, at: u64) -> Result<WriteLease, CatalogueError> {
    match lease(origin, upload, Some(at.saturating_add(SLICE_BYTES))).await {
        Err(CatalogueError::TooLarge { .. } | CatalogueError::OverQuota { .. }) => {
            lease(origin, upload, None).await
        }
        taken => taken,
    }
}

/// Takes in all that a source has, from byte `at` of the upload on; the durable length then. The upload is not
/// finished by it.
///
/// # Errors
/// [`IntakeError`]; what came before is durable.
pub(crate) async fn take_in<S, E>(
    origin: &Origin,
    upload: &Upload,
    at: u64,
    source: &mut Source<S>,
) -> Result<u64, IntakeError<E>>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: Error + Send + Unpin + 'static,
{
    let mut at = at;
    while !source.is_over().await.map_err(IntakeError::Source)? {
        origin.store.check_room(origin.limits.upload.free_floor_bytes).await?;
        let held = slice_lease(origin, upload, at).await?;
        if held.end <= at {
            let limit = held.end;
            origin.catalogue.end_write(upload, held, at, receive::expiry(origin)).await?;
            return Err(IntakeError::TooMuch { limit });
        }
        at = take_slice(origin, upload, held, at, source).await?;
    }
    Ok(at)
}

async fn take_slice<S, E>(
    origin: &Origin,
    upload: &Upload,
    mut held: WriteLease,
    at: u64,
    source: &mut Source<S>,
) -> Result<u64, IntakeError<E>>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: Error + Send + Unpin + 'static,
{
    let (flow, room) = (Arc::<Flow>::default(), held.end - at);
    let (time, left) = (Box::pin(sleep(SLICE_TIME)), room.min(SLICE_BYTES));
    let mut slice = Slice { source, left, taken: false, time, flow: flow.clone(), failure: None };
    let stage = receive::stage_key(&upload.id).map_err(IntakeError::Internal)?;
    let appended = tokio::select! {
        appended = origin.store.stage_append(&stage, at, &mut slice, room, Keep::Arrived) => appended,
        () = receive::keep_lease(origin, &mut held, &flow) => Err(BlobError::Busy),
    };
    let stands = match &appended {
        Ok(len) | Err(BlobError::BodyBroken { len, .. } | BlobError::OffsetMismatch { len }) => *len,
        Err(_) => at,
    };
    metrics::counter!("nexus_upload_bytes_total").increment(stands.saturating_sub(at));
    let failure = slice.failure.take();
    origin.catalogue.end_write(upload, held, stands, receive::expiry(origin)).await?;
    match (appended, failure) {
        (Err(BlobError::BodyBroken { .. }), Some(error)) => Err(IntakeError::Source(error)),
        (appended, _) => Ok(appended?),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    type Pieces = stream::Iter<std::vec::IntoIter<Result<Bytes, io::Error>>>;

    fn source(pieces: &[&'static str]) -> Source<Pieces> {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        Source::new(stream::iter(pieces))
    }

    async fn slice(source: &mut Source<Pieces>, left: u64) -> String {
        let time = Box::pin(sleep(Duration::from_secs(60)));
        let slice = Slice { source, left, taken: false, time, flow: Arc::default(), failure: None };
        let pieces: Vec<_> = slice.map(|piece| piece.expect("a piece")).collect().await;
        String::from_utf8(pieces.concat()).expect("text")
    }

    #[tokio::test]
    async fn slices_are_cut_where_they_must_and_nothing_is_lost() {
        let mut source = source(&["abc", "", "defg", "hi"]);
        assert!(!source.is_over().await.expect("asked"));
        assert_eq!(slice(&mut source, 2).await, "ab");
        assert_eq!(slice(&mut source, 4).await, "cdef");
        assert!(!source.is_over().await.expect("asked"), "more than a slice is left");
        assert_eq!(slice(&mut source, 100).await, "ghi");
        assert!(source.is_over().await.expect("asked"));
    }

    #[tokio::test]
    async fn an_empty_source_is_over_at_once() {
        assert!(source(&[]).is_over().await.expect("asked"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slice_ends_in_time_once_it_has_something() {
        let slow = stream::unfold((), async |()| {
            sleep(Duration::from_millis(1_500)).await;
            Some((Ok::<_, io::Error>(Bytes::from_static(b"x")), ()))
        });
        let mut source = Source::new(Box::pin(slow));
        let time = Box::pin(sleep(SLICE_TIME));
        let slice = Slice {
            source: &mut source,
            left: 100,
            taken: false,
            time,
            flow: Arc::default(),
            failure: None::<io::Error>,
        };
        assert_eq!(slice.count().await, 1, "the second would come after its time");
    }
}
