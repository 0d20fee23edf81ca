//! A window's state between two processes.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Fading, Moment, Open, Parameters, Segment, Window, closed::Closed};
use crate::WindowError;

/// What a window is made of, but for its parameters. A process that dies may have listed more than it saved, but
/// no segment whose file and row did not stand before: whoever makes this from such rows sets
/// `open.msn` to the number after the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The listed segments, oldest first, numbered without holes up to `open.msn`.
    pub segments: Vec<Segment>,
    /// The segment that grows.
    pub open: Open,
    /// EXT-X-DISCONTINUITY-SEQUENCE: the discontinuities before those of the first listed segment.
    pub discontinuity_sequence: u64,
    /// What is listed no more but can be fetched.
    pub fading: Vec<Fading>,
    /// The longest list so far, in microseconds.
    pub longest_us: u64,
    /// Whether the list has ended.
    pub ended: bool,
}

/// How a window goes on after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// The parts of the open segment are still there, and feeding goes on where it stopped.
    Continue,
    /// The parts of the open segment may be lost. It is a gap, ended; its number and names are not used for
    /// anything else. A discontinuity should follow.
    Lost {
        /// How much is missing since the last whole segment, in ticks of the open run; at least a part target
        /// and what is known of the open segment are assumed.
        ticks: u64,
    },
}

impl Window {
    /// What [`Window::restore`] needs.
    #[must_use]
    pub fn save(&self) -> Saved {
        Saved {
            segments: self.closed.segments.iter().map(|listed| listed.segment.clone()).collect(),
            open: self.open.clone(),
            discontinuity_sequence: self.closed.discontinuity_sequence,
            fading: self.closed.fading.clone(),
            longest_us: self.closed.longest_us,
            ended: self.ended,
        }
    }

    /// The window that was saved, under the parameters it had. Media sequence and discontinuity sequence go on.
    ///
    /// # Errors
    /// [`WindowError`] for parameters that contradict the specification, for a state that no window has, and
    /// for a gap that is too long.
    pub fn restore(
        parameters: Parameters,
        saved: Saved,
        resume: Resume,
        now: Moment,
    ) -> Result<Self, WindowError> {
        parameters.check()?;
        saved.open.run.check(parameters.part_target)?;
        saved.check()?;
        let mut closed = Closed::restored(saved.discontinuity_sequence, saved.fading, saved.longest_us);
        saved.segments.into_iter().for_each(|segment| closed.push(segment));
        let mut window = Self::with(parameters, closed, saved.open, now);
        window.ended = saved.ended;
        if let (Resume::Lost { ticks }, false) = (resume, saved.ended) {
            window.lose_open(now, ticks)?;
        }
        window.changed(now);
        Ok(window)
    }

    fn lose_open(&mut self, now: Moment, ticks: u64) -> Result<(), WindowError> {
        let least = self.parameters.part_target.ticks(self.open.run.timescale);
        let known = self.open.at - self.open.start;
        self.open.parts = Vec::new();
        self.open.gap = false;
        self.open.at = self.open.start;
        self.gap(now, ticks.max(least).max(known))?;
        self.end_segment(now)
    }
}

impl Saved {
    fn check(&self) -> Result<(), WindowError> {
        let numbers: VecDeque<u64> = self.segments.iter().map(|segment| segment.msn).collect();
        let follows = |pair: (&u64, &u64)| pair.0.checked_add(1) == Some(*pair.1);
        let next = numbers.iter().skip(1).chain([&self.open.msn]);
        if !numbers.iter().zip(next).all(follows) {
            return Err(WindowError::Saved("segments are not numbered without holes up to the open one"));
        }
        let counted = |segment: &Segment| {
            segment.parts.is_empty() || u32::try_from(segment.parts.len()) == Ok(segment.part_count)
        };
        if !self.segments.iter().all(counted) {
            return Err(WindowError::Saved("a segment shows some of its parts"));
        }
        if self.open.at < self.open.start || (self.open.at > self.open.start) == self.open.parts.is_empty() {
            return Err(WindowError::Saved("the open segment's parts and times contradict each other"));
        }
        Ok(())
    }
}
