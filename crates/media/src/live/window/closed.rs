//! Whole segments: which are listed, with or without their parts, and what can still be fetched.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use super::{
    Fading, Moment, Parameters, SEGMENTS_MAX, Segment,
    text::{self, Settled},
};

/// A listed segment.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) segment: Segment,
    /// Where it begins, in microseconds of listed time since the window opened.
    offset: u64,
    /// Whether an EXT-X-MAP stands before it.
    pub(super) map: bool,
}

/// What can be fetched of whole segments.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    /// Ranges of segments, both ends included, ascending.
    pub(super) segments: Vec<(u64, u64)>,
    /// Segments whose parts there are, and how many.
    pub(super) parts: Vec<(u64, u32)>,
    /// Headers.
    pub(super) inits: BTreeSet<u32>,
}

/// The whole segments of a window. The first `settled.count()` are listed without parts, as text that only
/// loses its head and gains at its tail.
#[derive(Debug, Default)]
pub(super) struct Closed {
    pub(super) segments: VecDeque<Listed>,
    pub(super) settled: Settled,
    pub(super) fading: Vec<Fading>,
    /// EXT-X-DISCONTINUITY-SEQUENCE.
    pub(super) discontinuity_sequence: u64,
    /// The longest list so far, in microseconds.
    pub(super) longest_us: u64,
    holdings: Option<Arc<Holdings>>,
}

impl Closed {
    pub(super) fn restored(discontinuity_sequence: u64, fading: Vec<Fading>, longest_us: u64) -> Self {
        Self { discontinuity_sequence, fading, longest_us, ..Self::default() }
    }

    pub(super) fn last(&self) -> Option<&Segment> {
        self.segments.back().map(|listed| &listed.segment)
    }

    /// Segments whose parts are listed.
    pub(super) fn recent(&self) -> impl Iterator<Item = &Listed> {
        self.segments.iter().skip(self.settled.count())
    }

    /// Where the listed segments end, in microseconds of listed time.
    fn end_us(&self) -> u64 {
        self.segments.back().map_or(0, |last| last.offset.saturating_add(last.segment.us))
    }

    /// Length of the listed segments in microseconds.
    fn us(&self) -> u64 {
        self.end_us() - self.segments.front().map_or(0, |first| first.offset)
    }

    /// Whether a segment of this header and place needs an EXT-X-MAP before it.
    pub(super) fn needs_map(&self, init: u32, discontinuities: u32) -> bool {
        discontinuities > 0 || self.last().is_none_or(|last| last.init != init)
    }

    pub(super) fn push(&mut self, segment: Segment) {
        let map = self.needs_map(segment.init, segment.discontinuities);
        self.segments.push_back(Listed { offset: self.end_us(), map, segment });
        self.holdings = None;
    }

    /// Takes from the list what it has outgrown and from the holdings what has faded. `open_us` is how much the
    /// list reaches beyond whole segments; an ended list keeps its segments.
    pub(super) fn age(&mut self, parameters: &Parameters, open_us: u64, ended: bool, now: Moment) {
        self.longest_us = self.longest_us.max(self.us().saturating_add(open_us));
        self.drop_parts(parameters, open_us, ended, now);
        if !ended {
            self.drop_segments(parameters);
        }
        let before = self.fading.len();
        self.fading.retain(|fading| fading.until() > now);
        if self.fading.len() < before {
            self.holdings = None;
        }
    }

    /// Parts leave the list with their whole segment, before the first is further than three target durations
    /// from the end, and can be fetched for as long again (section 6.2.2). Players count parts from where they
    /// see the first of a segment, so a segment shows all or none. An ended list has no parts: hls.js looks for the
    /// middle of each rendition's last part in what all of them have in common, where it need not be, and would wait
    /// at the end for ever.
    fn drop_parts(&mut self, parameters: &Parameters, open_us: u64, ended: bool, now: Moment) {
        let reach_us = parameters.target_us() * 3;
        let shown_us = if ended { 0 } else { reach_us };
        let end_us = self.end_us().saturating_add(open_us);
        while let Some(listed) = self.segments.get_mut(self.settled.count()) {
            if end_us - listed.offset <= shown_us {
                break;
            }
            let segment = &mut listed.segment;
            if !segment.gap && !segment.parts.is_empty() {
                let (msn, count) = (segment.msn, segment.part_count);
                self.fading.push(Fading::Parts { msn, count, until: now.plus(reach_us) });
            }
            segment.parts = Vec::new();
            self.settled.push(&text::segment(&parameters.name, &listed.segment, listed.map));
            self.holdings = None;
        }
    }

