//! What makes a broadcast durable: each part on this machine's disk before it is listed, each whole segment in the
//! object store and then in a row.
//!
//! [`Shelf::keep`] comes before the stage shows anything. While the store or the database is away the broadcast goes on
//! from the local disk, up to [`BEHIND_BYTES_MAX`] and down to the floor of free disk.

mod deposit;
mod disk;
mod leftovers;
mod resume;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    io,
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ::live::{Begun, Lease, LiveError};
use base::BroadcastId;
use media::live::{
    About, LiveObject, RecordedHeader, RecordedSegment, RenditionName,
    package::Product,
    window::{LiveFile, Part, Run},
};
use tokio::time::timeout;
use tracing::warn;

use super::Stage;
use crate::Origin;
use deposit::{Deposits, Item};
use disk::{Disk, Line, Piece};
pub(crate) use leftovers::sweep_live;

/// Bytes of whole segments that wait for the store, of one broadcast: an hour of 4 Mbit/s.
const BEHIND_BYTES_MAX: u64 = 2 << 30;
/// How long the end of a broadcast waits for the store; what is not there by then is put there by a later sweep.
const FLUSH: Duration = Duration::from_secs(5);

/// Why a broadcast cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShelfError {
    /// Less than the floor is free.
    #[error("The server's disk is full.")]
    Full,
    /// The store or the database was away for too long.
    #[error("The server could not store the broadcast: {0} bytes wait for its object store.")]
    Behind(u64),
    /// It could not be kept before, and nothing is put behind a hole.
    #[error("The broadcast could not be kept to its end.")]
    Broken,
    /// The disk refuses.
    #[error("The server's disk refuses to write: {0}")]
    Disk(#[from] io::Error),
    /// What was kept cannot be read from the database.
    #[error(transparent)]
    Live(#[from] LiveError),
}

/// Where files of broadcasts are until the store has them.
#[derive(Debug)]
pub(crate) struct Shelves {
    folder: PathBuf,
    /// Held while files of an earlier holder are looked through.
    looking: tokio::sync::Mutex<()>,
    /// Broadcasts that this process writes.
    open: Mutex<HashSet<BroadcastId>>,
}

impl Shelves {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, looking: tokio::sync::Mutex::default(), open: Mutex::default() }
    }

    fn open(&self) -> MutexGuard<'_, HashSet<BroadcastId>> {
        // A set is whole after every step; a panic elsewhere does not spoil it.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shelf of a broadcast that this process holds.
pub(super) struct Shelf {
    origin: Origin,
    lease: Lease,
    stage: Arc<Stage>,
    disk: Disk,
    lanes: HashMap<RenditionName, Lane>,
    deposits: Arc<Deposits>,
    /// Whether the disk refused before: what is there has an end, and nothing is put behind it.
    broken: bool,
}

/// A rendition as far as it is written.
#[derive(Debug, Default)]
struct Lane {
    run: Option<Run>,
    /// Where it ends, in microseconds of the run.
    end_us: u64,
    open: Option<OpenSegment>,
}

#[derive(Debug)]
struct OpenSegment {
    msn: u64,
    start_us: u64,
    discontinuities: u32,
    /// Lengths of its parts in bytes.
    parts: Vec<u64>,
}

impl Shelf {
    /// A shelf for a broadcast that was begun or taken over, and the task that puts its segments into the store.
    ///
    /// # Errors
    /// [`ShelfError::Full`], [`ShelfError::Disk`].
    pub(super) async fn open(origin: &Origin, begun: &Begun, stage: Arc<Stage>) -> Result<Self, ShelfError> {
        let disk = Disk::of(&origin.shelves().folder, &begun.lease.broadcast);
        let deposits = Arc::new(Deposits::default());
        let shelf = Self {
            origin: origin.clone(),
            lease: begun.lease.clone(),
            stage,
            disk,
            lanes: HashMap::new(),
            deposits,
            broken: false,
        };
        origin.shelves().open().insert(shelf.lease.broadcast.clone());
        let (disk, term) = (shelf.disk.clone(), shelf.lease.term);
        blocking(move || disk.claim(term)).await?;
        let depositor = deposit::Depositor::new(&shelf, begun.channel.choices.recording);
        drop(origin.tasks.spawn("live-deposit", depositor.run()));
        Ok(shelf)
    }

