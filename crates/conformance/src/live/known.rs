//! What is known of one rendition from the lists that were seen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::list::{Control, Listed, Range};

/// Segments remembered behind the head of a list.
const BEHIND_MAX: usize = 2_000;
/// Lists remembered.
const MARKS_MAX: usize = 100_000;

/// How far a list was when an answer was complete; each field is the furthest of all answers so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    /// When the answer was complete.
    pub finished_us: i64,
    /// EXT-X-MEDIA-SEQUENCE.
    pub head: u64,
    /// EXT-X-DISCONTINUITY-SEQUENCE.
    pub dsn: u64,
    /// The segment after the last whole one, and its parts.
    pub edge: (u64, u64),
    /// The first segment of which parts were listed.
    pub parts_head: u64,
    /// Whether the list had ended.
    pub ended: bool,
}

/// A segment as lists showed it.
#[derive(Clone, Debug, Default)]
pub(super) struct Segment {
    /// What was said of it; its parts are all that were ever listed.
    pub listed: Listed,
    /// Its discontinuity sequence number, where a whole list said it.
    pub dsn: Option<u64>,
    /// When it was first seen whole.
    pub whole_us: Option<i64>,
    /// Whether it was ever listed whole with its parts, so that all of them are known.
    pub parts_whole: bool,
}

/// A rendition.
#[derive(Debug, Default)]
pub(super) struct Rendition {
    pub url: String,
    pub target_us: Option<u64>,
    pub part_target_us: Option<u64>,
    pub control: Option<Control>,
    pub has_dates: Option<bool>,
    pub i_frames: bool,
    pub segments: BTreeMap<u64, Segment>,
    /// When the last part was first seen.
    pub part_us: Option<i64>,
    /// The latest moment at which the list is known to have been at its furthest mark.
    pub evidence_us: i64,
    /// Addresses that were hinted, by the place that they were hinted for.
    pub hints: BTreeMap<(u64, u64), String>,
    /// What other renditions' lists said of this one: when, how far, and where it was said.
    pub claims: VecDeque<(i64, (u64, u64), String)>,
    /// The end as it was first seen.
    pub end: Option<(u64, u64)>,
    /// Length of the longest list, in microseconds.
    pub longest_us: u64,
    /// Date ranges ever seen.
    pub ranges: BTreeMap<String, Range>,
    /// Those of the last whole list.
    pub shown_ranges: Option<BTreeSet<String>>,
    marks: VecDeque<Mark>,
}

impl Rendition {
    pub fn of(url: &str) -> Self {
        Self { url: url.to_owned(), ..Self::default() }
    }

    /// The furthest that answers complete by then had shown.
    pub fn by(&self, finished_us: i64) -> Option<Mark> {
        let after = self.marks.partition_point(|mark| mark.finished_us <= finished_us);
        after.checked_sub(1).map(|last| self.marks[last])
    }

    /// The furthest of all.
    pub fn last(&self) -> Option<Mark> {
        self.marks.back().copied()
    }

    /// Remembers a list.
    pub fn mark(&mut self, mark: Mark) {
        let last = self.last().unwrap_or_default();
        self.marks.push_back(Mark {
            finished_us: mark.finished_us.max(last.finished_us),
            head: mark.head.max(last.head),
            dsn: mark.dsn.max(last.dsn),
            edge: mark.edge.max(last.edge),
            parts_head: mark.parts_head.max(last.parts_head),
            ended: mark.ended || last.ended,
        });
        if self.marks.len() > MARKS_MAX {
            self.marks.pop_front();
        }
    }

    /// When the segment was last seen listed.
    pub fn listed_until(&self, msn: u64) -> Option<i64> {
        self.until(|mark| mark.head <= msn)
    }

    /// When parts of the segment were last seen listed.
    pub fn parts_until(&self, msn: u64) -> Option<i64> {
        self.until(|mark| mark.parts_head <= msn)
    }

    fn until(&self, listed: impl Fn(&Mark) -> bool) -> Option<i64> {
        let gone = self.marks.partition_point(listed);
        gone.checked_sub(1).map(|last| self.marks[last].finished_us)
    }

    /// Length of the segments of a list that begins at `head`, in microseconds, as far as they are known.
    pub fn length_us(&self, head: u64, end: u64) -> u64 {
        self.segments.range(head..end.max(head)).map(|(_, segment)| segment.listed.us).sum()
    }

    /// Whether every segment of a range is known.
    pub fn knows(&self, head: u64, end: u64) -> bool {
        let known = self.segments.range(head..end.max(head)).count() as u64;
        known == end.saturating_sub(head)
    }

    /// Forgets what is long gone.
    pub fn forget(&mut self) {
        let head = self.last().map_or(0, |mark| mark.head);
        while self.segments.range(..head).count() > BEHIND_MAX {
            self.segments.pop_first();
        }
        let keep = self.segments.first_key_value().map_or(0, |(msn, _)| *msn);
        self.hints.retain(|place, _| place.0 >= keep);
    }
}
