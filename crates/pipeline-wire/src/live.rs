//! What is said to and by a child that encodes a live stream while it runs.
//!
//! Times are ticks of a track's timescale, counted from the broadcast's tick zero; they may be negative. The child
//! treats them as labels: what it makes of an access unit carries that unit's presentation time.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::RungSpec;

/// The largest access unit a parent hands to a child, in bytes.
pub const UNIT_MAX: usize = 16 << 20;

/// One live stream for all rungs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveSpec {
    /// Pictures, when there are rungs to make of them.
    pub video: Option<LiveVideoSpec>,
    /// Sound, when it is to be encoded anew.
    pub audio: Option<LiveAudioSpec>,
}

/// Codecs of live pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveCodec {
    /// H.264 in length-prefixed NAL units; configured by an `avcC` (ISO/IEC 14496-15 §5.3.3.1).
    H264,
    /// HEVC in length-prefixed NAL units; configured by an `hvcC` (ISO/IEC 14496-15 §8.3.3.1).
    Hevc,
}

/// Where the pictures of rungs are key pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRule {
    /// Exactly where the source's are: rungs stand beside the source's own pictures.
    AsSource,
    /// At the first picture at or past each multiple of this many frames from tick zero, whatever the source does.
    Every {
        /// Frames, at least 1.
        frames: u32,
    },
}

/// Pictures of a live stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveVideoSpec {
    /// What comes in.
    pub codec: LiveCodec,
    /// Its configuration record.
    pub config: Vec<u8>,
    /// Ticks per second of every presentation time, in and out; 1 to 1,000,000,000.
    pub timescale: u32,
    /// Ticks from one picture to the next; at least 1.
    pub frame_ticks: u32,
    /// Where key pictures are.
    pub keys: KeyRule,
    /// Pictures an encoder looks ahead, 0 to 60: each delays its output by one picture and makes it a little better.
    pub lookahead_frames: u32,
    /// Rungs, largest first; scaling cascades from each to the next. None has B-pictures.
    pub rungs: Vec<RungSpec>,
}

/// Sound of a live stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveAudioSpec {
    /// The AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) of what comes in.
    pub config: Vec<u8>,
    /// Ticks per second of what comes in; 1 to 1,000,000,000.
    pub timescale: u32,
    /// Index used as `track` in the frames that answer.
    pub track: u8,
    /// Output sampling rate in Hz, and ticks per second of what goes out. Output frames start at multiples of
    /// 1024 ticks.
    pub sample_rate: u32,
    /// Output channels, 1 or 2.
    pub channels: u32,
    /// AAC-LC bit rate, in bit/s.
    pub bitrate: u32,
}

/// A live source's tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

impl Medium {
    /// The byte that stands for it on the wire.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Video => 0,
            Self::Audio => 1,
        }
    }

    /// What the byte stands for.
    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Video),
            1 => Some(Self::Audio),
            _ => None,
        }
    }

    /// The track of units that a child made of nothing.
    #[must_use]
    pub const fn track(self) -> u8 {
        self.number()
    }

    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }
}

/// One access unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Decoding time in ticks.
    pub dts: i64,
    /// Presentation time in ticks.
    pub pts: i64,
    /// Whether decoding can begin here; true for all sound.
    pub key: bool,
    /// Length-prefixed NAL units, or a raw AAC frame.
    pub bytes: Bytes,
}

/// Counters of a live graph since it began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveStats {
    /// Units of pictures that were given to the decoder.
    pub video_taken: u64,
    /// Pictures that came out of it and were encoded.
    pub pictures: u64,
    /// Units that never became a picture.
    pub pictures_lost: u64,
    /// Pictures the decoder says it had to guess parts of.
    pub pictures_damaged: u64,
    /// Units of sound that were given to the decoder.
    pub audio_taken: u64,
    /// Samples of silence put where sound was missing, at the source's rate.
    pub silence_samples: u64,
    /// The longest time from taking a unit to sending it on the last rung since the last report, in microseconds.
    pub lateness_us: u64,
    /// What was sent, by track.
    pub encoded: Vec<TrackCount>,
}

