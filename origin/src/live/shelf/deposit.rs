//! Whole segments on their way from this machine's disk into the store.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ::live::{Lease, LiveError, Recorded};
use blob::{BlobError, Key};
use media::live::{About, LiveObject, RecordedHeader, RecordedSegment, RenditionName};
use tokio::sync::Notify;
use tracing::warn;

use super::{Disk, Shelf, Stage, blocking};
use crate::Origin;

/// What is to be remembered of renditions.
type Abouts = Vec<(RenditionName, About)>;

/// What is put at once, with one transaction for its rows.
const BATCH_MAX: usize = 16;
/// First and last pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// Segments that left a sliding window which are removed at once.
const REMOVED_MAX: u32 = 64;

/// Something that has no row yet.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Header(RecordedHeader),
    Segment(RecordedSegment),
}

impl Item {
    /// What is to be put into the store, and its length in bytes; nothing of a gap.
    fn object(&self) -> Option<(LiveObject, u64)> {
        match self {
            Self::Header(header) => Some((header.object(), header.bytes)),
            Self::Segment(segment) => segment.object().map(|object| (object, segment.bytes)),
        }
    }

    const fn bytes(&self) -> u64 {
        match self {
            Self::Header(header) => header.bytes,
            Self::Segment(segment) => segment.bytes,
        }
    }
}

/// Bytes as gauges take them; of one broadcast there are never more than fit.
fn gauged(bytes: u64) -> f64 {
    u32::try_from(bytes).unwrap_or(u32::MAX).into()
}

/// Sorts items by what their rows are.
pub(super) fn recorded(items: &[Item]) -> Recorded {
    let mut recorded = Recorded::default();
    for item in items {
        match item {
            Item::Header(header) => recorded.headers.push(header.clone()),
            Item::Segment(segment) => recorded.segments.push(segment.clone()),
        }
    }
    recorded
}

#[derive(Debug, Default)]
struct Waiting {
    about: Option<Vec<(RenditionName, About)>>,
    items: VecDeque<Item>,
    bytes: u64,
    /// Whether nothing will be added.
    closed: bool,
    /// Whether nobody puts anything any more.
    over: bool,
}

impl Waiting {
    fn is_done(&self) -> bool {
        self.over || (self.items.is_empty() && self.about.is_none())
    }
}

/// What waits for the store; its bytes are on disk, and bounded by whoever adds to it.
#[derive(Debug, Default)]
pub(super) struct Deposits {
    waiting: Mutex<Waiting>,
    added: Notify,
    emptied: Notify,
}

impl Deposits {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // What is guarded is whole after every step; a panic elsewhere does not spoil it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn describe(&self, about: Vec<(RenditionName, About)>) {
        self.waiting().about = Some(about);
        self.added.notify_one();
    }

    pub(super) fn push(&self, item: Item) {
        metrics::gauge!("nexus_live_shelf_bytes").increment(gauged(item.bytes()));
        let mut waiting = self.waiting();
        waiting.bytes += item.bytes();
        waiting.items.push_back(item);
        drop(waiting);
        self.added.notify_one();
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> u64 {
        self.waiting().bytes
    }

    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.added.notify_one();
    }

    /// Until nothing waits, or nobody puts anything any more.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.waiting().is_done() {
                return;
            }
            emptied.await;
        }
    }

    fn done(&self, items: usize) {
        let mut waiting = self.waiting();
        let gone: u64 = waiting.items.drain(..items).map(|item| item.bytes()).sum();
        waiting.bytes -= gone;
        drop(waiting);
        metrics::gauge!("nexus_live_shelf_bytes").decrement(gauged(gone));
        self.emptied.notify_waiters();
    }

    fn end(&self) {
        let mut waiting = self.waiting();
        waiting.over = true;
        let gone = waiting.bytes;
        (waiting.items, waiting.bytes) = (VecDeque::new(), 0);
        drop(waiting);
        metrics::gauge!("nexus_live_shelf_bytes").decrement(gauged(gone));
        self.emptied.notify_waiters();
    }
}

