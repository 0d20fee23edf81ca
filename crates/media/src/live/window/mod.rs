//! A low-latency HLS window (draft-pantos-hls-rfc8216bis-22): one rendition of a broadcast as its media list
//! shows it, and what is said to every request for it.
//!
//! A session feeds a [`Window`] as media is cut, and calls [`Window::list`] after each step: the [`LiveList`]
//! it gets never changes, carries its text (made once, on first use) and decides what a request gets
//! ([`LiveList::reload`], [`LiveList::fetch`]). Requests that are told to wait ask again when the next list
//! comes. A list is swapped as one value, so no viewer sees half a change.
//!
//! What a list names can be fetched: a part, a segment and a header are whole before they are fed. Segments hold
//! either media or the absence of it (EXT-X-GAP); feeding the other kind ends the open segment.
//!
//! There is no EXT-X-PLAYLIST-TYPE, not even of a whole event: an event that outlasts [`SEGMENTS_MAX`] slides.

mod closed;
mod feed;
mod file;
mod list;
mod moment;
mod parameters;
mod reload;
mod saved;
mod segment;
mod text;

#[cfg(test)]
mod decision_tests;
#[cfg(test)]
mod feed_tests;
#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod restore_tests;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use closed::Closed;
pub use file::LiveFile;
pub use list::{LiveList, Variant};
pub use moment::{Moment, NoMoment};
pub use parameters::{Dvr, Parameters, PartTarget, ServerControl};
pub use reload::{Answer, Fetch, Position, Refusal, Reload};
pub use saved::{Resume, Saved};
pub use segment::{Fading, Open, Part, Report, Run, Segment};

use crate::WindowError;

/// Segments that a list names at most: a day of six seconds each.
pub const SEGMENTS_MAX: usize = 14_400;
/// Parts of one segment at most.
pub const PARTS_MAX: usize = 512;
/// The longest absence of media that is listed as gaps, in seconds.
pub const GAP_SECONDS_MAX: u64 = 3_600;
/// Discontinuities at most between two segments.
pub const DISCONTINUITIES_MAX: u32 = 100;

/// Ended segments that are kept for [`Window::take_ended`].
pub const ENDED_SEGMENTS_MAX: usize = 1_024;

/// When the list must have grown, unless the broadcast ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The next part: one part target after the last (section 6.2.1).
    pub part: Moment,
    /// The next segment: one and a half target durations after the last (section 6.2.1).
    pub segment: Moment,
}

/// One rendition of a broadcast, from its first part to its end.
#[derive(Debug)]
pub struct Window {
    parameters: Parameters,
    closed: Closed,
    open: Open,
    reports: Vec<Report>,
    ended: bool,
    part_listed: Moment,
    segment_listed: Moment,
    version: u64,
    published: Option<Arc<LiveList>>,
    ended_segments: Vec<(Segment, Run)>,
}

impl Window {
    /// An empty window whose first segment has number 0.
    ///
    /// # Errors
    /// [`WindowError::Parameter`] when the parameters contradict the specification, and
    /// [`WindowError::Timescale`] when no part of the run could be short enough.
    pub fn open(parameters: Parameters, run: Run, now: Moment) -> Result<Self, WindowError> {
        parameters.check()?;
        run.check(parameters.part_target)?;
        Ok(Self::with(parameters, Closed::default(), Open::new(0, run, run.start), now))
    }

    fn with(parameters: Parameters, closed: Closed, open: Open, now: Moment) -> Self {
        Self {
            parameters,
            closed,
            open,
            reports: Vec::new(),
            ended: false,
            part_listed: now,
            segment_listed: now,
            version: 0,
            published: None,
            ended_segments: Vec::new(),
        }
    }

    /// The list as it stands; the same value until something changes.
    pub fn list(&mut self) -> Arc<LiveList> {
        if let Some(list) = &self.published {
            return Arc::clone(list);
        }
        self.version += 1;
        let list = Arc::new(LiveList::of(self));
        self.published = Some(Arc::clone(&list));
        list
    }

    /// The segments that ended since this was last asked, gaps included, each with the run it lies on; at most
    /// [`ENDED_SEGMENTS_MAX`], the last ones.
    pub fn take_ended(&mut self) -> Vec<(Segment, Run)> {
        std::mem::take(&mut self.ended_segments)
    }

    /// What the lists of the other renditions say of this one; `None` before its first part.
    #[must_use]
    pub fn report(&self) -> Option<Report> {
        let name = self.parameters.name.clone();
        let last = match self.open.parts.len() {
            0 => self.closed.last().map(|segment| (segment.msn, segment.part_count)),
            parts => Some((self.open.msn, u32::try_from(parts).unwrap_or(u32::MAX))),
        };
        last.map(|(last_msn, parts)| Report { name, last_msn, last_part: parts.checked_sub(1) })
    }

    /// Tells how far the other renditions are; replaces what was told before. One of this window's own name is
    /// left out.
    pub fn hear(&mut self, others: impl IntoIterator<Item = Report>) {
        let others = others.into_iter().filter(|other| other.name != self.parameters.name);
        let others: Vec<Report> = others.collect();
        if others != self.reports {
            self.reports = others;
            self.published = None;
        }
    }

    /// When the list must have grown; `None` before the first part and after the end. Whoever has no media by
    /// then feeds [`Window::gap`] or [`Window::end`].
    #[must_use]
    pub fn due(&self) -> Option<Due> {
        let begun = self.closed.last().is_some() || !self.open.parts.is_empty();
        (begun && !self.ended).then(|| Due {
            part: self.part_listed.plus(self.parameters.part_target.us()),
            segment: self.segment_listed.plus(self.parameters.target_us().saturating_mul(3) / 2),
        })
    }

    /// The date of what comes next on the present timeline; a discontinuity may not lead back before it by a
    /// second or more.
    #[must_use]
    pub fn next_date(&self) -> Moment {
        self.open.run.date(self.open.at)
    }

    /// The timeline of what comes next.
    #[must_use]
    pub const fn run(&self) -> Run {
        self.open.run
    }

    /// The decode time of what comes next, in ticks of [`Window::run`].
    #[must_use]
    pub const fn next_tick(&self) -> u64 {
        self.open.at
    }

    /// The number of the segment that grows, or would.
    #[must_use]
    pub const fn open_msn(&self) -> u64 {
        self.open.msn
    }

    /// Length of what the open segment holds, in microseconds.
    #[must_use]
    pub fn open_us(&self) -> u64 {
        self.open.us()
    }

    /// Whether the list says that nothing will be added.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.ended
    }
}
