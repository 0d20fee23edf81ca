//! What a probe found in a source.

use serde::{Deserialize, Serialize};

use crate::captions::Cue;

/// Which of a source's clocks gives frame times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceClock {
    /// Stream time after edit lists (mp4, mov).
    StreamTime,
    /// The packets' own presentation times (Matroska, MPEG-TS and the rest).
    Raw,
}

/// A probed source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// Container as a caps name, such as `video/quicktime`.
    pub container: String,
    /// Length of the longest stream, in nanoseconds.
    pub duration_ns: u64,
    /// The video stream that is used, if any.
    pub video: Option<VideoFacts>,
    /// Audio streams in container order.
    pub audio: Vec<AudioFacts>,
    /// Text streams in container order.
    #[serde(default)]
    pub text: Vec<TextFacts>,
    /// Title tag of the container, if any.
    pub title: Option<String>,
    /// What the probe left out and why, in sentences for a creator.
    pub notes: Vec<String>,
}

/// A probed video stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoFacts {
    /// Codec as a caps name, such as `video/x-h264`.
    pub codec: String,
    /// Coded width in pixels.
    pub width: u32,
    /// Coded height in pixels.
    pub height: u32,
    /// Pixel aspect ratio, horizontal part; a zero in either part means square pixels.
    pub par_num: u32,
    /// Pixel aspect ratio, vertical part.
    pub par_den: u32,
    /// Nominal frame rate, numerator; zero when unknown or variable.
    pub fps_num: u32,
    /// Nominal frame rate, denominator.
    pub fps_den: u32,
    /// Packets that carry a picture.
    pub frames: u64,
    /// First presentation time, in nanoseconds on `clock`.
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
    pub clock: SourceClock,
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
    /// The brightest light of the film, in nits; means something for PQ alone.
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

/// A probed text stream with all of its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextFacts {
    /// Language as BCP 47 or ISO 639, if tagged.
    pub language: Option<String>,
    /// Name for people, if tagged.
    pub title: Option<String>,
    /// Whether the container says that it is shown unless the viewer chooses otherwise.
    pub default: bool,
    /// What it says and when, in order, on the source's clock.
    pub cues: Vec<Cue>,
}

/// A probed audio stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioFacts {
    /// Position among all audio streams of the container, from zero; streams that cannot be decoded leave gaps.
    pub index: u32,
    /// Codec as a caps name, such as `audio/mpeg`.
    pub codec: String,
    /// Sampling rate in Hz.
    pub sample_rate: u32,
    /// Channels, the most of them where that changes; zero when unknown.
    pub channels: u32,
    /// Language as BCP 47 or ISO 639, if tagged.
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
    pub clock: SourceClock,
}
