//! What is remembered of a broadcast: its renditions, its headers and its whole segments, and where their bytes are.

use std::{fmt, num::NonZeroU32};

use serde::{Deserialize, Serialize};

use super::{
    RenditionName,
    window::{Moment, Parameters, Part, Run, Segment},
};
use crate::{SampleFormat, TrackRole, timeline::microseconds};

/// Bytes of a broadcast in the object store. Who makes them says so in their names: a holder that wakes after its lease
/// writes nothing that its successor names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LiveObject {
    /// `{term}-init-{number}.mp4`: a header.
    Header {
        /// The rendition.
        rendition: RenditionName,
        /// The term of the holder that made it.
        term: u32,
        /// Its number.
        number: u32,
    },
    /// `{term}-{msn}.m4s`: a whole segment.
    Segment {
        /// The rendition.
        rendition: RenditionName,
        /// The term of the holder that made it.
        term: u32,
        /// Its number.
        msn: u64,
    },
}

impl LiveObject {
    /// Where the store keeps it. `broadcast` is an identifier.
    #[must_use]
    pub fn blob_key(&self, broadcast: &str) -> String {
        format!("live/{broadcast}/{self}")
    }

    /// Where the parts of a broadcast's objects are: what begins with this is one of them.
    #[must_use]
    pub fn prefix(broadcast: &str) -> String {
        format!("live/{broadcast}/")
    }
}

/// The path below `live/{broadcast}/`.
impl fmt::Display for LiveObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { rendition, term, number } => write!(f, "{rendition}/{term}-init-{number}.mp4"),
            Self::Segment { rendition, term, msn } => write!(f, "{rendition}/{term}-{msn}.m4s"),
        }
    }
}

/// A rendition: what restores its list, and what a track of the recording says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// RFC 6381 codec string, such as `avc1.64001F`.
    pub codec: String,
    /// Picture or sound properties.
    pub format: SampleFormat,
    /// What it is to a viewer; of pictures with the frame rate.
    pub role: TrackRole,
    /// What stays the same for the life of its list.
    pub parameters: Parameters,
}

/// A header whose bytes are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedHeader {
    /// The rendition.
    pub rendition: RenditionName,
    /// Its number.
    pub number: u32,
    /// The term of the holder that made it.
    pub term: u32,
    /// Its length in bytes.
    pub bytes: u64,
}

impl RecordedHeader {
    /// Its bytes.
    #[must_use]
    pub const fn object(&self) -> LiveObject {
        LiveObject::Header { rendition: self.rendition, term: self.term, number: self.number }
    }
}

/// A part of a whole segment: those before it take up the bytes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedPart {
    /// Length in microseconds.
    pub us: u64,
    /// Whether decoding can begin in it.
    pub independent: bool,
    /// Length in bytes.
    pub bytes: u64,
}

impl From<&RecordedPart> for Part {
    fn from(part: &RecordedPart) -> Self {
        Self { us: part.us, independent: part.independent }
    }
}

/// A whole segment whose bytes are kept, or a gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedSegment {
    /// The rendition.
    pub rendition: RenditionName,
    /// Media sequence number.
    pub msn: u64,
    /// The term of the holder that made it.
    pub term: u32,
    /// Its header.
    pub init: u32,
    /// The term of the holder that made the header.
    pub init_term: u32,
    /// EXT-X-PROGRAM-DATE-TIME.
    pub date: Moment,
    /// Length in microseconds.
    pub us: u64,
    /// Ticks per second.
    pub timescale: NonZeroU32,
    /// Decode time of its first sample (`tfdt`), in ticks.
    pub start: u64,
    /// Length in ticks.
    pub ticks: u64,
    /// Discontinuities right before it: with any, a run begins.
    pub discontinuities: u32,
    /// Whether it stands for missing media and has no bytes.
    pub gap: bool,
    /// Its parts.
    pub parts: Vec<RecordedPart>,
    /// Its length in bytes.
    pub bytes: u64,
    /// When it was listed as a whole.
    pub listed: Moment,
}

