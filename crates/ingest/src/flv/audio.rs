//! Audio messages.

use bytes::{Buf, Bytes};

use super::{
    Body, Trouble, Unit,
    enhanced::{CODED_FRAMES, Head, SEQUENCE_START, modifiers, named},
    take,
};
use crate::{AudioConfig, Unsupported};

const INSTEAD: &str = "AAC";
/// Sound formats (FLV 10.1 §E.4.2.1; 9 is Enhanced RTMP's).
const ENHANCED: u8 = 9;
pub(super) const AAC: u8 = 10;
/// A packet type of Enhanced RTMP v2 that pictures have under another number.
const MULTITRACK: u8 = 5;
/// Audio object types (ISO/IEC 14496-3 table 1.17).
const LC: u8 = 2;
const SBR: u8 = 5;
const PS: u8 = 29;
const ESCAPE: u8 = 31;
/// ISO/IEC 14496-3 table 1.18.
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
const RATE_GIVEN: usize = 15;

/// Reads a body.
pub(super) fn read(body: &Bytes) -> Result<Body<AudioConfig>, Trouble> {
    let mut body = body.clone();
    let Some(first) = body.first().copied() else { return Ok(Body::Nothing) };
    body.advance(1);
    let head = match first >> 4 {
        AAC => Head { packet: take::<1>(&mut body)?[0], offset_ns: 0 },
        ENHANCED => enhanced(first, &mut body)?,
        other => return Err(legacy(other).into()),
    };
    match head.packet {
        SEQUENCE_START => Ok(Body::Config(config(body)?)),
        CODED_FRAMES if !body.is_empty() => {
            Ok(Body::Unit(Unit { composition_ms: 0, offset_ns: head.offset_ns, key: true, data: body }))
        }
        _ => Ok(Body::Nothing),
    }
}

fn enhanced(first: u8, body: &mut Bytes) -> Result<Head, Trouble> {
    let head = modifiers(body, first & 0x0F)?;
    if head.packet == MULTITRACK {
        return Err(
            Unsupported { what: "several sounds at once (multitrack)".to_owned(), instead: "one" }.into()
        );
    }
    match &take(body)? {
        b"mp4a" => Ok(head),
        other => Err(named(*other, INSTEAD).into()),
    }
}

fn legacy(format: u8) -> Unsupported {
    let what = match format {
        0 | 3 => "PCM".to_owned(),
        1 => "ADPCM".to_owned(),
        2 | 14 => "MP3".to_owned(),
        4..=6 => "Nellymoser".to_owned(),
        7 | 8 => "G.711".to_owned(),
        11 => "Speex".to_owned(),
        13 => "Opus by the unofficial format number 13".to_owned(),
        other => format!("audio format number {other}"),
    };
    Unsupported { what, instead: INSTEAD }
}

/// Reads an `AudioSpecificConfig` as far as its channels (ISO/IEC 14496-3 §1.6.2.1).
fn config(record: Bytes) -> Result<AudioConfig, Trouble> {
    let mut bits = Bits { bytes: &record, at: 0 };
    let (object_type, sample_rate, channel_configuration) = fields(&mut bits).ok_or(Trouble::Broken)?;
    if !matches!(object_type, LC | SBR | PS) {
        return Err(
            Unsupported { what: format!("AAC of object type {object_type}"), instead: "AAC-LC" }.into()
        );
    }
    Ok(AudioConfig { object_type, sample_rate, channel_configuration, record })
}

fn fields(bits: &mut Bits<'_>) -> Option<(u8, u32, u8)> {
    let object_type = match u8::try_from(bits.take(5)?).ok()? {
        ESCAPE => 32 + u8::try_from(bits.take(6)?).ok()?,
        object_type => object_type,
    };
    let sample_rate = match bits.take(4)? as usize {
        RATE_GIVEN => bits.take(24).filter(|rate| *rate > 0)?,
        index => *RATES.get(index)?,
    };
    Some((object_type, sample_rate, u8::try_from(bits.take(4)?).ok()?))
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next bits, at most 32.
    fn take(&mut self, count: usize) -> Option<u32> {
        (0..count).try_fold(0, |number, _| {
            let bit = self.bytes.get(self.at / 8)? >> (7 - self.at % 8) & 1;
            self.at += 1;
            Some(number << 1 | u32::from(bit))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(record: &'static [u8]) -> Option<(u8, u32, u8)> {
        let config = config(Bytes::from_static(record)).ok()?;
        Some((config.object_type, config.sample_rate, config.channel_configuration))
    }

    fn unsupported(body: &'static [u8]) -> String {
        match read(&Bytes::from_static(body)) {
            Err(Trouble::Unsupported(unsupported)) => unsupported.to_string(),
            _ => panic!("taken"),
        }
    }

    #[test]
    fn configurations_say_type_rate_and_channels() {
        assert_eq!(configured(&[0x11, 0x90]), Some((2, 48_000, 2)));
        assert_eq!(configured(&[0x2B, 0x92, 0x08, 0x00]), Some((5, 22_050, 2)));
        assert_eq!(configured(&[0x17, 0x80, 0x5D, 0xC0, 0x08]), Some((2, 48_000, 1)));
        assert_eq!(configured(&[0x11]), None);
        assert_eq!(configured(&[0x16, 0x90]), None, "a reserved rate");
    }

    #[test]
    fn formats_that_are_not_taken_are_named() {
        assert!(unsupported(&[0x2F, 0]).contains("MP3"));
        assert!(unsupported(b"\x90Opus").contains("Opus"));
        assert!(unsupported(b"\x95\0mp4a").contains("multitrack"));
        assert!(unsupported(&[0xAF, 0, 0xF9, 0x46, 0x40]).contains("object type 42"));
    }

    #[test]
    fn enhanced_aac_is_read() {
        let Ok(Body::Config(config)) = read(&Bytes::from_static(b"\x90mp4a\x11\x90")) else {
            panic!("a configuration")
        };
        assert_eq!(config.sample_rate, 48_000);
        let Ok(Body::Unit(unit)) = read(&Bytes::from_static(b"\x91mp4aXY")) else { panic!("a frame") };
        assert_eq!(&unit.data[..], b"XY");
    }
}
