//! Every way this crate refuses: [`PlanError`] for sources and policies, [`CmafError`] for bytes (with the
//! offset of the offending box), [`TrackError`] and [`PresentationError`] for parts that do not fit
//! together, [`ObjectError`] for paths, [`WindowError`] for what a live list may not show.

use crate::TrackName;

/// A source or policy for which no ladder exists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The source has neither pictures nor sound.
    #[error("the file has neither pictures nor sound")]
    NoStreams,
    /// The picture has no size.
    #[error("the picture is {width} by {height} pixels")]
    NoPicture {
        /// Coded width.
        width: u32,
        /// Coded height.
        height: u32,
    },
    /// The film is longer than segment numbers reach.
    #[error("the film lasts {seconds} seconds; at most {max} are possible")]
    TooLong {
        /// Its length.
        seconds: u64,
        /// The limit.
        max: u64,
    },
    /// The policy cannot make a ladder.
    #[error("the ladder policy is unusable: {0}")]
    Policy(&'static str),
}

/// Bytes that are not the CMAF they should be. Offsets count from the start of the bytes given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CmafError {
    /// A box or field reaches past the end of what holds it.
    #[error("{what} at byte {offset} reaches past the end")]
    Truncated {
        /// The box or field.
        what: &'static str,
        /// Where it begins.
        offset: u64,
    },
    /// A required box is absent.
    #[error("no {name} box inside the bytes from {offset}")]
    Missing {
        /// Its four characters.
        name: &'static str,
        /// Where the container that lacks it begins.
        offset: u64,
    },
    /// A box that may occur once occurs again.
    #[error("a second {name} box at byte {offset}")]
    Duplicate {
        /// Its four characters.
        name: &'static str,
        /// Where the second one begins.
        offset: u64,
    },
    /// A field has a value that the format or CMAF forbids.
    #[error("{what} at byte {offset}")]
    Invalid {
        /// What is wrong.
        what: &'static str,
        /// Where.
        offset: u64,
    },
    /// The sample entry is of a codec this crate does not know.
    #[error("unknown sample entry {name:?} at byte {offset}")]
    UnknownCodec {
        /// Its four characters.
        name: String,
        /// Where it begins.
        offset: u64,
    },
    /// A fragment does not start where the one before it ended.
    #[error("the fragment at byte {offset} starts at tick {found}; {expected} continues the track")]
    Gap {
        /// Where its `moof` begins.
        offset: u64,
        /// Where it should start.
        expected: u64,
        /// Where it starts (`tfdt`).
        found: u64,
    },
    /// A fragment does not begin a segment that has to begin with it.
    #[error("the fragment at tick {start} lies in segment {found}; segment {expected} is due")]
    OffGrid {
        /// Its first decode time.
        start: u64,
        /// The segment that is due.
        expected: u64,
        /// The segment its time lies in.
        found: u64,
    },
    /// A segment would not begin with a sync sample.
    #[error("the segment's first sample, in the fragment at byte {offset}, is not a sync sample")]
    NotSync {
        /// Where the `moof` begins.
        offset: u64,
    },
}

/// A track whose parts contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrackError {
    /// The name says one medium, the header another.
    #[error("track {name} was made from a header of codec {codec}")]
    WrongMedia {
        /// The track.
        name: TrackName,
        /// What the header holds.
        codec: String,
    },
}

/// Tracks that make no presentation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresentationError {
    /// There is no track.
    #[error("the presentation has no tracks")]
    Empty,
    /// Two tracks have one name.
    #[error("two tracks are named {0}")]
    DuplicateTrack(TrackName),
    /// A segment is listed twice or out of order.
    #[error("track {track}: segment {seq} is listed twice or out of order")]
    Disorder {
        /// The track.
        track: TrackName,
        /// The segment.
        seq: u32,
    },
    /// The presentation has ended but a segment is absent.
    #[error("track {track}: segment {seq} is missing from a finished presentation")]
    Hole {
        /// The track.
        track: TrackName,
        /// The first absent segment.
        seq: u32,
    },
    /// A segment does not start where the one before it ended.
    #[error("track {track}: segment {seq} starts at tick {found}; {expected} continues the track")]
    Gap {
        /// The track.
        track: TrackName,
        /// The segment.
        seq: u32,
        /// Where it should start.
        expected: u64,
        /// Where it starts.
        found: u64,
    },
}

/// Text that names no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// The path follows no known shape.
    #[error("the path names no media object")]
    Path,
    /// The asset part is not 1 to 64 characters of a-z and 0-9.
    #[error("the asset part of the path is not an identifier")]
    Asset,
    /// The track part is neither `video-N` nor `audio-N`.
    #[error("the track part of the path is not a track name")]
    Track,
    /// A number is not written in its one canonical form or is out of range.
    #[error("a number in the path is not canonical")]
    Number,
}

/// What a live list may not show. Whoever feeds a window can avoid each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// The parameters contradict the specification.
    #[error("the list cannot be: {0}")]
    Parameter(&'static str),
    /// Not even one tick of the track fits into a part.
    #[error("the track's ticks are longer than a part")]
    Timescale,
    /// The list has ended.
    #[error("the list has ended")]
    Ended,
    /// A part or gap has no length, or ends beyond the last tick.
    #[error("a part of no length, or beyond the end of time")]
    Empty,
    /// A part is longer than the part target.
    #[error("a part of {us} us, longer than the target of {target_us} us")]
    PartTooLong {
        /// Its length in microseconds.
        us: u64,
        /// The part target in microseconds.
        target_us: u64,
    },
    /// A part follows one that is too short to stand anywhere but at the end of a segment.
    #[error("a part follows one of {us} us, which can only end a segment")]
    AfterShortPart {
        /// Length of the short part in microseconds.
        us: u64,
    },
    /// A segment would be longer than the target duration, or of too many parts.
    #[error("a segment of {us} us in {parts} parts")]
    SegmentTooLong {
        /// Its length in microseconds.
        us: u64,
        /// Its parts.
        parts: usize,
    },
    /// Segments are so short that a lawful list has too many.
    #[error("too many segments for a list")]
    TooManySegments,
    /// More media is missing than a list shows as gaps.
    #[error("a gap too long to list")]
    GapTooLong,
    /// The dates of a timeline lead back into those of the one before.
    #[error("dates lead back by {us} us")]
    DatesOverlap {
        /// How far, in microseconds.
        us: u64,
    },
    /// Discontinuities follow each other without media.
    #[error("too many discontinuities without media between them")]
    TooManyDiscontinuities,
    /// The saved state is none that a window has.
    #[error("the saved state is damaged: {0}")]
    Saved(&'static str),
}
