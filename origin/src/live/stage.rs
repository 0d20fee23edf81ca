//! What viewers can get of a broadcast: its lists, and the files that they name. Memory holds those of the live edge;
//! of the others it is known where they are.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base::{BroadcastId, ChannelId, Visibility};
use bytes::Bytes;
use httpkit::Encoded;
use media::live::{
    LiveObject, RecordedHeader, RecordedSegment, RenditionName,
    package::Product,
    window::{LiveFile, LiveList, Variant},
};
use tokio::sync::{mpsc, watch};

use super::{pulse::Pulse, session::Arrival, shelf::Shelved};

/// Headers of a rendition that are kept in memory: one for each configuration that the encoder had.
const HEADERS_MAX: u32 = 64;

/// Every channel that this process broadcasts, or did a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Stages(Mutex<HashMap<ChannelId, OnAir>>);

#[derive(Debug)]
struct OnAir {
    stage: Arc<Stage>,
    door: mpsc::Sender<Arrival>,
}

impl Stages {
    /// What is shown of a channel.
    pub(crate) fn of(&self, channel: &ChannelId) -> Option<Arc<Stage>> {
        locked(&self.0).get(channel).map(|place| Arc::clone(&place.stage))
    }

    /// Where another publisher of a channel goes; `None` without a session.
    pub(super) fn door(&self, channel: &ChannelId) -> Option<mpsc::Sender<Arrival>> {
        locked(&self.0).get(channel).map(|place| place.door.clone()).filter(|door| !door.is_closed())
    }

    pub(super) fn open(&self, channel: ChannelId, stage: Arc<Stage>, door: mpsc::Sender<Arrival>) {
        locked(&self.0).insert(channel, OnAir { stage, door });
        self.count();
    }

    /// Forgets a channel, unless another broadcast of it has begun.
    pub(super) fn close(&self, channel: &ChannelId, broadcast: &BroadcastId) {
        let mut places = locked(&self.0);
        if places.get(channel).is_some_and(|place| place.stage.broadcast == *broadcast) {
            places.remove(channel);
        }
        drop(places);
        self.count();
    }

    fn count(&self) {
        let stages = u32::try_from(locked(&self.0).len()).unwrap_or(u32::MAX);
        metrics::gauge!("nexus_live_stages").set(stages);
    }
}

/// A multivariant playlist, and what is sent of it once somebody has asked.
#[derive(Debug, Default)]
struct Multivariant {
    text: Option<String>,
    encoded: Option<Arc<Encoded>>,
}

/// One broadcast.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) broadcast: BroadcastId,
    visibility: Mutex<Visibility>,
    pub(crate) pulse: Pulse,
    multivariant: Mutex<Multivariant>,
    renditions: Mutex<HashMap<RenditionName, Arc<Rendition>>>,
}

impl Stage {
    pub(super) fn new(broadcast: BroadcastId, visibility: Visibility) -> Self {
        let visibility = Mutex::new(visibility);
        Self {
            broadcast,
            visibility,
            pulse: Pulse::default(),
            multivariant: Mutex::default(),
            renditions: Mutex::default(),
        }
    }

    /// Who may watch.
    pub(crate) fn visibility(&self) -> Visibility {
        *locked(&self.visibility)
    }

    /// The channel's visibility changed.
    pub(crate) fn show_to(&self, visibility: Visibility) {
        *locked(&self.visibility) = visibility;
    }

    /// The multivariant playlist, compressed once by `make`; `None` until all renditions have begun.
    pub(crate) fn multivariant(&self, make: impl FnOnce(Bytes) -> Encoded) -> Option<Arc<Encoded>> {
        let mut kept = locked(&self.multivariant);
        let text = kept.text.clone()?;
        Some(Arc::clone(kept.encoded.get_or_insert_with(|| Arc::new(make(text.into())))))
    }

    /// Whether all renditions have begun.
    pub(super) fn is_complete(&self) -> bool {
        locked(&self.multivariant).text.is_some()
    }

