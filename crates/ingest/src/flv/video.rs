//! Video messages.

use bytes::{Buf, Bytes};

use super::{
    Body, Trouble, Unit,
    enhanced::{CODED_FRAMES, Head, SEQUENCE_START, modifiers, named},
    take,
};
use crate::{Unsupported, VideoCodec, VideoConfig};

const INSTEAD: &str = "H.264";
pub(super) const ENHANCED: u8 = 0x80;
/// Frame types (FLV 10.1 §E.4.3.1).
pub(super) const KEY: u8 = 1;
const GENERATED_KEY: u8 = 4;
const COMMAND: u8 = 5;
/// Codec numbers (FLV 10.1 §E.4.3.1).
pub(super) const AVC: u8 = 7;
/// Packet types of Enhanced RTMP v2 that sound does not have so.
const CODED_FRAMES_X: u8 = 3;
const MULTITRACK: u8 = 6;
/// Bytes of an HEVC record before its arrays.
const HEVC_RECORD: usize = 23;

/// Reads a body.
pub(super) fn read(body: &Bytes) -> Result<Body<VideoConfig>, Trouble> {
    let mut body = body.clone();
    let Some(first) = body.first().copied() else { return Ok(Body::Nothing) };
    body.advance(1);
    if first & ENHANCED != 0 {
        return enhanced(first, body);
    }
    let frame = first >> 4;
    if frame == COMMAND {
        return Ok(Body::Nothing);
    }
    if first & 0x0F != AVC {
        return Err(legacy(first & 0x0F).into());
    }
    let [packet] = take(&mut body)?;
    let composition_ms = signed24(take(&mut body)?);
    match packet {
        SEQUENCE_START => record(VideoCodec::H264, body),
        CODED_FRAMES => Ok(unit(body, composition_ms, 0, frame)),
        _ => Ok(Body::Nothing),
    }
}

fn enhanced(first: u8, mut body: Bytes) -> Result<Body<VideoConfig>, Trouble> {
    let frame = first >> 4 & 7;
    let Head { packet, offset_ns } = modifiers(&mut body, first & 0x0F)?;
    if packet == MULTITRACK {
        return Err(
            Unsupported { what: "several pictures at once (multitrack)".to_owned(), instead: "one" }.into()
        );
    }
    if frame == COMMAND {
        return Ok(Body::Nothing);
    }
    let codec = match &take(&mut body)? {
        b"avc1" => VideoCodec::H264,
        b"hvc1" => VideoCodec::Hevc,
        other => return Err(named(*other, "H.264 or HEVC").into()),
    };
    match packet {
        SEQUENCE_START => record(codec, body),
        CODED_FRAMES => {
            let composition_ms = signed24(take(&mut body)?);
            Ok(unit(body, composition_ms, offset_ns, frame))
        }
        CODED_FRAMES_X => Ok(unit(body, 0, offset_ns, frame)),
        _ => Ok(Body::Nothing),
    }
}

fn unit(data: Bytes, composition_ms: i32, offset_ns: u32, frame: u8) -> Body<VideoConfig> {
    if data.is_empty() {
        return Body::Nothing;
    }
    Body::Unit(Unit { composition_ms, offset_ns, key: matches!(frame, KEY | GENERATED_KEY), data })
}

fn legacy(codec: u8) -> Unsupported {
    let what = match codec {
        2 => "Sorenson H.263".to_owned(),
        3 | 6 => "screen video".to_owned(),
        4 | 5 => "VP6".to_owned(),
        12 => "HEVC by the unofficial codec number 12".to_owned(),
        13 => "AV1 by the unofficial codec number 13".to_owned(),
        other => format!("video codec number {other}"),
    };
    let instead = if codec == 12 { "H.264, or HEVC by Enhanced RTMP" } else { INSTEAD };
    Unsupported { what, instead }
}

fn record(codec: VideoCodec, record: Bytes) -> Result<Body<VideoConfig>, Trouble> {
    let nal_length_bytes = match codec {
        VideoCodec::H264 => avc_record(&record),
        VideoCodec::Hevc => hevc_record(&record),
    };
    let nal_length_bytes = nal_length_bytes.filter(|bytes| *bytes != 3).ok_or(Trouble::Broken)?;
    Ok(Body::Config(VideoConfig { codec, nal_length_bytes, record }))
}

