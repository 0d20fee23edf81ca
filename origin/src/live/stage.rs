//! What viewers can get of a broadcast: its lists, and the files that they name.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base::{BroadcastId, ChannelId, Visibility};
use bytes::Bytes;
use httpkit::Encoded;
use media::live::{
    RenditionName,
    package::Product,
    window::{LiveFile, LiveList, Variant},
};
use tokio::sync::{mpsc, watch};

use super::{pulse::Pulse, session::Arrival};

/// Headers of a rendition that are kept: one for each configuration that the encoder had.
const HEADERS_MAX: u32 = 64;

/// Every channel that this process broadcasts, or did a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Stages(Mutex<HashMap<ChannelId, Place>>);

#[derive(Debug)]
struct Place {
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
        locked(&self.0).insert(channel, Place { stage, door });
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
    encoded: Mutex<Vec<(Variant, Arc<Encoded>)>>,
}

impl Default for Rendition {
    fn default() -> Self {
        Self { list: watch::Sender::new(None), files: Mutex::default(), encoded: Mutex::default() }
    }
}

impl Rendition {
    /// The list, and every later one.
    pub(crate) fn lists(&self) -> watch::Receiver<Option<Arc<LiveList>>> {
        self.list.subscribe()
    }

    pub(crate) fn file(&self, file: LiveFile) -> Option<Bytes> {
        locked(&self.files).get(&file).cloned()
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
                LiveFile::Segment(msn) => *msn >= segments,
                LiveFile::Part(msn, _) => *msn >= parts,
            });
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
