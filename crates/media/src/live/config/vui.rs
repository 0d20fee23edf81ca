//! Video usability information, which H.264 (ITU-T H.264 annex E) and HEVC (ITU-T H.265 annex E) share up to its
//! colours.

use crate::{CmafError, FrameRate, cmaf::bits::Bits};

/// Sample aspect ratios by `aspect_ratio_idc` from 1 (ITU-T H.264 table E-1).
const ASPECTS: [(u16, u16); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];
const EXTENDED_ASPECT: u32 = 255;
/// Frames per second that a parameter set may claim.
const RATE_MAX: u32 = 300;

/// How numbers become colours (ISO/IEC 23091-2 code points).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// Colour primaries.
    pub primaries: u8,
    /// Transfer characteristics; 16 is PQ, 18 is HLG.
    pub transfer: u8,
    /// Matrix coefficients.
    pub matrix: u8,
    /// Whether all code values are used.
    pub full_range: bool,
}

/// The parts that packaging looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Vui {
    pub sample_aspect: Option<(u16, u16)>,
    pub colour: Option<Colour>,
    pub frame_rate: Option<FrameRate>,
}

/// From the aspect ratio to the chroma location: everything before the two codecs part.
pub(super) fn shared(bits: &mut Bits<'_>) -> Result<Vui, CmafError> {
    let sample_aspect = if bits.flag()? { aspect(bits)? } else { None };
    if bits.flag()? {
        bits.skip(1)?;
    }
    let colour = if bits.flag()? { colour(bits)? } else { None };
    if bits.flag()? {
        bits.ue()?;
        bits.ue()?;
    }
    Ok(Vui { sample_aspect, colour, frame_rate: None })
}

fn aspect(bits: &mut Bits<'_>) -> Result<Option<(u16, u16)>, CmafError> {
    let index = bits.bits(8)?;
    if index != EXTENDED_ASPECT {
        let known = index.checked_sub(1).and_then(|index| ASPECTS.get(index as usize));
        return Ok(known.copied());
    }
    let mut side = || bits.bits(16).map(|side| u16::try_from(side).unwrap_or(0));
    let (across, down) = (side()?, side()?);
    Ok(Some((across, down)).filter(|(across, down)| *across > 0 && *down > 0))
}

fn colour(bits: &mut Bits<'_>) -> Result<Option<Colour>, CmafError> {
    bits.skip(3)?;
    let full_range = bits.flag()?;
    if !bits.flag()? {
        return Ok(None);
    }
    let mut code = || bits.bits(8).map(|code| u8::try_from(code).unwrap_or(0));
    Ok(Some(Colour { primaries: code()?, transfer: code()?, matrix: code()?, full_range }))
}

/// `timing_info_present_flag` and what follows it; `ticks_per_frame` is 2 for H.264, whose ticks are fields.
pub(super) fn timing(bits: &mut Bits<'_>, ticks_per_frame: u32) -> Result<Option<FrameRate>, CmafError> {
    if !bits.flag()? {
        return Ok(None);
    }
    let (units_in_tick, time_scale) = (bits.bits(32)?, bits.bits(32)?);
    Ok(rate(units_in_tick, time_scale, ticks_per_frame))
}

/// A rate that some camera might have.
fn rate(units_in_tick: u32, time_scale: u32, ticks_per_frame: u32) -> Option<FrameRate> {
    // Halved before they are multiplied, for fractions that fill 32 bits.
    let reduced = FrameRate::new(time_scale, units_in_tick)?;
    let rate = match reduced.num() % ticks_per_frame {
        0 => FrameRate::new(reduced.num() / ticks_per_frame, reduced.den())?,
        _ => FrameRate::new(reduced.num(), reduced.den().checked_mul(ticks_per_frame)?)?,
    };
    (rate.num() >= rate.den() && rate.num() / rate.den() <= RATE_MAX).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_frames() {
        assert_eq!(rate(1_001, 60_000, 2), FrameRate::new(30_000, 1_001));
        assert_eq!(rate(1, 50, 2), FrameRate::new(25, 1));
        assert_eq!(rate(2, 25, 2), FrameRate::new(25, 4));
        assert_eq!(rate(u32::MAX, u32::MAX, 2), None);
        assert_eq!([rate(0, 50, 2), rate(1, 0, 2), rate(1, 1_000_000, 1)], [None; 3]);
    }
}
