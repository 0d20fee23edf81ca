//! Frames: encoding and decoding, without I/O.
//!
//! | kind | message | payload |
//! |---|---|---|
//! | 1 | `ToChild::Spec` | JSON [`GraphSpec`] |
//! | 2 | `ToChild::Data` | raw bytes |
//! | 3 | `ToChild::ReadFailed` | UTF-8 reason |
//! | 4 | `ToChild::Cancel` | empty |
//! | 5 | `ToChild::Unit` | `u8` medium (0 video, 1 audio), unit |
//! | 6 | `ToChild::Reconfigure` | `u8` medium, raw codec configuration |
//! | 7 | `ToChild::EndOfInput` | empty |
//! | 65 | `FromChild::Ready` | JSON [`DoorReport`] |
//! | 66 | `FromChild::Read` | `u64` offset, `u32` length |
//! | 67 | `FromChild::Probe` | JSON [`ProbeReport`] |
//! | 68 | `FromChild::Init` | `u8` track, raw bytes |
//! | 69 | `FromChild::Fragment` | `u8` track, `u64` first slot or sample, `u32` slots or samples, raw bytes |
//! | 70 | `FromChild::Image` | `u8` kind (0 poster, 1 sprite), `u32` index, raw JPEG |
//! | 71 | `FromChild::File` | raw bytes, in file order |
//! | 72 | `FromChild::Progress` | `u64` done, `u64` total |
//! | 73 | `FromChild::Verdict` | JSON [`Verdict`] |
//! | 74 | `FromChild::Config` | `u8` track, raw codec configuration |
//! | 75 | `FromChild::Unit` | `u8` track, unit |
//! | 76 | `FromChild::LiveStats` | JSON [`LiveStats`] |
//! | 77 | `FromChild::LiveEvent` | JSON [`LiveEvent`] |
//!
//! A unit is `u8` flags (bit 0: key), `i64` decoding time, `i64` presentation time, raw bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{DoorReport, GraphSpec, LiveEvent, LiveStats, Medium, PAYLOAD_MAX, ProbeReport, Unit, Verdict};

/// Bytes in front of every payload.
pub const HEADER_BYTES: usize = 5;

/// A frame that does not follow the format. The connection is of no further use.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The payload length exceeds [`PAYLOAD_MAX`].
    #[error("frame of {0} bytes exceeds the limit of {PAYLOAD_MAX}")]
    TooLong(usize),
    /// No message has this kind byte in this direction.
    #[error("unknown frame kind {0}")]
    UnknownKind(u8),
    /// The payload is shorter than its fixed header.
    #[error("frame kind {0} is too short")]
    Short(u8),
    /// The JSON or text payload does not parse.
    #[error("frame kind {kind} does not parse: {reason}")]
    Malformed {
        /// The kind byte.
        kind: u8,
        /// What the parser said.
        reason: String,
    },
}

/// Parent to child.
#[derive(Clone, Debug, PartialEq)]
pub enum ToChild {
    /// The graph to run; first and once.
    Spec(GraphSpec),
    /// The answer to a read.
    Data(Bytes),
    /// The read could not be served.
    ReadFailed(String),
    /// Stop and exit.
    Cancel,
    /// The next access unit of a live stream, in decoding order within its medium.
    Unit {
        /// Which of the source's two tracks.
        medium: Medium,
        /// The access unit.
        unit: Unit,
    },
    /// Units from here on follow another codec configuration.
    Reconfigure {
        /// Whose.
        medium: Medium,
        /// As in the spec: `avcC`, `hvcC` or AudioSpecificConfig.
        config: Bytes,
    },
    /// The live stream is over: encode what is there, then end.
    EndOfInput,
}

/// What an image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageKind {
    /// The one poster.
    Poster,
    /// A sheet of thumbnails.
    Sprite,
}

/// Child to parent.
#[derive(Clone, Debug, PartialEq)]
pub enum FromChild {
    /// The door is closed.
    Ready(DoorReport),
    /// A range of the source is wanted.
    Read {
        /// First byte.
        offset: u64,
        /// How many bytes, 1 to [`crate::READ_MAX`].
        len: u32,
    },
    /// What is in the source.
    Probe(ProbeReport),
    /// The CMAF header of a track (`ftyp` + `moov`).
    Init {
        /// The rung's or audio track's index.
        track: u8,
        /// The header.
        bytes: Bytes,
    },
    /// One CMAF fragment (`styp`? + `moof` + `mdat`), in order within its track.
    Fragment {
        /// The rung's or audio track's index.
        track: u8,
        /// First slot (video) or sample (audio) on the output timeline.
        first: u64,
        /// How many slots or samples.
        count: u32,
        /// The fragment.
        bytes: Bytes,
    },
    /// A JPEG.
    Image {
        /// What it is for.
        kind: ImageKind,
        /// Which sprite; zero for the poster.
        index: u32,
        /// The picture.
        bytes: Bytes,
    },
    /// The next bytes of a synthesised film.
    File(Bytes),
    /// How far the graph is, in frames, samples, pictures or packets.
    Progress {
        /// So far.
        done: u64,
        /// In the end; zero when unknown.
        total: u64,
    },
    /// The end.
    Verdict(Verdict),
    /// The codec configuration of a live output track: before its first unit, and again where it changes.
    Config {
        /// The rung's or audio track's index.
        track: u8,
        /// `avcC` or AudioSpecificConfig.
        bytes: Bytes,
    },
    /// The next encoded access unit of a live output track, in decoding order.
    Unit {
        /// The rung's or audio track's index.
        track: u8,
        /// The access unit: length-prefixed NAL units without parameter sets, or a raw AAC frame.
        unit: Unit,
    },
    /// Counters of a live graph, once a second.
    LiveStats(LiveStats),
    /// Something a live graph noticed.
    LiveEvent(LiveEvent),
}

