//! What an encoder says about its tracks, read from hostile bytes: size, rate, codec string, and what the sample
//! entry of a header needs.

mod aac;
mod avc;
mod hevc;
mod vui;

use bytes::Bytes;

pub use aac::AudioConfig;
pub use vui::Colour;

use super::nal::SetKind;
use crate::{CmafError, FrameRate};

/// Pictures wider or higher than this are refused; level 6.2 of either codec allows less.
const SIDE_MAX: u32 = 16_384;
/// Bytes of a decoder configuration record beyond which it is refused.
const RECORD_BYTES_MAX: usize = 64 * 1_024;

/// The codecs of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// ITU-T H.264, sample entry `avc1`.
    H264,
    /// ITU-T H.265, sample entry `hvc1`.
    Hevc,
}

/// How pictures are decoded and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoConfig {
    /// The codec.
    pub codec: VideoCodec,
    /// The decoder configuration record (`avcC` or `hvcC` without its box header), rebuilt from what was understood.
    pub record: Bytes,
    /// RFC 6381 string, such as `avc1.64001F`.
    pub codecs: String,
    /// Width in pixels, after cropping, 1 to 16,384.
    pub width: u32,
    /// Height in pixels, after cropping, 1 to 16,384.
    pub height: u32,
    /// Width over height of a sample, each at least 1; `(1, 1)` when the encoder does not say.
    pub sample_aspect: (u16, u16),
    /// Frames per second as the VUI states them; often right, never to be relied on.
    pub frame_rate: Option<FrameRate>,
    /// Colours as the VUI states them.
    pub colour: Option<Colour>,
    /// Bytes of the length before each NAL unit of a sample, 1, 2 or 4.
    pub nal_length_bytes: u8,
    /// The parameter sets of the record.
    pub sets: Vec<(SetKind, Bytes)>,
}

/// What a sequence parameter set says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sequence {
    width: u32,
    height: u32,
    chroma_format: u8,
    luma_bits_minus8: u8,
    chroma_bits_minus8: u8,
    vui: vui::Vui,
}

impl VideoConfig {
    /// From an `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15 section 5.3.3.1).
    ///
    /// # Errors
    /// [`CmafError`] when the record is cut off, of an unknown version, without parameter sets, or they describe no
    /// picture that can be shown.
    pub fn from_avc_record(record: &Bytes) -> Result<Self, CmafError> {
        avc::from_record(record)
    }

    /// From an `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15 section 8.3.3.1).
    ///
    /// # Errors
    /// As [`Self::from_avc_record`].
    pub fn from_hevc_record(record: &Bytes) -> Result<Self, CmafError> {
        hevc::from_record(record)
    }

    /// From parameter sets found among the units of a stream, in any order; samples then have lengths of four bytes.
    ///
    /// # Errors
    /// [`CmafError`] when one of the kinds that the codec needs is missing or cannot be read.
    pub fn from_sets(codec: VideoCodec, sets: &[(SetKind, Bytes)]) -> Result<Self, CmafError> {
        Self::assembled(codec, 4, sets)
    }

    /// The configuration after `sets` came in front of a picture: `None` when they say nothing new.
    ///
    /// # Errors
    /// [`CmafError`] when they are new and cannot be read.
    pub fn updated(&self, sets: &[(SetKind, Bytes)]) -> Result<Option<Self>, CmafError> {
        if sets.iter().all(|set| self.sets.contains(set)) {
            return Ok(None);
        }
        // New sets replace those of their kind; kinds that did not come again stay.
        let absent = |kind: SetKind| sets.iter().all(|(found, _)| *found != kind);
        let kept = self.sets.iter().filter(|(kind, _)| absent(*kind));
        let all: Vec<_> = kept.chain(sets).cloned().collect();
        Self::assembled(self.codec, self.nal_length_bytes, &all).map(Some)
    }

    fn assembled(
        codec: VideoCodec,
        nal_length_bytes: u8,
        sets: &[(SetKind, Bytes)],
    ) -> Result<Self, CmafError> {
        let mut unique: Vec<(SetKind, Bytes)> = Vec::new();
        for set in sets {
            if !unique.contains(set) {
                unique.push(set.clone());
            }
        }
        unique.sort_by_key(|(kind, _)| *kind);
        match codec {
            VideoCodec::H264 => avc::from_sets(nal_length_bytes, unique),
            VideoCodec::Hevc => hevc::from_sets(nal_length_bytes, unique),
        }
    }

