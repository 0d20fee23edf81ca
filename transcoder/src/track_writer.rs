//! One track's fragments on their way to segment objects.

use std::num::NonZeroU32;

use bytes::Bytes;
use media::{Assembly, Grouping, InitInfo, Object, Segment, SegmentAssembler, SegmentInfo, TrackName, cmaf};

use crate::{Attempt, Transcoder, error::Trouble};

/// How a track's fragments become segments.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// What makes a segment.
    pub grouping: Grouping,
    /// Number of the first segment.
    pub first_seq: u32,
    /// Output time of the first fragment, in nanoseconds.
    pub start_ns: u64,
    /// Whether the presentation ends with the last segment.
    pub last: bool,
}

/// Writes one track of one attempt.
pub(crate) struct TrackWriter<'a> {
    transcoder: &'a Transcoder,
    attempt: &'a Attempt<'a>,
    pub(crate) name: TrackName,
    shape: Shape,
    header: Option<(InitInfo, SegmentAssembler)>,
    segments: Vec<SegmentInfo>,
    /// Slots or samples that arrived.
    pub(crate) count: u64,
}

/// A track as it was written.
pub(crate) struct Written {
    pub init: InitInfo,
    pub segments: Vec<SegmentInfo>,
}

/// Fragments a segment has when it is made of whole GOPs.
pub(crate) fn gops(count: u32) -> Grouping {
    Grouping::Fragments(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN))
}

impl<'a> TrackWriter<'a> {
    pub(crate) fn new(
        transcoder: &'a Transcoder,
        attempt: &'a Attempt<'a>,
        name: TrackName,
        shape: Shape,
    ) -> Self {
        Self { transcoder, attempt, name, shape, header: None, segments: Vec::new(), count: 0 }
    }

    /// The track's CMAF header; only the attempt that makes the track's first segment stores it.
    pub(crate) async fn header(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let header = cmaf::normalise_init(bytes)?;
        let init = cmaf::read_init(&header)?;
        let ticks = u128::from(self.shape.start_ns) * u128::from(init.timescale) + 500_000_000;
        let start =
            u64::try_from(ticks / 1_000_000_000).map_err(|_| Trouble::Internal("a chunk beyond all time"))?;
        let assembly = Assembly {
            first_seq: self.shape.first_seq,
            start,
            grouping: self.shape.grouping,
            last: self.shape.last,
        };
        if self.shape.first_seq == 0 {
            let key = self.attempt.key(Object::Init { version: self.attempt.version, track: self.name })?;
            self.transcoder.put(&key, header).await?;
        }
        self.header = Some((init.clone(), SegmentAssembler::new(init, assembly)));
        Ok(())
    }

    /// The next fragment, with how many slots or samples it carries.
    pub(crate) async fn fragment(&mut self, bytes: Bytes, count: u32) -> Result<(), Trouble> {
        let (_, assembler) = self.header.as_mut().ok_or_else(|| no_header(self.name))?;
        self.count += u64::from(count);
        match assembler.push(bytes)? {
            Some(segment) => self.store(segment).await,
            None => Ok(()),
        }
    }

    async fn store(&mut self, segment: Segment) -> Result<(), Trouble> {
        let Attempt { version, .. } = *self.attempt;
        let key = self.attempt.key(Object::Segment { version, track: self.name, seq: segment.info.seq })?;
        self.transcoder.put(&key, segment.bytes).await?;
        self.segments.push(segment.info);
        Ok(())
    }

    /// Stores what is left; the track must have brought `expected` slots or samples.
    pub(crate) async fn finish(mut self, expected: u64) -> Result<Written, Trouble> {
        let (init, assembler) = self.header.take().ok_or_else(|| no_header(self.name))?;
        if let Some(segment) = assembler.finish()? {
            self.store(segment).await?;
        }
        if self.count != expected {
            return Err(Trouble::Incomplete(format!("{} has {} of {expected}", self.name, self.count)));
        }
        Ok(Written { init, segments: self.segments })
    }
}

fn no_header(name: TrackName) -> Trouble {
    Trouble::Incomplete(format!("{name} has no header"))
}
