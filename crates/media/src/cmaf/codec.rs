//! Codec strings (RFC 6381) and formats from decoder configurations.

use super::{
    atom::{Atom, Atoms, Fields, one},
    bits::Bits,
};
use crate::{CmafError, SampleFormat};

/// Fixed fields of a visual sample entry before its boxes (ISO/IEC 14496-12 section 12.1.3).
pub(super) const VISUAL_ENTRY_BYTES: usize = 78;
/// Fixed fields of an audio sample entry before its boxes (section 12.2.3).
const AUDIO_ENTRY_BYTES: usize = 28;

/// Sampling rates by index (ISO/IEC 14496-3 Table 1.18).
const SAMPLING_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// Index that announces an explicit 24-bit rate.
const EXPLICIT_RATE: u32 = 15;

/// The codec string and format of a sample entry.
pub(super) fn describe(entry: &Atom<'_>) -> Result<(String, SampleFormat), CmafError> {
    match &entry.kind {
        b"avc1" | b"avc3" => {
            let format = picture(entry)?;
            Ok((avc_codec(entry)?, format))
        }
        b"hvc1" | b"hev1" => {
            let format = picture(entry)?;
            Ok((hevc_codec(entry)?, format))
        }
        b"mp4a" => audio(entry),
        kind => {
            let name = kind.escape_ascii().to_string();
            Err(CmafError::UnknownCodec { name, offset: entry.offset })
        }
    }
}

fn picture(entry: &Atom<'_>) -> Result<SampleFormat, CmafError> {
    let mut fields = entry.fields("the visual sample entry");
    fields.take(24)?;
    let (width, height) = (u32::from(fields.u16()?), u32::from(fields.u16()?));
    if width == 0 || height == 0 {
        return Err(entry.invalid("a picture without a size"));
    }
    Ok(SampleFormat::Video { width, height })
}

fn avc_codec(entry: &Atom<'_>) -> Result<String, CmafError> {
    let avcc = avc_configuration(entry)?;
    let mut configuration = avcc.fields("avcC");
    let version = configuration.u8()?;
    if version != 1 {
        return Err(avcc.invalid("an avcC of an unknown version"));
    }
    let (profile, constraints, level) = (configuration.u8()?, configuration.u8()?, configuration.u8()?);
    let name = String::from_utf8_lossy(&entry.kind);
    Ok(format!("{name}.{profile:02X}{constraints:02X}{level:02X}"))
}

fn hevc_codec(entry: &Atom<'_>) -> Result<String, CmafError> {
    let hvcc = visual_child(entry, "hvcC")?;
    let mut configuration = hvcc.fields("hvcC");
    if configuration.u8()? != 1 {
        return Err(hvcc.invalid("an hvcC of an unknown version"));
    }
    let mut profile = [0; 12];
    profile.copy_from_slice(configuration.take(12)?);
    Ok(hevc(&String::from_utf8_lossy(&entry.kind), &profile))
}

/// `hvc1.P.C.TL.B…` (ISO/IEC 14496-15 annex E.3) from profile, compatibility, constraints and level as they stand in a
/// decoder configuration record; `name` is that of the sample entry.
pub(crate) fn hevc(name: &str, profile: &[u8; 12]) -> String {
    let [head, c0, c1, c2, c3, constraints @ .., level] = *profile;
    let space = ["", "A", "B", "C"][usize::from(head >> 6)];
    let tier = if head & 0x20 == 0 { 'L' } else { 'H' };
    let compatibility = u32::from_be_bytes([c0, c1, c2, c3]).reverse_bits();
    let mut text = format!("{name}.{space}{}.{compatibility:X}.{tier}{level}", head & 0x1f);
    let kept = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    for byte in &constraints[..kept] {
        text.push_str(&format!(".{byte:X}"));
    }
    text
}

/// The `avcC` of an H.264 sample entry.
pub(super) fn avc_configuration<'a>(entry: &Atom<'a>) -> Result<Atom<'a>, CmafError> {
    visual_child(entry, "avcC")
}

fn visual_child<'a>(entry: &Atom<'a>, name: &'static str) -> Result<Atom<'a>, CmafError> {
    let mut fields = entry.fields("the visual sample entry");
    fields.take(VISUAL_ENTRY_BYTES)?;
    let boxes = Atoms::new(fields.rest(), fields.offset());
    one(boxes, name)?.ok_or(CmafError::Missing { name, offset: entry.offset })
}

