//! An answer that is still arriving: one writer, any number of readers at their own pace.
//!
//! The writer appends and never waits for a reader. A reader waits for the turn the fill takes, then reads
//! bytes as they come; when the fill breaks, its stream ends with an error, so that no client takes a part
//! for the whole.

use std::{
    io,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{Response, StatusCode};
use tokio::sync::watch;

use super::{chunks::Chunks, freshness::Policy, head::Head, store::Stored};
use crate::error::FillError;

/// Why a fill ended with an answer that was stored before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The upstream confirmed it.
    Revalidated,
    /// The upstream failed and the answer may stand in.
    StaleOnError,
}

/// What became of a fill.
#[derive(Clone, Debug)]
pub(crate) enum Turn {
    /// Nothing is known yet.
    Waiting,
    /// An answer for everyone is arriving; `stored` when it will be kept.
    Flowing { head: Arc<Head>, policy: Policy, stored: bool },
    /// A stored answer serves.
    Settled(Arc<Stored>, Settled),
    /// The answer may be given to one requester only: whoever takes it first.
    Passed(StatusCode),
    /// There will be none.
    Failed(FillError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Whole,
    Broken,
}

#[derive(Debug)]
struct Progress {
    turn: Turn,
    bytes: u64,
    end: Option<End>,
}

/// One fill as its readers see it.
#[derive(Debug)]
pub(crate) struct Flow {
    progress: watch::Sender<Progress>,
    chunks: Mutex<Chunks>,
    passed: Mutex<Option<Response<Body>>>,
}

impl Flow {
    pub(crate) fn new() -> Self {
        let progress = Progress { turn: Turn::Waiting, bytes: 0, end: None };
        Self {
            progress: watch::Sender::new(progress),
            chunks: Mutex::new(Chunks::default()),
            passed: Mutex::new(None),
        }
    }

    /// Waits for the fill to take its turn. The fill itself is bounded in time.
    pub(crate) async fn turn(&self) -> Turn {
        let mut progress = self.progress.subscribe();
        let turned = progress.wait_for(|progress| !matches!(progress.turn, Turn::Waiting)).await;
        turned.map_or(Turn::Failed(FillError::Abandoned), |progress| progress.turn.clone())
    }

    /// The answer of a passed fill, for the first who asks.
    pub(crate) fn take_passed(&self) -> Option<Response<Body>> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn read(&self, range: &Range<u64>) -> Option<Bytes> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner).read(range)
    }

    pub(super) fn set_turn(&self, turn: Turn) {
        self.progress.send_modify(|progress| progress.turn = turn);
    }

    pub(super) fn set_passed(&self, response: Response<Body>) {
        let status = response.status();
        *self.passed.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
        self.set_turn(Turn::Passed(status));
    }

    /// Appends a piece; one without bytes wakes nobody.
    pub(super) fn push(&self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        let bytes = piece.len() as u64;
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner).push(piece);
        self.progress.send_modify(|progress| progress.bytes += bytes);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.progress.borrow().bytes
    }

    /// A copy of the bytes so far; the pieces are shared.
    pub(super) fn chunks(&self) -> Chunks {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the fill with its last piece, and with its turn where nobody was told before: one step, for which everyone
    /// is woken once.
    pub(super) fn finish(&self, last: Bytes, turn: Option<Turn>) {
        let bytes = last.len() as u64;
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner).push(last);
        self.progress.send_modify(|progress| {
            progress.bytes += bytes;
            progress.end = Some(End::Whole);
            if let Some(turn) = turn {
                progress.turn = turn;
            }
        });
    }

    /// Ends the fill for everyone: those who wait learn the reason, those who read get a broken stream.
    pub(super) fn fail(&self, error: FillError) {
        self.progress.send_modify(|progress| {
            progress.end = Some(End::Broken);
            if matches!(progress.turn, Turn::Waiting) {
                progress.turn = Turn::Failed(error);
            }
        });
    }

    pub(super) fn is_over(&self) -> bool {
        let progress = self.progress.borrow();
        progress.end.is_some()
            || matches!(progress.turn, Turn::Settled(..) | Turn::Passed(_) | Turn::Failed(_))
    }
}

/// A reader's place in a flow.
struct Reader {
    flow: Arc<Flow>,
    progress: watch::Receiver<Progress>,
    left: Range<u64>,
}

/// What a reader finds at its place.
enum Found {
    Piece(Bytes),
    /// The end of what was asked for, or of the whole.
    Nothing,
    Broken,
}

