//! HEVC: decoder configuration records and sequence parameter sets.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Sequence, VideoCodec, VideoConfig, bounded, first, invalid, side, vui};
use crate::{
    CmafError,
    cmaf::{atom::Fields, bits::Bits, codec::hevc, sps::without_emulation_prevention},
    live::nal::SetKind,
};

const WHAT: &str = "an HEVCDecoderConfigurationRecord";
/// Short-term reference picture sets of a sequence (ITU-T H.265 section 7.4.3.2.1).
const REFERENCE_SETS_MAX: u32 = 64;
/// Pictures of a reference picture set.
const REFERENCES_MAX: u32 = 16;

/// The NAL unit types of parameter sets (ITU-T H.265 table 7-1).
const SETS: [(u8, SetKind); 3] = [(32, SetKind::Video), (33, SetKind::Sequence), (34, SetKind::Picture)];

pub(super) fn from_record(record: &Bytes) -> Result<VideoConfig, CmafError> {
    bounded(record)?;
    let mut fields = Fields::of(record, WHAT);
    if fields.u8()? != 1 {
        return Err(invalid("an HEVCDecoderConfigurationRecord of an unknown version"));
    }
    fields.take(20)?;
    let nal_length_bytes = (fields.u8()? & 3) + 1;
    let mut sets = Vec::new();
    for _ in 0..fields.u8()? {
        let found = fields.u8()? & 0x3f;
        let kind = SETS.iter().find(|(kind, _)| *kind == found).map(|(_, kind)| *kind);
        for _ in 0..fields.u16()? {
            let len = usize::from(fields.u16()?);
            let set = fields.take(len)?;
            sets.extend(kind.map(|kind| (kind, record.slice_ref(set))));
        }
    }
    from_sets(nal_length_bytes, sets)
}

pub(super) fn from_sets(nal_length_bytes: u8, sets: Vec<(SetKind, Bytes)>) -> Result<VideoConfig, CmafError> {
    if !matches!(nal_length_bytes, 1 | 2 | 4) {
        return Err(invalid("NAL unit lengths of three bytes"));
    }
    first(&sets, SetKind::Video, "HEVC without a video parameter set")?;
    let sps = first(&sets, SetKind::Sequence, "HEVC without a sequence parameter set")?;
    first(&sets, SetKind::Picture, "HEVC without a picture parameter set")?;
    if sps.first().is_none_or(|head| head >> 1 & 0x3f != 33) {
        return Err(invalid("a sequence parameter set of another NAL unit type"));
    }
    let read = sequence(sps)?;
    let (profile, sequence) = (read.profile, read.sequence);
    Ok(VideoConfig {
        codec: VideoCodec::Hevc,
        record: record(nal_length_bytes, &read, &sets)?,
        codecs: hevc("hvc1", &profile),
        width: sequence.width,
        height: sequence.height,
        sample_aspect: sequence.vui.sample_aspect.unwrap_or((1, 1)),
        frame_rate: sequence.vui.frame_rate,
        colour: sequence.vui.colour,
        nal_length_bytes,
        sets,
    })
}

/// Profile, compatibility, constraints and level as they stand in a parameter set and in the record.
type Profile = [u8; 12];

/// The record with complete arrays, as `hvc1` wants them; what a parameter set does not say is stated as unknown.
fn record(nal_length_bytes: u8, read: &Read, sets: &[(SetKind, Bytes)]) -> Result<Bytes, CmafError> {
    let (unknown_segmentation, unknown_parallelism) = ([0xf0, 0], 0xfc);
    let mut out = BytesMut::new();
    out.put_u8(1);
    out.put_slice(&read.profile);
    out.put_slice(&unknown_segmentation);
    out.put_u8(unknown_parallelism);
    out.put_u8(0xfc | read.sequence.chroma_format);
    out.put_u8(0xf8 | read.sequence.luma_bits_minus8);
    out.put_u8(0xf8 | read.sequence.chroma_bits_minus8);
    out.put_u16(0);
    out.put_u8(read.layers << 3 | u8::from(read.nested) << 2 | (nal_length_bytes - 1));
    out.put_u8(3);
    for (nal_type, kind) in SETS {
        let of_kind: Vec<&Bytes> =
            sets.iter().filter(|(found, _)| *found == kind).map(|(_, set)| set).collect();
        let complete = 0x80;
        out.put_u8(complete | nal_type);
        out.put_u16(
            u16::try_from(of_kind.len()).map_err(|_| invalid("more parameter sets than a record counts"))?,
        );
        for set in of_kind {
            let len = u16::try_from(set.len()).map_err(|_| invalid("a parameter set of more than 64 KiB"))?;
            out.put_u16(len);
            out.put_slice(set);
        }
    }
    Ok(out.freeze())
}

