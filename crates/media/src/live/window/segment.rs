//! Segments, their parts, and the timeline they lie on.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{Moment, PartTarget};
use crate::{WindowError, timeline::microseconds};

/// A stretch of a broadcast under one header, without a discontinuity inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its header: `init-{k}.mp4`, which can be fetched from now on.
    pub init: u32,
    /// Ticks per second.
    pub timescale: NonZeroU32,
    /// Decode time of its first sample, in ticks.
    pub start: u64,
    /// The date of tick 0. Renditions that share it, and the media timeline, map dates alike.
    pub epoch: Moment,
}

impl Run {
    /// A time in microseconds, rounded to nearest; lengths are differences of such times, so that sums over any
    /// run of pieces are true.
    pub(super) fn us(&self, ticks: u64) -> u64 {
        microseconds(ticks, self.timescale.get())
    }

    /// Microseconds of `ticks` from `start`, as lists say them.
    pub(crate) fn length(&self, start: u64, ticks: u64) -> u64 {
        self.us(start.saturating_add(ticks)).saturating_sub(self.us(start))
    }

    pub(crate) fn date(&self, ticks: u64) -> Moment {
        self.epoch.plus(self.us(ticks))
    }

    pub(super) fn check(&self, target: PartTarget) -> Result<(), WindowError> {
        if target.ticks(self.timescale) == 0 { Err(WindowError::Timescale) } else { Ok(()) }
    }
}

/// A part of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Length in microseconds.
    pub us: u64,
    /// Whether it holds a frame from which decoding can begin.
    pub independent: bool,
}

/// A whole segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Media sequence number.
    pub msn: u64,
    /// Its header: `init-{k}.mp4`.
    pub init: u32,
    /// EXT-X-PROGRAM-DATE-TIME.
    pub date: Moment,
    /// Length in microseconds.
    pub us: u64,
    /// Whether it stands for media that is missing.
    pub gap: bool,
    /// Discontinuities right before it.
    pub discontinuities: u32,
    /// When it was listed as a whole.
    pub listed: Moment,
    /// How many parts it had.
    pub part_count: u32,
    /// The parts that are listed: all or none.
    pub parts: Vec<Part>,
}

impl Segment {
    /// The date of its end.
    pub(super) const fn end_date(&self) -> Moment {
        self.date.plus(self.us)
    }
}

/// The segment that grows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Media sequence number that it will have.
    pub msn: u64,
    /// The timeline it lies on.
    pub run: Run,
    /// Decode time of its first sample, in ticks.
    pub start: u64,
    /// Decode time after its last sample, in ticks.
    pub at: u64,
    /// Whether its parts stand for media that is missing.
    pub gap: bool,
    /// Discontinuities right before it.
    pub discontinuities: u32,
    /// Its parts so far.
    pub parts: Vec<Part>,
}

impl Open {
    pub(super) const fn new(msn: u64, run: Run, at: u64) -> Self {
        Self { msn, run, start: at, at, gap: false, discontinuities: 0, parts: Vec::new() }
    }

    /// Length so far in microseconds.
    pub(super) fn us(&self) -> u64 {
        self.run.us(self.at).saturating_sub(self.run.us(self.start))
    }

    /// Ends it; what follows is the next, on the same run.
    pub(super) fn close(&mut self, now: Moment) -> Segment {
        let next = Self::new(self.msn + 1, self.run, self.at);
        let ended = std::mem::replace(self, next);
        ended.as_segment(now)
    }

    /// What it would be if it ended at `now`.
    pub(super) fn as_segment(&self, now: Moment) -> Segment {
        Segment {
            msn: self.msn,
            init: self.run.init,
            date: self.run.date(self.start),
            us: self.us(),
            gap: self.gap,
            discontinuities: self.discontinuities,
            listed: now,
            part_count: u32::try_from(self.parts.len()).unwrap_or(u32::MAX),
            parts: self.parts.clone(),
        }
    }
}

/// What is listed no more but can be fetched until some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fading {
    /// The parts of a segment.
    Parts {
        /// The segment.
        msn: u64,
        /// How many.
        count: u32,
        /// Until when.
        until: Moment,
    },
    /// A whole segment.
    Segment {
        /// The segment.
        msn: u64,
        /// Its header.
        init: u32,
        /// Until when.
        until: Moment,
    },
}

impl Fading {
    pub(super) const fn until(&self) -> Moment {
        match self {
            Self::Parts { until, .. } | Self::Segment { until, .. } => *until,
        }
    }
}

/// How far a rendition is (EXT-X-RENDITION-REPORT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The rendition.
    pub name: String,
    /// The segment of its last part.
    pub last_msn: u64,
    /// The index of that part.
    pub last_part: Option<u32>,
}