/// What was sent of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackCount {
    /// The rung's or audio track's index.
    pub track: u8,
    /// Units.
    pub units: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Something a live graph noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum LiveEvent {
    /// The source's pictures have this size from here on: said of the first, and where it changes. Rungs keep the
    /// size that was asked for; a parent that wants others starts another child.
    PictureSize {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Presentation time of the first of them, in ticks.
        pts: i64,
    },
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::*;

    use super::*;
    use crate::{FromChild, GraphSpec, ToChild, WireError, frame};

    fn spec() -> LiveSpec {
        let rung = RungSpec {
            track: 1,
            width: 640,
            height: 360,
            crf: 26.0,
            maxrate_kbps: 800,
            bufsize_kbit: 800,
            preset: "veryfast".into(),
            level_idc: 30,
        };
        let video = LiveVideoSpec {
            codec: LiveCodec::H264,
            config: vec![1, 100, 0, 31, 255],
            timescale: 30_000,
            frame_ticks: 1001,
            keys: KeyRule::Every { frames: 60 },
            lookahead_frames: 0,
            rungs: vec![rung],
        };
        let audio = LiveAudioSpec {
            config: vec![0x11, 0x90],
            timescale: 48_000,
            track: 9,
            sample_rate: 48_000,
            channels: 2,
            bitrate: 96_000,
        };
        LiveSpec { video: Some(video), audio: Some(audio) }
    }

    fn parts(frame: &Bytes) -> (u8, Bytes) {
        let mut buffer = BytesMut::from(&frame[..]);
        let parts = frame::split(&mut buffer).expect("own frame").expect("whole frame");
        assert!(buffer.is_empty());
        parts
    }

    fn down(message: &ToChild) -> ToChild {
        let (kind, payload) = parts(&message.encode());
        ToChild::decode(kind, payload).expect("own frame")
    }

    fn up(message: &FromChild) -> FromChild {
        let (kind, payload) = parts(&message.encode());
        FromChild::decode(kind, payload).expect("own frame")
    }

    #[test]
    fn live_frames_round_trip() {
        let config = Bytes::from_static(&[1, 66, 0, 31]);
        for message in [
            ToChild::Spec(GraphSpec::Live(spec())),
            ToChild::Reconfigure { medium: Medium::Audio, config: config.clone() },
            ToChild::EndOfInput,
        ] {
            assert_eq!(down(&message), message);
        }
        let encoded = vec![TrackCount { track: 3, units: 4, bytes: 5 }];
        for message in [
            FromChild::Config { track: 2, bytes: config },
            FromChild::LiveStats(LiveStats { pictures: 1, encoded, ..LiveStats::default() }),
            FromChild::LiveEvent(LiveEvent::PictureSize { width: 640, height: 360, pts: -7 }),
        ] {
            assert_eq!(up(&message), message);
        }
    }

    #[test]
    fn units_of_no_medium_and_short_ones_are_refused() {
        let mut payload = vec![0; 18];
        assert!(ToChild::decode(5, payload.clone().into()).is_ok());
        payload[0] = 2;
        assert!(matches!(ToChild::decode(5, payload.into()), Err(WireError::Malformed { kind: 5, .. })));
        assert!(matches!(ToChild::decode(5, vec![0; 17].into()), Err(WireError::Short(5))));
        assert!(matches!(FromChild::decode(75, vec![0; 17].into()), Err(WireError::Short(75))));
    }

    proptest! {
        #[test]
        fn units_round_trip(track: u8, key: bool, dts: i64, pts: i64, data: Vec<u8>) {
            let unit = Unit { dts, pts, key, bytes: data.into() };
            let sent = FromChild::Unit { track, unit: unit.clone() };
            prop_assert_eq!(up(&sent), sent);
            let sent = ToChild::Unit { medium: Medium::Video, unit };
            prop_assert_eq!(down(&sent), sent);
        }
    }
}