/// What a sequence parameter set says to a record.
struct Read {
    profile: Profile,
    /// Temporal sub-layers, 1 to 7.
    layers: u8,
    nested: bool,
    sequence: Sequence,
}

/// Reads a sequence parameter set (ITU-T H.265 section 7.3.2.2.1).
fn sequence(unit: &[u8]) -> Result<Read, CmafError> {
    let payload = without_emulation_prevention(unit.get(2..).unwrap_or_default());
    let bits = &mut Bits::new(&payload, 2, "sequence parameter set");
    bits.skip(4)?;
    let layers_minus1 = bits.bits(3)?;
    let nested = bits.flag()?;
    let profile = profile_tier_level(bits, layers_minus1)?;
    bits.ue()?;
    let mut sequence = picture(bits)?;
    sequence.vui = usability(bits, layers_minus1).unwrap_or_default();
    let layers = u8::try_from(layers_minus1 + 1).unwrap_or(7);
    Ok(Read { profile, layers, nested, sequence })
}

/// Section 7.3.3, of which the general part is kept.
fn profile_tier_level(bits: &mut Bits<'_>, layers_minus1: u32) -> Result<Profile, CmafError> {
    let mut profile = [0; 12];
    for byte in &mut profile {
        *byte = u8::try_from(bits.bits(8)?).unwrap_or(0);
    }
    let mut present = Vec::new();
    for _ in 0..layers_minus1 {
        present.push((bits.flag()?, bits.flag()?));
    }
    if layers_minus1 > 0 {
        bits.skip(2 * (8 - layers_minus1 as usize))?;
    }
    for (profile, level) in present {
        bits.skip(88 * usize::from(profile) + 8 * usize::from(level))?;
    }
    Ok(profile)
}

/// Chroma format, size and depths.
fn picture(bits: &mut Bits<'_>) -> Result<Sequence, CmafError> {
    let small = |bits: &mut Bits<'_>, max: u8| {
        let value = u8::try_from(bits.ue()?).ok().filter(|value| *value <= max);
        value.ok_or(bits.invalid("a sequence parameter set with a value out of range"))
    };
    let chroma_format = small(bits, 3)?;
    if chroma_format == 3 {
        bits.skip(1)?;
    }
    let (coded_width, coded_height) = (u64::from(bits.ue()?), u64::from(bits.ue()?));
    let crop = if bits.flag()? { [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?] } else { [0; 4] };
    let [left, right, top, bottom] = crop.map(u64::from);
    let (unit_x, unit_y) = match chroma_format {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    Ok(Sequence {
        width: side(coded_width, (left + right) * unit_x)?,
        height: side(coded_height, (top + bottom) * unit_y)?,
        chroma_format,
        luma_bits_minus8: small(bits, 7)?,
        chroma_bits_minus8: small(bits, 7)?,
        vui: vui::Vui::default(),
    })
}

/// Everything from the picture order count to the VUI, most of which only stands in between.
fn usability(bits: &mut Bits<'_>, layers_minus1: u32) -> Result<vui::Vui, CmafError> {
    let order_bits = bits.ue()?.saturating_add(4);
    let ordered_layers = if bits.flag()? { layers_minus1 + 1 } else { 1 };
    for _ in 0..3 * ordered_layers + 6 {
        bits.ue()?;
    }
    if bits.flag()? && bits.flag()? {
        scaling_lists(bits)?;
    }
    bits.skip(2)?;
    if bits.flag()? {
        bits.skip(8)?;
        bits.ue()?;
        bits.ue()?;
        bits.skip(1)?;
    }
    reference_sets(bits)?;
    if bits.flag()? {
        let long_term = bits.ue()?.min(33);
        bits.skip(long_term as usize * (order_bits as usize + 1))?;
    }
    bits.skip(2)?;
    if !bits.flag()? {
        return Ok(vui::Vui::default());
    }
    let read = vui::shared(bits)?;
    Ok(vui::Vui { frame_rate: rate(bits).ok().flatten(), ..read })
}

fn rate(bits: &mut Bits<'_>) -> Result<Option<crate::FrameRate>, CmafError> {
    bits.skip(3)?;
    if bits.flag()? {
        for _ in 0..4 {
            bits.ue()?;
        }
    }
    vui::timing(bits, 1)
}

