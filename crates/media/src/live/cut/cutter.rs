//! One rendition's samples become parts and segments.

use std::collections::VecDeque;

use super::{Cut, Limits, Part, Placed, Reason, SegmentEnd};
use crate::live::retime::Sample;

/// Seconds that a follower waits for its leader before it goes on alone.
const WAIT_SECONDS: u32 = 2;
/// Seconds by which decode times may lie before what the sender says, when it leaves out more pictures than parts can
/// make up for; then the next key frame begins a segment at its own time.
const BEHIND_SECONDS: u32 = 2;
/// Samples it keeps meanwhile.
const HELD_MAX: usize = 1_024;

/// Cuts the samples of one rendition. Memory is bounded by a part, and for followers by 1,024 samples.
#[derive(Debug)]
pub struct Cutter {
    limits: Limits,
    /// Longest segment, in ticks, a multiple of `limits.sample`.
    longest: i64,
    follower: Option<Follower>,
    /// Decode time of the next sample; `None` where the next sample says it.
    next: Option<i64>,
    segment: i64,
    part: i64,
    first: bool,
    samples: Vec<Placed>,
    opened: Opened,
    /// End of all samples, and of what may not be cut any more.
    end: i64,
}

/// What the first sample of the open part says.
#[derive(Clone, Copy, Debug, Default)]
struct Opened {
    arrived_us: u64,
    shown: i64,
}

#[derive(Debug, Default)]
struct Follower {
    held: VecDeque<Sample>,
    boundaries: VecDeque<i64>,
    /// Up to here the leader has no boundary but those known.
    allowed: i64,
}

impl Cutter {
    /// One that ends its segments at key frames.
    #[must_use]
    pub const fn leading(limits: Limits) -> Self {
        let longest = limits.segment_max - limits.segment_max % limits.sample as i64;
        Self::new(limits, longest, None)
    }

    /// One that ends them where it is told.
    #[must_use]
    pub fn following(limits: Limits) -> Self {
        // Its segments may begin a frame before the leader's and end a frame after.
        let longest = limits.segment_max + i64::from(limits.part);
        Self::new(limits, longest - longest % i64::from(limits.sample), Some(Follower::default()))
    }

    const fn new(limits: Limits, longest: i64, follower: Option<Follower>) -> Self {
        Self {
            limits,
            longest,
            follower,
            next: None,
            segment: 0,
            part: 0,
            first: true,
            samples: Vec::new(),
            opened: Opened { arrived_us: 0, shown: 0 },
            end: 0,
        }
    }

    /// Takes the next sample.
    pub fn push(&mut self, sample: Sample) -> Vec<Cut> {
        let mut cuts = Vec::new();
        match &mut self.follower {
            None => self.lead(sample, &mut cuts),
            Some(follower) => {
                follower.held.push_back(sample);
                self.follow(false, &mut cuts);
            }
        }
        cuts
    }

    /// For followers: where the leader ended a segment ([`SegmentEnd::boundary`], in ticks of this rendition as
    /// [`super::rescaled`] gives them).
    pub fn boundary(&mut self, shown: i64) {
        if let Some(follower) = &mut self.follower {
            follower.boundaries.push_back(shown);
        }
    }

    /// For followers: the leader's [`Self::horizon`], in ticks of this rendition.
    pub fn allow(&mut self, until: i64) -> Vec<Cut> {
        let mut cuts = Vec::new();
        if let Some(follower) = &mut self.follower {
            follower.allowed = follower.allowed.max(until);
            self.follow(false, &mut cuts);
        }
        cuts
    }

    /// Ticks before which no boundary will come.
    #[must_use]
    pub const fn horizon(&self) -> i64 {
        self.end
    }

    /// Ends the open segment: the next sample begins an epoch, at its own decode time.
    pub fn end_epoch(&mut self) -> Vec<Cut> {
        self.end_with(Reason::Epoch)
    }

    /// Ends the open segment for good.
    pub fn finish(&mut self) -> Vec<Cut> {
        self.end_with(Reason::Finished)
    }

    fn end_with(&mut self, reason: Reason) -> Vec<Cut> {
        let mut cuts = Vec::new();
        self.follow(true, &mut cuts);
        if let Some(follower) = &mut self.follower {
            follower.boundaries.clear();
        }
        self.close_segment(reason, None, &mut cuts);
        self.next = None;
        cuts
    }

