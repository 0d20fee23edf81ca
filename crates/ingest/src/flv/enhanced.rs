//! What Enhanced RTMP v2 puts before a payload: modifiers and the codec's four characters.

use bytes::Bytes;

use super::{Trouble, take};
use crate::Unsupported;

/// Packet types that sound and pictures share.
pub(super) const SEQUENCE_START: u8 = 0;
pub(super) const CODED_FRAMES: u8 = 1;
const MODIFIED: u8 = 7;
/// The one modifier that is defined: nanoseconds beside the timestamp.
const TIMESTAMP_OFFSET: u8 = 0;
/// Modifiers before one payload.
const MODIFIERS_MAX: usize = 8;

/// The end of an extended header.
pub(super) struct Head {
    pub(super) packet: u8,
    pub(super) offset_ns: u32,
}

/// Takes the modifiers, if there are any; `packet` is the type that the first byte names.
pub(super) fn modifiers(body: &mut Bytes, packet: u8) -> Result<Head, Trouble> {
    let mut head = Head { packet, offset_ns: 0 };
    for _ in 0..MODIFIERS_MAX {
        if head.packet != MODIFIED {
            return Ok(head);
        }
        let [size] = take(body)?;
        let size = match size {
            u8::MAX => usize::from(u16::from_be_bytes(take(body)?)) + 1,
            size => usize::from(size) + 1,
        };
        if body.len() < size {
            return Err(Trouble::Broken);
        }
        let data = body.split_to(size);
        let [types] = take(body)?;
        head.packet = types & 0x0F;
        if types >> 4 == TIMESTAMP_OFFSET && data.len() >= 3 {
            head.offset_ns = data[..3].iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
        }
    }
    Err(Trouble::Broken)
}

/// A codec by its four characters, for the creator.
pub(super) fn named(four_cc: [u8; 4], instead: &'static str) -> Unsupported {
    let name = match &four_cc {
        b"av01" => "AV1",
        b"vp08" => "VP8",
        b"vp09" => "VP9",
        b"vvc1" => "VVC",
        b"Opus" => "Opus",
        b"fLaC" => "FLAC",
        b".mp3" => "MP3",
        b"ac-3" => "AC-3",
        b"ec-3" => "E-AC-3",
        other => return Unsupported { what: format!("the codec “{}”", other.escape_ascii()), instead },
    };
    Unsupported { what: name.to_owned(), instead }
}
