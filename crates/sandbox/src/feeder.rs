//! Answers a child's reads: one at a time, with the next range fetched while the child works.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use pipeline_wire::{READ_MAX, ToChild};

use crate::{Source, SourceError};

type Fetch = BoxFuture<'static, Result<Bytes, SourceError>>;

/// A range of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    offset: u64,
    len: u32,
}

impl Range {
    fn end(self) -> u64 {
        self.offset + u64::from(self.len)
    }

    fn covers(self, other: Self) -> bool {
        self.offset <= other.offset && other.end() <= self.end()
    }
}

/// Holds at most three ranges of [`READ_MAX`] bytes: the one in use, the one ahead, the one being answered.
pub(crate) struct Feeder {
    fetch: Box<dyn Fn(Range) -> Fetch + Send + Sync>,
    bytes: u64,
    /// What the child waits for.
    wanted: Option<Range>,
    /// A fetch made for `wanted` alone.
    current: Option<(Range, Fetch)>,
    /// A fetch of what comes next.
    ahead: Option<(Range, Fetch)>,
    /// The last range that arrived.
    window: Option<(Range, Bytes)>,
    /// Where the last read ended; a read that starts there is sequential.
    last_end: u64,
    /// Why a read of the child failed.
    fault: Option<SourceError>,
}

impl Feeder {
    /// A feeder of the first `bytes` bytes of `source`.
    pub(crate) fn new<S: Source>(source: S, bytes: u64) -> Self {
        let source = Arc::new(source);
        let fetch = move |range: Range| {
            let source = source.clone();
            async move { source.read_at(range.offset, range.len).await }.boxed()
        };
        Self {
            fetch: Box::new(fetch),
            bytes,
            wanted: None,
            current: None,
            ahead: None,
            window: None,
            last_end: 0,
            fault: None,
        }
    }

    /// Notes the child's read.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(crate) fn request(&mut self, offset: u64, len: u32) -> Result<(), &'static str> {
        if self.wanted.is_some() {
            return Err("a second read before the first is answered");
        }
        if len == 0 || len > READ_MAX {
            return Err("a read of no bytes or too many");
        }
        self.wanted = Some(Range { offset, len });
        Ok(())
    }

    /// Whether the child waits for an answer.
    pub(crate) fn owes(&self) -> bool {
        self.wanted.is_some()
    }

    /// Why the child did not get what it asked for, if that happened.
    pub(crate) fn take_fault(&mut self) -> Option<SourceError> {
        self.fault.take()
    }

    /// Drives the fetches; ready with the answer to the outstanding read. Cancel-safe: all state is in `self`.
    pub(crate) async fn answer(&mut self) -> ToChild {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToChild> {
        self.poll_ahead(cx);
        let Some(asked) = self.wanted else { return Poll::Pending };
        let range = self.clamp(asked);
        let answer = ready!(self.poll_range(range, cx));
        self.wanted = None;
        let sequential = range.offset == self.last_end;
        self.last_end = range.end();
        if sequential && answer.is_ok() {
            self.look_ahead(range);
        }
        Poll::Ready(match answer {
            Ok(bytes) => ToChild::Data(bytes),
            Err(fault) => {
                let reason = fault.to_string();
                self.fault = Some(fault);
                ToChild::ReadFailed(reason)
            }
        })
    }

    /// The part of a range that lies inside the source.
    fn clamp(&self, range: Range) -> Range {
        let offset = range.offset.min(self.bytes);
        let len = u64::from(range.len).min(self.bytes - offset);
        Range { offset, len: u32::try_from(len).unwrap_or(range.len) }
    }

    fn poll_ahead(&mut self, cx: &mut Context<'_>) {
        let Some((range, fetch)) = &mut self.ahead else { return };
        let Poll::Ready(fetched) = fetch.poll_unpin(cx) else { return };
        let range = *range;
        self.ahead = None;
        // A failure here is not the child's yet; a read of this range fetches again and reports.
        if let Ok(bytes) = whole(range, fetched) {
            self.window = Some((range, bytes));
        }
    }

    fn poll_range(&mut self, range: Range, cx: &mut Context<'_>) -> Poll<Result<Bytes, SourceError>> {
        if range.len == 0 {
            return Poll::Ready(Ok(Bytes::new()));
        }
        if let Some((have, bytes)) = &self.window
            && have.covers(range)
        {
            metrics::counter!("nexus_pipeline_reads_total", "from" => "ahead").increment(1);
            let from = (range.offset - have.offset) as usize;
            return Poll::Ready(Ok(bytes.slice(from..from + range.len as usize)));
        }
        if self.ahead.as_ref().is_some_and(|(coming, _)| coming.covers(range)) {
            return Poll::Pending;
        }
        let (_, fetch) = self.current.get_or_insert_with(|| (range, (self.fetch)(range)));
        let fetched = ready!(fetch.poll_unpin(cx));
        self.current = None;
        metrics::counter!("nexus_pipeline_reads_total", "from" => "source").increment(1);
        Poll::Ready(whole(range, fetched))
    }

    /// After a sequential read: fetches what follows, unless it is here or on its way.
    fn look_ahead(&mut self, read: Range) {
        let next = match &self.window {
            Some((have, _)) if have.covers(read) && have.end() > read.end() => return,
            _ => self.clamp(Range { offset: read.end(), len: READ_MAX }),
        };
        if next.len > 0 && self.ahead.is_none() {
            self.ahead = Some((next, (self.fetch)(next)));
        }
    }
}

