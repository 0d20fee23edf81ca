//! H.264: decoder configuration records and sequence parameter sets.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Sequence, VideoCodec, VideoConfig, bounded, first, invalid, side, vui};
use crate::{
    CmafError,
    cmaf::{
        atom::Fields,
        bits::Bits,
        sps::{HIGH_PROFILES, without_emulation_prevention},
    },
    live::nal::SetKind,
};

const WHAT: &str = "an AVCDecoderConfigurationRecord";

pub(super) fn from_record(record: &Bytes) -> Result<VideoConfig, CmafError> {
    bounded(record)?;
    let mut fields = Fields::of(record, WHAT);
    if fields.u8()? != 1 {
        return Err(invalid("an AVCDecoderConfigurationRecord of an unknown version"));
    }
    fields.take(3)?;
    let nal_length_bytes = (fields.u8()? & 3) + 1;
    let mut sets = Vec::new();
    for (mask, kind) in [(0x1f, SetKind::Sequence), (0xff, SetKind::Picture)] {
        for _ in 0..fields.u8()? & mask {
            let len = usize::from(fields.u16()?);
            sets.push((kind, record.slice_ref(fields.take(len)?)));
        }
    }
    from_sets(nal_length_bytes, sets)
}

pub(super) fn from_sets(nal_length_bytes: u8, sets: Vec<(SetKind, Bytes)>) -> Result<VideoConfig, CmafError> {
    if !matches!(nal_length_bytes, 1 | 2 | 4) {
        return Err(invalid("NAL unit lengths of three bytes"));
    }
    let sps = first(&sets, SetKind::Sequence, "H.264 without a sequence parameter set")?;
    first(&sets, SetKind::Picture, "H.264 without a picture parameter set")?;
    let &[head, profile, constraints, level, ..] = &sps[..] else {
        return Err(CmafError::Truncated { what: "sequence parameter set", offset: 0 });
    };
    if head & 0x1f != 7 {
        return Err(invalid("a sequence parameter set of another NAL unit type"));
    }
    let sequence = sequence(sps)?;
    let codecs = format!("avc1.{profile:02X}{constraints:02X}{level:02X}");
    Ok(VideoConfig {
        codec: VideoCodec::H264,
        record: record(nal_length_bytes, [profile, constraints, level], &sequence, &sets)?,
        codecs,
        width: sequence.width,
        height: sequence.height,
        sample_aspect: sequence.vui.sample_aspect.unwrap_or((1, 1)),
        frame_rate: sequence.vui.frame_rate,
        colour: sequence.vui.colour,
        nal_length_bytes,
        sets,
    })
}

/// The record as CMAF wants it: with chroma format and depths for the profiles above Main.
fn record(
    nal_length_bytes: u8,
    profile: [u8; 3],
    sequence: &Sequence,
    sets: &[(SetKind, Bytes)],
) -> Result<Bytes, CmafError> {
    let mut out = BytesMut::new();
    out.put_u8(1);
    out.put_slice(&profile);
    out.put_u8(0xfc | (nal_length_bytes - 1));
    for (kind, reserved, max) in [(SetKind::Sequence, 0xe0, 31), (SetKind::Picture, 0, 255)] {
        let of_kind: Vec<&Bytes> =
            sets.iter().filter(|(found, _)| *found == kind).map(|(_, set)| set).collect();
        let count = u8::try_from(of_kind.len()).ok().filter(|count| *count <= max);
        out.put_u8(reserved | count.ok_or(invalid("more parameter sets than a record counts"))?);
        for set in of_kind {
            let len = u16::try_from(set.len()).map_err(|_| invalid("a parameter set of more than 64 KiB"))?;
            out.put_u16(len);
            out.put_slice(set);
        }
    }
    if matches!(profile[0], 100 | 110 | 122 | 144) {
        out.put_slice(&[
            0xfc | sequence.chroma_format,
            0xf8 | sequence.luma_bits_minus8,
            0xf8 | sequence.chroma_bits_minus8,
            0,
        ]);
    }
    Ok(out.freeze())
}

/// Reads a sequence parameter set (ITU-T H.264 section 7.3.2.1.1).
fn sequence(unit: &[u8]) -> Result<Sequence, CmafError> {
    let payload = without_emulation_prevention(unit.get(1..).unwrap_or_default());
    let bits = &mut Bits::new(&payload, 1, "sequence parameter set");
    let profile = bits.bits(8)?;
    bits.skip(16)?;
    bits.ue()?;
    let shape =
        if HIGH_PROFILES.contains(&profile) { high(bits)? } else { Shape { chroma: 1, ..Shape::default() } };
    picture_order(bits)?;
    bits.ue()?;
    bits.skip(1)?;
    let (across, map_units) = (u64::from(bits.ue()?) + 1, u64::from(bits.ue()?) + 1);
    let frames_only = bits.flag()?;
    if !frames_only {
        bits.skip(1)?;
    }
    bits.skip(1)?;
    let lines_per_unit = if frames_only { 1 } else { 2 };
    let crop = if bits.flag()? { [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?] } else { [0; 4] };
    let [left, right, top, bottom] = crop.map(u64::from);
    let (unit_x, unit_y) = shape.crop_units();
    let width = side(across * 16, (left + right) * unit_x)?;
    let height = side(map_units * 16 * lines_per_unit, (top + bottom) * unit_y * lines_per_unit)?;
    let vui = if bits.flag()? { usability(bits) } else { vui::Vui::default() };
    Ok(Sequence {
        width,
        height,
        chroma_format: shape.chroma,
        luma_bits_minus8: shape.luma_bits_minus8,
        chroma_bits_minus8: shape.chroma_bits_minus8,
        vui,
    })
}