/// Passes over scaling lists (section 7.3.4).
fn scaling_lists(bits: &mut Bits<'_>) -> Result<(), CmafError> {
    for size in 0..4u32 {
        let lists = if size == 3 { 2 } else { 6 };
        for _ in 0..lists {
            if !bits.flag()? {
                bits.ue()?;
                continue;
            }
            if size > 1 {
                bits.se()?;
            }
            for _ in 0..64.min(1u32 << (4 + (size << 1))) {
                bits.se()?;
            }
        }
    }
    Ok(())
}

/// Passes over short-term reference picture sets (section 7.3.7), of which each may refer to the one before it.
fn reference_sets(bits: &mut Bits<'_>) -> Result<(), CmafError> {
    let count = bits.ue()?;
    if count > REFERENCE_SETS_MAX {
        return Err(bits.invalid("more than 64 reference picture sets"));
    }
    let mut before = ReferenceSet::default();
    for index in 0..count {
        let predicted = index > 0 && bits.flag()?;
        before = if predicted { before.predicted(bits)? } else { ReferenceSet::stated(bits)? };
    }
    Ok(())
}

/// Distances of picture order counts, nearest first.
#[derive(Default)]
struct ReferenceSet {
    before: Vec<i64>,
    after: Vec<i64>,
}

impl ReferenceSet {
    fn stated(bits: &mut Bits<'_>) -> Result<Self, CmafError> {
        let (before, after) = (bits.ue()?, bits.ue()?);
        if before > REFERENCES_MAX || after > REFERENCES_MAX {
            return Err(bits.invalid("a reference picture set of more than 16 pictures"));
        }
        let mut distances = |count: u32, sign: i64| {
            let mut at = 0;
            let mut next = || {
                at += sign * (i64::from(bits.ue()?) + 1);
                bits.skip(1)?;
                Ok(at)
            };
            (0..count).map(|_| next()).collect::<Result<Vec<_>, CmafError>>()
        };
        Ok(Self { before: distances(before, -1)?, after: distances(after, 1)? })
    }

    /// The set that refers to this one (equations 7-61 and 7-62).
    fn predicted(&self, bits: &mut Bits<'_>) -> Result<Self, CmafError> {
        let negative = bits.flag()?;
        let distance = i64::from(bits.ue()?) + 1;
        let shift = if negative { -distance } else { distance };
        let mut used = Vec::new();
        for _ in 0..=self.before.len() + self.after.len() {
            used.push(bits.flag()? || bits.flag()?);
        }
        let (own, known) = (used[used.len() - 1], self.before.iter().chain(&self.after));
        let kept = known.zip(&used).filter(|(_, used)| **used).map(|(at, _)| at + shift);
        let mut all: Vec<i64> = kept.chain(own.then_some(shift)).collect();
        all.sort_by_key(|at| at.abs());
        all.truncate(2 * REFERENCES_MAX as usize);
        let (before, after) = (all.iter().filter(|at| **at < 0), all.iter().filter(|at| **at > 0));
        Ok(Self { before: before.copied().collect(), after: after.copied().collect() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{FrameRate, live::config::tests::hevc_fixture};

    #[test]
    fn sets_of_x265() {
        let config = hevc_fixture();
        assert_eq!((config.width, config.height, &*config.codecs), (640, 360, "hvc1.1.6.L63.90"));
        assert_eq!((config.frame_rate, config.sample_aspect), (FrameRate::new(30_000, 1_001), (1, 1)));
        assert_eq!(from_record(&config.record), Ok(config));
    }

    #[test]
    fn codec_strings_of_the_standard() {
        let main10 = [0x22, 0x20, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 153];
        assert_eq!(hevc("hvc1", &main10), "hvc1.2.4.H153.B0");
        assert_eq!(hevc("hvc1", &[0x41, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 93]), "hvc1.A1.6.L93");
    }

    proptest! {
        #[test]
        fn no_damage_panics(at in 0usize..40, byte: u8, cut in 0usize..44) {
            let mut all = hevc_fixture().sets;
            let mut damaged = all[1].1.to_vec();
            if let Some(place) = damaged.get_mut(at) {
                *place = byte;
            }
            damaged.truncate(cut.max(3));
            all[1].1 = damaged.into();
            let _ = from_sets(4, all);
        }

        #[test]
        fn no_set_panics(bytes: Vec<u8>) {
            let _ = sequence(&bytes);
        }
    }
}
