//! RFC 6381 format strings from decoder configurations.

use super::fields::Fields;

/// `avc1.PPCCLL` from `avcC` (ISO/IEC 14496-15 annex E.3).
pub(super) fn avc(format: &str, avcc: &[u8]) -> Option<String> {
    let mut fields = Fields::new(avcc);
    fields.skip(1)?;
    let (profile, compatibility, level) = (fields.u8()?, fields.u8()?, fields.u8()?);
    Some(format!("{format}.{profile:02X}{compatibility:02X}{level:02X}"))
}

/// `hvc1.P.C.TL.B…` from `hvcC` (ISO/IEC 14496-15 annex E.3).
pub(super) fn hevc(format: &str, hvcc: &[u8]) -> Option<String> {
    let mut fields = Fields::new(hvcc);
    fields.skip(1)?;
    let profile = fields.u8()?;
    let space = ["", "A", "B", "C"][usize::from(profile >> 6)];
    let tier = if profile & 0x20 == 0 { 'L' } else { 'H' };
    let compatibility = fields.u32()?.reverse_bits();
    let constraints = fields.take(6)?;
    let level = fields.u8()?;
    let mut text = format!("{format}.{space}{}.{compatibility:X}.{tier}{level}", profile & 0x1F);
    let kept = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    for byte in &constraints[..kept] {
        text.push_str(&format!(".{byte:X}"));
    }
    Some(text)
}

/// `av01.P.LLT.DD` from `av1C` (AV1 in ISO BMFF section 5).
pub(super) fn av1(av1c: &[u8]) -> Option<String> {
    let mut fields = Fields::new(av1c);
    fields.skip(1)?;
    let (profile, depth) = (fields.u8()?, fields.u8()?);
    let tier = if depth & 0x80 == 0 { 'M' } else { 'H' };
    let bits = match (profile >> 5, depth & 0x40 != 0, depth & 0x20 != 0) {
        (2, true, true) => 12,
        (_, true, _) => 10,
        _ => 8,
    };
    Some(format!("av01.{}.{:02}{tier}.{bits:02}", profile >> 5, profile & 0x1F))
}

/// `vp09.PP.LL.DD` from `vpcC` (VP9 in ISO BMFF).
pub(super) fn vp9(vpcc: &[u8]) -> Option<String> {
    let mut fields = Fields::new(vpcc);
    fields.full_box()?;
    let (profile, level, depth) = (fields.u8()?, fields.u8()?, fields.u8()?);
    Some(format!("vp09.{profile:02}.{level:02}.{:02}", depth >> 4))
}

/// `dvh1.PP.LL` from `dvcC` or `dvvC` (Dolby Vision streams within the ISO base media file format).
pub(super) fn dolby_vision(format: &str, record: &[u8]) -> Option<String> {
    let mut fields = Fields::new(record);
    fields.skip(2)?;
    let bits = fields.u16()?;
    Some(format!("{format}.{:02}.{:02}", bits >> 9, (bits >> 3) & 0x3F))
}

/// What an MPEG-4 elementary stream descriptor says.
pub(super) struct Mpeg4Audio {
    pub codec: String,
    /// Channels, when one number says it: AAC-LC with a channel configuration of 1 to 7.
    pub channels: Option<u32>,
}

/// `mp4a.OO.A` from `esds` (ISO/IEC 14496-1 section 7.2.6, ISO/IEC 14496-3 section 1.6).
pub(super) fn mpeg4_audio(esds: &[u8]) -> Option<Mpeg4Audio> {
    let mut fields = Fields::new(esds);
    fields.full_box()?;
    let mut stream = descriptor(&mut fields, 3)?;
    stream.skip(2)?;
    let flags = stream.u8()?;
    if flags & 0x80 != 0 {
        stream.skip(2)?;
    }
    if flags & 0x40 != 0 {
        let length = stream.u8()?;
        stream.skip(usize::from(length))?;
    }
    if flags & 0x20 != 0 {
        stream.skip(2)?;
    }
    let mut config = descriptor(&mut stream, 4)?;
    let object = config.u8()?;
    config.skip(12)?;
    if object != 0x40 {
        return Some(Mpeg4Audio { codec: format!("mp4a.{object:02X}"), channels: None });
    }
    let specific = descriptor(&mut config, 5)?;
    let (audio_object, channels) = audio_specific(specific.rest())?;
    Some(Mpeg4Audio { codec: format!("mp4a.40.{audio_object}"), channels })
}

