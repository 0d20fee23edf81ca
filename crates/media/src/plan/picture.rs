//! Picture sizes: square pixels, upright, even.

use crate::{PlanError, VideoFacts};

/// The smallest side an encoder is given: one macroblock.
pub(super) const SIDE_MIN: u32 = 16;

/// A picture size in square pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub width: u32,
    pub height: u32,
}

impl Size {
    pub(super) fn short(self) -> u32 {
        self.width.min(self.height)
    }

    pub(super) fn long(self) -> u32 {
        self.width.max(self.height)
    }

    fn is_portrait(self) -> bool {
        self.height > self.width
    }

    fn of_sides(short: u32, long: u32, portrait: bool) -> Self {
        if portrait { Self { width: short, height: long } } else { Self { width: long, height: short } }
    }

    /// The same shape with this short side: even sides, the long one to the nearest even number.
    pub(super) fn with_short(self, short: u32) -> Self {
        let short = even_floor(short);
        let long = nearest_even(u64::from(self.long()) * u64::from(short), self.short());
        Self::of_sides(short, long.max(short), self.is_portrait())
    }

    /// The same shape, even, shrunk until it fits a box of these sides whichever way it stands.
    pub(super) fn fitted(self, short_max: u32, long_max: u32) -> Self {
        let by_long = u64::from(self.short()) * u64::from(long_max) / u64::from(self.long().max(1));
        let by_long = u32::try_from(by_long).unwrap_or(u32::MAX);
        let short = self.short().min(short_max).min(by_long);
        let fitted = self.with_short(short.max(SIDE_MIN));
        Self::of_sides(fitted.short(), fitted.long().min(even_floor(long_max)), self.is_portrait())
    }
}

fn even_floor(side: u32) -> u32 {
    (side & !1).max(SIDE_MIN)
}

fn nearest_even(dividend: u64, divisor: u32) -> u32 {
    let divisor = u64::from(divisor.max(1));
    let half = (dividend + divisor) / (2 * divisor);
    u32::try_from(half * 2).unwrap_or(u32::MAX - 1).max(SIDE_MIN)
}

/// The size at which the source is shown, and a sentence where that is not its coded size.
pub(super) fn display(video: &VideoFacts) -> Result<(Size, Option<String>), PlanError> {
    let (width, height) = (video.width, video.height);
    if width == 0 || height == 0 {
        return Err(PlanError::NoPicture { width, height });
    }
    let (par_num, par_den) = believable_aspect(video);
    let (num, den) = (u128::from(par_num), u128::from(par_den));
    let scaled = (u128::from(width) * num * 2 + den) / (2 * den);
    let square = Size { width: u32::try_from(scaled).unwrap_or(u32::MAX).max(1), height };
    let turned = matches!(video.rotation, 90 | 270);
    let size = if turned { Size { width: square.height, height: square.width } } else { square };
    let reason = (size != Size { width, height } || video.rotation != 0).then(|| {
        format!(
            "The picture is coded as {width}x{height} with pixels of {par_num}:{par_den} and a rotation of {} \
             degrees; it is shown as {}x{}.",
            video.rotation, size.width, size.height
        )
    });
    Ok((size, reason))
}

/// The pixel aspect ratio; beyond 8:1 either way it is damage and taken for square.
fn believable_aspect(video: &VideoFacts) -> (u32, u32) {
    let (num, den) = (video.par_num, video.par_den);
    let believable = num > 0 && den > 0 && num / 8 <= den && den / 8 <= num;
    if believable { (num, den) } else { (1, 1) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shapes_scale_by_the_short_side() {
        let wide = Size { width: 1_280, height: 720 };
        assert_eq!(wide.with_short(234), Size { width: 416, height: 234 });
        let portrait = Size { width: 1_080, height: 1_920 };
        assert_eq!(portrait.with_short(540), Size { width: 540, height: 960 });
        let odd = Size { width: 321, height: 181 };
        assert_eq!(odd.with_short(181), Size { width: 320, height: 180 });
    }

    proptest! {
        #[test]
        fn fitted_sizes_are_even_and_inside(width in 1u32..20_000, height in 1u32..20_000) {
            let fitted = Size { width, height }.fitted(720, 1_280);
            prop_assert!(fitted.width.is_multiple_of(2) && fitted.height.is_multiple_of(2));
            prop_assert!(fitted.short() <= 720 && fitted.long() <= 1_280 && fitted.short() >= SIDE_MIN);
        }
    }
}