/// The length size of a record with at least one sequence and one picture parameter set.
fn avc_record(record: &[u8]) -> Option<u8> {
    let (head, mut rest) = record.split_at_checked(6)?;
    let sequence_sets = head[5] & 0x1F;
    for _ in 0..sequence_sets {
        rest = after_set(rest)?;
    }
    let (picture_sets, mut rest) = rest.split_first()?;
    for _ in 0..*picture_sets {
        rest = after_set(rest)?;
    }
    (head[0] == 1 && sequence_sets > 0 && *picture_sets > 0).then_some((head[4] & 3) + 1)
}

fn after_set(sets: &[u8]) -> Option<&[u8]> {
    let (length, rest) = sets.split_at_checked(2)?;
    rest.get(usize::from(u16::from_be_bytes([length[0], length[1]]))..)
}

/// The length size of a record whose arrays are whole.
fn hevc_record(record: &[u8]) -> Option<u8> {
    let (head, mut rest) = record.split_at_checked(HEVC_RECORD)?;
    for _ in 0..head[22] {
        let (array, sets) = rest.split_at_checked(3)?;
        rest = sets;
        for _ in 0..u16::from_be_bytes([array[1], array[2]]) {
            rest = after_set(rest)?;
        }
    }
    (head[0] == 1 && head[22] > 0).then_some((head[21] & 3) + 1)
}

/// Whether NAL units with lengths of `size` bytes, 1 to 4, fill `data` exactly.
pub(super) fn tiles(data: &[u8], size: usize) -> bool {
    let mut rest = data;
    while let Some((length, after)) = rest.split_at_checked(size) {
        let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        let Some(next) = after.get(length..) else { return false };
        rest = next;
    }
    rest.is_empty()
}

/// Two's complement of 24 bits.
fn signed24([high, middle, low]: [u8; 3]) -> i32 {
    i32::from_be_bytes([high, middle, low, 0]) >> 8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsupported(body: &[u8]) -> String {
        match read(&Bytes::copy_from_slice(body)) {
            Err(Trouble::Unsupported(unsupported)) => unsupported.to_string(),
            _ => panic!("taken"),
        }
    }

    fn hevc() -> Vec<u8> {
        let head = [&[1][..], &[0; 20], &[3, 1]].concat();
        [&[0x90][..], b"hvc1", &head, &[32, 0, 1, 0, 2, 9, 9]].concat()
    }

    #[test]
    fn codecs_that_are_not_taken_are_named() {
        assert!(unsupported(&[0x14, 0]).contains("VP6"));
        assert!(unsupported(&[0x1C, 0]).contains("Enhanced RTMP"));
        assert!(unsupported(b"\x90av01").contains("AV1"));
        assert!(unsupported(b"\x90\0\n\"x").contains("\\x00\\n\\\"x"));
        assert!(unsupported(b"\x96\0avc1").contains("multitrack"));
    }

    #[test]
    fn enhanced_hevc_is_read_with_and_without_composition_and_modifiers() {
        let Ok(Body::Config(config)) = read(&hevc().into()) else { panic!("a configuration") };
        assert_eq!((config.codec, config.nal_length_bytes), (VideoCodec::Hevc, 4));
        let plain = b"\xA3hvc1\0\0\0\x01\x26";
        let Ok(Body::Unit(unit)) = read(&Bytes::from_static(plain)) else { panic!("a unit") };
        assert_eq!((unit.key, unit.composition_ms, unit.data.len()), (false, 0, 5));
        let composed = b"\x91hvc1\0\0\x21\0\0\0\x01\x26";
        let Ok(Body::Unit(unit)) = read(&Bytes::from_static(composed)) else { panic!("a unit") };
        assert_eq!((unit.key, unit.composition_ms), (true, 33));
        let modified = b"\x97\x02\x03\xD0\x90\x03hvc1\0\0\0\x01\x26";
        let Ok(Body::Unit(unit)) = read(&Bytes::from_static(modified)) else { panic!("a unit") };
        assert_eq!((unit.key, unit.offset_ns, unit.data.len()), (true, 250_000, 5));
    }

    #[test]
    fn a_record_that_is_cut_is_broken() {
        let whole = hevc();
        for end in 5..whole.len() {
            let cut = read(&Bytes::copy_from_slice(&whole[..end]));
            assert!(matches!(cut, Err(Trouble::Broken)), "{end} bytes");
        }
    }
}