impl RecordedSegment {
    /// A listed segment. `terms` are its own and its header's; `parts` are the lengths of its parts in bytes.
    #[must_use]
    pub fn of(
        rendition: RenditionName,
        listed: &Segment,
        run: &Run,
        terms: (u32, u32),
        parts: &[u64],
    ) -> Self {
        let start = ticks(listed.date.since(run.epoch), run.timescale);
        let end = ticks(listed.date.plus(listed.us).since(run.epoch), run.timescale);
        let recorded = |(part, bytes): (&Part, &u64)| RecordedPart {
            us: part.us,
            independent: part.independent,
            bytes: *bytes,
        };
        Self {
            rendition,
            msn: listed.msn,
            term: terms.0,
            init: listed.init,
            init_term: terms.1,
            date: listed.date,
            us: listed.us,
            timescale: run.timescale,
            start,
            ticks: end.saturating_sub(start),
            discontinuities: listed.discontinuities,
            gap: listed.gap,
            parts: listed.parts.iter().zip(parts).map(recorded).collect(),
            bytes: parts.iter().sum(),
            listed: listed.listed,
        }
    }

    /// Its bytes; a gap has none.
    #[must_use]
    pub const fn object(&self) -> Option<LiveObject> {
        let (rendition, term, msn) = (self.rendition, self.term, self.msn);
        if self.gap { None } else { Some(LiveObject::Segment { rendition, term, msn }) }
    }

    /// Where the bytes of a part lie in those of the segment: from, to.
    #[must_use]
    pub fn part_range(&self, part: u32) -> Option<std::ops::Range<u64>> {
        let at = usize::try_from(part).ok()?;
        let bytes = self.parts.get(at)?.bytes;
        let from: u64 = self.parts[..at].iter().map(|before| before.bytes).sum();
        Some(from..from + bytes)
    }

    /// The timeline it lies on, from here.
    #[must_use]
    pub fn run(&self) -> Run {
        let us = i64::try_from(microseconds(self.start, self.timescale.get())).unwrap_or(i64::MAX);
        let epoch = Moment(self.date.0.saturating_sub(us));
        Run { init: self.init, timescale: self.timescale, start: self.start, epoch }
    }

    /// As a list has it; with its parts or without.
    #[must_use]
    pub fn listed(&self, with_parts: bool) -> Segment {
        let parts: Vec<Part> = self.parts.iter().map(Part::from).collect();
        Segment {
            msn: self.msn,
            init: self.init,
            date: self.date,
            us: self.us,
            gap: self.gap,
            discontinuities: self.discontinuities,
            listed: self.listed,
            part_count: u32::try_from(parts.len()).unwrap_or(u32::MAX),
            parts: if with_parts { parts } else { Vec::new() },
        }
    }
}

/// The tick nearest to a time in microseconds; the one it was made from, up to a million ticks a second.
fn ticks(us: u64, timescale: NonZeroU32) -> u64 {
    let ticks = (u128::from(us) * u128::from(timescale.get()) + 500_000) / 1_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SOURCE: RenditionName = RenditionName::Source;

    #[test]
    fn names_tell_terms_apart() {
        let header = LiveObject::Header { rendition: SOURCE, term: 2, number: 1 };
        let segment = LiveObject::Segment { rendition: RenditionName::Rung(360), term: 3, msn: 17 };
        assert_eq!(header.blob_key("b1"), "live/b1/source/2-init-1.mp4");
        assert_eq!(segment.blob_key("b1"), "live/b1/video-360/3-17.m4s");
        assert!(segment.blob_key("b1").starts_with(&LiveObject::prefix("b1")));
    }

    proptest! {
        #[test]
        fn times_come_back_as_they_were(
            scale in prop::sample::select(vec![24_000_u32, 30_000, 44_100, 48_000, 60_000, 90_000, 1_000_000]),
            start in 0_u64..1 << 36,
            ticks in 1_u64..1 << 20,
        ) {
            let timescale = NonZeroU32::new(scale).unwrap();
            let epoch = Moment(1_795_348_800_000_000);
            let run = Run { init: 3, timescale, start: 0, epoch };
            let us = |at| microseconds(at, scale);
            let parts = vec![Part { us: us(start + ticks) - us(start), independent: true }];
            let listed = Segment {
                msn: 7, init: 3, date: epoch.plus(us(start)), us: parts[0].us, gap: false,
                discontinuities: 1, listed: epoch, part_count: 1, parts,
            };
            let recorded = RecordedSegment::of(SOURCE, &listed, &run, (2, 1), &[900]);
            prop_assert_eq!((recorded.start, recorded.ticks), (start, ticks));
            prop_assert_eq!(recorded.listed(true), listed);
            prop_assert_eq!(recorded.run(), Run { start, ..run });
            prop_assert_eq!(recorded.part_range(0), Some(0..900));
            prop_assert_eq!(recorded.part_range(1), None);
        }
    }
}