    /// Width and height as shown, with samples made square by stretching the narrower direction.
    #[must_use]
    pub fn shown_size(&self) -> (u32, u32) {
        let (across, down) = (u64::from(self.sample_aspect.0), u64::from(self.sample_aspect.1));
        let scaled = |side: u32, by: u64, over: u64| {
            u32::try_from((u64::from(side) * by + over / 2) / over.max(1)).unwrap_or(u32::MAX).max(1)
        };
        if across >= down {
            (scaled(self.width, across, down), self.height)
        } else {
            (self.width, scaled(self.height, down, across))
        }
    }
}

fn invalid(what: &'static str) -> CmafError {
    CmafError::Invalid { what, offset: 0 }
}

fn bounded(record: &Bytes) -> Result<(), CmafError> {
    let fits = record.len() <= RECORD_BYTES_MAX;
    if fits { Ok(()) } else { Err(invalid("a decoder configuration record of more than 64 KiB")) }
}

/// The first set of a kind, or why there is no picture without one.
fn first<'a>(
    sets: &'a [(SetKind, Bytes)],
    wanted: SetKind,
    without: &'static str,
) -> Result<&'a Bytes, CmafError> {
    let found = sets.iter().find(|(kind, _)| *kind == wanted);
    found.map(|(_, bytes)| bytes).ok_or(invalid(without))
}

/// The side of a picture of `coded` samples without `cropped` of them.
fn side(coded: u64, cropped: u64) -> Result<u32, CmafError> {
    let side = coded.checked_sub(cropped).and_then(|side| u32::try_from(side).ok());
    side.filter(|side| (1..=SIDE_MAX).contains(side)).ok_or(invalid("a picture of an impossible size"))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What x264 says of 96×54 at 30000/1001, High profile.
    pub(in crate::live) fn fixture() -> VideoConfig {
        const HEADER: &[u8] = include_bytes!("../../../tests/fixtures/video-init.mp4");
        // `avcC` at 539 with 8 bytes in front and 51 in all.
        VideoConfig::from_avc_record(&Bytes::from_static(&HEADER[547..590])).unwrap()
    }

    /// What x265 says of 640×360 at 30000/1001, Main profile: VPS, SPS and PPS, a line of hexadecimal each.
    pub(in crate::live) fn hevc_fixture() -> VideoConfig {
        let lines = include_str!("../../../tests/fixtures/hevc-sets.txt").lines();
        let bytes = |line: &str| {
            let digits: Vec<char> = line.chars().collect();
            let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
            digits.chunks(2).map(byte).collect::<Bytes>()
        };
        let kinds = [SetKind::Video, SetKind::Sequence, SetKind::Picture];
        let sets: Vec<_> = kinds.into_iter().zip(lines.map(bytes)).collect();
        VideoConfig::from_sets(VideoCodec::Hevc, &sets).unwrap()
    }

    #[test]
    fn sets_in_the_stream_that_say_the_same_change_nothing() {
        let config = fixture();
        assert_eq!(config.updated(&config.sets), Ok(None));
        assert_eq!(config.updated(&[]), Ok(None));
        let other = (SetKind::Picture, Bytes::from_static(&[0x68, 1, 2, 3]));
        let updated = config.updated(std::slice::from_ref(&other)).unwrap().unwrap();
        assert_eq!(updated.sets, [config.sets[0].clone(), other]);
        assert_eq!((updated.width, updated.height), (config.width, config.height));
    }

    #[test]
    fn a_record_and_its_sets_say_the_same() {
        let config = fixture();
        assert_eq!(VideoConfig::from_sets(VideoCodec::H264, &config.sets), Ok(config));
    }

    #[test]
    fn samples_that_are_not_square_stretch_the_picture() {
        let shown =
            |sample_aspect| VideoConfig { width: 720, height: 576, sample_aspect, ..fixture() }.shown_size();
        assert_eq!([shown((1, 1)), shown((16, 11)), shown((1, 2))], [(720, 576), (1_047, 576), (720, 1_152)]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, hevc: bool) {
            let codec = if hevc { VideoCodec::Hevc } else { VideoCodec::H264 };
            let bytes = Bytes::from(bytes);
            let _ = VideoConfig::from_avc_record(&bytes);
            let _ = VideoConfig::from_hevc_record(&bytes);
            let kinds = [SetKind::Video, SetKind::Sequence, SetKind::Picture];
            let _ = VideoConfig::from_sets(codec, &kinds.map(|kind| (kind, bytes.clone())));
        }
    }
}