fn frame(kind: u8, parts: &[&[u8]]) -> Bytes {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    debug_assert!(len <= PAYLOAD_MAX, "a sender keeps its payloads under the limit");
    let mut out = BytesMut::with_capacity(HEADER_BYTES + len);
    out.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
    out.put_u8(kind);
    parts.iter().for_each(|part| out.put_slice(part));
    out.freeze()
}

fn json<T: serde::Serialize>(kind: u8, value: &T) -> Bytes {
    // The types hold only strings, integers, finite floats and vectors, which always serialise.
    frame(kind, &[&serde_json::to_vec(value).unwrap_or_default()])
}

fn parse<T: serde::de::DeserializeOwned>(kind: u8, payload: &[u8]) -> Result<T, WireError> {
    serde_json::from_slice(payload).map_err(|error| WireError::Malformed { kind, reason: error.to_string() })
}

fn need(kind: u8, payload: &Bytes, len: usize) -> Result<(), WireError> {
    if payload.len() < len { Err(WireError::Short(kind)) } else { Ok(()) }
}

/// The parts of a unit's frame: header and bytes.
fn unit_frame(kind: u8, whose: u8, unit: &Unit) -> Bytes {
    let (dts, pts) = (unit.dts.to_be_bytes(), unit.pts.to_be_bytes());
    frame(kind, &[&[whose, u8::from(unit.key)], &dts, &pts, &unit.bytes])
}

/// Whose the unit is, and the unit.
fn parse_unit(kind: u8, mut payload: Bytes) -> Result<(u8, Unit), WireError> {
    need(kind, &payload, 18)?;
    let (whose, flags) = (payload.get_u8(), payload.get_u8());
    let (dts, pts) = (payload.get_i64(), payload.get_i64());
    Ok((whose, Unit { dts, pts, key: flags & 1 != 0, bytes: payload }))
}

fn medium(kind: u8, number: u8) -> Result<Medium, WireError> {
    let unknown = || WireError::Malformed { kind, reason: format!("medium {number}") };
    Medium::from_number(number).ok_or_else(unknown)
}

/// Takes the next whole frame off the front of `buffer`: its kind and payload, or `None` when more bytes are
/// needed.
///
/// # Errors
/// [`WireError::TooLong`] as soon as the length is known to exceed the limit.
pub fn split(buffer: &mut BytesMut) -> Result<Option<(u8, Bytes)>, WireError> {
    if buffer.len() < HEADER_BYTES {
        return Ok(None);
    }
    let len = u32::from_be_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]) as usize;
    if len > PAYLOAD_MAX {
        return Err(WireError::TooLong(len));
    }
    if buffer.len() < HEADER_BYTES + len {
        buffer.reserve(HEADER_BYTES + len - buffer.len());
        return Ok(None);
    }
    let kind = buffer[4];
    buffer.advance(HEADER_BYTES);
    Ok(Some((kind, buffer.split_to(len).freeze())))
}

impl ToChild {
    /// The message as one frame.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Spec(spec) => json(1, spec),
            Self::Data(bytes) => frame(2, &[bytes]),
            Self::ReadFailed(reason) => frame(3, &[reason.as_bytes()]),
            Self::Cancel => frame(4, &[]),
            Self::Unit { medium, unit } => unit_frame(5, medium.number(), unit),
            Self::Reconfigure { medium, config } => frame(6, &[&[medium.number()], config]),
            Self::EndOfInput => frame(7, &[]),
        }
    }

    /// The message of a frame.
    ///
    /// # Errors
    /// When the frame does not follow the format.
    pub fn decode(kind: u8, mut payload: Bytes) -> Result<Self, WireError> {
        match kind {
            1 => parse(kind, &payload).map(Self::Spec),
            2 => Ok(Self::Data(payload)),
            3 => Ok(Self::ReadFailed(String::from_utf8_lossy(&payload).into_owned())),
            4 => Ok(Self::Cancel),
            5 => {
                let (number, unit) = parse_unit(kind, payload)?;
                Ok(Self::Unit { medium: medium(kind, number)?, unit })
            }
            6 => {
                need(kind, &payload, 1)?;
                Ok(Self::Reconfigure { medium: medium(kind, payload.get_u8())?, config: payload })
            }
            7 => Ok(Self::EndOfInput),
            other => Err(WireError::UnknownKind(other)),
        }
    }
}

