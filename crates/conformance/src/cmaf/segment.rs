//! Media segments: fragments of `moof` and `mdat` (ISO/IEC 23000-19 7.3.2 and 7.3.3).

use super::{
    Brands,
    boxes::{self, Cut},
    brands,
    fragment::{self, Fragment},
    header::Header,
};
use crate::{Fault, finding::Faults};

/// Samples read per segment: runs of defaults alone claim any number in a few bytes.
const SAMPLES_MAX: u64 = 2_000_000;

/// What a segment is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Boxes.
    IsoBmff,
    /// MPEG-2 transport stream.
    TransportStream,
    /// Packed audio: ID3, ADTS, MPEG or AC-3 frames.
    PackedAudio,
    /// WebVTT.
    WebVtt,
    /// Encrypted as a whole: nothing can be said.
    Sealed,
    /// None of these.
    Unknown,
}

/// A media segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// What it is made of.
    pub container: Container,
    /// Bytes of it.
    pub bytes: u64,
    /// `styp`.
    pub brands: Option<Brands>,
    /// Fragments, in order.
    pub fragments: Vec<Fragment>,
}

impl Segment {
    /// A segment that cannot be looked into.
    #[must_use]
    pub const fn opaque(container: Container, bytes: u64) -> Self {
        Self { container, bytes, brands: None, fragments: Vec::new() }
    }

    /// Reads a segment whose first byte is `base` bytes into its file. Sample defaults come from `header`.
    #[must_use]
    pub fn read(bytes: &[u8], base: u64, header: Option<&Header>) -> (Self, Vec<Fault>) {
        read_boxes(bytes, base, header, Cut::Fault)
    }

    /// The same for a range that may end inside an `mdat`, as I-frame ranges do.
    #[must_use]
    pub fn read_range(bytes: &[u8], base: u64, header: Option<&Header>) -> (Self, Vec<Fault>) {
        read_boxes(bytes, base, header, Cut::Expected)
    }

    /// Ticks of all samples.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.fragments.iter().filter_map(|f| f.track.as_ref()).map(|t| t.ticks).fold(0, u64::saturating_add)
    }

    /// Decode time of the first sample.
    #[must_use]
    pub fn start(&self) -> Option<u64> {
        Some(self.fragments.first()?.track.as_ref()?.decode?.time)
    }
}

/// Tells containers apart by their first bytes.
pub(super) fn container(bytes: &[u8]) -> Container {
    const BOXES: [&[u8; 4]; 8] = [b"styp", b"moof", b"sidx", b"prft", b"emsg", b"ftyp", b"free", b"mdat"];
    let vtt = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match bytes {
        [_, _, _, _, kind @ ..] if BOXES.iter().any(|known| kind.starts_with(&known[..])) => {
            Container::IsoBmff
        }
        [0x47, ..] => Container::TransportStream,
        [b'I', b'D', b'3', ..] | [0x0B, 0x77, ..] => Container::PackedAudio,
        [0xFF, second, ..] if second & 0xE0 == 0xE0 => Container::PackedAudio,
        _ if vtt.starts_with(b"WEBVTT") => Container::WebVtt,
        _ => Container::Unknown,
    }
}

fn read_boxes(bytes: &[u8], base: u64, header: Option<&Header>, cut: Cut) -> (Segment, Vec<Fault>) {
    let mut faults = Faults::default();
    let mut segment = Segment::opaque(container(bytes), bytes.len() as u64);
    match segment.container {
        Container::IsoBmff => {}
        Container::Unknown => {
            faults.byte(base, "the segment is neither ISO BMFF, MPEG-2 TS, packed audio nor WebVTT");
            return (segment, faults.all().collect());
        }
        _ => return (segment, Vec::new()),
    }
    let (mut lead, mut samples) = (base, 0_u64);
    for found in boxes::list(bytes, base, cut, &mut faults) {
        match &found.kind.0 {
            b"styp" if segment.brands.is_none() => segment.brands = Some(brands(&found)),
            b"moof" => {
                let fragment = fragment::read(&found, lead, header, &mut faults);
                samples += fragment.track.as_ref().map_or(0, |track| u64::from(track.samples));
                segment.fragments.push(fragment);
                if samples > SAMPLES_MAX {
                    faults.byte(found.at, format!("a segment of more than {SAMPLES_MAX} samples"));
                    break;
                }
            }
            b"mdat" => {
                lead = found.end;
                if let Some(fragment) = segment.fragments.last_mut() {
                    fragment.add_data(&found, header);
                } else {
                    faults.byte(found.at, "an mdat without a moof before it");
                }
            }
            b"moov" => faults.byte(found.at, "a segment holds no moov"),
            _ => {}
        }
    }
    if segment.fragments.is_empty() {
        faults.byte(base, "the segment has no moof");
    }
    (segment, faults.all().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_told_apart() {
        let told: Vec<Container> = [
            &b"\0\0\0\x18stypcmfs"[..],
            b"\x47\x40\0\x10",
            b"ID3\x04",
            b"\xFF\xF1\x50",
            b"WEBVTT\n",
            b"\xEF\xBB\xBFWEBVTT\n",
            b"<html>",
            b"",
        ]
        .map(container)
        .to_vec();
        use Container::{IsoBmff, PackedAudio, TransportStream, Unknown, WebVtt};
        let wanted = [IsoBmff, TransportStream, PackedAudio, PackedAudio, WebVtt, WebVtt, Unknown, Unknown];
        assert_eq!(told, wanted);
    }

    #[test]
    fn an_mdat_alone_is_no_segment() {
        let (_, faults) = Segment::read(b"\0\0\0\x0cmdatabcd", 0, None);
        assert_eq!(faults.len(), 2);
    }
}