/// What the VUI says up to where it is cut off: some encoders cut it, and nothing in it is needed.
fn usability(bits: &mut Bits<'_>) -> vui::Vui {
    let Ok(read) = vui::shared(bits) else { return vui::Vui::default() };
    let frame_rate = vui::timing(bits, 2).ok().flatten();
    vui::Vui { frame_rate, ..read }
}

#[derive(Default)]
struct Shape {
    /// `chroma_format_idc`, 0 to 3.
    chroma: u8,
    luma_bits_minus8: u8,
    chroma_bits_minus8: u8,
}

impl Shape {
    /// Samples per step of cropping (ITU-T H.264 equations 7-19 to 7-22).
    const fn crop_units(&self) -> (u64, u64) {
        match self.chroma {
            1 => (2, 2),
            2 => (2, 1),
            _ => (1, 1),
        }
    }
}

fn high(bits: &mut Bits<'_>) -> Result<Shape, CmafError> {
    let small = |bits: &mut Bits<'_>, max: u8| {
        let value = u8::try_from(bits.ue()?).ok().filter(|value| *value <= max);
        value.ok_or(bits.invalid("a sequence parameter set with a value out of range"))
    };
    let chroma = small(bits, 3)?;
    if chroma == 3 {
        bits.skip(1)?;
    }
    let shape = Shape { chroma, luma_bits_minus8: small(bits, 6)?, chroma_bits_minus8: small(bits, 6)? };
    bits.skip(1)?;
    if bits.flag()? {
        let lists = if chroma == 3 { 12 } else { 8 };
        for index in 0..lists {
            if bits.flag()? {
                scaling_list(bits, if index < 6 { 16 } else { 64 })?;
            }
        }
    }
    Ok(shape)
}

/// Passes over a scaling list (section 7.3.2.1.1.1).
fn scaling_list(bits: &mut Bits<'_>, size: u32) -> Result<(), CmafError> {
    let mut last = 8i64;
    for _ in 0..size {
        let next = (last + bits.se()?).rem_euclid(256);
        if next == 0 {
            break;
        }
        last = next;
    }
    Ok(())
}

/// Frame numbers and picture order counts.
fn picture_order(bits: &mut Bits<'_>) -> Result<(), CmafError> {
    bits.ue()?;
    match bits.ue()? {
        0 => {
            bits.ue()?;
        }
        1 => {
            bits.skip(1)?;
            bits.se()?;
            bits.se()?;
            let cycle = bits.ue()?;
            if cycle > 255 {
                return Err(bits.invalid("a cycle of more than 255 picture order counts"));
            }
            for _ in 0..cycle {
                bits.se()?;
            }
        }
        2 => {}
        _ => return Err(bits.invalid("an unknown type of picture order count")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{FrameRate, live::config::tests::fixture};

    #[test]
    fn a_record_of_x264() {
        let config = fixture();
        assert_eq!((config.width, config.height, &*config.codecs), (96, 54, "avc1.640014"));
        assert_eq!((config.frame_rate, config.sample_aspect), (FrameRate::new(30_000, 1_001), (1, 1)));
        assert_eq!((config.nal_length_bytes, config.sets.len()), (4, 2));
        assert_eq!(&config.record[config.record.len() - 4..], [0xfd, 0xf8, 0xf8, 0]);
        assert_eq!(VideoConfig::from_avc_record(&config.record), Ok(config));
    }

    #[test]
    fn records_that_describe_nothing_are_refused() {
        let refused =
            |bytes: &'static [u8]| VideoConfig::from_avc_record(&Bytes::from_static(bytes)).unwrap_err();
        assert_eq!(refused(&[2]), invalid("an AVCDecoderConfigurationRecord of an unknown version"));
        assert_eq!(
            refused(&[1, 100, 0, 31, 0xff, 0xe0, 0]),
            invalid("H.264 without a sequence parameter set")
        );
        assert!(matches!(refused(&[1, 100, 0, 31, 0xff, 0xe1, 0, 9]), CmafError::Truncated { .. }));
    }

    proptest! {
        #[test]
        fn no_damage_panics(at in 0usize..43, byte: u8, cut in 0usize..48) {
            let mut damaged = fixture().record.to_vec();
            damaged[at] = byte;
            let _ = from_record(&Bytes::copy_from_slice(&damaged));
            damaged.truncate(cut);
            let _ = from_record(&damaged.into());
        }

        #[test]
        fn no_set_panics(mut bytes: Vec<u8>) {
            bytes.insert(0, 0x67);
            let _ = sequence(&bytes);
        }
    }
}