impl FromChild {
    /// The message as one frame.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Ready(report) => json(65, report),
            Self::Read { offset, len } => frame(66, &[&offset.to_be_bytes(), &len.to_be_bytes()]),
            Self::Probe(report) => json(67, report),
            Self::Init { track, bytes } => frame(68, &[&[*track], bytes]),
            Self::Fragment { track, first, count, bytes } => {
                frame(69, &[&[*track], &first.to_be_bytes(), &count.to_be_bytes(), bytes])
            }
            Self::Image { kind, index, bytes } => {
                frame(70, &[&[u8::from(*kind == ImageKind::Sprite)], &index.to_be_bytes(), bytes])
            }
            Self::File(bytes) => frame(71, &[bytes]),
            Self::Progress { done, total } => frame(72, &[&done.to_be_bytes(), &total.to_be_bytes()]),
            Self::Verdict(verdict) => json(73, verdict),
            Self::Config { track, bytes } => frame(74, &[&[*track], bytes]),
            Self::Unit { track, unit } => unit_frame(75, *track, unit),
            Self::LiveStats(stats) => json(76, stats),
            Self::LiveEvent(event) => json(77, event),
        }
    }

    /// The message of a frame.
    ///
    /// # Errors
    /// When the frame does not follow the format.
    pub fn decode(kind: u8, mut payload: Bytes) -> Result<Self, WireError> {
        match kind {
            65 => parse(kind, &payload).map(Self::Ready),
            66 => {
                need(kind, &payload, 12)?;
                Ok(Self::Read { offset: payload.get_u64(), len: payload.get_u32() })
            }
            67 => parse(kind, &payload).map(Self::Probe),
            68 => {
                need(kind, &payload, 1)?;
                Ok(Self::Init { track: payload.get_u8(), bytes: payload })
            }
            69 => {
                need(kind, &payload, 13)?;
                let (track, first, count) = (payload.get_u8(), payload.get_u64(), payload.get_u32());
                Ok(Self::Fragment { track, first, count, bytes: payload })
            }
            70 => {
                need(kind, &payload, 5)?;
                let kind = if payload.get_u8() == 0 { ImageKind::Poster } else { ImageKind::Sprite };
                Ok(Self::Image { kind, index: payload.get_u32(), bytes: payload })
            }
            71 => Ok(Self::File(payload)),
            72 => {
                need(kind, &payload, 16)?;
                Ok(Self::Progress { done: payload.get_u64(), total: payload.get_u64() })
            }
            73 => parse(kind, &payload).map(Self::Verdict),
            74 => {
                need(kind, &payload, 1)?;
                Ok(Self::Config { track: payload.get_u8(), bytes: payload })
            }
            75 => parse_unit(kind, payload).map(|(track, unit)| Self::Unit { track, unit }),
            76 => parse(kind, &payload).map(Self::LiveStats),
            77 => parse(kind, &payload).map(Self::LiveEvent),
            other => Err(WireError::UnknownKind(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ProbeSpec, SourceSpec};

    fn through(message: &FromChild) -> FromChild {
        let mut buffer = BytesMut::from(&message.encode()[..]);
        let (kind, payload) = split(&mut buffer).expect("own frame").expect("whole frame");
        assert!(buffer.is_empty());
        FromChild::decode(kind, payload).expect("own frame")
    }

    #[test]
    fn spec_round_trips() {
        let source = SourceSpec { bytes: 7 };
        let spec = GraphSpec::Probe(ProbeSpec { source, duration_max_ns: 9, dimension_max: 8192 });
        let mut buffer = BytesMut::from(&ToChild::Spec(spec.clone()).encode()[..]);
        let (kind, payload) = split(&mut buffer).expect("own frame").expect("whole frame");
        assert_eq!(ToChild::decode(kind, payload).expect("own frame"), ToChild::Spec(spec));
    }

    #[test]
    fn a_frame_beyond_the_limit_is_refused_before_it_is_buffered() {
        let mut buffer = BytesMut::from(&[0xff, 0xff, 0xff, 0xff, 71][..]);
        assert!(matches!(split(&mut buffer), Err(WireError::TooLong(_))));
    }

    proptest! {
        #[test]
        fn bulk_frames_round_trip(track: u8, first: u64, count: u32, data: Vec<u8>) {
            let message = FromChild::Fragment { track, first, count, bytes: data.into() };
            prop_assert_eq!(through(&message), message);
        }

        #[test]
        fn arbitrary_bytes_never_panic(data: Vec<u8>) {
            let mut buffer = BytesMut::from(&data[..]);
            while let Ok(Some((kind, payload))) = split(&mut buffer) {
                let _ = FromChild::decode(kind, payload.clone());
                let _ = ToChild::decode(kind, payload);
            }
        }
    }
}
