//! AAC: AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1) with explicit and implicit SBR and PS.

use bytes::Bytes;

use super::invalid;
use crate::{
    CmafError,
    cmaf::{
        bits::Bits,
        codec::{object_type, sampling_rate},
    },
};

/// Audio object types (ISO/IEC 14496-3 table 1.17).
const AAC_LC: u32 = 2;
const SBR: u32 = 5;
const PS: u32 = 29;
/// Announce what a decoder of plain AAC passes over (section 1.6.5).
const SBR_FOLLOWS: u32 = 0x2b7;
const PS_FOLLOWS: u32 = 0x548;
/// Bytes of a configuration beyond which it is refused.
const CONFIG_BYTES_MAX: usize = 96;

/// How sound is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioConfig {
    /// The AudioSpecificConfig as sent.
    pub record: Bytes,
    /// RFC 6381 string from the object type that is stated first: `mp4a.40.2`, `mp4a.40.5` or `mp4a.40.29`.
    pub codecs: String,
    /// Of the output, in hertz: with SBR that is stated, twice that of the core coder. Never 0.
    pub sample_rate: u32,
    /// Of the output, 1 to 24: with PS that is stated, 2.
    pub channels: u32,
    /// Of the core coder, as raw AAC frames have them, 1 to 24.
    pub core_channels: u32,
    /// The channel configuration, 0 to 15; 0 when a program config element says it.
    pub channel_configuration: u8,
    /// Samples of the output in a frame: 1,024 or 960, twice as many with SBR that is stated. Sound with implicit SBR
    /// counts the core coder's samples, of which a frame lasts as long.
    pub frame: u32,
}

impl AudioConfig {
    /// From an AudioSpecificConfig of AAC-LC, HE-AAC or HE-AAC v2.
    ///
    /// # Errors
    /// [`CmafError`] when it is cut off, of another object type, or without a rate or channels.
    pub fn from_record(record: &Bytes) -> Result<Self, CmafError> {
        if record.len() > CONFIG_BYTES_MAX {
            return Err(invalid("an AudioSpecificConfig of more than 96 bytes"));
        }
        let bits = &mut Bits::new(record, 0, "AudioSpecificConfig");
        let stated = object_type(bits)?;
        let core_rate = sampling_rate(bits)?;
        let configuration = bits.bits(4)?;
        let mut extension = Extension::default();
        if matches!(stated, SBR | PS) {
            extension = Extension { rate: Some(sampling_rate(bits)?), parametric: stated == PS };
            if object_type(bits)? != AAC_LC {
                return Err(invalid("SBR over a core coder other than AAC-LC"));
            }
        } else if stated != AAC_LC {
            return Err(invalid("sound other than AAC-LC and HE-AAC"));
        }
        let general = general(bits, configuration)?;
        if stated == AAC_LC {
            extension = Extension::announced(bits).unwrap_or_default();
        }
        Self::of(record, stated, core_rate, configuration, general, extension)
    }

    fn of(
        record: &Bytes,
        stated: u32,
        core_rate: u32,
        configuration: u32,
        general: General,
        extension: Extension,
    ) -> Result<Self, CmafError> {
        let core_channels = match configuration {
            0 => general.channels,
            1..=6 => configuration,
            7 | 12 | 14 => 8,
            11 => 7,
            _ => 0,
        };
        if core_rate == 0 || core_channels == 0 || extension.rate == Some(0) {
            return Err(invalid("sound without a rate or channels"));
        }
        // SBR doubles the rate, or keeps it where it runs downsampled.
        let doubled = extension.rate.is_some_and(|rate| Some(rate) == core_rate.checked_mul(2));
        Ok(Self {
            record: record.clone(),
            codecs: format!("mp4a.40.{stated}"),
            sample_rate: if doubled { core_rate * 2 } else { core_rate },
            channels: if extension.parametric && core_channels == 1 { 2 } else { core_channels },
            core_channels,
            channel_configuration: u8::try_from(configuration).unwrap_or(0),
            frame: if doubled { general.frame * 2 } else { general.frame },
        })
    }
}

/// SBR and PS, where they are stated.
#[derive(Default)]
struct Extension {
    rate: Option<u32>,
    parametric: bool,
}

impl Extension {
    /// Behind the configuration of plain AAC (section 1.6.6); absent where the bits end.
    fn announced(bits: &mut Bits<'_>) -> Option<Self> {
        if bits.bits(11).ok()? != SBR_FOLLOWS || object_type(bits).ok()? != SBR || !bits.flag().ok()? {
            return None;
        }
        let rate = Some(sampling_rate(bits).ok()?);
        let follows = bits.left() >= 12 && bits.bits(11).is_ok_and(|sync| sync == PS_FOLLOWS);
        Some(Self { rate, parametric: follows && bits.flag().unwrap_or(false) })
    }
}

/// What GASpecificConfig (section 4.4.1) says.
struct General {
    /// Samples of a frame of the core coder.
    frame: u32,
    /// Channels of the program config element, if there is one.
    channels: u32,
}

fn general(bits: &mut Bits<'_>, configuration: u32) -> Result<General, CmafError> {
    let frame = if bits.flag()? { 960 } else { 1_024 };
    if bits.flag()? {
        bits.skip(14)?;
    }
    let extended = bits.flag()?;
    let channels = if configuration == 0 { program_channels(bits)? } else { 0 };
    if extended {
        bits.skip(1)?;
    }
    Ok(General { frame, channels })
}

