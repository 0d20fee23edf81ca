//! Ceilings for capped constant-quality encoding.

use crate::FrameRate;

/// Ceiling in kbit/s by picture area, for 30 frames per second.
const CEILINGS: [(u64, u64); 8] = [
    (0, 60),
    (416 * 234, 350),
    (640 * 360, 900),
    (960 * 540, 2_000),
    (1_280 * 720, 3_500),
    (1_920 * 1_080, 6_500),
    (2_560 * 1_440, 11_000),
    (3_840 * 2_160, 20_000),
];

/// The VBV maximum rate in kbit/s: the table's value, linear between its entries, scaled by frame rate and
/// rounded to 10 kbit/s. Doubling 30 frames a second costs half as much again; halving them saves a fifth.
pub(super) fn maxrate_kbps(width: u32, height: u32, fps: FrameRate) -> u32 {
    let scaled = at_30_fps(u64::from(width) * u64::from(height)) * frame_rate_permille(fps) / 1_000;
    u32::try_from((scaled + 5) / 10 * 10).unwrap_or(u32::MAX)
}

/// The VBV buffer in kbit: one and a half seconds at the maximum rate.
pub(super) fn bufsize_kbit(maxrate_kbps: u32) -> u32 {
    maxrate_kbps.saturating_mul(3) / 2
}

fn at_30_fps(pixels: u64) -> u64 {
    for pair in CEILINGS.windows(2) {
        let ((low, floor), (high, ceiling)) = (pair[0], pair[1]);
        if pixels <= high {
            return floor + (ceiling - floor) * (pixels - low) / (high - low);
        }
    }
    let (area, rate) = CEILINGS[CEILINGS.len() - 1];
    rate * pixels / area
}

fn frame_rate_permille(fps: FrameRate) -> u64 {
    let millihertz = fps.millihertz();
    if millihertz <= 30_000 { 600 + 400 * millihertz / 30_000 } else { 500 + 500 * millihertz / 30_000 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fps(num: u32) -> FrameRate {
        FrameRate::new(num, 1).unwrap()
    }

    #[test]
    fn table_entries_and_frame_rates() {
        assert_eq!(maxrate_kbps(1_920, 1_080, fps(30)), 6_500);
        assert_eq!(maxrate_kbps(1_920, 1_080, fps(60)), 9_750);
        assert_eq!(maxrate_kbps(1_280, 720, fps(30)), 3_500);
        assert_eq!(maxrate_kbps(1_280, 720, fps(15)), 2_800);
        assert_eq!(bufsize_kbit(3_500), 5_250);
    }

    proptest! {
        #[test]
        fn more_pixels_and_more_frames_never_cost_less(
            width in 16u32..8_000, height in 16u32..8_000, more in 0u32..2_000, rate in 6u32..60
        ) {
            let base = maxrate_kbps(width, height, fps(rate));
            prop_assert!(maxrate_kbps(width + more, height, fps(rate)) >= base);
            prop_assert!(maxrate_kbps(width, height, fps(rate + 1)) >= base);
            prop_assert!(base >= 40);
        }
    }
}