fn whole(range: Range, fetched: Result<Bytes, SourceError>) -> Result<Bytes, SourceError> {
    let bytes = fetched?;
    if bytes.len() == range.len as usize {
        Ok(bytes)
    } else {
        Err(SourceError::Away(format!("{} of {} bytes at {}", bytes.len(), range.len, range.offset)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Log {
        data: Bytes,
        reads: Arc<Mutex<Vec<(u64, u32)>>>,
    }

    impl Source for Log {
        async fn read_at(&self, offset: u64, len: u32) -> Result<Bytes, SourceError> {
            self.reads.lock().expect("log").push((offset, len));
            self.data.read_at(offset, len).await
        }
    }

    fn source(len: usize) -> Log {
        Log { data: (0..len).map(|i| (i / 97) as u8).collect::<Vec<_>>().into(), reads: Arc::default() }
    }

    async fn read(feeder: &mut Feeder, offset: u64, len: u32) -> ToChild {
        feeder.request(offset, len).expect("in turn");
        feeder.answer().await
    }

    #[tokio::test]
    async fn sequential_reads_are_fetched_ahead_in_large_ranges() {
        const BLOCK: u32 = 256 << 10;
        let log = source(5 << 20);
        let mut feeder = Feeder::new(log.clone(), 5 << 20);
        for block in 0..20 {
            let offset = u64::from(block * BLOCK);
            let from = offset as usize;
            let expected = ToChild::Data(log.data.slice(from..from + BLOCK as usize));
            assert!(read(&mut feeder, offset, BLOCK).await == expected, "block {block}");
        }
        let reads = log.reads.lock().expect("log").clone();
        assert!(reads.len() <= 6, "{reads:?}");
    }

    #[tokio::test]
    async fn scattered_reads_fetch_what_was_asked() {
        let log = source(4 << 20);
        let mut feeder = Feeder::new(log.clone(), 4 << 20);
        for offset in [1 << 20, 3 << 20, 2 << 20] {
            read(&mut feeder, offset, 100).await;
        }
        assert_eq!(*log.reads.lock().expect("log"), [(1 << 20, 100), (3 << 20, 100), (2 << 20, 100)]);
    }

    #[tokio::test]
    async fn the_end_is_short_and_past_it_is_empty() {
        let log = source(1000);
        let mut feeder = Feeder::new(log.clone(), 1000);
        assert_eq!(read(&mut feeder, 900, 200).await, ToChild::Data(log.data.slice(900..)));
        assert_eq!(read(&mut feeder, 5000, 200).await, ToChild::Data(Bytes::new()));
        assert_eq!(read(&mut feeder, u64::MAX, 200).await, ToChild::Data(Bytes::new()));
    }

    #[tokio::test]
    async fn a_source_shorter_than_stated_fails_the_read() {
        let mut feeder = Feeder::new(source(500), 1000);
        assert!(matches!(read(&mut feeder, 400, 200).await, ToChild::ReadFailed(_)));
    }

    #[tokio::test]
    async fn reads_out_of_turn_or_out_of_measure_are_refused() {
        let mut feeder = Feeder::new(source(10), 10);
        assert!(feeder.request(0, 0).is_err());
        assert!(feeder.request(0, READ_MAX + 1).is_err());
        feeder.request(0, 1).expect("first");
        assert!(feeder.request(0, 1).is_err());
    }
}
