//! Where parts and segments end.
//!
//! One [`Cutter`] leads: it ends segments at key frames. The others follow: they end theirs where the leader did, sound
//! at the first frame at or after it. Decode times are laid end to end: every part but the last of a segment lasts the
//! PART-TARGET exactly and is complete with its last sample, without waiting for the next. Where pictures are missing,
//! those after the hole last longer until decoding has caught up; presentation times stay true.

mod cutter;
mod limits;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use cutter::Cutter;
pub use limits::{Limits, rescaled};

/// A sample in its part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Ticks from its decode time to that of the next, at least 1.
    pub duration: u32,
    /// Ticks from decoding to showing; negative only where the sender shows pictures before they are decoded.
    pub offset: i32,
    /// Whether decoding may begin here.
    pub key: bool,
    /// Its bytes.
    pub data: Bytes,
}

/// A finished part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Decode time of its first sample, in ticks.
    pub start: u64,
    /// What it lasts, in ticks, at most the PART-TARGET.
    pub ticks: u32,
    /// Whether it begins its segment.
    pub first: bool,
    /// Whether it contains a sample at which decoding may begin: INDEPENDENT of its EXT-X-PART.
    pub independent: bool,
    /// Whether it begins with one.
    pub opens_with_key: bool,
    /// When its first sample arrived, in microseconds since 1970.
    pub arrived_us: u64,
    /// When that one is shown, in ticks.
    pub shown: i64,
    /// Its samples, at least one.
    pub samples: Vec<Placed>,
}

/// Why a segment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The next one begins with a key frame, or where the leader's does.
    Boundary,
    /// No key frame came in time, or no word from the leader: the next one begins without.
    NoKeyFrame,
    /// More pictures were missing than decoding could catch up with: the next one begins later than this one ends, and
    /// lists need a discontinuity.
    Behind,
    /// The epoch ended.
    Epoch,
    /// The broadcast ended.
    Finished,
}

/// A finished segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentEnd {
    /// Decode time of its first sample, in ticks.
    pub start: u64,
    /// What it lasts, in ticks.
    pub ticks: u64,
    /// Why it ended.
    pub reason: Reason,
    /// Where followers cut: when the first sample of the next segment is shown, in ticks.
    pub boundary: Option<i64>,
}

/// What a cutter finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// A part of the open segment.
    Part(Part),
    /// The open segment; its last part came before.
    Segment(SegmentEnd),
}
