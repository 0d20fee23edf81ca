//! The walk over a presentation: which bytes to get next, and what was in them. No I/O happens here.

mod delivery;
mod expand;
mod manifest;
mod queue;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    ops::Range,
    sync::Arc,
};

pub use delivery::{Delivery, Failure};
use queue::{Queue, Role, Task};

use crate::{
    At, CheckError, Counts, Fault, NotJudged, Report, Resource, ResourceKind,
    cmaf::{Container, Header, Segment},
    place::Place,
    presentation::{Delivered, Presentation, ReadSegment, Trouble, TroubleKind},
    rules, vtt,
};

/// Troubles of one kind that are kept; far more than are listed, so that a hostile stream cannot fill memory.
const TROUBLES_MAX: u64 = 2000;

/// How thoroughly to read, and where to stop.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Which segments to read.
    pub segments: Segments,
    /// Where to stop.
    pub limits: Limits,
}

/// Which segments to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Segments {
    /// Every one.
    #[default]
    All,
    /// About so many of each track, spread over its length, in pairs of neighbours so that continuity is
    /// judged. Rules that need every segment are reported as not judged.
    Sample(NonZeroUsize),
}

/// Bounds of a check. Hitting one is a finding of `READ-LIMIT`, and the report is not complete.
///
/// Depth needs no number: an entry lists playlists, a playlist lists headers and segments, and nothing they
/// hold is followed further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Resources asked for.
    pub resources: u64,
    /// Bytes read in all.
    pub bytes: u64,
    /// Bytes of one header or segment.
    pub resource_bytes: u64,
    /// Bytes of one playlist or MPD.
    pub playlist_bytes: u64,
    /// Segments taken from one playlist or Representation; all together list no more than `resources`.
    pub segments_listed: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            resources: 400_000,
            bytes: 256 << 30,
            resource_bytes: 256 << 20,
            playlist_bytes: 16 << 20,
            segments_listed: 100_000,
        }
    }
}

impl Limits {
    /// Bytes of a resource of this role.
    const fn of(&self, role: &Role) -> u64 {
        match role {
            Role::Entry | Role::List { .. } => self.playlist_bytes,
            Role::Header | Role::Segment { .. } | Role::Range { .. } => self.resource_bytes,
        }
    }
}

/// Bytes wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    place: Place,
    /// More bytes than this are refused: read no further and say [`Failure::TooLarge`].
    pub max_bytes: u64,
}

impl Fetch {
    /// Absolute URI.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.place.uri
    }

    /// The bytes wanted of it; `None` is all of them.
    #[must_use]
    pub fn range(&self) -> Option<Range<u64>> {
        self.place.range.map(|(start, end)| start..end)
    }
}

/// How far a check has come, in resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Answered.
    pub done: u64,
    /// Known to be wanted, answered or not; grows while playlists are read.
    pub known: u64,
}

/// A check of one presentation: ask it what to fetch, feed it what came, and finish it.
///
/// ```
/// let mut check = conformance::Check::new("file:///film/hls.m3u8").unwrap();
/// while let Some(fetch) = check.next_fetch() {
///     match std::fs::read(fetch.uri().trim_start_matches("file://")) {
///         Ok(bytes) => check.feed(&fetch, &bytes, None),
///         Err(error) => check.fail(&fetch, conformance::Failure::Unreadable(error.to_string())),
///     }
/// }
/// let report = check.finish();
/// assert!(!report.readable);
/// ```
///
/// Several fetches may be under way at once: [`next_fetch`](Self::next_fetch) gives `None` while an answer is
/// missing that the next question depends on.
pub struct Check {
    options: Options,
    queue: Queue,
    shown: Presentation,
    resources: BTreeMap<Arc<str>, Resource>,
    counts: Counts,
    not_judged: Vec<NotJudged>,
    stopped: bool,
    complete: bool,
    readable: bool,
    /// Segments that media playlists and MPDs list.
    listed: BTreeSet<Place>,
    /// Entries of all tracks, I-frames too.
    entries: u64,
}

