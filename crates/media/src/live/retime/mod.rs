//! One timeline for both tracks of an encoder: pictures on an exact frame grid, sound by counting samples.
//!
//! The sender's clock is not trusted: it counts whole milliseconds, trembles, jumps, wraps, and starts again when the
//! encoder does. Whatever it does has a stated outcome ([`Outcome`]). Presentation times are the sender's, on the grid;
//! decode times lie ahead of them by as much as the sender's first key frame says, on the same grid, so composition
//! offsets of well-formed streams are never negative and nothing needs an edit list. Sound and pictures share one
//! mapping from the sender's clock, which begins anew with each epoch.

mod audio;
mod dates;
mod epoch;
mod rung;
mod silence;
mod sound;
#[cfg(test)]
mod tests;
mod timebase;
mod video;

use bytes::Bytes;

pub use epoch::Retimer;
pub use rung::Rung;
pub use timebase::{Cadence, Hints, Timebase, part_of};

use super::nal::Picture;

/// Which of the two tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// A coded picture or one AAC frame, by the sender's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// When it is decoded, in microseconds.
    pub dts_us: i64,
    /// When it is shown, in microseconds.
    pub pts_us: i64,
    /// When it arrived, in microseconds since 1970 by our clock.
    pub arrived_us: u64,
    /// What it is to a player; sound is always [`Picture::Key`].
    pub picture: Picture,
    /// The sample: NAL units behind lengths as [`super::nal`] leaves them, or a raw AAC frame.
    pub data: Bytes,
}

/// An access unit on the broadcast's timeline, in ticks of its track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it is decoded; never before the end of the sample before it.
    pub decode: i64,
    /// When the sample after it is decoded, unless pictures are missing there.
    pub end: i64,
    /// When it is shown.
    pub shown: i64,
    /// Whether decoding may begin here.
    pub key: bool,
    /// As in [`AccessUnit`]; of silence that was put in, that of the unit after it.
    pub arrived_us: u64,
    /// The bytes.
    pub data: Bytes,
}

/// What became of an access unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A picture in its place.
    Video(Sample),
    /// A frame of sound in its place.
    Audio(Sample),
    /// So many frames of silence follow as [`Outcome::Audio`], where the sender sent no sound.
    Silence(u32),
    /// It was left out.
    Dropped(Track, Dropped),
    /// What follows begins a new epoch: another clock of the sender, maybe another timebase. Lists need a
    /// discontinuity here.
    Epoch {
        /// Counted from 0, which begins the broadcast.
        number: u32,
        /// Why the one before ended.
        reason: NewEpoch,
        /// The timebase of pictures from here on.
        video: Option<Timebase>,
        /// Ticks of pictures from the decoding of the first to its showing; lower rungs need it ([`Rung`]).
        lead: i64,
        /// Where it begins, in microseconds of the broadcast.
        start_us: i64,
    },
}

/// Why a unit was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Dropped {
    /// Decoding cannot begin with it.
    #[error("pictures before the first key frame")]
    AwaitingKey,
    /// A leading picture of the key frame with which decoding began.
    #[error("a picture that needs one from before the beginning")]
    Leading,
    /// The same times as the unit before it.
    #[error("a unit that was sent twice")]
    Duplicate,
    /// Dated before the one before it.
    #[error("a unit dated before the one before it")]
    Backwards,
    /// Shown more than half a second before or five seconds after it is decoded, or dated beyond 2^53 microseconds.
    #[error("a unit with an impossible date")]
    Date,
    /// Sound from before the epoch, or of a time that has sound already.
    #[error("sound that came too late")]
    Late,
    /// More sound than time.
    #[error("more sound than time for it")]
    Surplus,
    /// Sound whose clock left that of the pictures.
    #[error("sound dated more than three seconds off the pictures")]
    Apart,
    /// More came than is kept while the frame rate is found out.
    #[error("more than is kept while the frame rate is measured")]
    Overflow,
}

/// Why an epoch began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NewEpoch {
    /// The first.
    Start,
    /// The encoder came back.
    Reconnect,
    /// A configuration changed.
    Configuration,
    /// The sender's clock went forward by more than a second without media, or back.
    Jump,
    /// The sender left its frame rate.
    FrameRate,
}
