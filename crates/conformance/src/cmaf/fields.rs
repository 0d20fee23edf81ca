//! Big-endian fields, read in order and never past the end.

/// A cursor over the body of a box. Every read past the end gives `None`.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub const fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    pub fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }

    pub fn skip(&mut self, bytes: usize) -> Option<()> {
        self.take(bytes).map(|_| ())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    pub fn four_cc(&mut self) -> Option<[u8; 4]> {
        self.array()
    }

    /// Version and flags of a full box (ISO/IEC 14496-12 section 4.2.2).
    pub fn full_box(&mut self) -> Option<(u8, u32)> {
        let word = self.u32()?;
        Some((word.to_be_bytes()[0], word & 0x00FF_FFFF))
    }

    /// What is left.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}