fn audio(entry: &Atom<'_>) -> Result<(String, SampleFormat), CmafError> {
    let mut fields = entry.fields("the audio sample entry");
    fields.take(16)?;
    let entry_channels = u32::from(fields.u16()?);
    fields.take(AUDIO_ENTRY_BYTES - 18)?;
    let boxes = Atoms::new(fields.rest(), fields.offset());
    let esds = one(boxes, "esds")?.ok_or(CmafError::Missing { name: "esds", offset: entry.offset })?;
    let mut configuration = audio_specific_config(&esds)?;
    let object_type = object_type(&mut configuration)?;
    let sample_rate = sampling_rate(&mut configuration)?;
    // Zero means that a program config element says it; the entry's own count is then the best known.
    let channels = match configuration.bits(4)? {
        0 => entry_channels,
        7 => 8,
        count => count,
    };
    if sample_rate == 0 || channels == 0 {
        return Err(esds.invalid("sound without a rate or channels"));
    }
    Ok((format!("mp4a.40.{object_type}"), SampleFormat::Audio { sample_rate, channels }))
}

/// The AudioSpecificConfig inside an `esds` (ISO/IEC 14496-14 section 5.6, 14496-1 section 7.2.6).
fn audio_specific_config<'a>(esds: &Atom<'a>) -> Result<Bits<'a>, CmafError> {
    let mut fields = esds.fields("esds");
    fields.full_box()?;
    let mut stream = descriptor(&mut fields, 3)?;
    stream.u16()?;
    let flags = stream.u8()?;
    if flags & 0x80 != 0 {
        stream.u16()?;
    }
    if flags & 0x40 != 0 {
        let len = usize::from(stream.u8()?);
        stream.take(len)?;
    }
    if flags & 0x20 != 0 {
        stream.u16()?;
    }
    let mut decoder = descriptor(&mut stream, 4)?;
    if decoder.u8()? != 0x40 {
        return Err(decoder.invalid("an object type other than MPEG-4 audio"));
    }
    decoder.take(12)?;
    let specific = descriptor(&mut decoder, 5)?;
    Ok(Bits::new(specific.rest(), specific.offset(), "AudioSpecificConfig"))
}

fn descriptor<'a>(fields: &mut Fields<'a>, tag: u8) -> Result<Fields<'a>, CmafError> {
    if fields.u8()? != tag {
        return Err(fields.invalid("an unexpected descriptor"));
    }
    let len = fields.descriptor_len()?;
    fields.inner(len)
}

/// GetAudioObjectType (ISO/IEC 14496-3 section 1.6.2.1).
pub(crate) fn object_type(bits: &mut Bits<'_>) -> Result<u32, CmafError> {
    match bits.bits(5)? {
        31 => Ok(32 + bits.bits(6)?),
        object_type => Ok(object_type),
    }
}

pub(crate) fn sampling_rate(bits: &mut Bits<'_>) -> Result<u32, CmafError> {
    let index = bits.bits(4)?;
    if index == EXPLICIT_RATE {
        return bits.bits(24);
    }
    let rate = SAMPLING_RATES.get(index as usize).copied();
    rate.ok_or(bits.invalid("a reserved sampling rate"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(bytes: &[u8]) -> (u32, u32, u32) {
        let mut bits = Bits::new(bytes, 0, "test");
        (object_type(&mut bits).unwrap(), sampling_rate(&mut bits).unwrap(), bits.bits(4).unwrap())
    }

    #[test]
    fn audio_specific_configs_of_the_standard() {
        assert_eq!(configuration(&[0x11, 0x90]), (2, 48_000, 2));
        assert_eq!(configuration(&[0x12, 0x08]), (2, 44_100, 1));
        // Explicit rate of 12345 Hz, object type 42 (xHE-AAC) by escape.
        assert_eq!(configuration(&[0xf9, 0x5e, 0x00, 0x60, 0x72, 0x40]), (42, 12_345, 2));
    }

    #[test]
    fn reserved_rates_and_short_configs_are_refused() {
        let rate = |bytes| sampling_rate(&mut Bits::new(bytes, 9, "test"));
        assert_eq!(rate(&[0xd0]), Err(CmafError::Invalid { what: "a reserved sampling rate", offset: 9 }));
        assert_eq!(rate(&[]), Err(CmafError::Truncated { what: "test", offset: 9 }));
    }
}