/// Why nothing was put now.
#[derive(Debug, thiserror::Error)]
pub(super) enum DepositError {
    #[error(transparent)]
    Store(#[from] BlobError),
    #[error(transparent)]
    Live(#[from] LiveError),
    #[error("the disk: {0}")]
    Disk(#[from] std::io::Error),
}

/// The task that puts a broadcast's segments into the store.
pub(super) struct Depositor {
    origin: Origin,
    lease: Lease,
    stage: Arc<Stage>,
    disk: Disk,
    deposits: Arc<Deposits>,
    recording: bool,
    /// First segments of sliding windows at the last look.
    slid: HashMap<RenditionName, u64>,
}

impl Depositor {
    pub(super) fn new(shelf: &Shelf, recording: bool) -> Self {
        Self {
            origin: shelf.origin.clone(),
            lease: shelf.lease.clone(),
            stage: Arc::clone(&shelf.stage),
            disk: shelf.disk.clone(),
            deposits: Arc::clone(&shelf.deposits),
            recording,
            slid: HashMap::new(),
        }
    }

    pub(super) async fn run(mut self) {
        let hard = self.origin.tasks.hard();
        tokio::select! {
            () = self.put_all() => {}
            () = hard.cancelled() => {}
        }
        self.deposits.end();
    }

    async fn put_all(&mut self) {
        let mut pause = PAUSES.0;
        loop {
            let (about, batch, closed) = self.next();
            if about.is_none() && batch.is_empty() {
                if closed {
                    return;
                }
                self.deposits.added.notified().await;
                continue;
            }
            match self.put(about, &batch).await {
                Ok(()) => {
                    self.deposits.done(batch.len());
                    self.tidy().await;
                    pause = PAUSES.0;
                }
                Err(DepositError::Live(LiveError::Superseded)) => return,
                Err(error) => {
                    metrics::counter!("nexus_live_deposit_failures_total").increment(1);
                    warn!(channel = %self.lease.channel, "segments wait on disk: {error}");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    fn next(&self) -> (Option<Abouts>, Vec<Item>, bool) {
        let waiting = self.deposits.waiting();
        (waiting.about.clone(), waiting.items.iter().take(BATCH_MAX).cloned().collect(), waiting.closed)
    }

    /// Objects first, rows last.
    async fn put(&self, about: Option<Abouts>, batch: &[Item]) -> Result<(), DepositError> {
        put_objects(&self.origin, &self.disk, self.lease.broadcast.as_str(), batch).await?;
        if let Some(about) = about {
            self.origin.live.keep_renditions(&self.lease, &about).await?;
            let mut waiting = self.deposits.waiting();
            // Another one may have come meanwhile.
            if waiting.about.as_ref() == Some(&about) {
                waiting.about = None;
            }
        }
        if !batch.is_empty() {
            self.origin.live.keep_segments(&self.lease, &recorded(batch)).await?;
            metrics::counter!("nexus_live_deposits_total").increment(batch.len() as u64);
        }
        for item in batch {
            if let Item::Segment(segment) = item {
                self.stage.stored(segment.rendition, segment.msn);
            }
        }
        Ok(())
    }

    /// Removes files that the store has and no list shows parts of, and objects that no list reaches.
    async fn tidy(&mut self) {
        let (disk, outworn) = (self.disk.clone(), self.stage.outworn());
        if !outworn.is_empty()
            && let Err(error) =
                blocking(move || outworn.iter().try_for_each(|object| disk.remove(object))).await
        {
            warn!(channel = %self.lease.channel, "a segment that is in the store stays on disk: {error}");
        }
        if !self.recording
            && let Err(error) = self.slide().await
        {
            warn!(channel = %self.lease.channel, "segments that nobody can fetch stay in the store: {error}");
        }
    }

    async fn slide(&mut self) -> Result<(), DepositError> {
        let (live, id) = (&self.origin.live, &self.lease.broadcast);
        for (rendition, first) in self.stage.first_segments() {
            if self.slid.insert(rendition, first).is_some_and(|before| before >= first) {
                continue;
            }
            let gone = live.segments_before(id, rendition, first, REMOVED_MAX).await?;
            let Some(last) = gone.last().map(|segment| segment.msn) else { continue };
            for object in gone.iter().filter_map(RecordedSegment::object) {
                self.origin.store.delete(&Key::new(object.blob_key(id.as_str()))?).await?;
            }
            live.drop_segments_before(&self.lease, rendition, last + 1).await?;
        }
        Ok(())
    }
}

/// Puts what is on disk into the store. What is no longer on disk is there already.
pub(super) async fn put_objects(
    origin: &Origin,
    disk: &Disk,
    broadcast: &str,
    items: &[Item],
) -> Result<(), DepositError> {
    for (object, length) in items.iter().filter_map(Item::object) {
        let key = Key::new(object.blob_key(broadcast))?;
        let from = disk.clone();
        let Some(bytes) = blocking(move || from.read(&object, 0..length)).await? else {
            if origin.store.head(&key).await?.is_some() {
                continue;
            }
            return Err(BlobError::NotFound(key.to_string()).into());
        };
        origin.store.put(&key, bytes).await?;
    }
    Ok(())
}