    pub(super) fn set_multivariant(&self, text: String) {
        let mut kept = locked(&self.multivariant);
        if kept.text.as_ref() != Some(&text) {
            *kept = Multivariant { text: Some(text), encoded: None };
        }
    }

    pub(crate) fn rendition(&self, name: RenditionName) -> Option<Arc<Rendition>> {
        locked(&self.renditions).get(&name).cloned()
    }

    /// What the renditions are called.
    pub(crate) fn names(&self) -> Vec<RenditionName> {
        let mut names: Vec<_> = locked(&self.renditions).keys().copied().collect();
        names.sort_unstable();
        names
    }

    /// Keeps what was made, before a list names it.
    pub(super) fn keep(&self, products: &[Product]) {
        for product in products {
            let (rendition, file, bytes) = match product {
                Product::Header { rendition, number, bytes } => (rendition, LiveFile::Init(*number), bytes),
                Product::Part { rendition, msn, part, bytes, .. } => {
                    (rendition, LiveFile::Part(*msn, *part), bytes)
                }
                Product::Segment { rendition, listed, bytes, .. } => {
                    (rendition, LiveFile::Segment(listed.msn), bytes)
                }
                Product::Dropped(..) | Product::Epoch(..) | Product::Picture(_) => continue,
            };
            let kept = Arc::clone(locked(&self.renditions).entry(*rendition).or_default());
            locked(&kept.files).insert(file, bytes.clone());
        }
    }

    /// Remembers where a header is.
    pub(super) fn index_header(&self, header: RecordedHeader) {
        let kept = Arc::clone(locked(&self.renditions).entry(header.rendition).or_default());
        locked(&kept.headers).insert(header.number, header);
    }

    /// The term of a header's maker.
    pub(super) fn header_term(&self, rendition: RenditionName, number: u32) -> Option<u32> {
        let kept = self.rendition(rendition)?;
        let headers = locked(&kept.headers);
        headers.get(&number).map(|header| header.term)
    }

    /// Remembers where a segment is: in the store, or `local` on this machine's disk until [`Self::stored`].
    pub(super) fn index_segment(&self, mut segment: RecordedSegment, local: bool) {
        if !local {
            segment.parts = Vec::new();
        }
        let kept = Arc::clone(locked(&self.renditions).entry(segment.rendition).or_default());
        locked(&kept.segments).insert(segment.msn, Place { segment, local, stored: false });
    }

    /// A segment is in the store too.
    pub(super) fn stored(&self, rendition: RenditionName, msn: u64) {
        let Some(kept) = self.rendition(rendition) else { return };
        if let Some(place) = locked(&kept.segments).get_mut(&msn) {
            place.stored = true;
        }
    }

    /// Segments on this machine's disk that are in the store and whose parts can be fetched no more; they are taken to be
    /// removed from now on.
    pub(super) fn outworn(&self) -> Vec<LiveObject> {
        let renditions: Vec<_> = locked(&self.renditions).values().cloned().collect();
        let mut outworn = Vec::new();
        for kept in renditions {
            let Some(first) = kept.list.borrow().as_ref().map(|list| list.first_parts()) else { continue };
            for place in locked(&kept.segments).range_mut(..first).map(|(_, place)| place) {
                if place.stored && std::mem::take(&mut place.local) {
                    place.segment.parts = Vec::new();
                    outworn.extend(place.segment.object());
                }
            }
        }
        outworn
    }

    /// The first segment of each rendition that can be fetched.
    pub(super) fn first_segments(&self) -> Vec<(RenditionName, u64)> {
        let renditions = locked(&self.renditions);
        let first = |(name, kept): (&RenditionName, &Arc<Rendition>)| {
            Some((*name, kept.list.borrow().as_ref()?.first_segment()))
        };
        renditions.iter().filter_map(first).collect()
    }

    /// Shows lists, wakes who waits for them, and lets go of files that can be fetched no more.
    pub(super) fn show(&self, lists: Vec<(RenditionName, Arc<LiveList>)>) {
        for (name, list) in lists {
            let rendition = Arc::clone(locked(&self.renditions).entry(name).or_default());
            rendition.show(list);
        }
    }
}

