//! Graph specs: everything a child needs to know, and nothing about where it comes from.

use serde::{Deserialize, Serialize};

use crate::{LiveSpec, MediaClock, WideColour};

/// One graph to run. A child runs exactly one and exits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "graph", rename_all = "snake_case")]
pub enum GraphSpec {
    /// Reads headers and packet times; answers with [`crate::FromChild::Probe`].
    Probe(ProbeSpec),
    /// Decodes one chunk once and encodes it for every rung.
    Video(VideoSpec),
    /// Encodes one audio stream, whole.
    Audio(AudioSpec),
    /// Makes the poster and the thumbnail sprites.
    Images(ImagesSpec),
    /// Synthesises a film with barcode, text, flash and beep; answers with [`crate::FromChild::File`].
    TestFilm(TestFilmSpec),
    /// Synthesises the same without an end, in real time; answers with [`crate::FromChild::Config`] and
    /// [`crate::FromChild::Unit`] as they come about.
    TestStream(TestStreamSpec),
    /// Decodes a live stream once and encodes it for every rung; fed with [`crate::ToChild::Unit`].
    Live(LiveSpec),
    /// No media: tries what the door forbids; `Done` when all of it is refused.
    DoorCheck,
}

impl GraphSpec {
    /// The graph's name in metrics and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Probe(_) => "probe",
            Self::Video(_) => "video",
            Self::Audio(_) => "audio",
            Self::Images(_) => "images",
            Self::TestFilm(_) => "test_film",
            Self::TestStream(_) => "test_stream",
            Self::Live(_) => "live",
            Self::DoorCheck => "door_check",
        }
    }

    /// The source this graph reads, if it reads one.
    #[must_use]
    pub const fn source(&self) -> Option<&SourceSpec> {
        match self {
            Self::Probe(spec) => Some(&spec.source),
            Self::Video(spec) => Some(&spec.source),
            Self::Audio(spec) => Some(&spec.source),
            Self::Images(spec) => Some(&spec.source),
            Self::TestFilm(_) | Self::TestStream(_) | Self::Live(_) | Self::DoorCheck => None,
        }
    }
}

/// The source as the child sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceSpec {
    /// Length of the source in bytes.
    pub bytes: u64,
}

/// Limits of a probe pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeSpec {
    /// What to read.
    pub source: SourceSpec,
    /// A film longer than this is refused, in nanoseconds.
    pub duration_max_ns: u64,
    /// A picture wider or higher than this is refused, in pixels.
    pub dimension_max: u32,
}

/// The constant frame-rate output grid. Slot `j` starts at `ceil(j * fps_den * 1e9 / fps_num)` nanoseconds
/// of output time; output time zero is `origin_ns` on the source's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// Frames per `fps_den` seconds.
    pub fps_num: u32,
    /// See `fps_num`.
    pub fps_den: u32,
    /// The source time that becomes output time zero, in nanoseconds on `clock`; may be negative.
    pub origin_ns: i64,
    /// Which of the source's clocks `origin_ns` is read on.
    pub clock: MediaClock,
}

/// One chunk of video for all rungs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoSpec {
    /// What to read.
    pub source: SourceSpec,
    /// The output grid of the whole film.
    pub grid: Grid,
    /// First slot of the chunk; a multiple of `gop_frames`.
    pub slot_first: u64,
    /// How many slots the chunk has; a multiple of `gop_frames` but for the film's last chunk.
    pub slot_count: u64,
    /// The film's colours, when they are to be brought to BT.709.
    #[serde(default)]
    pub colour: Option<WideColour>,
    /// Whether this is the film's last chunk (its last fragment keeps the `lmsg` brand).
    pub last: bool,
    /// Frames per closed GOP, equal on all rungs; one GOP is one fragment.
    pub gop_frames: u32,
    /// Rungs, largest first; scaling cascades from each to the next.
    pub rungs: Vec<RungSpec>,
}

