//! What a child reports.

use serde::{Deserialize, Serialize};

/// Which of a source's clocks gives frame times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaClock {
    /// `segment.to_stream_time(pts)`: containers with edit lists (mp4, mov).
    StreamTime,
    /// The buffer's own PTS: Matroska, MPEG-TS and the rest.
    Raw,
}

/// What holds the child in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorReport {
    /// `PR_SET_NO_NEW_PRIVS`.
    pub no_new_privs: bool,
    /// Landlock ABI enforced; zero when the kernel has none.
    pub landlock_abi: u8,
    /// Whether the seccomp filter is loaded.
    pub seccomp: bool,
    /// Whether the child has a network namespace of its own.
    pub network_namespace: bool,
    /// Limit on private memory in bytes; zero when none is set.
    pub memory_max: u64,
    /// What is missing, in words.
    pub missing: Vec<String>,
}

/// What is in a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// Container as a caps name, such as `video/quicktime`.
    pub container: String,
    /// Length of the longest stream, in nanoseconds, measured from packet times.
    pub duration_ns: u64,
    /// The video stream that is used, if any.
    pub video: Option<VideoStream>,
    /// Audio streams in container order.
    pub audio: Vec<AudioStream>,
    /// Title tag of the container, if any.
    pub title: Option<String>,
    /// What was left out and why, in sentences for a creator: undecodable extra tracks and the like.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// A video stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoStream {
    /// Codec as a caps name, such as `video/x-h264`.
    pub codec: String,
    /// Coded width in pixels.
    pub width: u32,
    /// Coded height in pixels.
    pub height: u32,
    /// Pixel aspect ratio, horizontal part.
    pub par_num: u32,
    /// Pixel aspect ratio, vertical part.
    pub par_den: u32,
    /// Nominal frame rate, numerator; zero when unknown or variable.
    pub fps_num: u32,
    /// Nominal frame rate, denominator.
    pub fps_den: u32,
    /// Packets that carry a picture.
    pub frames: u64,
    /// First presentation time, in nanoseconds on `clock`; where the first picture alone is off the beat of all others
    /// and lasts longer than one, the beat it belongs to.
    pub first_ns: i64,
    /// End of the last picture, in nanoseconds on `clock`.
    pub end_ns: i64,
    /// Smallest distance of neighbouring presentation times, in nanoseconds; zero with fewer than two frames.
    pub delta_min_ns: u64,
    /// Median distance of neighbouring presentation times, in nanoseconds.
    pub delta_median_ns: u64,
    /// Largest distance of neighbouring presentation times, in nanoseconds.
    pub delta_max_ns: u64,
    /// Which clock these times are read on.
    pub clock: MediaClock,
    /// Clockwise rotation to apply for display: 0, 90, 180 or 270 degrees.
    pub rotation: u16,
    /// Whether any picture is interlaced.
    pub interlaced: bool,
    /// Luma bits per sample.
    pub bit_depth: u8,
    /// Its colours, when they are beyond BT.709.
    #[serde(default)]
    pub colour: Option<WideColour>,
    /// Bytes of all pictures.
    pub bytes: u64,
}

/// Colours beyond what a screen of BT.709 shows: BT.2020 primaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WideColour {
    /// How code values become light.
    pub transfer: WideTransfer,
    /// The brightest light of the film, in nits, as its metadata say; 1000 when they do not. Means something for PQ
    /// alone.
    pub peak_nits: u32,
}

/// How code values of wide colours become light.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WideTransfer {
    /// A standard range (BT.2020, BT.1886).
    Gamma,
    /// SMPTE ST 2084, as in HDR10.
    Pq,
    /// Hybrid log-gamma (BT.2100).
    Hlg,
}

/// An audio stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioStream {
    /// Position among all audio streams of the container, counted from zero: what
    /// [`crate::AudioSpec::stream`] wants. Streams that cannot be decoded leave gaps.
    pub index: u32,
    /// Codec as a caps name, such as `audio/mpeg`.
    pub codec: String,
    /// Sampling rate in Hz.
    pub sample_rate: u32,
    /// Channels; the most of them where that changes.
    pub channels: u32,
    /// Language as BCP 47, if tagged.
    pub language: Option<String>,
    /// Name for people, if tagged.
    #[serde(default)]
    pub title: Option<String>,
    /// Whether the container says that it plays unless another is chosen.
    #[serde(default)]
    pub default: bool,
    /// First presentation time, in nanoseconds on `clock`.
    pub first_ns: i64,
    /// End of the last packet, in nanoseconds on `clock`.
    pub end_ns: i64,
    /// Which clock these times are read on.
    pub clock: MediaClock,
}

/// How a graph ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Everything asked for was sent.
    Done,
    /// The graph could not do it.
    Failed(SourceFailure),
}

/// A typed failure, worded so that its reason can be shown to a creator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFailure {
    /// What kind; decides whether a retry makes sense.
    pub kind: FailureKind,
    /// The element that failed, such as `qtdemux0`; empty when none is to blame.
    pub element: String,
    /// One sentence for people.
    pub reason: String,
    /// What the element said, for logs.
    pub detail: String,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Not a media file, or damaged beyond reading. Final.
    Unreadable,
    /// No audio and no video in it. Final.
    NoStreams,
    /// A codec or property this build cannot handle. Final.
    Unsupported,
    /// Encrypted media. Final.
    Encrypted,
    /// Beyond a stated limit (duration, dimension). Final.
    TooLarge,
    /// The source could not be read (store fault). Retried.
    SourceRead,
    /// Anything else inside the graph. Retried.
    Internal,
}

impl FailureKind {
    /// Whether another attempt on the same bytes can end differently.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::SourceRead | Self::Internal)
    }
}