/// The body of a descriptor of the wanted tag.
fn descriptor<'a>(fields: &mut Fields<'a>, tag: u8) -> Option<Fields<'a>> {
    if fields.u8()? != tag {
        return None;
    }
    let mut length = 0_usize;
    for _ in 0..4 {
        let byte = fields.u8()?;
        length = (length << 7) | usize::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            break;
        }
    }
    fields.take(length).map(Fields::new)
}

/// Audio object type and, for AAC-LC, channels of an AudioSpecificConfig.
fn audio_specific(config: &[u8]) -> Option<(u32, Option<u32>)> {
    let mut bits = Bits { bytes: config, at: 0 };
    let mut object = bits.take(5)?;
    if object == 31 {
        object = 32 + bits.take(6)?;
    }
    if bits.take(4)? == 15 {
        bits.take(24)?;
    }
    let configuration = bits.take(4)?;
    let channels = match configuration {
        1..=6 if object == 2 => Some(configuration),
        7 if object == 2 => Some(8),
        _ => None,
    };
    Some((object, channels))
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// At most 24 bits.
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            value = (value << 1) | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }
}

/// Whether a stated format string means the one found in a header: letter case aside, an AV1 string may
/// leave out or add the optional fields, and a `stpp` may name more or fewer profiles.
#[must_use]
pub fn same_codec(stated: &str, found: &str) -> bool {
    let fields = |text: &str| -> Vec<String> {
        let mut fields: Vec<String> = text.split('.').map(str::to_ascii_lowercase).collect();
        match fields[0].as_str() {
            "av01" | "vp09" => fields.truncate(4),
            "stpp" | "opus" | "flac" => fields.truncate(1),
            _ => {}
        }
        fields
    };
    fields(stated) == fields(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_follow_the_configuration() {
        assert_eq!(avc("avc1", &[1, 0x64, 0, 0x1F]).unwrap(), "avc1.64001F");
        let hvcc = [1, 0x01, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93];
        assert_eq!(hevc("hvc1", &hvcc).unwrap(), "hvc1.1.6.L93.90");
        assert_eq!(av1(&[0x81, 0x04, 0x0C, 0]).unwrap(), "av01.0.04M.08");
        assert_eq!(av1(&[0x81, 0x0D, 0xC0, 0]).unwrap(), "av01.0.13H.10");
        assert_eq!(dolby_vision("dvh1", &[1, 0, 0x0A, 0x48]).unwrap(), "dvh1.05.09");
        assert_eq!(vp9(&[1, 0, 0, 0, 0, 31, 0x82]).unwrap(), "vp09.00.31.08");
    }

    #[test]
    fn aac_is_told_from_the_audio_specific_config() {
        let esds = |specific: &[u8]| {
            let length = u8::try_from(specific.len()).unwrap();
            let mut bytes =
                vec![0, 0, 0, 0, 3, 0x80, 0x80, 0x80, 20 + length, 0, 1, 0, 4, 15 + length, 0x40, 0x15];
            bytes.extend([0; 11]);
            bytes.extend([5, length]);
            bytes.extend(specific);
            mpeg4_audio(&bytes).unwrap()
        };
        let lc = esds(&[0x11, 0x90]);
        assert_eq!((lc.codec.as_str(), lc.channels), ("mp4a.40.2", Some(2)));
        let he = esds(&[0x2B, 0x11, 0x88, 0]);
        assert_eq!((he.codec.as_str(), he.channels), ("mp4a.40.5", None));
    }

    #[test]
    fn equal_meanings_are_equal() {
        assert!(same_codec("avc1.64001f", "avc1.64001F"));
        assert!(same_codec("av01.0.04M.08.0.110.01.01.01.0", "av01.0.04M.08"));
        assert!(same_codec("stpp.ttml.im1t", "stpp"));
        assert!(!same_codec("avc1.64001F", "avc1.640028"));
        assert!(!same_codec("avc3.64001F", "avc1.64001F"));
    }
}
