//! What comes out of a publisher.

use std::{fmt, io, time::Duration};

use bytes::Bytes;

use crate::Fault;

/// Which of the two tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

impl Track {
    /// A word for labels and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }
}

/// One thing that a publisher sent, in its order.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// What the encoder says about itself; hints, nothing to rely on.
    Metadata(Metadata),
    /// The configuration of the pictures that follow; again when it changes, never twice the same in a row.
    VideoConfig(VideoConfig),
    /// The configuration of the sound that follows; again when it changes, never twice the same in a row.
    AudioConfig(AudioConfig),
    /// One coded picture.
    Video(AccessUnit),
    /// One coded audio frame.
    Audio(AccessUnit),
    /// Something was left out; the stream goes on.
    Dropped(Dropped),
    /// How the connection does, once a second; of SRT alone.
    Link(Link),
    /// The last event, exactly once.
    Ended(End),
}

impl Event {
    /// Bytes of media that the event holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Video(unit) | Self::Audio(unit) => unit.data.len(),
            Self::VideoConfig(config) => config.record.len(),
            Self::AudioConfig(config) => config.record.len(),
            Self::Metadata(_) | Self::Dropped(_) | Self::Link(_) | Self::Ended(_) => 0,
        }
    }
}

/// How a connection does. Counts are of packets, from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// To the encoder and back, smoothed, in microseconds.
    pub rtt_us: u64,
    /// Packets that came, those that came again among them.
    pub received: u64,
    /// Packets that were missed when the next one came; most come again.
    pub lost: u64,
    /// Packets that came again.
    pub retransmitted: u64,
    /// Packets that did not come again in time, so that what they carried is missing.
    pub dropped: u64,
    /// What the path could carry, estimated by libsrt, in bits per second; rough.
    pub bandwidth_bps: u64,
}

/// What `onMetaData` says; every field may be absent or wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// The encoder's name, printable, at most 128 characters.
    pub encoder: Option<String>,
    /// In pixels.
    pub width: Option<u32>,
    /// In pixels.
    pub height: Option<u32>,
    /// Frames per second, above 0, at most 1,000.
    pub frame_rate: Option<f64>,
    /// In kilobits per second.
    pub video_kbps: Option<f64>,
    /// In kilobits per second.
    pub audio_kbps: Option<f64>,
    /// In hertz.
    pub sample_rate: Option<u32>,
}

/// The codecs of pictures that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// H.264; the record is an `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15 §5.3.3.1).
    H264,
    /// HEVC; the record is an `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15 §8.3.3.1).
    Hevc,
}

/// How pictures are decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoConfig {
    /// The codec.
    pub codec: VideoCodec,
    /// Bytes of the length before each NAL unit: 1, 2 or 4.
    pub nal_length_bytes: u8,
    /// The decoder configuration record as sent.
    pub record: Bytes,
}

/// How sound is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioConfig {
    /// The audio object type; 2 is AAC-LC, 5 and 29 are HE-AAC (ISO/IEC 14496-3 table 1.17).
    pub object_type: u8,
    /// Of the core coder, in hertz.
    pub sample_rate: u32,
    /// The channel configuration, 0 to 15; 0 means that the record says it elsewhere.
    pub channel_configuration: u8,
    /// The `AudioSpecificConfig` as sent (ISO/IEC 14496-3 §1.6.2.1).
    pub record: Bytes,
}

/// A coded picture or audio frame.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// When it is decoded, in microseconds of the sender's clock. RTMP counts milliseconds in 32 bits, MPEG-TS
    /// 90,000ths of a second in 33; the count goes on where those wrap. Nothing else is repaired: it may stand, jump and run backwards.
    pub dts_us: i64,
    /// When it is shown, in microseconds of the sender's clock.
    pub pts_us: i64,
    /// Whether the sender says that decoding may begin here. Always for sound.
    pub key: bool,
    /// NAL units with their lengths before them; or one raw AAC frame.
    pub data: Bytes,
}

impl fmt::Debug for AccessUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = if self.key { ", key" } else { "" };
        write!(f, "AccessUnit(dts {} µs, pts {} µs, {} B{key})", self.dts_us, self.pts_us, self.data.len())
    }
}

/// Something that was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// A unit came before its configuration, or sound before that of the pictures that go with it.
    #[error("{} before its configuration", .0.name())]
    BeforeConfig(Track),
    /// A unit or configuration whose bytes contradict themselves.
    #[error("broken {}", .0.name())]
    Malformed(Track),
    /// A unit of which packets were lost on the way.
    #[error("{} with a gap", .0.name())]
    Lost(Track),
}

impl Dropped {
    /// The track and a word for labels.
    #[must_use]
    pub const fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::BeforeConfig(track) => (track.name(), "before_config"),
            Self::Malformed(track) => (track.name(), "malformed"),
            Self::Lost(track) => (track.name(), "lost"),
        }
    }
}

/// Media that is not taken, by the name a creator knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the encoder sends {what}, which this server does not take; set it to {instead}")]
pub struct Unsupported {
    /// A codec or format.
    pub what: String,
    /// What to set instead.
    pub instead: &'static str,
}

/// How a publisher ended. `Display` is a line for the creator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// The encoder said that it is done.
    #[error("the encoder ended the stream")]
    Closed,
    /// The connection ended without a word.
    #[error("the connection to the encoder was lost{}", because(*.0))]
    Lost(Option<io::ErrorKind>),
    /// The connection stood, but brought no picture and no sound.
    #[error("the encoder sent nothing for {} s", .0.as_secs())]
    Stalled(Duration),
    /// What came is no RTMP, or no MPEG-TS.
    #[error("what the encoder sent cannot be read: {0}")]
    Broken(#[from] Fault),
    /// The media is of a kind that is not taken.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The asker ended it.
    #[error("the server ended the stream: {0}")]
    Stopped(Refusal),
}

fn because(kind: Option<io::ErrorKind>) -> String {
    kind.map_or_else(String::new, |kind| format!(" ({kind})"))
}

impl End {
    /// A word for labels.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Lost(_) => "lost",
            Self::Stalled(_) => "stalled",
            Self::Broken(_) => "broken",
            Self::Unsupported(_) => "unsupported",
            Self::Stopped(_) => "stopped",
        }
    }
}

/// Why the asker does not take a stream, or takes it no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No channel has this key, or the publisher may not.
    Denied,
    /// The channel has a publisher already.
    Busy,
    /// Not now; trying again later may work.
    Unavailable,
}

impl Reason {
    /// The code of the `onStatus` that the encoder gets (RTMP 1.0 §7.2.2; the codes are Adobe's).
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Denied => "NetStream.Publish.Denied",
            Self::Busy => "NetStream.Publish.BadName",
            Self::Unavailable => "NetStream.Failed",
        }
    }

    /// A word for labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A no, with a line that the encoder shows or logs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// Which status code is sent.
    pub reason: Reason,
    /// For the creator; at most 1,000 bytes of it are sent.
    pub text: String,
}

impl Refusal {
    /// A refusal with its line.
    #[must_use]
    pub fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }
}
