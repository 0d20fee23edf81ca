//! Boxes (ISO/IEC 14496-12 section 4.2).

use std::fmt;

use crate::finding::Faults;

/// A box type, brand, handler or sample entry format.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FourCc(pub [u8; 4]);

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{self}'")
    }
}

/// A box as found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub kind: FourCc,
    /// Offset of the box in its file.
    pub at: u64,
    /// Offset of its body in its file.
    pub body_at: u64,
    pub body: &'a [u8],
    /// Offset after the box as its size says; beyond the bytes at hand only for a last box cut short.
    pub end: u64,
}

impl Found<'_> {
    pub fn is(&self, kind: &[u8; 4]) -> bool {
        self.kind.0 == *kind
    }

    /// The boxes inside, `skip` bytes into the body.
    pub fn children(&self, skip: usize, faults: &mut Faults) -> Vec<Found<'_>> {
        let skip = skip.min(self.body.len());
        list(&self.body[skip..], self.body_at + skip as u64, Cut::Fault, faults)
    }
}

/// What to make of a last box that the bytes at hand do not hold whole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// It is a fault.
    Fault,
    /// It is expected: only a range of the file was read.
    Expected,
}

/// Boxes kept per level; hours of fragments in one file come to tens of thousands.
const BOXES_MAX: usize = 200_000;

/// The boxes in `bytes`, which begin at `base` in their file. Reading stops at the first broken one.
pub(super) fn list<'a>(bytes: &'a [u8], base: u64, cut: Cut, faults: &mut Faults) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    let mut rest = bytes;
    let mut at = base;
    while !rest.is_empty() {
        if found.len() == BOXES_MAX {
            faults.byte(at, format!("more than {BOXES_MAX} boxes on one level"));
            break;
        }
        match next(rest, at, cut) {
            Ok(next) => {
                let held = usize::try_from(next.end - at).unwrap_or(usize::MAX).min(rest.len());
                rest = &rest[held..];
                at = next.end;
                found.push(next);
            }
            Err(problem) => {
                faults.byte(at, problem);
                break;
            }
        }
    }
    found
}

fn next(bytes: &[u8], at: u64, cut: Cut) -> Result<Found<'_>, String> {
    let short = || format!("{} bytes are no box", bytes.len());
    let (size, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let (kind, mut body) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    let kind = FourCc(*kind);
    let mut header = 8;
    let size = match u32::from_be_bytes(*size) {
        0 => bytes.len() as u64,
        1 => {
            let (large, rest) = body.split_first_chunk::<8>().ok_or_else(short)?;
            (body, header) = (rest, 16);
            u64::from_be_bytes(*large)
        }
        size => u64::from(size),
    };
    let Some(length) = size.checked_sub(header) else {
        return Err(format!("the box {kind} says it is {size} bytes long, less than its own head"));
    };
    let Some(end) = at.checked_add(size) else { return Err(format!("the box {kind} has no possible size")) };
    let held = usize::try_from(length).ok().and_then(|length| body.get(..length));
    let body = match (held, cut) {
        (Some(held), _) => held,
        (None, Cut::Expected) => body,
        (None, Cut::Fault) => {
            let left = bytes.len();
            return Err(format!("the box {kind} says it is {size} bytes long where {left} are left"));
        }
    };
    Ok(Found { kind, at, body_at: at + header, body, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(bytes: &[u8], cut: Cut) -> (Vec<(String, u64, usize)>, usize) {
        let mut faults = Faults::default();
        let found = list(bytes, 100, cut, &mut faults);
        let told = found.iter().map(|f| (f.kind.to_string(), f.at, f.body.len())).collect();
        (told, faults.all().count())
    }

    #[test]
    fn small_large_and_open_ended_boxes_are_read() {
        let mut bytes = b"\0\0\0\x0aabcdxy".to_vec();
        bytes.extend(b"\0\0\0\x01efgh\0\0\0\0\0\0\0\x11z");
        bytes.extend(b"\0\0\0\0ijklrest");
        let (told, faults) = listed(&bytes, Cut::Fault);
        let wanted = [("abcd", 100, 2), ("efgh", 110, 1), ("ijkl", 127, 4)];
        assert_eq!(told, wanted.map(|(kind, at, len)| (kind.to_owned(), at, len)));
        assert_eq!(faults, 0);
    }

    #[test]
    fn broken_sizes_are_faults() {
        for bytes in
            [&b"\0\0\0\x07abcd"[..], b"\0\0\0\x10abcd", b"\0\0\0", b"\0\0\0\x01abcd\0\0\0\0\0\0\0\x0f"]
        {
            assert_eq!(listed(bytes, Cut::Fault), (vec![], 1), "{bytes:?}");
        }
        let huge = b"\0\0\0\x01abcd\xff\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(listed(huge, Cut::Expected), (vec![], 1));
    }

    #[test]
    fn a_range_may_end_inside_its_last_box() {
        assert_eq!(listed(b"\0\0\0\x10mdatxy", Cut::Expected), (vec![("mdat".to_owned(), 100, 2)], 0));
    }
}
