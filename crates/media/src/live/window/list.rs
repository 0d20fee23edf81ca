//! A list at one moment of its life.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::{
    LiveFile, Parameters, Window,
    closed::Holdings,
    text::{self, Head},
};

/// The forms of a list's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// All of it.
    Full,
    /// A delta update (`_HLS_skip=YES`).
    Delta,
    /// A delta update that also says which date ranges were removed (`_HLS_skip=v2`): none.
    DeltaOfDateRanges,
}

/// A list at one moment of its life; it never changes.
#[derive(Debug)]
pub struct LiveList {
    pub(super) edge: Edge,
    pub(super) holdings: Arc<Holdings>,
    version: u64,
    parameters: Parameters,
    head: Head,
    settled: Arc<str>,
    /// Segments that a delta update skips, and where the settled text goes on after them.
    skip: (usize, usize),
    recent: String,
    texts: [OnceLock<Bytes>; 3],
}

/// What decisions about requests rest on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    /// The segment that grows.
    pub(super) open: u64,
    /// Its parts.
    pub(super) open_parts: u32,
    /// Whether those stand for missing media.
    pub(super) open_gap: bool,
    /// Its header.
    pub(super) open_init: u32,
    /// Whether there is a whole segment, and the parts of the last.
    pub(super) last_parts: Option<u32>,
    pub(super) ended: bool,
    /// How far ahead of the last part a request may ask.
    pub(super) advance: u64,
    /// How long a request may wait, in microseconds.
    pub(super) patience_us: u64,
}

impl LiveList {
    pub(super) fn of(window: &mut Window) -> Self {
        let (holdings, settled) = (window.closed.holdings(), window.closed.settled.text());
        let (parameters, closed, open) = (&window.parameters, &window.closed, &window.open);
        let first = closed.segments.front().map_or(open.msn, |first| first.segment.msn);
        let skipped = closed.skipped(parameters);
        Self {
            edge: edge(window),
            holdings,
            version: window.version,
            head: Head {
                msn: first,
                discontinuity_sequence: closed.discontinuity_sequence,
                map: closed.first_map(),
            },
            settled,
            skip: (skipped, closed.settled.offset(skipped)),
            recent: recent(window),
            parameters: parameters.clone(),
            texts: Default::default(),
        }
    }

    /// Counts the changes of the window; no two lists of a window share it.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Whether nothing will be added.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.edge.ended
    }

    /// The first segment of which parts can be fetched; those of earlier ones can be let go.
    #[must_use]
    pub fn first_parts(&self) -> u64 {
        self.holdings.parts.iter().map(|held| held.0).min().unwrap_or(self.edge.open)
    }

    /// The first whole segment that can be fetched; earlier ones can be let go, for all this list needs.
    #[must_use]
    pub fn first_segment(&self) -> u64 {
        self.holdings.segments.first().map_or(self.edge.open, |range| range.0)
    }

    /// Whether a file that is not there may yet come: it belongs to the segment that grows, or to a later one.
    #[must_use]
    pub const fn may_come(&self, file: LiveFile) -> bool {
        match file {
            LiveFile::Init(_) => !self.edge.ended,
            LiveFile::Segment(msn) | LiveFile::Part(msn, _) => !self.edge.ended && msn >= self.edge.open,
        }
    }

    /// The form that a request for `wanted` gets: a delta update that skips nothing is the whole list.
    #[must_use]
    pub const fn variant(&self, wanted: Variant) -> Variant {
        if self.edge.ended || self.skip.0 == 0 { Variant::Full } else { wanted }
    }

    /// The text in the form of [`LiveList::variant`]; made on first use.
    #[must_use]
    pub fn text(&self, wanted: Variant) -> Bytes {
        let variant = self.variant(wanted);
        let made = &self.texts[variant as usize];
        made.get_or_init(|| Bytes::from(self.write(variant))).clone()
    }

    fn write(&self, variant: Variant) -> String {
        let (skipped, offset) = self.skip;
        let skipping = |date_ranges| text::skipping_head(&self.parameters, self.head, skipped, date_ranges);
        let (head, offset) = match variant {
            Variant::Full => (text::head(&self.parameters, self.head), 0),
            Variant::Delta => (skipping(false), offset),
            Variant::DeltaOfDateRanges => (skipping(true), offset),
        };
        [&*head, self.settled.get(offset..).unwrap_or_default(), &*self.recent].concat()
    }
}

fn edge(window: &Window) -> Edge {
    let (parameters, open) = (&window.parameters, &window.open);
    Edge {
        open: open.msn,
        open_parts: u32::try_from(open.parts.len()).unwrap_or(u32::MAX),
        open_gap: open.gap,
        open_init: open.run.init,
        last_parts: window.closed.last().map(|last| last.part_count),
        ended: window.ended,
        advance: parameters.part_target.advance(),
        patience_us: parameters.target_us() * 3,
    }
}

/// The text after the settled segments.
fn recent(window: &Window) -> String {
    let (name, closed, open) = (&window.parameters.name, &window.closed, &window.open);
    let mut recent: String =
        closed.recent().map(|listed| text::segment(name, &listed.segment, listed.map)).collect();
    let with_map = closed.needs_map(open.run.init, open.discontinuities);
    recent.push_str(&text::growing(name, open, with_map));
    if !window.ended {
        recent.push_str(&text::hints(name, open, with_map));
    }
    recent.push_str(&text::reports(&window.reports));
    if window.ended {
        recent.push_str("#EXT-X-ENDLIST\n");
    }
    recent
}
