//! Runs of a recorded broadcast.

use serde::{Deserialize, Serialize};

use super::{TrackTimeline, microseconds};
use crate::{
    InitInfo, SegmentInfo,
    live::{LiveObject, RenditionName, window::Moment},
};

/// Ticks per second of times that are microseconds.
pub(super) const MICROSECONDS: u32 = 1_000_000;

/// A stretch of a recorded track under one header and on one timeline, or one of missing media.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackRun {
    /// Number of its first segment in the track.
    pub first_seq: u32,
    /// Number of its header, `init-{header}.mp4`.
    pub header: u32,
    /// What that header says.
    pub init: InitInfo,
    /// EXT-X-PROGRAM-DATE-TIME of its first segment.
    pub date: Moment,
    /// Discontinuities right before it; none before the first of a track, and none where a gap ends on the timeline
    /// on which it began.
    pub discontinuities: u32,
    /// Whether its segments stand for missing media and have no bytes.
    pub gap: bool,
    /// Whether decoding can begin in every segment.
    pub independent: bool,
    /// Where its bytes are.
    pub place: LivePlace,
}

/// Which of a broadcast's objects a run consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LivePlace {
    /// The rendition.
    pub rendition: RenditionName,
    /// The term of the holder that made its segments.
    pub term: u32,
    /// The term of the holder that made its header.
    pub init_term: u32,
    /// Media sequence number of its first segment; the others follow it.
    pub first_msn: u64,
}

impl TrackRun {
    /// The object of its header.
    #[must_use]
    pub const fn header_object(&self) -> LiveObject {
        let LivePlace { rendition, init_term, .. } = self.place;
        LiveObject::Header { rendition, term: init_term, number: self.header }
    }

    /// The object of a segment of it, by its number in the track; `None` of one before it, and of missing media.
    #[must_use]
    pub fn segment_object(&self, seq: u32) -> Option<LiveObject> {
        let LivePlace { rendition, term, first_msn, .. } = self.place;
        let msn = first_msn.saturating_add(u64::from(seq.checked_sub(self.first_seq)?));
        (!self.gap).then_some(LiveObject::Segment { rendition, term, msn })
    }
}

impl TrackTimeline {
    /// Whether it is of a recorded broadcast.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        !self.runs.is_empty()
    }

    /// The run that begins with this segment.
    pub(crate) fn begins(&self, seq: u32) -> Option<&TrackRun> {
        self.run(seq).filter(|run| run.first_seq == seq)
    }

    /// Whether a segment stands for missing media.
    pub(crate) fn is_gap(&self, seq: u32) -> bool {
        self.run(seq).is_some_and(|run| run.gap)
    }

    /// Length of a segment in microseconds, so that sums over any run of them are true.
    pub(crate) fn segment_us(&self, segment: &SegmentInfo) -> u64 {
        let timescale = self.run(segment.seq).map_or(self.info.init.timescale, |run| run.init.timescale);
        microseconds(segment.end(), timescale).saturating_sub(microseconds(segment.start, timescale))
    }

    /// Every codec string that its headers have, once, in order.
    pub(crate) fn codecs(&self) -> String {
        let mut codecs = vec![&*self.info.init.codec];
        for run in &self.runs {
            if !codecs.contains(&&*run.init.codec) {
                codecs.push(&run.init.codec);
            }
        }
        codecs.join(",")
    }

    /// The only run, when it is whole: what a presentation without discontinuities can be made of.
    pub(crate) fn only_run(&self) -> Option<&TrackRun> {
        match &self.runs[..] {
            [run] if !run.gap => Some(run),
            _ => None,
        }
    }

    /// The run that holds a segment.
    fn run(&self, seq: u32) -> Option<&TrackRun> {
        let after = self.runs.partition_point(|run| run.first_seq <= seq);
        after.checked_sub(1).and_then(|at| self.runs.get(at))
    }
}
