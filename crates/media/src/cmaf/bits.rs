//! Fields that are not whole bytes.

use crate::CmafError;

/// A cursor over bits, most significant first.
#[derive(Clone, Debug)]
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    /// Where `bytes` begin, from the start of the outermost bytes.
    offset: u64,
    at: usize,
    what: &'static str,
}

impl<'a> Bits<'a> {
    /// The bits of `bytes`, which begin at `offset`; `what` names them in errors.
    pub(crate) const fn new(bytes: &'a [u8], offset: u64, what: &'static str) -> Self {
        Self { bytes, offset, at: 0, what }
    }

    /// The next `count` bits, at most 32, as a number.
    pub(crate) fn bits(&mut self, count: u32) -> Result<u32, CmafError> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8);
            let byte = byte.ok_or(CmafError::Truncated { what: self.what, offset: self.offset })?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, CmafError> {
        self.bits(1).map(|bit| bit == 1)
    }

    /// An unsigned Exp-Golomb code (ITU-T H.264 section 9.1).
    pub(crate) fn ue(&mut self) -> Result<u32, CmafError> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros == 32 {
                return Err(self.invalid("an Exp-Golomb code of more than 32 bits"));
            }
        }
        // Below 2^32: at most 31 bits follow the one.
        Ok((1 << zeros) - 1 + self.bits(zeros)?)
    }

    /// A signed Exp-Golomb code (ITU-T H.264 section 9.1.1).
    pub(crate) fn se(&mut self) -> Result<i64, CmafError> {
        let code = i64::from(self.ue()?);
        Ok(if code % 2 == 0 { -(code / 2) } else { code / 2 + 1 })
    }

    /// Passes over `count` bits.
    pub(crate) fn skip(&mut self, count: usize) -> Result<(), CmafError> {
        let end = self.at.saturating_add(count);
        if end > self.left() + self.at {
            return Err(CmafError::Truncated { what: self.what, offset: self.offset });
        }
        self.at = end;
        Ok(())
    }

    /// Bits not yet read.
    pub(crate) const fn left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.at)
    }

    /// Goes on at the next whole byte.
    pub(crate) const fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }

    pub(crate) const fn invalid(&self, what: &'static str) -> CmafError {
        CmafError::Invalid { what, offset: self.offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes_of_the_standard() {
        // 1, 010, 011, 00100, 00101: the first five codes of Table 9-2.
        let bytes = [0b1010_0110, 0b0100_0010, 0b1000_0000];
        let mut unsigned = Bits::new(&bytes, 0, "test");
        let codes: Vec<u32> = (0..5).map(|_| unsigned.ue().unwrap()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
        let mut signed = Bits::new(&bytes, 0, "test");
        let codes: Vec<i64> = (0..5).map(|_| signed.se().unwrap()).collect();
        assert_eq!(codes, [0, 1, -1, 2, -2]);
    }

    #[test]
    fn the_longest_code_fits_and_a_longer_one_is_refused() {
        let longest = [0x00, 0x00, 0x00, 0x01, 0xff, 0xff, 0xff, 0xfe];
        assert_eq!(Bits::new(&longest, 0, "test").ue(), Ok(u32::MAX - 1));
        assert!(matches!(Bits::new(&[0; 8], 0, "test").ue(), Err(CmafError::Invalid { .. })));
        let end = CmafError::Truncated { what: "test", offset: 9 };
        assert_eq!(Bits::new(&[0; 2], 9, "test").ue(), Err(end));
    }
}