/// One rendition of it.
#[derive(Debug)]
pub(crate) struct Rendition {
    list: watch::Sender<Option<Arc<LiveList>>>,
    files: Mutex<HashMap<LiveFile, Bytes>>,
    headers: Mutex<BTreeMap<u32, RecordedHeader>>,
    segments: Mutex<BTreeMap<u64, Place>>,
    encoded: Mutex<Vec<(Variant, Arc<Encoded>)>>,
}

/// Where a whole segment is.
#[derive(Debug)]
struct Place {
    segment: RecordedSegment,
    local: bool,
    stored: bool,
}

impl Default for Rendition {
    fn default() -> Self {
        Self {
            list: watch::Sender::new(None),
            files: Mutex::default(),
            headers: Mutex::default(),
            segments: Mutex::default(),
            encoded: Mutex::default(),
        }
    }
}

impl Rendition {
    /// The list, and every later one.
    pub(crate) fn lists(&self) -> watch::Receiver<Option<Arc<LiveList>>> {
        self.list.subscribe()
    }

    /// A file of the live edge, from memory.
    pub(super) fn file(&self, file: LiveFile) -> Option<Bytes> {
        locked(&self.files).get(&file).cloned()
    }

    /// Where another file is; `None` when it is nowhere.
    pub(super) fn shelved(&self, file: LiveFile) -> Option<Shelved> {
        if let LiveFile::Init(number) = file {
            let headers = locked(&self.headers);
            let header = headers.get(&number)?;
            return Some(Shelved::new(header.object(), 0..header.bytes, true));
        }
        let (LiveFile::Segment(msn) | LiveFile::Part(msn, _)) = file else { return None };
        let segments = locked(&self.segments);
        let Place { segment, local, .. } = segments.get(&msn)?;
        let range = match file {
            LiveFile::Part(_, part) => segment.part_range(part)?,
            _ => 0..segment.bytes,
        };
        Some(Shelved::new(segment.object()?, range, *local))
    }

    /// The text of a list, compressed once for all who ask for it.
    pub(crate) fn encoded(
        &self,
        list: &LiveList,
        wanted: Variant,
        make: impl Fn(Bytes) -> Encoded,
    ) -> Arc<Encoded> {
        let variant = list.variant(wanted);
        let current = self.list.borrow().as_ref().is_some_and(|current| current.version() == list.version());
        let mut kept = locked(&self.encoded);
        if let Some((_, made)) = kept.iter().find(|(kept, _)| current && *kept == variant) {
            return Arc::clone(made);
        }
        let made = Arc::new(make(list.text(variant)));
        if current {
            kept.push((variant, Arc::clone(&made)));
        }
        made
    }

    fn show(&self, list: Arc<LiveList>) {
        let (parts, segments) = (list.first_parts(), list.first_segment());
        let newest = self.newest_header();
        let shown = self.list.send_if_modified(|shown| {
            let changed = shown.as_ref().is_none_or(|shown| shown.version() != list.version());
            if changed {
                locked(&self.encoded).clear();
                *shown = Some(list);
            }
            changed
        });
        if shown {
            locked(&self.files).retain(|file, _| match file {
                LiveFile::Init(number) => number.saturating_add(HEADERS_MAX) > newest,
                LiveFile::Segment(msn) | LiveFile::Part(msn, _) => *msn >= parts,
            });
            // What is on disk alone is not forgotten before it is stored.
            locked(&self.segments).retain(|msn, place| *msn >= segments || (place.local && !place.stored));
        }
    }

    fn newest_header(&self) -> u32 {
        let number = |file: &LiveFile| if let LiveFile::Init(number) = file { Some(*number) } else { None };
        locked(&self.files).keys().filter_map(number).max().unwrap_or(0)
    }
}

/// What is guarded is whole after every step; a panic elsewhere does not spoil it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