/// Channels of a program_config_element (section 4.4.1.1).
fn program_channels(bits: &mut Bits<'_>) -> Result<u32, CmafError> {
    bits.skip(10)?;
    let elements = bits.bits(4)? + bits.bits(4)? + bits.bits(4)?;
    let (low, data, coupled) = (bits.bits(2)?, bits.bits(3)?, bits.bits(4)?);
    for mixdown_bits in [4, 4, 3] {
        if bits.flag()? {
            bits.skip(mixdown_bits)?;
        }
    }
    let mut channels = low;
    for _ in 0..elements {
        channels += if bits.flag()? { 2 } else { 1 };
        bits.skip(4)?;
    }
    bits.skip((4 * (low + data) + 5 * coupled) as usize)?;
    bits.align();
    let comment_bytes = bits.bits(8)?;
    bits.skip(8 * comment_bytes as usize)?;
    Ok(channels.min(24))
}

#[cfg(test)]
pub(in crate::live) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in crate::live) fn config(bytes: &[u8]) -> Result<AudioConfig, CmafError> {
        AudioConfig::from_record(&Bytes::copy_from_slice(bytes))
    }

    fn said(bytes: &[u8]) -> (String, u32, u32, u32) {
        let config = config(bytes).unwrap();
        (config.codecs, config.sample_rate, config.channels, config.frame)
    }

    #[test]
    fn plain_aac() {
        assert_eq!(said(&[0x11, 0x90]), ("mp4a.40.2".to_owned(), 48_000, 2, 1_024));
        assert_eq!(said(&[0x12, 0x08]), ("mp4a.40.2".to_owned(), 44_100, 1, 1_024));
        // frameLengthFlag, and FFmpeg's announcement that there is no SBR.
        assert_eq!(said(&[0x12, 0x14]), ("mp4a.40.2".to_owned(), 44_100, 2, 960));
        assert_eq!(said(&[0x11, 0x90, 0x56, 0xe5, 0x00]), ("mp4a.40.2".to_owned(), 48_000, 2, 1_024));
    }

    #[test]
    fn he_aac_stated_first() {
        // Object type 5, core 22,050 Hz, stereo, SBR 44,100 Hz, AAC-LC.
        assert_eq!(said(&[0x2b, 0x92, 0x08, 0x00]), ("mp4a.40.5".to_owned(), 44_100, 2, 2_048));
        // Object type 29, core 24,000 Hz, mono, 48,000 Hz, AAC-LC.
        assert_eq!(said(&[0xeb, 0x09, 0x88, 0x00]), ("mp4a.40.29".to_owned(), 48_000, 2, 2_048));
    }

    #[test]
    fn he_aac_announced_behind_plain_aac() {
        // AAC-LC 22,050 Hz stereo, then 0x2b7, object type 5, SBR at 44,100 Hz.
        assert_eq!(said(&[0x13, 0x90, 0x56, 0xe5, 0xa0]), ("mp4a.40.2".to_owned(), 44_100, 2, 2_048));
        // AAC-LC 24,000 Hz mono, SBR at 48,000 Hz, 0x548, PS.
        assert_eq!(
            said(&[0x13, 0x08, 0x56, 0xe5, 0x9d, 0x48, 0x80]),
            ("mp4a.40.2".to_owned(), 48_000, 2, 2_048)
        );
    }

    #[test]
    fn implicit_sbr_counts_the_core_coder() {
        assert_eq!(said(&[0x13, 0x90]), ("mp4a.40.2".to_owned(), 22_050, 2, 1_024));
    }

    #[test]
    fn what_is_no_aac_is_refused() {
        for (bytes, what) in [
            (&[0xf9, 0x5e, 0x00, 0x60, 0x72, 0x40][..], "sound other than AAC-LC and HE-AAC"),
            (&[0x0a, 0x10], "sound other than AAC-LC and HE-AAC"),
            (&[0x16, 0x90], "a reserved sampling rate"),
            (&[0x11, 0xd0], "sound without a rate or channels"),
        ] {
            assert_eq!(config(bytes), Err(invalid(what)), "{bytes:x?}");
        }
        assert!(matches!(config(&[0x11]), Err(CmafError::Truncated { .. })));
        assert!(config(&[0x11; 97]).is_err());
    }

    #[test]
    fn channels_of_a_program_config_element() {
        // AAC-LC at 48 kHz without a channel configuration; tag, profile, rate; two front elements and none of the
        // other kinds; no mixdown; a single and a pair; filled up; no comment.
        let specific = ["00010", "0011", "0000", "000"].concat();
        let counts = ["0000", "01", "0011", "0010", "0000", "0000", "00", "000", "0000", "000"].concat();
        let mut bits = [&specific, &counts, "00000", "10000"].concat();
        while !bits.len().is_multiple_of(8) {
            bits.push('0');
        }
        bits += "00000000";
        let bytes: Vec<u8> = bits
            .as_bytes()
            .chunks(8)
            .map(|byte| byte.iter().fold(0, |all, bit| all << 1 | (bit - b'0')))
            .collect();
        assert_eq!(said(&bytes), ("mp4a.40.2".to_owned(), 48_000, 3, 1_024));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            if let Ok(config) = config(&bytes) {
                prop_assert!(config.sample_rate > 0 && (1..=24).contains(&config.channels) && config.frame >= 960);
            }
        }
    }
}