    fn lead(&mut self, sample: Sample, cuts: &mut Vec<Cut>) {
        let elapsed = self.elapsed();
        if sample.key && self.is_behind(&sample) {
            self.leave_behind(sample.shown, cuts);
        } else if elapsed > 0 && sample.key && elapsed >= self.limits.segment {
            self.close_segment(Reason::Boundary, Some(sample.shown), cuts);
        } else if elapsed >= self.longest {
            self.close_segment(Reason::NoKeyFrame, Some(sample.shown), cuts);
        }
        self.place(sample, cuts);
    }

    /// Goes on with held samples that the leader has passed, or that waited too long, or all.
    fn follow(&mut self, all: bool, cuts: &mut Vec<Cut>) {
        loop {
            let Some(follower) = &mut self.follower else { return };
            let (Some(first), Some(last)) = (follower.held.front(), follower.held.back()) else { return };
            let wait = i64::from(WAIT_SECONDS) * i64::from(self.limits.timescale);
            let tired = follower.held.len() > HELD_MAX || last.end - first.decode > wait;
            if !all && !tired && first.decode >= follower.allowed {
                return;
            }
            let mut passed = None;
            while let Some(boundary) = follower.boundaries.pop_front_if(|boundary| *boundary <= first.shown) {
                passed = Some(boundary);
            }
            let Some(sample) = follower.held.pop_front() else { return };
            let elapsed = self.elapsed();
            if passed.is_some() && self.is_behind(&sample) {
                self.leave_behind(sample.shown, cuts);
            } else if passed.is_some() && elapsed > 0 {
                self.close_segment(Reason::Boundary, Some(sample.shown), cuts);
            } else if elapsed >= self.longest {
                self.close_segment(Reason::NoKeyFrame, Some(sample.shown), cuts);
            }
            self.place(sample, cuts);
        }
    }

    fn is_behind(&self, sample: &Sample) -> bool {
        let allowed = i64::from(BEHIND_SECONDS) * i64::from(self.limits.timescale);
        self.next.is_some_and(|next| sample.decode - next > allowed)
    }

    fn leave_behind(&mut self, shown: i64, cuts: &mut Vec<Cut>) {
        self.close_segment(Reason::Behind, Some(shown), cuts);
        self.next = None;
    }

    fn elapsed(&self) -> i64 {
        self.next.map_or(0, |next| next - self.segment)
    }

    fn place(&mut self, sample: Sample, cuts: &mut Vec<Cut>) {
        let start = self.next.unwrap_or_else(|| sample.decode.max(self.end));
        if self.next.is_none() {
            (self.segment, self.part) = (start, start);
        }
        let room = i64::from(self.limits.part) - (start - self.part);
        let room = room.min(self.longest - (start - self.segment));
        let (least, wanted) = (i64::from(self.limits.sample), sample.end - start);
        let duration = wanted.min(room - room % least).max(least);
        if self.samples.is_empty() {
            self.opened = Opened { arrived_us: sample.arrived_us, shown: sample.shown };
        }
        self.samples.push(Placed {
            duration: u32::try_from(duration).unwrap_or(u32::MAX),
            offset: clamped(sample.shown - start),
            key: sample.key,
            data: sample.data,
        });
        let next = start + duration;
        self.next = Some(next);
        self.end = self.end.max(next).max(sample.end);
        if room - duration < least {
            self.close_part(cuts);
        }
    }

    fn close_part(&mut self, cuts: &mut Vec<Cut>) {
        let (Some(next), false) = (self.next, self.samples.is_empty()) else { return };
        let samples = std::mem::take(&mut self.samples);
        cuts.push(Cut::Part(Part {
            start: u64::try_from(self.part).unwrap_or(0),
            ticks: u32::try_from(next - self.part).unwrap_or(u32::MAX),
            first: self.first,
            independent: samples.iter().any(|sample| sample.key),
            opens_with_key: samples.first().is_some_and(|sample| sample.key),
            arrived_us: self.opened.arrived_us,
            shown: self.opened.shown,
            samples,
        }));
        (self.part, self.first) = (next, false);
    }

    fn close_segment(&mut self, reason: Reason, boundary: Option<i64>, cuts: &mut Vec<Cut>) {
        self.close_part(cuts);
        let Some(next) = self.next.filter(|next| *next > self.segment) else { return };
        let start = u64::try_from(self.segment).unwrap_or(0);
        let ticks = u64::try_from(next - self.segment).unwrap_or(0);
        cuts.push(Cut::Segment(SegmentEnd { start, ticks, reason, boundary }));
        (self.segment, self.part, self.first) = (next, next, true);
    }
}

fn clamped(ticks: i64) -> i32 {
    i32::try_from(ticks).unwrap_or(if ticks < 0 { i32::MIN } else { i32::MAX })
}