impl Reader {
    /// Waits until there is something at the reader's place. The end is looked at before the bytes: what was
    /// pushed before the end is then surely seen.
    async fn next(&mut self) -> Found {
        loop {
            if self.left.is_empty() {
                return Found::Nothing;
            }
            let end = self.progress.borrow_and_update().end;
            if let Some(piece) = self.flow.read(&self.left) {
                self.left.start += piece.len() as u64;
                return Found::Piece(piece);
            }
            match end {
                Some(End::Whole) if self.left.end == u64::MAX => return Found::Nothing,
                Some(End::Whole | End::Broken) => return Found::Broken,
                None => {}
            }
            let at = self.left.start;
            let more = self.progress.wait_for(|progress| progress.bytes > at || progress.end.is_some()).await;
            if more.is_err() {
                return Found::Broken;
            }
        }
    }
}

/// The bytes of a range as they arrive; `u64::MAX` as the end means up to the end, wherever that is.
pub(crate) fn read(
    flow: &Arc<Flow>,
    range: Range<u64>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let reader = Reader { flow: Arc::clone(flow), progress: flow.progress.subscribe(), left: range };
    stream::unfold(Some(reader), async |reader| {
        let mut reader = reader?;
        match reader.next().await {
            Found::Piece(piece) => Some((Ok(piece), Some(reader))),
            Found::Nothing => None,
            Found::Broken => Some((Err(io::Error::other("the fill broke off")), None)),
        }
    })
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};
    use proptest::prelude::*;

    use super::*;

    /// What is readable at once, and whether the stream is then at its end, broken or waiting.
    fn drain(flow: &Arc<Flow>, range: Range<u64>) -> (Vec<u8>, &'static str) {
        let mut stream = Box::pin(read(flow, range));
        let mut bytes = Vec::new();
        loop {
            match stream.next().now_or_never() {
                Some(Some(Ok(piece))) => bytes.extend_from_slice(&piece),
                Some(Some(Err(_))) => return (bytes, "broken"),
                Some(None) => return (bytes, "end"),
                None => return (bytes, "waiting"),
            }
        }
    }

    #[test]
    fn readers_see_what_is_there_and_wait_for_the_rest() {
        let flow = Arc::new(Flow::new());
        flow.push(Bytes::from_static(b"0123"));
        assert_eq!(drain(&flow, 0..8), (b"0123".to_vec(), "waiting"));
        assert_eq!(drain(&flow, 1..3), (b"12".to_vec(), "end"));
        assert_eq!(drain(&flow, 6..8), (vec![], "waiting"));
        flow.push(Bytes::from_static(b"4567"));
        assert_eq!(drain(&flow, 6..8), (b"67".to_vec(), "end"));
        flow.finish(Bytes::new(), None);
        assert_eq!(drain(&flow, 0..u64::MAX), (b"01234567".to_vec(), "end"));
        assert_eq!(drain(&flow, 0..9), (b"01234567".to_vec(), "broken"), "shorter than announced");
    }

    #[test]
    fn a_broken_fill_never_ends_well_but_ranges_it_covered_do() {
        let flow = Arc::new(Flow::new());
        flow.push(Bytes::from_static(b"0123"));
        flow.fail(FillError::Abandoned);
        assert_eq!(drain(&flow, 0..8), (b"0123".to_vec(), "broken"));
        assert_eq!(drain(&flow, 0..u64::MAX), (b"0123".to_vec(), "broken"));
        assert_eq!(drain(&flow, 1..4), (b"123".to_vec(), "end"));
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken_by_bytes_and_by_the_end() {
        let flow = Arc::new(Flow::new());
        let reader = read(&flow, 0..u64::MAX).collect::<Vec<_>>();
        let writer = async {
            for piece in ["a", "b", "c"] {
                tokio::task::yield_now().await;
                flow.push(Bytes::from_static(piece.as_bytes()));
            }
            tokio::task::yield_now().await;
            flow.finish(Bytes::new(), None);
        };
        let (read, ()) = tokio::join!(reader, writer);
        let bytes: Vec<u8> = read.into_iter().flat_map(|piece| piece.expect("whole").to_vec()).collect();
        assert_eq!(bytes, b"abc");
    }

    proptest! {
        #[test]
        fn every_reader_gets_exactly_its_range(pieces: Vec<Vec<u8>>, start in 0u64..60, length in 0u64..60) {
            let flow = Arc::new(Flow::new());
            let whole = pieces.concat();
            pieces.into_iter().for_each(|piece| flow.push(piece.into()));
            flow.finish(Bytes::new(), None);
            let (bytes, how) = drain(&flow, start..start + length);
            let covered = start + length <= whole.len() as u64 || length == 0;
            prop_assert_eq!(how, if covered { "end" } else { "broken" });
            let expected: Vec<u8> = whole.into_iter().skip(start as usize).take(length as usize).collect();
            prop_assert_eq!(bytes, expected);
        }
    }
}