    /// Notes what the renditions are; before their first segment is whole.
    ///
    /// # Errors
    /// [`ShelfError::Disk`].
    pub(super) async fn describe(&self, renditions: Vec<(RenditionName, About)>) -> Result<(), ShelfError> {
        let (disk, written) = (self.disk.clone(), renditions.clone());
        blocking(move || disk.describe(&written)).await?;
        self.deposits.describe(renditions);
        Ok(())
    }

    /// Writes what was made to disk; it may be listed when this returns.
    ///
    /// # Errors
    /// [`ShelfError`], after which nothing more can be kept.
    pub(super) async fn keep(&mut self, products: &[Product]) -> Result<(), ShelfError> {
        if self.broken {
            return Err(ShelfError::Broken);
        }
        let (mut pieces, mut items) = (Vec::new(), Vec::new());
        for product in products {
            self.sort(product, &mut pieces, &mut items);
        }
        if let Err(error) = self.write(pieces).await {
            self.broken = true;
            metrics::counter!("nexus_live_shelf_refusals_total").increment(1);
            return Err(error);
        }
        for item in items {
            match &item {
                Item::Header(header) => self.stage.index_header(header.clone()),
                Item::Segment(segment) => self.stage.index_segment(segment.clone(), !segment.gap),
            }
            self.deposits.push(item);
        }
        Ok(())
    }

    async fn write(&self, pieces: Vec<Piece>) -> Result<(), ShelfError> {
        if pieces.is_empty() {
            return Ok(());
        }
        let behind = self.deposits.bytes();
        if behind > BEHIND_BYTES_MAX {
            return Err(ShelfError::Behind(behind));
        }
        let (disk, floor) = (self.disk.clone(), self.origin.limits.upload.free_floor_bytes);
        let room = blocking(move || {
            let room = disk.free()? >= floor;
            if room {
                disk.write(&pieces)?;
            }
            Ok(room)
        });
        if room.await? { Ok(()) } else { Err(ShelfError::Full) }
    }

    fn sort(&mut self, product: &Product, pieces: &mut Vec<Piece>, items: &mut Vec<Item>) {
        let term = self.lease.term;
        match product {
            Product::Header { rendition, number, bytes } => {
                let header = RecordedHeader {
                    rendition: *rendition,
                    number: *number,
                    term,
                    bytes: bytes.len() as u64,
                };
                pieces.push(Piece::Header(header.object(), bytes.clone()));
                items.push(Item::Header(header));
            }
            Product::Part { rendition, msn, listed, run, bytes, .. } => {
                let object = LiveObject::Segment { rendition: *rendition, term, msn: *msn };
                let init_term = self.init_term(*rendition, run.init);
                let lane = self.lanes.entry(*rendition).or_default();
                let line = lane.part(*msn, *listed, *run, init_term, bytes.len() as u64);
                pieces.push(Piece::Part(object, line, bytes.clone()));
            }
            Product::Segment { rendition, listed, run, .. } => {
                let terms = (term, self.init_term(*rendition, listed.init));
                let open = self.lanes.entry(*rendition).or_default().open.take_if(|_| !listed.gap);
                let parts = open.map(|open| open.parts).unwrap_or_default();
                let segment = RecordedSegment::of(*rendition, listed, run, terms, &parts);
                if let Some(object) = segment.object() {
                    pieces.push(Piece::Whole(object, Line::Whole(segment.clone())));
                }
                items.push(Item::Segment(segment));
            }
            Product::Dropped(..) | Product::Epoch(..) | Product::Picture(_) => {}
        }
    }

