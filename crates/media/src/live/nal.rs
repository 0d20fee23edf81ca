//! NAL units of access units: which pictures they hold, and which units a sample must not hold.
//!
//! Units come behind their lengths (ISO/IEC 14496-15 section 5.3.4, as RTMP sends them) or behind start codes
//! (ITU-T H.264 and H.265 annex B, as MPEG-TS sends them).

use bytes::{BufMut, Bytes, BytesMut};

use super::config::VideoCodec;
use crate::CmafError;

/// What an access unit is to a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// Decoding may begin here, and nothing behind it needs anything before it (IDR, BLA without skipped pictures).
    Key,
    /// Decoding may begin here; the skipped leading pictures behind it need pictures before it (CRA, BLA).
    OpenKey,
    /// A leading picture that cannot be decoded when decoding began at the key before it (RASL).
    Leading,
    /// Any other.
    Dependent,
}

impl Picture {
    /// Whether decoding may begin here.
    #[must_use]
    pub const fn is_key(self) -> bool {
        matches!(self, Self::Key | Self::OpenKey)
    }
}

/// A kind of parameter set, in the order decoders want them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetKind {
    /// Video parameter set (HEVC).
    Video,
    /// Sequence parameter set.
    Sequence,
    /// Picture parameter set.
    Picture,
}

/// An access unit as a sample of an `avc1` or `hvc1` track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoUnit {
    /// What it is.
    pub picture: Picture,
    /// Its NAL units behind their lengths, without parameter sets, delimiters and filler.
    pub data: Bytes,
    /// The parameter sets that stood among them, without their lengths.
    pub sets: Vec<(SetKind, Bytes)>,
}

/// What a NAL unit is for.
enum Role {
    Set(SetKind),
    /// Delimiters, filler, ends of sequence: worth nothing in a sample.
    Filler,
    Slice(Picture),
    Other,
}

fn role(codec: VideoCodec, unit: &[u8]) -> Role {
    let head = unit.first().copied().unwrap_or(0);
    match codec {
        VideoCodec::H264 => avc_role(head & 0x1f),
        VideoCodec::Hevc => hevc_role(head >> 1 & 0x3f),
    }
}

/// ITU-T H.264 table 7-1.
const fn avc_role(kind: u8) -> Role {
    match kind {
        5 => Role::Slice(Picture::Key),
        1..=4 => Role::Slice(Picture::Dependent),
        7 | 13 => Role::Set(SetKind::Sequence),
        8 => Role::Set(SetKind::Picture),
        0 | 9..=12 => Role::Filler,
        _ => Role::Other,
    }
}

/// ITU-T H.265 table 7-1.
const fn hevc_role(kind: u8) -> Role {
    match kind {
        // BLA_N_LP and IDR: no leading pictures that need anything before.
        18..=20 => Role::Slice(Picture::Key),
        16 | 17 | 21..=23 => Role::Slice(Picture::OpenKey),
        8 | 9 => Role::Slice(Picture::Leading),
        0..=15 => Role::Slice(Picture::Dependent),
        32 => Role::Set(SetKind::Video),
        33 => Role::Set(SetKind::Sequence),
        34 => Role::Set(SetKind::Picture),
        35..=38 => Role::Filler,
        _ => Role::Other,
    }
}

/// Reads an access unit whose NAL units stand behind lengths of `length_bytes` bytes, 1 to 4.
///
/// # Errors
/// [`CmafError::Truncated`] when a length reaches past the end, [`CmafError::Invalid`] when no picture is in it or
/// `length_bytes` is out of range.
pub fn from_lengths(codec: VideoCodec, length_bytes: u8, data: &Bytes) -> Result<VideoUnit, CmafError> {
    let units = Lengths::new(data, length_bytes)?.collect::<Result<Vec<_>, _>>()?;
    let kept = |unit: &&[u8]| matches!(role(codec, unit), Role::Slice(_) | Role::Other);
    let whole = units.iter().all(kept);
    let mut unit = sorted(codec, &units, length_bytes, data, whole)?;
    if whole {
        unit.data = data.clone();
    }
    Ok(unit)
}

