//! What a session tells a window. Nothing changes when a call is refused.

use super::{
    DISCONTINUITIES_MAX, ENDED_SEGMENTS_MAX, GAP_SECONDS_MAX, Moment, Open, PARTS_MAX, Part, Run,
    SEGMENTS_MAX, Window,
};
use crate::WindowError;

/// How far the dates of one timeline may reach into those of the next (section 6.2.1).
const OVERLAP_US: u64 = 1_000_000;

impl Window {
    /// Lists the next part, `ticks` of the run long, whose file `{msn}.{part}.m4s` can be fetched from now on.
    /// `independent` says that decoding can begin in it, as in every part of sound. After a gap it begins a segment.
    ///
    /// # Errors
    /// [`WindowError`] after the end, for a part that is empty or longer than the part target, for one that
    /// follows a part under 85 % of the target inside a segment, and for one that makes the segment longer than
    /// the target duration or of more than [`PARTS_MAX`] parts: end the segment first. Of segments so short that
    /// three target durations take twice [`SEGMENTS_MAX`] there are no more.
    pub fn part(&mut self, now: Moment, ticks: u64, independent: bool) -> Result<(), WindowError> {
        self.check_room()?;
        let fresh = self.open.gap && !self.open.parts.is_empty();
        let part = Part { us: self.length(ticks)?, independent };
        if !fresh {
            self.check_place(part)?;
        }
        if fresh {
            self.close(now);
        }
        self.append(now, ticks, part, false);
        self.changed(now);
        Ok(())
    }

    /// Lists that `ticks` of media are missing: parts and, as they fill up, segments that are gaps. It ends a
    /// segment of media first. Whoever has nothing to feed by [`Window::due`] feeds this.
    ///
    /// # Errors
    /// [`WindowError`] after the end, for nothing, for more than [`GAP_SECONDS_MAX`], and as [`Window::part`] when
    /// segments are too short.
    pub fn gap(&mut self, now: Moment, ticks: u64) -> Result<(), WindowError> {
        self.check_room()?;
        if ticks == 0 {
            return Err(WindowError::Empty);
        }
        let most = GAP_SECONDS_MAX.saturating_mul(u64::from(self.open.run.timescale.get()));
        let end = self.open.at.checked_add(ticks).filter(|_| ticks <= most).ok_or(WindowError::GapTooLong)?;
        if !self.open.gap {
            self.close(now);
        }
        while self.open.at < end {
            self.gap_part(now, end);
        }
        self.changed(now);
        Ok(())
    }

    /// Ends the open segment, whose file `{msn}.m4s` can be fetched from now on; without parts there is none
    /// to end.
    ///
    /// # Errors
    /// [`WindowError::Ended`].
    pub fn end_segment(&mut self, now: Moment) -> Result<(), WindowError> {
        self.check_live()?;
        self.close(now);
        self.changed(now);
        Ok(())
    }

    /// Ends the open segment; the next lies on another run, whose header can be fetched from now on. Each call
    /// counts, in every rendition alike, though no media come between two.
    ///
    /// # Errors
    /// [`WindowError`] after the end, for a run whose dates reach back into the past by a second or to before
    /// the last segment, for one whose ticks are too coarse, and for more than [`DISCONTINUITIES_MAX`] between
    /// two segments.
    pub fn discontinuity(&mut self, now: Moment, run: Run) -> Result<(), WindowError> {
        self.check_live()?;
        run.check(self.parameters.part_target)?;
        let pending = if self.open.parts.is_empty() { self.open.discontinuities } else { 0 };
        if pending >= DISCONTINUITIES_MAX {
            return Err(WindowError::TooManyDiscontinuities);
        }
        self.check_dates(run.date(run.start))?;
        self.close(now);
        self.open = Open { discontinuities: pending + 1, ..Open::new(self.open.msn, run, run.start) };
        self.changed(now);
        Ok(())
    }

    /// Ends the open segment and the list (EXT-X-ENDLIST).
    ///
    /// # Errors
    /// [`WindowError::Ended`] when it has ended.
    pub fn end(&mut self, now: Moment) -> Result<(), WindowError> {
        self.check_live()?;
        self.close(now);
        self.ended = true;
        self.changed(now);
        Ok(())
    }

