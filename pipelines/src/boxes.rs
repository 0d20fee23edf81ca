//! The little of ISO BMFF (ISO/IEC 14496-12) that is put right in what the muxer writes.

use bytes::{Bytes, BytesMut};

/// What a fragment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// `baseMediaDecodeTime`, in ticks of the track.
    pub decode_time: u64,
    /// Samples of all runs.
    pub samples: u32,
}

/// A box inside another, or inside a file.
pub struct Child<'a> {
    kind: [u8; 4],
    /// Where the box starts within its parent's payload.
    pub at: usize,
    /// What follows its eight bytes of header.
    pub payload: &'a [u8],
}

/// The boxes in `bytes`; ends at the first that is not whole.
fn children(bytes: &[u8]) -> impl Iterator<Item = Child<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let head = bytes.get(at..at + 8)?;
        let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let payload = bytes.get(at + 8..at.checked_add(size)?)?;
        let child = Child { kind: [head[4], head[5], head[6], head[7]], at, payload };
        at += size;
        Some(child)
    })
}

/// The first box of `kind` in `bytes`.
#[must_use]
pub fn find<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<Child<'a>> {
    children(bytes).find(|child| child.kind == *kind)
}

/// Four bytes at `at`, big-endian.
#[must_use]
pub fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Eight bytes at `at`, big-endian.
#[must_use]
pub fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// Reads decode time and sample count of a fragment of one track; `None` when it is not one.
#[must_use]
pub fn contents(fragment: &[u8]) -> Option<Contents> {
    let moof = find(fragment, b"moof")?;
    let traf = find(moof.payload, b"traf")?;
    let tfdt = find(traf.payload, b"tfdt")?.payload;
    let decode_time = if tfdt.first()? == &1 { be64(tfdt, 4)? } else { u64::from(be32(tfdt, 4)?) };
    let runs = children(traf.payload).filter(|child| child.kind == *b"trun");
    let samples = runs.map(|run| be32(run.payload, 4)).sum::<Option<u32>>()?;
    Some(Contents { decode_time, samples })
}

/// Takes the brand `lmsg` (last segment of the presentation, ISO/IEC 23009-1 clause 7.3.1) out of a leading
/// `styp`. Offsets inside the fragment count from its `moof` and stay right.
#[must_use]
pub fn without_last_brand(fragment: Bytes) -> Bytes {
    let Some(styp) = children(&fragment).next().filter(|first| first.kind == *b"styp") else {
        return fragment;
    };
    let (brand, rest) = styp.payload.split_at(styp.payload.len().min(8));
    let kept: Vec<u8> = rest.chunks(4).filter(|brand| *brand != b"lmsg").flatten().copied().collect();
    if kept.len() == rest.len() {
        return fragment;
    }
    let end = styp.at + 8 + styp.payload.len();
    let size = u32::try_from(8 + brand.len() + kept.len()).unwrap_or(u32::MAX);
    let mut out = BytesMut::with_capacity(fragment.len());
    for part in [&size.to_be_bytes()[..], b"styp", brand, &kept, &fragment[end..]] {
        out.extend_from_slice(part);
    }
    out.freeze()
}

/// Zeroes creation and modification times in the `moov` of a CMAF header, which would otherwise differ from
/// run to run.
pub fn zero_times(header: &mut [u8]) {
    for path in [&[b"mvhd"][..], &[b"trak", b"tkhd"], &[b"trak", b"mdia", b"mdhd"]] {
        if let Some(at) = position(header, path) {
            // Version, flags, then two times of 4 or 8 bytes each.
            let wide = if header[at] == 1 { 16 } else { 8 };
            header[at + 4..at + 4 + wide].fill(0);
        }
    }
}

/// Where the payload of `moov` / `path` starts, if it is long enough for two times.
fn position(header: &[u8], path: &[&[u8; 4]]) -> Option<usize> {
    let mut bytes = header;
    let mut at = 0;
    for kind in std::iter::once(&b"moov").chain(path) {
        let child = find(bytes, kind)?;
        at += child.at + 8;
        bytes = child.payload;
    }
    (bytes.len() >= 20).then_some(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn boxed(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        let size = u32::try_from(8 + payload.len()).expect("small");
        [&size.to_be_bytes()[..], kind, payload].concat()
    }

    fn fragment(styp: &[u8]) -> Bytes {
        let tfdt = boxed(b"tfdt", &[&[1, 0, 0, 0][..], &77u64.to_be_bytes()].concat());
        let trun = boxed(b"trun", &[&[0; 4][..], &5u32.to_be_bytes()].concat());
        let traf = boxed(b"traf", &[tfdt, trun.clone(), trun].concat());
        [boxed(b"styp", styp), boxed(b"moof", &traf), boxed(b"mdat", b"xyz")].concat().into()
    }

    #[test]
    fn contents_are_read() {
        assert_eq!(contents(&fragment(b"msdh\0\0\0\0")), Some(Contents { decode_time: 77, samples: 10 }));
        assert_eq!(contents(b"nothing"), None);
    }

    #[test]
    fn the_last_brand_goes_and_nothing_else() {
        let with = fragment(b"msdh\0\0\0\0msdhlmsgcmfs");
        let without = fragment(b"msdh\0\0\0\0msdhcmfs");
        assert_eq!(without_last_brand(with), without);
        assert_eq!(without_last_brand(without.clone()), without);
    }

    #[test]
    fn times_are_zeroed_in_both_widths() {
        let mvhd = boxed(b"mvhd", &[&[1, 0, 0, 0][..], &[9; 16], &[3; 8]].concat());
        let tkhd = boxed(b"tkhd", &[&[0, 0, 0, 7][..], &[9; 8], &[4; 12]].concat());
        let mut header = boxed(b"moov", &[mvhd, boxed(b"trak", &tkhd)].concat());
        zero_times(&mut header);
        assert!(!header.contains(&9) && header.contains(&7));
        assert_eq!(header.iter().filter(|byte| **byte == 3).count(), 8);
        assert_eq!(header.iter().filter(|byte| **byte == 4).count(), 12);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_no_harm(mut bytes: Vec<u8>) {
            let _ = contents(&bytes);
            let len = bytes.len();
            zero_times(&mut bytes);
            prop_assert!(without_last_brand(bytes.into()).len() <= len);
        }
    }
}