/// Reads an access unit whose NAL units stand behind start codes; the sample has lengths of four bytes.
///
/// # Errors
/// [`CmafError::Invalid`] when no picture is in it.
pub fn from_start_codes(codec: VideoCodec, data: &Bytes) -> Result<VideoUnit, CmafError> {
    let units: Vec<&[u8]> = start_coded(data).collect();
    sorted(codec, &units, 4, data, false)
}

fn sorted(
    codec: VideoCodec,
    units: &[&[u8]],
    length_bytes: u8,
    source: &Bytes,
    whole: bool,
) -> Result<VideoUnit, CmafError> {
    let mut sets = Vec::new();
    let mut picture = None;
    let mut data = BytesMut::with_capacity(if whole { 0 } else { source.len() + 4 * units.len() });
    for unit in units {
        match role(codec, unit) {
            Role::Set(kind) => {
                sets.push((kind, source.slice_ref(unit)));
                continue;
            }
            Role::Filler => continue,
            Role::Slice(found) => picture = picture.or(Some(found)),
            Role::Other => {}
        }
        if !whole {
            put_unit(&mut data, unit, length_bytes)?;
        }
    }
    let none = CmafError::Invalid { what: "an access unit without a picture", offset: 0 };
    Ok(VideoUnit { picture: picture.ok_or(none)?, data: data.freeze(), sets })
}

fn put_unit(data: &mut BytesMut, unit: &[u8], length_bytes: u8) -> Result<(), CmafError> {
    let too_long = CmafError::Invalid { what: "a NAL unit longer than its length can say", offset: 0 };
    let len = u32::try_from(unit.len()).map_err(|_| too_long.clone())?.to_be_bytes();
    let (over, stated) = len.split_at(4 - usize::from(length_bytes.min(4)));
    if over.iter().any(|byte| *byte != 0) {
        return Err(too_long);
    }
    data.put_slice(stated);
    data.put_slice(unit);
    Ok(())
}

/// Walks NAL units behind lengths; ends after the first error. Units without a byte are passed over.
struct Lengths<'a> {
    bytes: &'a [u8],
    at: usize,
    length_bytes: usize,
}

impl<'a> Lengths<'a> {
    fn new(bytes: &'a [u8], length_bytes: u8) -> Result<Self, CmafError> {
        if !(1..=4).contains(&length_bytes) {
            return Err(CmafError::Invalid { what: "a NAL unit length of no 1 to 4 bytes", offset: 0 });
        }
        Ok(Self { bytes, at: 0, length_bytes: length_bytes.into() })
    }

    fn unit(&mut self) -> Option<&'a [u8]> {
        let start = self.at.checked_add(self.length_bytes)?;
        let len = self.bytes.get(self.at..start)?.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
        let unit = self.bytes.get(start..start.checked_add(len)?)?;
        self.at = start + len;
        Some(unit)
    }
}

impl<'a> Iterator for Lengths<'a> {
    type Item = Result<&'a [u8], CmafError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.bytes.len() {
            let offset = self.at as u64;
            match self.unit() {
                Some([]) => {}
                Some(unit) => return Some(Ok(unit)),
                None => {
                    self.at = self.bytes.len();
                    return Some(Err(CmafError::Truncated { what: "a NAL unit", offset }));
                }
            }
        }
        None
    }
}

/// The NAL units of a byte stream (ITU-T H.264 section B.1.1), without start codes and the zeros around them. Bytes
/// before the first start code are passed over.
pub fn start_coded(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut starts = start_codes(bytes).peekable();
    std::iter::from_fn(move || {
        let start = starts.next()? + 3;
        let end = starts.peek().copied().unwrap_or(bytes.len());
        let unit = &bytes[start..end];
        let kept = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Some(&unit[..kept])
    })
    .filter(|unit| !unit.is_empty())
}

