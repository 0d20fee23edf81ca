//! H.264 levels (ITU-T H.264 Annex A, Tables ).

use crate::FrameRate;

/// A row of Table A-1.
struct Level {
    idc: u8,
    macroblocks_per_second: u64,
    macroblocks_per_frame: u64,
    macroblocks_in_dpb: u64,
    /// MaxBR, in units of 1250 bit/s for the High profile.
    rate_units: u64,
    /// MaxCPB, in units of 1250 bit for the High profile.
    buffer_units: u64,
}

const fn level(idc: u8, mbps: u64, fs: u64, dpb: u64, br: u64, cpb: u64) -> Level {
    Level {
        idc,
        macroblocks_per_second: mbps,
        macroblocks_per_frame: fs,
        macroblocks_in_dpb: dpb,
        rate_units: br,
        buffer_units: cpb,
    }
}

/// Levels 1 to 5.2; players are not asked for more (Apple HLS Authoring Specification 1.4).
const LEVELS: [Level; 16] = [
    level(10, 1_485, 99, 396, 64, 175),
    level(11, 3_000, 396, 900, 192, 500),
    level(12, 6_000, 396, 2_376, 384, 1_000),
    level(13, 11_880, 396, 2_376, 768, 2_000),
    level(20, 11_880, 396, 2_376, 2_000, 2_000),
    level(21, 19_800, 792, 4_752, 4_000, 4_000),
    level(22, 20_250, 1_620, 8_100, 4_000, 4_000),
    level(30, 40_500, 1_620, 8_100, 10_000, 10_000),
    level(31, 108_000, 3_600, 18_000, 14_000, 14_000),
    level(32, 216_000, 5_120, 20_480, 20_000, 20_000),
    level(40, 245_760, 8_192, 32_768, 20_000, 25_000),
    level(41, 245_760, 8_192, 32_768, 50_000, 62_500),
    level(42, 522_240, 8_704, 34_816, 50_000, 62_500),
    level(50, 589_824, 22_080, 110_400, 135_000, 135_000),
    level(51, 983_040, 36_864, 184_320, 240_000, 240_000),
    level(52, 2_073_600, 36_864, 184_320, 240_000, 240_000),
];

/// What a stream demands of a decoder.
pub(super) struct Demand {
    pub width: u32,
    pub height: u32,
    pub fps: FrameRate,
    pub decoded_pictures: u32,
    pub maxrate_kbps: u32,
    pub bufsize_kbit: u32,
}

impl Level {
    fn holds(&self, demand: &Demand) -> bool {
        let columns = u64::from(demand.width).div_ceil(16);
        let rows = u64::from(demand.height).div_ceil(16);
        let frame = columns * rows;
        let side_squared_max = 8 * self.macroblocks_per_frame;
        frame <= self.macroblocks_per_frame
            && columns * columns <= side_squared_max
            && rows * rows <= side_squared_max
            && frame * u64::from(demand.fps.num())
                <= self.macroblocks_per_second * u64::from(demand.fps.den())
            && frame * u64::from(demand.decoded_pictures) <= self.macroblocks_in_dpb
            && u64::from(demand.maxrate_kbps) * 1_000 <= self.rate_units * 1_250
            && u64::from(demand.bufsize_kbit) * 1_000 <= self.buffer_units * 1_250
    }
}

/// The lowest High-profile level that holds the stream, as `level_idc`; `None` beyond level 5.2.
pub(super) fn lowest(demand: &Demand) -> Option<u8> {
    LEVELS.iter().find(|level| level.holds(demand)).map(|level| level.idc)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idc(width: u32, height: u32, num: u32, kbps: u32) -> Option<u8> {
        let fps = FrameRate::new(num, 1).unwrap();
        let (maxrate_kbps, bufsize_kbit) = (kbps, kbps * 3 / 2);
        lowest(&Demand { width, height, fps, decoded_pictures: 4, maxrate_kbps, bufsize_kbit })
    }

    #[test]
    fn well_known_formats_get_their_level() {
        assert_eq!(idc(1_920, 1_080, 30, 6_500), Some(40));
        assert_eq!(idc(1_920, 1_080, 60, 9_000), Some(42));
        assert_eq!(idc(1_280, 720, 30, 3_500), Some(31));
        assert_eq!(idc(1_280, 720, 60, 5_000), Some(32));
        assert_eq!(idc(640, 360, 30, 900), Some(30));
        assert_eq!(idc(416, 234, 30, 350), Some(13));
        assert_eq!(idc(3_840, 2_160, 60, 25_000), Some(52));
    }

    #[test]
    fn rate_buffer_and_shape_raise_the_level_and_5_2_is_the_end() {
        assert_eq!(idc(1_280, 720, 30, 24_000), Some(41));
        // 1 macroblock high but 200 wide: the side limit decides.
        assert_eq!(idc(3_200, 16, 30, 300), Some(32));
        assert_eq!(idc(7_680, 4_320, 30, 40_000), None);
    }
}