/// One rung of the ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RungSpec {
    /// Index used as `track` in the frames that answer.
    pub track: u8,
    /// Coded width in pixels; even. The picture is square-pixel unless `par` says otherwise.
    pub width: u32,
    /// Coded height in pixels; even.
    pub height: u32,
    /// x264 constant rate factor, 0 to 51.
    pub crf: f32,
    /// VBV maximum rate, in kbit/s.
    pub maxrate_kbps: u32,
    /// VBV buffer, in kbit.
    pub bufsize_kbit: u32,
    /// x264 speed preset by name, such as `veryfast`.
    pub preset: String,
    /// H.264 level as `level_idc`, such as 31 for level 3.1.
    pub level_idc: u8,
}

/// One audio stream, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioSpec {
    /// What to read.
    pub source: SourceSpec,
    /// Which audio stream, counted from zero in container order.
    pub stream: u32,
    /// Index used as `track` in the frames that answer.
    pub track: u8,
    /// The source time that becomes output time zero, in nanoseconds on `clock`. Earlier audio is cut;
    /// a late start is filled with silence.
    pub origin_ns: i64,
    /// Which of the source's clocks `origin_ns` is read on.
    pub clock: MediaClock,
    /// Output length in samples; the end is cut or filled with silence. Zero means "as long as the source".
    pub samples: u64,
    /// Output sampling rate in Hz.
    pub sample_rate: u32,
    /// Output channels, 1 or 2.
    pub channels: u32,
    /// AAC-LC bit rate, in bit/s.
    pub bitrate: u32,
    /// Segment length in seconds is `segment_num / segment_den`; segment `k` starts at the AAC frame nearest to
    /// `k * segment_num / segment_den` seconds, and each segment is one fragment.
    pub segment_num: u32,
    /// See `segment_num`.
    pub segment_den: u32,
}

/// Poster and thumbnail sprites.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImagesSpec {
    /// What to read.
    pub source: SourceSpec,
    /// The grid, for its origin and clock.
    pub grid: Grid,
    /// As [`VideoSpec::colour`].
    #[serde(default)]
    pub colour: Option<WideColour>,
    /// Output time of the poster, in nanoseconds.
    pub poster_ns: u64,
    /// Poster width in pixels; even.
    pub poster_width: u32,
    /// Poster height in pixels; even.
    pub poster_height: u32,
    /// Time between thumbnails, in nanoseconds.
    pub thumb_interval_ns: u64,
    /// How many thumbnails.
    pub thumb_count: u32,
    /// Thumbnail width in pixels; even.
    pub thumb_width: u32,
    /// Thumbnail height in pixels; even.
    pub thumb_height: u32,
    /// Thumbnails per sprite row.
    pub sprite_columns: u32,
    /// Rows per sprite.
    pub sprite_rows: u32,
}

/// A synthetic film: moving picture, barcode (frame number and wall-clock milliseconds) with text beside it,
/// a flash and a beep on each whole second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestFilmSpec {
    /// Width in pixels; even, at least 320.
    pub width: u32,
    /// Height in pixels; even, at least 180.
    pub height: u32,
    /// Frames per `fps_den` seconds.
    pub fps_num: u32,
    /// See `fps_num`.
    pub fps_den: u32,
    /// Length in frames.
    pub frames: u64,
    /// Whether the film has a beeping stereo track at 48 kHz.
    pub audio: bool,
    /// Title drawn into the picture.
    pub title: String,
    /// Wall-clock milliseconds since the epoch at frame zero.
    pub epoch_ms: u64,
}

/// A synthetic film as a camera sends it: the barcode carries the wall clock at which each picture was due.
/// Pictures are [`crate::Medium::Video`]'s track, sound [`crate::Medium::Audio`]'s; times are microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestStreamSpec {
    /// Width in pixels; even, at least 320.
    pub width: u32,
    /// Height in pixels; even, at least 180.
    pub height: u32,
    /// Frames per `fps_den` seconds, at most 240 a second.
    pub fps_num: u32,
    /// See `fps_num`.
    pub fps_den: u32,
    /// Length in frames; zero for as long as the parent listens.
    pub frames: u64,
    /// Frames from one key picture to the next; at least 1.
    pub gop_frames: u32,
    /// Largest rate of the pictures, in kbit/s; at least 1.
    pub maxrate_kbps: u32,
    /// Whether there is a beeping stereo track at 48 kHz.
    pub audio: bool,
    /// Title drawn into the picture.
    pub title: String,
}
