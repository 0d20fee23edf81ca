//! What parent and pipeline child say to each other over an inherited Unix stream socket.
//!
//! # Wire format
//!
//! Every message is one frame: a big-endian `u32` payload length (at most [`PAYLOAD_MAX`]), one kind byte,
//! then the payload. Control payloads are JSON; bulk payloads are a fixed big-endian header followed by raw
//! bytes. The kinds are listed in [`frame`].
//!
//! # Conversation
//!
//! 1. The parent sends [`ToChild::Spec`] and nothing else unasked, but for [`ToChild::Cancel`] and the units of a
//!    live graph.
//! 2. The child closes its door and sends [`FromChild::Ready`], naming the layers that hold.
//! 3. The child sends [`FromChild::Read`] whenever it needs source bytes; at most one read is outstanding.
//!    The parent answers each with [`ToChild::Data`] (shorter only at the end of the source, empty past it)
//!    or [`ToChild::ReadFailed`].
//! 4. Results ([`FromChild::Init`], [`FromChild::Fragment`], …) and [`FromChild::Progress`] flow at any time;
//!    any frame counts as progress for the watchdog except `Read`.
//! 5. A live graph ([`GraphSpec::Live`]) reads nothing. The parent sends [`ToChild::Unit`] and
//!    [`ToChild::Reconfigure`] as they come and [`ToChild::EndOfInput`] at the end; a child that is too slow leaves
//!    them in the socket. It answers with [`FromChild::Config`] before the first [`FromChild::Unit`] of a track,
//!    [`FromChild::Progress`] (units taken) whenever it has taken some, and [`FromChild::LiveStats`] once a second,
//!    which alone is no sign of progress.
//! 6. The child ends with exactly one [`FromChild::Verdict`] and exits; an end without one is a crash.
//!
//! The child never learns a URL, a key or a bucket.

mod crash;
pub mod frame;
mod live;
mod report;
mod spec;

pub use crash::{CRASH_PREFIX, CrashNote};
pub use frame::{FromChild, ImageKind, ToChild, WireError};
pub use live::{
    KeyRule, LiveAudioSpec, LiveCodec, LiveEvent, LiveSpec, LiveStats, LiveVideoSpec, Medium, TrackCount,
    UNIT_MAX, Unit,
};
pub use report::{
    AudioStream, Cue, DoorReport, FailureKind, MediaClock, ProbeReport, SourceFailure, TextStream, Verdict,
    VideoStream, WideColour, WideTransfer,
};
pub use spec::{
    AudioSpec, GraphSpec, Grid, ImagesSpec, ProbeSpec, RungSpec, SourceSpec, TestFilmSpec, TestStreamSpec,
    VideoSpec,
};

/// The largest payload either side sends or accepts, in bytes.
pub const PAYLOAD_MAX: usize = 64 << 20;
/// The largest range a child asks for in one [`FromChild::Read`], in bytes.
pub const READ_MAX: u32 = 1 << 20;
