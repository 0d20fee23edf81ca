//! Whether the end of a file is there, told from its own boxes; a few small reads, no demuxing.
//!
//! Only damage that the container itself declares counts: a media box (ISO/IEC 14496-12 §4.2), a Matroska
//! segment (RFC 9559 §5.1) or a RIFF chunk that claims to reach beyond the end of the file.

use crate::failure::{GraphError, Result};
use crate::source::Reader;

/// Top-level boxes looked at; a fragmented film has two a fragment.
pub const BOXES_MAX: usize = 200_000;

/// Refuses a source whose container says that bytes are missing.
///
/// # Errors
/// [`GraphError::incomplete`], or a failed read.
pub fn check(reader: &mut Reader) -> Result<()> {
    let mut head = [0; 64];
    let have = reader.read(0, &mut head)?;
    match &head[..have] {
        [_, _, _, _, kind @ ..] if is_movie_start(kind) => check_boxes(reader),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => beyond(matroska_end(&head[..have]), reader.bytes()),
        [b'R', b'I', b'F', b'F', ..] => beyond(riff_end(&head[..have]), reader.bytes()),
        _ => Ok(()),
    }
}

/// Whether a file starts with one of the boxes that mp4 and QuickTime files start with.
fn is_movie_start(kind: &[u8]) -> bool {
    [b"ftyp", b"moov", b"mdat", b"wide"].iter().any(|known| kind.starts_with(*known))
}

fn beyond(end: Option<u64>, bytes: u64) -> Result<()> {
    match end {
        Some(end) if end > bytes => Err(GraphError::incomplete(format!("{bytes} of {end} bytes"))),
        _ => Ok(()),
    }
}

/// Walks the top-level boxes. Media and movie boxes must end inside the file, and a movie box must be there.
fn check_boxes(reader: &mut Reader) -> Result<()> {
    let bytes = reader.bytes();
    let (mut at, mut movie) = (0, false);
    for _ in 0..BOXES_MAX {
        let mut header = [0; 16];
        let have = reader.read(at, &mut header)?;
        let Some((kind, len)) = box_header(&header[..have], bytes - at) else { break };
        let end = at.saturating_add(len);
        if matches!(&kind, b"mdat" | b"moov" | b"moof") {
            beyond(Some(end), bytes)?;
        }
        movie |= &kind == b"moov";
        if end >= bytes {
            break;
        }
        at = end;
    }
    if movie { Ok(()) } else { Err(GraphError::incomplete("no movie box")) }
}

/// Type and whole length of a box; a length of zero means `rest`. `None` when it is no box.
pub fn box_header(header: &[u8], rest: u64) -> Option<([u8; 4], u64)> {
    let kind = header.get(4..8)?.try_into().ok()?;
    let short = u32::from_be_bytes(header.get(..4)?.try_into().ok()?);
    let len = match short {
        0 => rest,
        1 => u64::from_be_bytes(header.get(8..16)?.try_into().ok()?),
        other => u64::from(other),
    };
    (len >= 8).then_some((kind, len))
}

/// Where the segment of a Matroska file says it ends; `None` when unknown (live recordings).
fn matroska_end(head: &[u8]) -> Option<u64> {
    let (header_len, size_len) = vint(head.get(4..)?)?;
    let segment = 4 + size_len as u64 + header_len;
    let at = usize::try_from(segment).ok()?;
    if head.get(at..at.checked_add(4)?)? != [0x18, 0x53, 0x80, 0x67] {
        return None;
    }
    let (len, size_len) = vint(head.get(at + 4..)?)?;
    segment.checked_add(4 + size_len as u64)?.checked_add(len)
}

/// An EBML variable-size integer and its width in bytes; `None` when all ones ("unknown") or cut off.
fn vint(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let width = first.leading_zeros() as usize + 1;
    if width > 8 {
        return None;
    }
    let low = |byte: u8| u64::from(byte) & ((1u64 << (8 - width)) - 1);
    let value = bytes.get(1..width)?.iter().fold(low(first), |value, byte| value << 8 | u64::from(*byte));
    (value != (1u64 << (7 * width)) - 1).then_some((value, width))
}

/// Where a RIFF chunk says it ends; `None` for the placeholder lengths of streamed files.
fn riff_end(head: &[u8]) -> Option<u64> {
    let len = u32::from_le_bytes(head.get(4..8)?.try_into().ok()?);
    (len != 0 && len < 0xffff_ff00).then_some(u64::from(len) + 8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Parent;

    fn verdict(data: Vec<u8>) -> bool {
        let bytes = data.len() as u64;
        let (link, _parent) = Parent::start(data);
        check(&mut Reader::new(link, bytes)).is_ok()
    }

    fn boxed(kind: &[u8; 4], len: u32, have: usize) -> Vec<u8> {
        let mut out = len.to_be_bytes().to_vec();
        out.extend_from_slice(kind);
        out.resize(have, 0);
        out
    }

    #[test]
    fn a_whole_mp4_passes_and_a_cut_one_does_not() {
        let whole = [boxed(b"ftyp", 16, 16), boxed(b"moov", 32, 32), boxed(b"mdat", 100, 100)].concat();
        assert!(verdict(whole.clone()));
        assert!(!verdict(whole[..140].to_vec()));
        let movie_last = [boxed(b"ftyp", 16, 16), boxed(b"mdat", 100, 100), boxed(b"moov", 32, 32)].concat();
        assert!(verdict(movie_last.clone()));
        assert!(!verdict(movie_last[..116].to_vec()), "no movie box at all");
        assert!(!verdict(movie_last[..130].to_vec()), "half a movie box");
    }

    #[test]
    fn a_last_box_without_length_reaches_the_end() {
        assert!(verdict([boxed(b"ftyp", 16, 16), boxed(b"moov", 32, 32), boxed(b"mdat", 0, 50)].concat()));
    }

    #[test]
    fn trailing_junk_is_not_a_cut() {
        assert!(verdict([boxed(b"ftyp", 16, 16), boxed(b"moov", 32, 32), vec![0; 20]].concat()));
    }

    #[test]
    fn matroska_and_riff_lengths_are_believed_unless_unknown() {
        let ebml = [0x1a, 0x45, 0xdf, 0xa3, 0x81, 0, 0x18, 0x53, 0x80, 0x67];
        assert!(verdict([&ebml[..], &[0x84], &[0; 4]].concat()));
        assert!(!verdict([&ebml[..], &[0x84], &[0; 3]].concat()));
        assert!(verdict([&ebml[..], &[0x01, 255, 255, 255, 255, 255, 255, 255], &[0; 3]].concat()));
        assert!(!verdict(b"RIFF\x20\0\0\0WAVE".to_vec()));
        assert!(verdict(b"RIFF\xff\xff\xff\xffWAVE".to_vec()));
        assert!(verdict(b"RIFF\x04\0\0\0WAVE".to_vec()));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_end_with_a_verdict(kind in 0usize..4, mut data: Vec<u8>) {
            let magics: [&[u8]; 4] = [b"\0\0\0\x10ftyp", &[0x1a, 0x45, 0xdf, 0xa3], b"RIFF", b""];
            data.splice(..0, magics[kind].iter().copied());
            verdict(data);
        }
    }
}