/// Where each `00 00 01` begins.
fn start_codes(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = bytes.get(at..)?.windows(3).position(|three| three == [0, 0, 1])? + at;
        at = found + 3;
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lengths(units: &[&[u8]]) -> Bytes {
        units.iter().flat_map(|unit| [&(unit.len() as u32).to_be_bytes()[..], unit].concat()).collect()
    }

    #[test]
    fn a_sample_without_sets_is_taken_as_it_is() {
        let data = lengths(&[&[6, 1, 2], &[0x65, 1], &[0x65, 2]]);
        let unit = from_lengths(VideoCodec::H264, 4, &data).unwrap();
        assert_eq!((unit.picture, &unit.data, unit.sets.len()), (Picture::Key, &data, 0));
        assert_eq!(unit.data.as_ptr(), data.as_ptr());
    }

    #[test]
    fn sets_and_filler_leave_the_sample() {
        let data = lengths(&[&[9, 0xf0], &[0x67, 1], &[0x68, 2], &[0x41, 3], &[12, 0xff]]);
        let unit = from_lengths(VideoCodec::H264, 4, &data).unwrap();
        let sets = [
            (SetKind::Sequence, Bytes::from_static(&[0x67, 1])),
            (SetKind::Picture, Bytes::from_static(&[0x68, 2])),
        ];
        assert_eq!((unit.picture, &unit.data[..]), (Picture::Dependent, &[0, 0, 0, 2, 0x41, 3][..]));
        assert_eq!(unit.sets, sets);
    }

    #[test]
    fn kinds_of_hevc_pictures() {
        let kind =
            |nal: u8| from_lengths(VideoCodec::Hevc, 4, &lengths(&[&[nal << 1, 1]])).map(|unit| unit.picture);
        assert_eq!([19, 20, 18].map(kind), [Ok(Picture::Key), Ok(Picture::Key), Ok(Picture::Key)]);
        assert_eq!([21, 16, 9].map(kind), [Ok(Picture::OpenKey), Ok(Picture::OpenKey), Ok(Picture::Leading)]);
        assert_eq!([1, 7].map(kind), [Ok(Picture::Dependent), Ok(Picture::Dependent)]);
        assert!(kind(33).is_err());
    }

    #[test]
    fn a_byte_stream_becomes_a_sample() {
        let stream = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 0, 0, 1, 0x65, 9, 0, 0, 1, 0x65, 8, 0, 0];
        let unit = from_start_codes(VideoCodec::H264, &Bytes::copy_from_slice(&stream)).unwrap();
        assert_eq!(unit.data, lengths(&[&[0x65, 9], &[0x65, 8]]));
        assert_eq!((unit.picture, unit.sets.len()), (Picture::Key, 2));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let cut = Bytes::from_static(&[0, 0, 0, 5, 0x65]);
        let truncated = CmafError::Truncated { what: "a NAL unit", offset: 0 };
        assert_eq!(from_lengths(VideoCodec::H264, 4, &cut), Err(truncated));
        assert!(from_lengths(VideoCodec::H264, 0, &cut).is_err());
        assert!(from_lengths(VideoCodec::H264, 4, &Bytes::new()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, length_bytes: u8, hevc: bool) {
            let codec = if hevc { VideoCodec::Hevc } else { VideoCodec::H264 };
            let bytes = Bytes::from(bytes);
            let _ = from_lengths(codec, length_bytes, &bytes);
            let _ = from_start_codes(codec, &bytes);
        }

        #[test]
        fn start_codes_and_lengths_say_the_same(units in prop::collection::vec(prop::collection::vec(4u8.., 1..9), 1..6)) {
            let mut units = units;
            units[0][0] = 0x65;
            let stream: Vec<u8> = units.iter().flat_map(|unit| [&[0, 0, 1][..], unit].concat()).collect();
            let all: Vec<&[u8]> = units.iter().map(|unit| &unit[..]).collect();
            prop_assert_eq!(start_coded(&stream).collect::<Vec<_>>(), all.clone());
            prop_assert_eq!(
                from_start_codes(VideoCodec::H264, &stream.into()).unwrap().data,
                from_lengths(VideoCodec::H264, 4, &lengths(&all)).unwrap().data
            );
        }
    }
}