    /// Lets go of what has been off the list for long enough. Feeding does it too; this is for an ended list.
    pub fn age(&mut self, now: Moment) {
        if self.closed.fading.iter().any(|fading| fading.until() <= now) {
            self.changed(now);
        }
    }

    pub(super) fn changed(&mut self, now: Moment) {
        self.closed.age(&self.parameters, self.open.us(), self.ended, now);
        self.published = None;
    }

    fn check_live(&self) -> Result<(), WindowError> {
        if self.ended { Err(WindowError::Ended) } else { Ok(()) }
    }

    /// A list of three target durations is never too short for the specification, however many segments it has.
    fn check_room(&self) -> Result<(), WindowError> {
        self.check_live()?;
        if self.closed.segments.len() > 2 * SEGMENTS_MAX { Err(WindowError::TooManySegments) } else { Ok(()) }
    }

    /// The length in microseconds of the next part.
    fn length(&self, ticks: u64) -> Result<u64, WindowError> {
        let (run, target_us) = (self.open.run, self.parameters.part_target.us());
        let end = self.open.at.checked_add(ticks).filter(|_| ticks > 0).ok_or(WindowError::Empty)?;
        let us = run.us(end) - run.us(self.open.at);
        if us > target_us { Err(WindowError::PartTooLong { us, target_us }) } else { Ok(us) }
    }

    /// Whether the part may follow those of the open segment (sections 4.4.3.1 and 4.4.4.9).
    fn check_place(&self, part: Part) -> Result<(), WindowError> {
        let target = self.parameters.part_target;
        let is_short = |before: &Part| !before.independent && !target.is_met_by(before.us);
        if let Some(before) = self.open.parts.last().filter(|before| is_short(before)) {
            return Err(WindowError::AfterShortPart { us: before.us });
        }
        let us = self.open.us().saturating_add(part.us);
        let too_long = us.saturating_add(500_000) / 1_000_000 > u64::from(self.parameters.target_seconds);
        if too_long || self.open.parts.len() >= PARTS_MAX {
            return Err(WindowError::SegmentTooLong { us, parts: self.open.parts.len() + 1 });
        }
        Ok(())
    }

    fn check_dates(&self, date: Moment) -> Result<(), WindowError> {
        let (begun, ended) = if self.open.parts.is_empty() {
            let Some(last) = self.closed.last() else { return Ok(()) };
            (last.date, last.end_date())
        } else {
            (self.open.run.date(self.open.start), self.next_date())
        };
        let overlaps = date <= begun || ended.since(date) >= OVERLAP_US;
        if overlaps { Err(WindowError::DatesOverlap { us: ended.since(date) }) } else { Ok(()) }
    }

    fn append(&mut self, now: Moment, ticks: u64, part: Part, gap: bool) {
        self.open.at += ticks;
        self.open.gap = gap;
        self.open.parts.push(part);
        self.part_listed = now;
    }

    /// One part of a gap that reaches to `end`, in the open segment or, when that is full, in the next.
    fn gap_part(&mut self, now: Moment, end: u64) {
        let most = self.parameters.part_target.ticks(self.open.run.timescale);
        let ticks = most.min(end - self.open.at);
        let run = self.open.run;
        let us = run.us(self.open.at + ticks) - run.us(self.open.at);
        let full = self.open.us().saturating_add(us) > self.parameters.target_us();
        if full || self.open.parts.len() >= PARTS_MAX {
            self.close(now);
        }
        self.append(now, ticks, Part { us, independent: false }, true);
    }

    fn close(&mut self, now: Moment) {
        if !self.open.parts.is_empty() {
            let run = self.open.run;
            let segment = self.open.close(now);
            if self.ended_segments.len() >= ENDED_SEGMENTS_MAX {
                self.ended_segments.remove(0);
            }
            self.ended_segments.push((segment.clone(), run));
            self.closed.push(segment);
            self.segment_listed = now;
        }
    }
}
