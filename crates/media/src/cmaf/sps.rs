//! H.264 sequence parameter sets (ITU-T H.264 section 7.3.2.1.1): the shape of the samples.

use super::{
    atom::{Atom, Fields},
    bits::Bits,
};
use crate::CmafError;

/// Profiles whose parameter sets state a chroma format.
pub(crate) const HIGH_PROFILES: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// What a parameter set says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    /// `chroma_format_idc`, 0 to 3; 1 is 4:2:0.
    pub chroma_format: u8,
    /// Luma bits beyond 8, 0 to 6.
    pub luma_bits_minus8: u8,
    /// Chroma bits beyond 8, 0 to 6.
    pub chroma_bits_minus8: u8,
}

/// The first parameter set of an `avcC`; `None` when it holds none.
pub(super) fn first(avcc: &Atom<'_>) -> Result<Option<Sequence>, CmafError> {
    let mut fields = avcc.fields("avcC");
    fields.take(5)?;
    if fields.u8()? & 0x1f == 0 {
        return Ok(None);
    }
    let len = usize::from(fields.u16()?);
    let unit: Fields<'_> = fields.inner(len)?;
    let payload = without_emulation_prevention(unit.rest().get(1..).unwrap_or_default());
    read(Bits::new(&payload, unit.offset(), "sequence parameter set")).map(Some)
}

/// Drops each 3 that follows two zeros (section 7.4.1).
pub(crate) fn without_emulation_prevention(bytes: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut zeros = 0;
    for &byte in bytes {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

/// Reads no farther than the bit depths, which come early.
fn read(mut bits: Bits<'_>) -> Result<Sequence, CmafError> {
    let profile = bits.bits(8)?;
    bits.bits(16)?;
    bits.ue()?;
    let [chroma_format, luma_bits_minus8, chroma_bits_minus8] =
        if HIGH_PROFILES.contains(&profile) { sample_shape(&mut bits)? } else { [1, 0, 0] };
    Ok(Sequence { chroma_format, luma_bits_minus8, chroma_bits_minus8 })
}

/// Chroma format and the depths of luma and chroma.
fn sample_shape(bits: &mut Bits<'_>) -> Result<[u8; 3], CmafError> {
    let format = at_most(bits, 3)?;
    if format == 3 {
        bits.flag()?;
    }
    let depths = [at_most(bits, 6)?, at_most(bits, 6)?];
    Ok([format, depths[0], depths[1]])
}

fn at_most(bits: &mut Bits<'_>, max: u8) -> Result<u8, CmafError> {
    let value = u8::try_from(bits.ue()?).ok().filter(|value| *value <= max);
    value.ok_or(bits.invalid("a sequence parameter set with a value out of range"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &[u8] = include_bytes!("../../tests/fixtures/video-init.mp4");

    /// The NAL unit of the fixture without its first byte: `avcC` at 539 with 8 + 8 bytes in front.
    fn fixture() -> Vec<u8> {
        let len = usize::from(u16::from_be_bytes([HEADER[553], HEADER[554]]));
        without_emulation_prevention(&HEADER[556..555 + len])
    }

    #[test]
    fn the_encoder_states_8_bits_of_4_2_0() {
        let read = read(Bits::new(&fixture(), 0, "test")).unwrap();
        assert_eq!((read.chroma_format, read.luma_bits_minus8, read.chroma_bits_minus8), (1, 0, 0));
    }

    #[test]
    fn emulation_prevention_is_undone() {
        let escaped = [1, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3, 3];
        assert_eq!(without_emulation_prevention(&escaped), [1, 0, 0, 1, 0, 0, 0, 0, 3]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = read(Bits::new(&bytes, 0, "test"));
        }

        #[test]
        fn no_damage_panics(at in 0usize..20, byte: u8) {
            let mut damaged = fixture();
            damaged[at] = byte;
            let _ = read(Bits::new(&damaged, 0, "test"));
        }
    }
}