impl Check {
    /// A check that begins at a multivariant playlist, a media playlist or an MPD, and reads every segment.
    ///
    /// # Errors
    /// [`CheckError::Entry`] when `entry` is no absolute URI.
    pub fn new(entry: &str) -> Result<Self, CheckError> {
        let mut check = Self {
            options: Options::default(),
            queue: Queue::default(),
            shown: Presentation::default(),
            resources: BTreeMap::new(),
            counts: Counts::default(),
            not_judged: Vec::new(),
            stopped: false,
            complete: true,
            readable: true,
            listed: BTreeSet::new(),
            entries: 0,
        };
        check.add_entry(entry)?;
        Ok(check)
    }

    /// The same check with other options. They hold for what is read from now on.
    #[must_use]
    pub const fn with(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// One more entry into the same presentation, such as the MPD beside a multivariant playlist: segments
    /// that both list are read once.
    ///
    /// # Errors
    /// [`CheckError::Entry`] when `entry` is no absolute URI.
    pub fn add_entry(&mut self, entry: &str) -> Result<(), CheckError> {
        let error = || CheckError::Entry { uri: entry.to_owned() };
        let url = url::Url::parse(entry).map_err(|_| error())?;
        if url.cannot_be_a_base() {
            return Err(error());
        }
        self.queue.push(Task {
            place: Place::whole(Arc::from(url.as_str())),
            role: Role::Entry,
            cited: None,
        });
        Ok(())
    }

    /// What to get next. `None` while answers are awaited, and when there is nothing left: then
    /// [`is_done`](Self::is_done).
    pub fn next_fetch(&mut self) -> Option<Fetch> {
        if self.stopped {
            return None;
        }
        let shown = &self.shown;
        // An I-frame range needs no reading when a segment that holds it was read.
        let task = self.queue.next(|place| shown.holding(place).next().is_some())?;
        if self.queue.asked() > self.options.limits.resources {
            let limit = self.options.limits.resources;
            self.stop(&task.place.uri, format!("the check stopped at its limit of {limit} resources"));
            return None;
        }
        Some(Fetch { max_bytes: self.options.limits.of(&task.role), place: task.place })
    }

    /// Whether nothing is left to ask and nothing awaited.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.stopped || self.queue.is_empty()
    }