    fn drop_segments(&mut self, parameters: &Parameters) {
        let (least_us, keep_us) = (parameters.target_us() * 3, parameters.keep_us());
        while let Some(first) = self.segments.front().filter(|_| self.settled.count() > 0) {
            let rest_us = self.us() - first.segment.us;
            let outgrown = rest_us >= keep_us || self.segments.len() > SEGMENTS_MAX;
            if !outgrown || rest_us < least_us {
                break;
            }
            self.drop_first();
        }
    }

    /// A segment can be fetched for its own length and that of the longest list after it was listed (section
    /// 6.2.2, Availability Duration).
    fn drop_first(&mut self) {
        let Some(Listed { segment, .. }) = self.segments.pop_front() else { return };
        self.settled.pop();
        self.discontinuity_sequence += u64::from(segment.discontinuities);
        if !segment.gap {
            let until = segment.listed.plus(segment.us).plus(self.longest_us);
            self.fading.push(Fading::Segment { msn: segment.msn, init: segment.init, until });
        }
        self.holdings = None;
    }

    /// How many of the first segments a delta update skips: those that end further from the end of the last
    /// whole segment than the skip boundary (section 6.2.5.1). Their parts left the list long ago.
    pub(super) fn skipped(&self, parameters: &Parameters) -> usize {
        let Some(boundary_us) = parameters.control.can_skip_until_us else { return 0 };
        let end_us = self.end_us();
        let is_far = |listed: &Listed| end_us - listed.offset - listed.segment.us > boundary_us;
        self.segments.partition_point(is_far).min(self.settled.count())
    }

    /// The EXT-X-MAP of the first segment where none stands before it.
    pub(super) fn first_map(&self) -> Option<u32> {
        self.segments.front().filter(|first| !first.map).map(|first| first.segment.init)
    }

    /// What can be fetched; made anew when it changes.
    pub(super) fn holdings(&mut self) -> Arc<Holdings> {
        if let Some(holdings) = &self.holdings {
            return Arc::clone(holdings);
        }
        let mut made = Holdings::default();
        for fading in &self.fading {
            made.hold_fading(*fading);
        }
        for Listed { segment, .. } in &self.segments {
            made.inits.insert(segment.init);
            if segment.gap {
                continue;
            }
            made.hold_segment(segment.msn);
            if !segment.parts.is_empty() {
                made.parts.push((segment.msn, segment.part_count));
            }
        }
        let made = Arc::new(made);
        self.holdings = Some(Arc::clone(&made));
        made
    }
}

impl Holdings {
    fn hold_fading(&mut self, fading: Fading) {
        match fading {
            Fading::Parts { msn, count, .. } => self.parts.push((msn, count)),
            Fading::Segment { msn, init, .. } => {
                self.inits.insert(init);
                self.hold_segment(msn);
            }
        }
    }

    fn hold_segment(&mut self, msn: u64) {
        match self.segments.last_mut() {
            Some(range) if range.1.checked_add(1) == Some(msn) => range.1 = msn,
            _ => self.segments.push((msn, msn)),
        }
    }

    pub(super) fn has_segment(&self, msn: u64) -> bool {
        let after = self.segments.partition_point(|range| range.1 < msn);
        self.segments.get(after).is_some_and(|range| range.0 <= msn)
    }

    pub(super) fn has_part(&self, msn: u64, part: u32) -> bool {
        self.parts.iter().any(|held| held.0 == msn && part < held.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_was_put_in() {
        let mut holdings = Holdings::default();
        [2, 3, 4, 7, 9, 10].into_iter().for_each(|msn| holdings.hold_segment(msn));
        assert_eq!(holdings.segments, [(2, 4), (7, 7), (9, 10)]);
        let held: Vec<u64> = (0..12).filter(|msn| holdings.has_segment(*msn)).collect();
        assert_eq!(held, [2, 3, 4, 7, 9, 10]);
    }
}
