//! Boxes and the fields inside them, bounds-checked.

use crate::CmafError;

/// One box: its type, place and payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Atom<'a> {
    pub kind: [u8; 4],
    /// Where its header begins, from the start of the outermost bytes.
    pub offset: u64,
    /// Header and payload.
    pub whole: &'a [u8],
    /// Payload.
    pub body: &'a [u8],
}

impl<'a> Atom<'a> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.kind == name.as_bytes()
    }

    /// Bytes of its size and type fields.
    pub(crate) const fn header_len(&self) -> usize {
        self.whole.len() - self.body.len()
    }

    pub(crate) const fn body_offset(&self) -> u64 {
        self.offset + self.header_len() as u64
    }

    pub(crate) const fn end(&self) -> u64 {
        self.offset + self.whole.len() as u64
    }

    pub(crate) fn children(&self) -> Atoms<'a> {
        Atoms::new(self.body, self.body_offset())
    }

    /// The one child of this name.
    pub(crate) fn child(&self, name: &'static str) -> Result<Atom<'a>, CmafError> {
        one(self.children(), name)?.ok_or(CmafError::Missing { name, offset: self.offset })
    }

    /// The payload as fields; `what` names it in errors.
    pub(crate) const fn fields(&self, what: &'static str) -> Fields<'a> {
        Fields { bytes: self.body, base: self.body_offset(), at: 0, what }
    }

    pub(crate) const fn invalid(&self, what: &'static str) -> CmafError {
        CmafError::Invalid { what, offset: self.offset }
    }
}

/// The only box of this name among `atoms`, if any.
pub(crate) fn one<'a>(atoms: Atoms<'a>, name: &'static str) -> Result<Option<Atom<'a>>, CmafError> {
    let mut found = None;
    for atom in atoms {
        let atom = atom?;
        if atom.is(name) && found.replace(atom).is_some() {
            return Err(CmafError::Duplicate { name, offset: atom.offset });
        }
    }
    Ok(found)
}

/// Walks the boxes that fill `bytes`; ends after the first error.
#[derive(Clone, Debug)]
pub(crate) struct Atoms<'a> {
    rest: &'a [u8],
    offset: u64,
}

impl<'a> Atoms<'a> {
    pub(crate) const fn new(bytes: &'a [u8], offset: u64) -> Self {
        Self { rest: bytes, offset }
    }

    fn split(&mut self) -> Option<Atom<'a>> {
        let (rest, offset) = (self.rest, self.offset);
        let size32 = u32::from_be_bytes(*rest.first_chunk()?);
        let kind = *rest.get(4..)?.first_chunk()?;
        let (header, size) = match size32 {
            0 => (8, rest.len()),
            1 => {
                let large = u64::from_be_bytes(*rest.get(8..)?.first_chunk()?);
                (16, usize::try_from(large).ok()?)
            }
            size => (8, usize::try_from(size).ok()?),
        };
        let whole = rest.get(..size)?;
        let body = whole.get(header..)?;
        self.rest = &rest[size..];
        self.offset += size as u64;
        Some(Atom { kind, offset, whole, body })
    }
}

impl<'a> Iterator for Atoms<'a> {
    type Item = Result<Atom<'a>, CmafError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let offset = self.offset;
        let atom = self.split();
        if atom.is_none() {
            self.rest = &[];
        }
        Some(atom.ok_or(CmafError::Truncated { what: "a box", offset }))
    }
}

/// A cursor over big-endian fields.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    base: u64,
    at: usize,
    what: &'static str,
}

impl<'a> Fields<'a> {
    /// The fields of bytes that are in no box; `what` names them in errors.
    pub(crate) const fn of(bytes: &'a [u8], what: &'static str) -> Self {
        Self { bytes, base: 0, at: 0, what }
    }

    /// Where the cursor stands, from the start of the outermost bytes.
    pub(crate) const fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], CmafError> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(CmafError::Truncated { what: self.what, offset: self.offset() })?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CmafError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, CmafError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, CmafError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, CmafError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, CmafError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Version and flags of a full box.
    pub(crate) fn full_box(&mut self) -> Result<(u8, u32), CmafError> {
        let word = self.u32()?;
        let [version, ..] = word.to_be_bytes();
        Ok((version, word & 0x00ff_ffff))
    }

    /// An expandable descriptor length (ISO/IEC 14496-1 section 8.3.3).
    pub(crate) fn descriptor_len(&mut self) -> Result<usize, CmafError> {
        let mut len = 0;
        for _ in 0..4 {
            let byte = self.u8()?;
            len = len << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok(len);
            }
        }
        Err(CmafError::Invalid { what: "a descriptor length of more than four bytes", offset: self.offset() })
    }

    /// The next `len` bytes as fields of their own.
    pub(crate) fn inner(&mut self, len: usize) -> Result<Self, CmafError> {
        let base = self.offset();
        Ok(Fields { bytes: self.take(len)?, base, at: 0, what: self.what })
    }

    pub(crate) const fn invalid(&self, what: &'static str) -> CmafError {
        CmafError::Invalid { what, offset: self.offset() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn boxes_never_overlap_or_leave_the_bytes(bytes: Vec<u8>) {
            let mut end = 0;
            for atom in Atoms::new(&bytes, 0).flatten() {
                prop_assert_eq!(atom.offset, end);
                end = atom.end();
                prop_assert!(end <= bytes.len() as u64 && atom.header_len() >= 8);
            }
        }
    }

    #[test]
    fn sizes_of_64_bits_and_to_the_end_are_understood() {
        let bytes =
            [&[0, 0, 0, 1][..], b"mdat", &[0, 0, 0, 0, 0, 0, 0, 17], b"x", &[0; 4], b"free", b"yz"].concat();
        let atoms: Vec<_> = Atoms::new(&bytes, 100).collect::<Result<_, _>>().unwrap();
        let seen: Vec<_> = atoms.iter().map(|atom| (atom.offset, atom.body)).collect();
        assert_eq!(seen, [(100, &b"x"[..]), (117, b"yz")]);
    }

    #[test]
    fn a_size_smaller_than_its_header_is_an_error_and_ends_the_walk() {
        let bytes = [0, 0, 0, 7, b'f', b'r', b'e', b'e', 0, 0, 0, 8];
        let atoms: Vec<_> = Atoms::new(&bytes, 0).collect();
        assert_eq!(atoms.len(), 1);
        assert_eq!(atoms[0].as_ref().unwrap_err(), &CmafError::Truncated { what: "a box", offset: 0 });
    }
}