    /// How far the check has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.queue.progress()
    }

    /// Takes in the bytes of a fetch, and what is known of how they came. Bytes that were not asked for are
    /// ignored.
    pub fn feed(&mut self, fetch: &Fetch, bytes: &[u8], delivery: Option<&Delivery>) {
        let Some(task) = self.queue.answered(&fetch.place) else { return };
        let length = bytes.len() as u64;
        self.counts.bytes = self.counts.bytes.saturating_add(length);
        if length > self.options.limits.of(&task.role) {
            self.too_large(&task);
            return;
        }
        if self.counts.bytes > self.options.limits.bytes {
            let limit = self.options.limits.bytes;
            self.stop(&task.place.uri, format!("the check stopped at its limit of {limit} bytes"));
            return;
        }
        let kind = match &task.role {
            Role::Entry => self.entry(&task.place.uri, bytes),
            Role::List { i_frames, imports } => self.list(&task.place.uri, bytes, *i_frames, imports),
            Role::Header => self.header(&task.place, bytes),
            Role::Segment { header, sealed } => self.segment(&task.place, bytes, header.as_ref(), *sealed),
            Role::Range { header } => self.range(&task.place, bytes, header.as_ref()),
        };
        self.note(&task.place.uri, kind, length, delivery);
    }

    /// Says that the bytes of a fetch cannot be had.
    pub fn fail(&mut self, fetch: &Fetch, failure: Failure) {
        let Some(task) = self.queue.answered(&fetch.place) else { return };
        match failure {
            Failure::TooLarge => self.too_large(&task),
            Failure::Unreadable(reason) => {
                if task.role == Role::Entry {
                    self.readable = false;
                }
                let (resource, at) = task.cited.clone().unwrap_or((task.place.uri.clone(), At::Whole));
                let message = format!("{} could not be read: {reason}", task.place);
                self.trouble(TroubleKind::Fetch, &resource, at, message);
            }
        }
    }

    /// Judges what was read.
    #[must_use]
    pub fn finish(mut self) -> Report {
        let unread = self.queue.unread();
        if unread > 0 && !self.stopped {
            let entry = self.queue.first_uri();
            self.stop(&entry, format!("the check was finished with {unread} resources unread"));
        }
        let judged = rules::judge(&self.shown);
        self.not_judged.extend(judged.not_judged);
        self.not_judged.sort();
        self.not_judged.dedup();
        self.counts.segments_listed = self.listed.len() as u64;
        let mut report = Report {
            findings: judged.findings,
            resources: self.resources.into_values().collect(),
            counts: self.counts,
            not_judged: self.not_judged,
            complete: self.complete,
            readable: self.readable,
        };
        report.counts.must = report.musts().count() as u64;
        report.counts.should = report.findings.len() as u64 - report.counts.must;
        report
    }

    fn header(&mut self, place: &Place, bytes: &[u8]) -> ResourceKind {
        let (header, faults) = Header::read(bytes, place.start());
        self.faults(TroubleKind::Cmaf, &place.uri, faults);
        self.shown.headers.insert(place.clone(), header);
        self.counts.headers += 1;
        ResourceKind::Header
    }

    fn segment(&mut self, place: &Place, bytes: &[u8], header: Option<&Place>, sealed: bool) -> ResourceKind {
        self.counts.segments_read += 1;
        let (segment, faults) = if sealed {
            (Segment::opaque(Container::Sealed, bytes.len() as u64), Vec::new())
        } else {
            let header = header.and_then(|place| self.shown.headers.get(place));
            Segment::read(bytes, place.start(), header)
        };
        self.faults(TroubleKind::Cmaf, &place.uri, faults);
        if segment.container == Container::WebVtt {
            self.faults(TroubleKind::Vtt, &place.uri, vtt::faults(bytes));
        }
        self.keep(place, header, segment)
    }

    fn range(&mut self, place: &Place, bytes: &[u8], header: Option<&Place>) -> ResourceKind {
        let (segment, faults) =
            Segment::read_range(bytes, place.start(), header.and_then(|h| self.shown.headers.get(h)));
        self.faults(TroubleKind::Cmaf, &place.uri, faults);
        self.keep(place, header, segment)
    }

    fn keep(&mut self, place: &Place, header: Option<&Place>, media: Segment) -> ResourceKind {
        let header = header.cloned();
        self.shown.segments.insert(place.clone(), ReadSegment { header, media });
        ResourceKind::Segment
    }

    fn note(&mut self, uri: &Arc<str>, kind: ResourceKind, bytes: u64, delivery: Option<&Delivery>) {
        if kind != ResourceKind::Segment {
            let resource = Resource { uri: uri.to_string(), kind, bytes };
            self.resources.insert(uri.clone(), resource);
        }
        if let Some(delivery) = delivery {
            let delivery = delivery.clone();
            self.shown.delivered.push(Delivered { uri: uri.clone(), kind, delivery });
        }
    }

    fn too_large(&mut self, task: &Task) {
        let limit = self.options.limits.of(&task.role);
        let message = format!("{} is larger than the limit of {limit} bytes and was not read", task.place);
        self.limit(&task.place.uri, message);
    }

    /// Ends the walk at a limit of the whole check.
    fn stop(&mut self, uri: &Arc<str>, message: String) {
        self.stopped = true;
        self.limit(uri, message);
    }

    fn limit(&mut self, uri: &Arc<str>, message: String) {
        self.complete = false;
        self.trouble(TroubleKind::Limit, uri, At::Whole, message);
    }

    fn trouble(&mut self, kind: TroubleKind, resource: &Arc<str>, at: At, message: String) {
        let met = self.shown.troubles_met.entry(kind).or_default();
        *met += 1;
        if *met > TROUBLES_MAX {
            return;
        }
        self.shown.troubles.push(Trouble { kind, resource: resource.clone(), at, message });
    }

    fn faults(&mut self, kind: TroubleKind, resource: &Arc<str>, faults: Vec<Fault>) {
        for fault in faults {
            self.trouble(kind, resource, fault.at, fault.message);
        }
    }

    fn cannot_judge(&mut self, rule: &str, resource: &str, reason: impl Into<String>) {
        self.not_judged.push(NotJudged {
            rule: rule.to_owned(),
            resource: resource.to_owned(),
            reason: reason.into(),
        });
    }
}
