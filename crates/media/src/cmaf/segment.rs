//! Segment objects.

use super::{
    atom::{Atom, Atoms},
    fragment::{self, Fragment},
};
use crate::{CmafError, FragmentInfo, InitInfo, SegmentInfo};

/// Reads a segment object (ISO/IEC 23000-19 section 7.3.3.1): an optional `styp`, then fragments of a `moof`
/// and an `mdat` each. Other boxes are passed over. `init` is the track's header; `seq` is put into the
/// answer.
///
/// # Errors
/// [`CmafError`] naming the box and its offset; [`CmafError::Gap`] when a fragment does not continue the one
/// before it. Samples must lie inside the `mdat` that follows their `moof`.
pub fn read_segment(bytes: &[u8], init: &InitInfo, seq: u32) -> Result<SegmentInfo, CmafError> {
    let mut fragments: Vec<FragmentInfo> = Vec::new();
    let (mut start, mut end) = (None, 0u64);
    let mut pending: Option<(Atom<'_>, Fragment)> = None;
    for atom in Atoms::new(bytes, 0) {
        let atom = atom?;
        match &atom.kind {
            b"styp" if atom.offset != 0 => return Err(atom.invalid("a styp that is not the first box")),
            b"moof" if pending.is_some() => return Err(atom.invalid("a moof where an mdat is due")),
            b"moof" => {
                let read = fragment::read(&atom, init)?;
                let expected = if start.is_none() { read.start } else { end };
                if read.start != expected {
                    return Err(CmafError::Gap { offset: atom.offset, expected, found: read.start });
                }
                start = start.or(Some(read.start));
                end = end_of(&read, &atom)?;
                pending = Some((atom, read));
            }
            b"mdat" => {
                let (moof, read) = pending.take().ok_or(atom.invalid("an mdat without a moof"))?;
                fragments.push(placed(&moof, &read, &atom)?);
            }
            _ => {}
        }
    }
    if let Some((moof, _)) = pending {
        return Err(CmafError::Missing { name: "mdat", offset: moof.offset });
    }
    let start = start.ok_or(CmafError::Missing { name: "moof", offset: 0 })?;
    Ok(SegmentInfo { seq, start, ticks: end - start, bytes: bytes.len() as u64, fragments })
}

fn end_of(fragment: &Fragment, moof: &Atom<'_>) -> Result<u64, CmafError> {
    let end = fragment.start.checked_add(fragment.ticks);
    end.ok_or(moof.invalid("a decode time beyond 64 bits"))
}

fn placed(moof: &Atom<'_>, fragment: &Fragment, mdat: &Atom<'_>) -> Result<FragmentInfo, CmafError> {
    let absolute = |place: u64| moof.offset.saturating_add(place);
    if absolute(fragment.data_start) < mdat.body_offset() || absolute(fragment.data_end) > mdat.end() {
        return Err(moof.invalid("samples outside the mdat that follows"));
    }
    Ok(FragmentInfo {
        offset: moof.offset,
        bytes: mdat.end() - moof.offset,
        ticks: fragment.ticks,
        samples: fragment.samples,
        first_sample_end: absolute(fragment.first_sample_end),
        sync: fragment.sync,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cmaf::read_init;

    const INIT: &[u8] = include_bytes!("../../tests/fixtures/video-init.mp4");
    const GOP: &[u8] = include_bytes!("../../tests/fixtures/video-0.m4s");
    const NEXT: &[u8] = include_bytes!("../../tests/fixtures/video-1.m4s");

    fn read(bytes: &[u8]) -> Result<SegmentInfo, CmafError> {
        read_segment(bytes, &read_init(INIT).unwrap(), 7)
    }

    /// `GOP` with the four bytes at `at` replaced.
    fn with(at: usize, word: u32) -> Result<SegmentInfo, CmafError> {
        let mut bytes = GOP.to_vec();
        bytes[at..at + 4].copy_from_slice(&word.to_be_bytes());
        read(&bytes)
    }

    #[test]
    fn a_fragment_is_measured() {
        let segment = read(GOP).unwrap();
        assert_eq!((segment.seq, segment.start, segment.ticks, segment.bytes), (7, 0, 60_060, 3_036));
        let expected = FragmentInfo {
            offset: 28,
            bytes: 3_008,
            ticks: 60_060,
            samples: 60,
            // moof at 28, data offset 0x248, first sample of 0x36d bytes.
            first_sample_end: 28 + 0x248 + 0x36d,
            sync: true,
        };
        assert_eq!(segment.fragments, [expected]);
    }

    #[test]
    fn fragments_continue_each_other() {
        let two = [GOP, &NEXT[28..]].concat();
        let segment = read(&two).unwrap();
        assert_eq!((segment.ticks, segment.fragments.len()), (120_120, 2));
        assert_eq!(segment.fragments[1].offset, 3_036);
        let twice = [GOP, &GOP[28..]].concat();
        let gap = CmafError::Gap { offset: 3_036, expected: 60_060, found: 0 };
        assert_eq!(read(&twice), Err(gap));
    }

    #[test]
    fn violations_are_named_with_their_place() {
        let invalid = |what, offset| Err(CmafError::Invalid { what, offset });
        assert_eq!(with(72, 2), invalid("a fragment of another track", 60));
        assert_eq!(with(68, 0x0000_0028), invalid("offsets that are not relative to the moof", 60));
        assert_eq!(with(112, 0), invalid("a run without samples", 100));
        assert_eq!(with(76, 0), invalid("a sample without duration", 132));
        assert_eq!(with(116, 0x247), invalid("samples outside the mdat that follows", 28));
        assert_eq!(with(124, 0x10_0000), invalid("samples outside the mdat that follows", 28));
        assert_eq!(with(112, 0xffff_ffff), Err(CmafError::Truncated { what: "trun", offset: 604 }));
        assert_eq!(read(&GOP[28..604]), Err(CmafError::Missing { name: "mdat", offset: 0 }));
        assert_eq!(read(&GOP[604..]), invalid("an mdat without a moof", 0));
        assert_eq!(read(b""), Err(CmafError::Missing { name: "moof", offset: 0 }));
        assert_eq!(read(&[GOP, NEXT].concat()), invalid("a styp that is not the first box", 3_036));
    }

    #[test]
    fn a_huge_count_of_equal_samples_costs_no_time() {
        let init = InitInfo {
            defaults: crate::SampleDefaults { duration: 1, size: 0, flags: 0 },
            ..read_init(INIT).unwrap()
        };
        let full = |kind: &[u8; 4], words: &[u32]| {
            let body: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            boxed(kind, &body)
        };
        let traf =
            [full(b"tfhd", &[0x0002_0000, 1]), full(b"tfdt", &[0, 0]), full(b"trun", &[1, u32::MAX, 84])];
        let moof = boxed(b"moof", &[full(b"mfhd", &[0, 1]), boxed(b"traf", &traf.concat())].concat());
        assert_eq!(moof.len() + 8, 92);
        let bytes = [moof, boxed(b"mdat", b"")].concat();
        assert!(matches!(read_segment(&bytes, &init, 0), Err(CmafError::Invalid { .. })));
        let mut placed = bytes;
        placed[80..84].copy_from_slice(&92u32.to_be_bytes());
        assert_eq!(read_segment(&placed, &init, 0).map(|segment| segment.ticks), Ok(u64::from(u32::MAX)));
    }

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let len = u32::try_from(body.len() + 8).unwrap();
        [&len.to_be_bytes()[..], kind, body].concat()
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }

        #[test]
        fn damaged_headers_never_panic_nor_point_outside(
            at in 0usize..604, byte: u8, cut in 0..GOP.len()
        ) {
            let mut damaged = GOP.to_vec();
            damaged[at] = byte;
            for bytes in [&damaged[..], &damaged[..cut]] {
                for fragment in read(bytes).map(|segment| segment.fragments).unwrap_or_default() {
                    prop_assert!(fragment.offset + fragment.bytes <= bytes.len() as u64);
                    prop_assert!(fragment.first_sample_end <= bytes.len() as u64);
                }
            }
        }
    }
}