    /// The term of a header; of one that is not known, this one.
    fn init_term(&self, rendition: RenditionName, number: u32) -> u32 {
        self.stage.header_term(rendition, number).unwrap_or(self.lease.term)
    }

    /// Waits until all is in the store, for [`FLUSH`] at most; what is not stays on disk for the next sweep. Whether all
    /// is.
    pub(super) async fn finish(&self) -> bool {
        self.deposits.close();
        let whole = timeout(FLUSH, self.deposits.emptied()).await.is_ok();
        if !whole {
            warn!(channel = %self.lease.channel, "the end of a broadcast waits on disk for the store");
        }
        whole
    }

    /// Looks through what the end of the broadcast left on disk; after it was written down.
    pub(super) async fn clear(self) {
        let (origin, broadcast) = (self.origin.clone(), self.lease.broadcast.clone());
        drop(self);
        leftovers::settle(&origin, &broadcast).await;
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.deposits.close();
        self.origin.shelves().open().remove(&self.lease.broadcast);
    }
}

impl Lane {
    fn part(&mut self, msn: u64, listed: Part, run: Run, init_term: u32, bytes: u64) -> Line {
        if self.open.as_ref().is_none_or(|open| open.msn != msn) {
            let fresh = self.run != Some(run);
            let start_us = if fresh { run.start_us() } else { self.end_us };
            let discontinuities = u32::from(fresh && self.run.is_some());
            self.end_us = start_us;
            self.open = Some(OpenSegment { msn, start_us, discontinuities, parts: Vec::new() });
        }
        self.run = Some(run);
        self.end_us += listed.us;
        let (start_us, discontinuities) = self.open.as_mut().map_or((0, 0), |open| {
            open.parts.push(bytes);
            (open.start_us, open.discontinuities)
        });
        Line::Part { run, init_term, discontinuities, start_us, listed, bytes }
    }
}

/// Bytes of a broadcast that are not in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shelved {
    object: LiveObject,
    range: Range<u64>,
    local: bool,
}

/// Where bytes that are asked for were found.
#[derive(Debug)]
pub(crate) enum Found {
    /// Here they are.
    Bytes(bytes::Bytes),
    /// In the store, this stretch of an object.
    Stored(blob::Key, Range<u64>),
}

impl Shelved {
    pub(super) const fn new(object: LiveObject, range: Range<u64>, local: bool) -> Self {
        Self { object, range, local }
    }

    /// On this machine's disk, or else in the store.
    ///
    /// # Errors
    /// When the disk does not give what it has.
    async fn find(self, origin: &Origin, broadcast: &BroadcastId) -> io::Result<Found> {
        let key = blob::Key::new(self.object.blob_key(broadcast.as_str())).map_err(io::Error::other)?;
        if !self.local {
            return Ok(Found::Stored(key, self.range));
        }
        let disk = Disk::of(&origin.shelves().folder, broadcast);
        let (object, range) = (self.object, self.range.clone());
        let read = blocking(move || disk.read(&object, range)).await?;
        Ok(read.map_or(Found::Stored(key, self.range), Found::Bytes))
    }
}

/// A file of a rendition: from memory, this machine's disk, or the store. `None` when it is nowhere.
///
/// # Errors
/// As [`Shelved::find`].
pub(crate) async fn find(
    origin: &Origin,
    stage: &Stage,
    rendition: RenditionName,
    file: LiveFile,
) -> io::Result<Option<Found>> {
    let Some(kept) = stage.rendition(rendition) else { return Ok(None) };
    if let Some(bytes) = kept.file(file) {
        return Ok(Some(Found::Bytes(bytes)));
    }
    match kept.shelved(file) {
        Some(shelved) => shelved.find(origin, &stage.broadcast).await.map(Some),
        None => Ok(None),
    }
}

/// Runs file work off the threads of the reactor.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
