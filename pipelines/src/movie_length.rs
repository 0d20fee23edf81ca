//! Where an mp4 says how long it is, so that it need not be believed.
//!
//! qtdemux of GStreamer 1.22 ends a track at the first key frame whose time in the *media* reaches the length of the
//! *movie* (ISO/IEC 14496-12 §8.2.2): behind an edit list that begins late in the media, the last pictures are lost.
//! Without a length it ends where the edit does.

use std::ops::Range;

use crate::completeness::{BOXES_MAX, box_header};
use crate::source::Reader;

/// The bytes of the duration in the movie header; `None` for a file without one, for a fragmented film (its length is
/// needed, and is no such limit), and where it cannot be read.
pub fn place(reader: &mut Reader) -> Option<Range<u64>> {
    let all = 0..reader.bytes();
    let starts = header(reader, 0, all.end)?.0;
    if !matches!(&starts, b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot") {
        return None;
    }
    let movie = child(reader, all, *b"moov")?;
    if child(reader, movie.clone(), *b"mvex").is_some() {
        return None;
    }
    let head = child(reader, movie, *b"mvhd")?;
    let mut version = [0];
    (reader.read(head.start, &mut version).ok()? == 1).then_some(())?;
    // Version and flags, creation and modification time, timescale.
    let (before, long) = if version[0] == 1 { (24, 8) } else { (16, 4) };
    let duration = head.start + before..head.start + before + long;
    (duration.end <= head.end).then_some(duration)
}

/// Type, length and length of the header of the box at `at`, which ends by `end`.
fn header(reader: &mut Reader, at: u64, end: u64) -> Option<([u8; 4], u64, u64)> {
    let mut bytes = [0; 16];
    let have = reader.read(at, &mut bytes).ok()?;
    let (kind, len) = box_header(&bytes[..have], end.saturating_sub(at))?;
    let long = bytes[..4] == [0, 0, 0, 1];
    Some((kind, len, if long { 16 } else { 8 }))
}

/// The payload of the first box of `kind` among those in `within`.
fn child(reader: &mut Reader, within: Range<u64>, kind: [u8; 4]) -> Option<Range<u64>> {
    let mut at = within.start;
    for _ in 0..BOXES_MAX {
        let (found, len, head) = header(reader, at, within.end).filter(|_| at < within.end)?;
        let end = at.saturating_add(len);
        if found == kind {
            return (end <= within.end).then_some(at.saturating_add(head)..end);
        }
        at = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Parent;

    fn found(data: Vec<u8>) -> Option<Range<u64>> {
        let bytes = data.len() as u64;
        let (link, _parent) = Parent::start(data);
        place(&mut Reader::new(link, bytes))
    }

    fn boxed(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        let len = u32::try_from(payload.len() + 8).expect("short");
        [&len.to_be_bytes()[..], kind, payload].concat()
    }

    #[test]
    fn both_versions_of_the_header_are_known() {
        let file = |head: &[u8]| [boxed(b"ftyp", b"isom"), boxed(b"moov", &boxed(b"mvhd", head))].concat();
        assert_eq!(found(file(&[0; 100])), Some(44..48));
        assert_eq!(found(file(&[&[1][..], &[0; 111]].concat())), Some(52..60));
        assert_eq!(found(file(&[0; 18])), None, "cut off");
    }

    #[test]
    fn fragmented_films_and_other_files_are_left_alone() {
        let inside = [boxed(b"mvhd", &[0; 100]), boxed(b"mvex", &[])].concat();
        assert_eq!(found([boxed(b"ftyp", b"isom"), boxed(b"moov", &inside)].concat()), None);
        assert_eq!(found(b"RIFF\x20\0\0\0WAVE".to_vec()), None);
        assert_eq!(found(boxed(b"ftyp", b"isom")), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_end_with_an_answer(mut data: Vec<u8>) {
            data.splice(..0, *b"\0\0\0\x08ftyp\0\0\0\0moov");
            found(data);
        }
    }
}
