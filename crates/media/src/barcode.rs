//! The test signals of fixture films: a barcode that names each frame, and a flash on each second.
//!
//! # Layout
//!
//! The picture is divided into [`COLUMNS`] equal columns and [`ROWS`] equal rows; cell `(row, column)` of a
//! picture of `W`×`H` pixels covers
//!
//! ```text
//! x from floor(column * W / 48) up to, not including, floor((column + 1) * W / 48)
//! y from floor(row    * H / 24) up to, not including, floor((row    + 1) * H / 24)
//! ```
//!
//! Columns 0 to 31 of rows 0 to 2 carry 96 bits, white for one and black for zero, most significant bit first:
//!
//! | row | columns 0 to 31 |
//! |---|---|
//! | 0 | frame number, 32 bits |
//! | 1 | wall-clock milliseconds since the Unix epoch, bits 47 to 16 |
//! | 2 | columns 0 to 15: bits 15 to 0 of the milliseconds; columns 16 to 31: checksum |
//!
//! The checksum is CRC-16/IBM-3740 (polynomial `0x1021`, start `0xffff`, no reflection, no final xor) over the
//! frame number as 4 bytes and the milliseconds as 6 bytes, both big-endian. It refuses an empty picture and a
//! blend of two frames.
//!
//! Columns 44 to 47 of rows 0 to 2 are the flash panel: white in the first frames of each second, else black.
//! Columns 32 to 43 hold text for people and mean nothing.
//!
//! # Reading
//!
//! A cell's level is the mean of the pixels in its middle, the cell less a quarter of its width and height on
//! each side:
//!
//! ```text
//! x from x0 + floor((x1 - x0) / 4) up to, not including, x1 - floor((x1 - x0) / 4)      (y alike)
//! ```
//!
//! It is white when the mean is at least [`WHITE_MIN`]. The threshold suits both luma (16 to 235) and any
//! channel of RGBA (0 to 255); of RGBA, green is read. Nothing depends on the picture's size, so a reader works
//! on any rung and on a canvas of any scale from 96×48 pixels.

/// Columns of the layout grid.
pub const COLUMNS: usize = 48;
/// Rows of the layout grid.
pub const ROWS: usize = 24;
/// Rows that carry bits.
pub const CODE_ROWS: usize = 3;
/// Columns that carry bits.
pub const CODE_COLUMNS: usize = 32;
/// First column of the flash panel, which ends at [`COLUMNS`].
pub const FLASH_COLUMN: usize = 44;
/// The least mean level of a white cell.
pub const WHITE_MIN: u32 = 126;

const BLACK: u8 = 16;
const WHITE: u8 = 235;

/// What a barcode says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Frame number, from zero.
    pub frame: u32,
    /// Wall-clock milliseconds since the Unix epoch; below 2^48.
    pub epoch_ms: u64,
}

/// A rectangle of pixels; the ends are exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// First column of pixels.
    pub x0: usize,
    /// First row of pixels.
    pub y0: usize,
    /// One past the last column.
    pub x1: usize,
    /// One past the last row.
    pub y1: usize,
}

/// The pixels of the cells from (`row`, `column`) up to, not including, (`row_end`, `column_end`) in a picture
/// of `width`×`height`.
#[must_use]
pub const fn area(
    (row, column): (usize, usize),
    (row_end, column_end): (usize, usize),
    (width, height): (usize, usize),
) -> Area {
    Area {
        x0: column * width / COLUMNS,
        y0: row * height / ROWS,
        x1: column_end * width / COLUMNS,
        y1: row_end * height / ROWS,
    }
}

const fn cell(row: usize, column: usize, size: (usize, usize)) -> Area {
    area((row, column), (row + 1, column + 1), size)
}

/// The flash panel of a picture of `width`×`height`.
#[must_use]
pub const fn flash_area(width: usize, height: usize) -> Area {
    area((0, FLASH_COLUMN), (CODE_ROWS, COLUMNS), (width, height))
}

impl Area {
    const fn middle(self) -> Self {
        let (dx, dy) = ((self.x1 - self.x0) / 4, (self.y1 - self.y0) / 4);
        Self { x0: self.x0 + dx, y0: self.y0 + dy, x1: self.x1 - dx, y1: self.y1 - dy }
    }
}

fn checksum(mark: Mark) -> u16 {
    let frame = mark.frame.to_be_bytes();
    let clock = mark.epoch_ms.to_be_bytes();
    frame.iter().chain(&clock[2..]).fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

fn pack(mark: Mark) -> [u32; CODE_ROWS] {
    let low = u32::try_from(mark.epoch_ms & 0xffff).expect("16 bits");
    let high = u32::try_from((mark.epoch_ms >> 16) & 0xffff_ffff).expect("32 bits");
    [mark.frame, high, (low << 16) | u32::from(checksum(mark))]
}

fn unpack(rows: [u32; CODE_ROWS]) -> Option<Mark> {
    let mark = Mark { frame: rows[0], epoch_ms: (u64::from(rows[1]) << 16) | u64::from(rows[2] >> 16) };
    (rows[2] & 0xffff == u32::from(checksum(mark))).then_some(mark)
}

fn fill(luma: &mut [u8], stride: usize, area: Area, level: u8) {
    for row in luma.chunks_mut(stride).take(area.y1).skip(area.y0) {
        row[area.x0..area.x1].fill(level);
    }
}

/// Draws `mark` and the flash panel into a luma plane. Chroma of these cells should be neutral.
///
/// # Panics
/// When `luma` is shorter than `stride * (height - 1) + width` bytes, or `stride` shorter than `width`.
pub fn draw(luma: &mut [u8], stride: usize, (width, height): (usize, usize), mark: Mark, flash: bool) {
    for (row, bits) in pack(mark).into_iter().enumerate() {
        for column in 0..CODE_COLUMNS {
            let level = if bits << column & 1 << 31 == 0 { BLACK } else { WHITE };
            fill(luma, stride, cell(row, column, (width, height)), level);
        }
    }
    fill(luma, stride, flash_area(width, height), if flash { WHITE } else { BLACK });
}

/// One picture to read from: `step` bytes a pixel, of which the one at `channel` is looked at.
struct Picture<'a> {
    bytes: &'a [u8],
    stride: usize,
    step: usize,
    channel: usize,
    size: (usize, usize),
}

impl Picture<'_> {
    fn is_readable(&self) -> bool {
        let (width, height) = self.size;
        width >= 2 * COLUMNS
            && height >= 2 * ROWS
            && self.stride >= width * self.step
            && self.bytes.len() >= self.stride * (height - 1) + width * self.step
    }

    fn is_white(&self, area: Area) -> bool {
        let Area { x0, y0, x1, y1 } = area.middle();
        let mut sum = 0;
        let mut count = 0;
        for row in self.bytes.chunks(self.stride).take(y1).skip(y0) {
            for pixel in row[..self.size.0 * self.step].chunks_exact(self.step).take(x1).skip(x0) {
                sum += u32::from(pixel[self.channel]);
                count += 1;
            }
        }
        sum >= WHITE_MIN * count
    }

    fn mark(&self) -> Option<Mark> {
        self.is_readable().then_some(())?;
        let mut rows = [0; CODE_ROWS];
        for (row, bits) in rows.iter_mut().enumerate() {
            for column in 0..CODE_COLUMNS {
                *bits = *bits << 1 | u32::from(self.is_white(cell(row, column, self.size)));
            }
        }
        unpack(rows)
    }
}

fn luma_picture(luma: &[u8], stride: usize, size: (usize, usize)) -> Picture<'_> {
    Picture { bytes: luma, stride, step: 1, channel: 0, size }
}

/// Reads the barcode of a luma plane; `None` when there is none or it is damaged.
#[must_use]
pub fn read(luma: &[u8], stride: usize, width: usize, height: usize) -> Option<Mark> {
    luma_picture(luma, stride, (width, height)).mark()
}

/// Reads the barcode of tightly packed RGBA, as a canvas gives it; `None` when there is none or it is damaged.
#[must_use]
pub fn read_rgba(rgba: &[u8], width: usize, height: usize) -> Option<Mark> {
    Picture { bytes: rgba, stride: width * 4, step: 4, channel: 1, size: (width, height) }.mark()
}

/// Whether the flash panel of a luma plane is lit; `None` when the picture is too small to tell.
#[must_use]
pub fn read_flash(luma: &[u8], stride: usize, width: usize, height: usize) -> Option<bool> {
    let picture = luma_picture(luma, stride, (width, height));
    picture.is_readable().then(|| picture.is_white(flash_area(width, height)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drawn(stride: usize, width: usize, height: usize, mark: Mark, flash: bool) -> Vec<u8> {
        let mut luma = vec![90; stride * height];
        draw(&mut luma, stride, (width, height), mark, flash);
        luma
    }

    #[test]
    fn the_layout_is_as_documented() {
        let luma = drawn(480, 480, 240, Mark { frame: 0x8000_0001, epoch_ms: 0x1234_5678_9abc }, false);
        let bits = |row: usize| {
            (0..32).fold(0u32, |bits, c| bits << 1 | u32::from(luma[(row * 10 + 5) * 480 + c * 10 + 5] > 126))
        };
        assert_eq!([bits(0), bits(1), bits(2) >> 16], [0x8000_0001, 0x1234_5678, 0x9abc]);
    }

    #[test]
    fn the_checksum_is_the_catalogued_one() {
        // CRC-16/IBM-3740 of "123456789" is 0x29b1; ten bytes follow from the same table.
        let mark = Mark { frame: u32::from_be_bytes(*b"1234"), epoch_ms: 0x3536_3738_3930 };
        assert_eq!(checksum(mark), 0x3218);
    }

    #[test]
    fn plain_and_short_pictures_hold_no_mark() {
        for level in [0, 16, 128, 235, 255] {
            assert_eq!(read(&vec![level; 416 * 234], 416, 416, 234), None);
        }
        assert_eq!(read(&[255; 100], 416, 416, 234), None);
        assert_eq!(read(&[], 0, 0, 0), None);
        assert_eq!(read_rgba(&[255; 95 * 48 * 4], 95, 48), None);
    }

    #[test]
    fn a_blend_of_two_frames_is_refused() {
        let a = drawn(416, 416, 234, Mark { frame: 7, epoch_ms: 1000 }, false);
        let b = drawn(416, 416, 234, Mark { frame: 8, epoch_ms: 1040 }, false);
        let mixed: Vec<u8> = a.iter().zip(&b).map(|(a, b)| a / 2 + b / 2 + 1).collect();
        assert_eq!(read(&mixed, 416, 416, 234), None);
    }

    proptest! {
        #[test]
        fn every_mark_is_read_back(
            frame: u32, epoch_ms in 0u64..1 << 48, flash: bool,
            width in 96usize..500, height in 48usize..300, padding in 0usize..33,
        ) {
            let mark = Mark { frame, epoch_ms };
            let luma = drawn(width + padding, width, height, mark, flash);
            prop_assert_eq!(read(&luma, width + padding, width, height), Some(mark));
            prop_assert_eq!(read_flash(&luma, width + padding, width, height), Some(flash));
        }

        #[test]
        fn a_canvas_reads_like_a_plane(frame: u32, epoch_ms in 0u64..1 << 48) {
            let mark = Mark { frame, epoch_ms };
            let luma = drawn(320, 320, 180, mark, true);
            let rgba: Vec<u8> = luma.iter().flat_map(|y| [0, *y, 0, 255]).collect();
            prop_assert_eq!(read_rgba(&rgba, 320, 180), Some(mark));
        }

        #[test]
        fn a_nearest_scaled_picture_reads_the_same(frame: u32, width in 300usize..700, height in 150usize..400) {
            let mark = Mark { frame, epoch_ms: 1_700_000_000_000 };
            let luma = drawn(1280, 1280, 720, mark, false);
            let scaled: Vec<u8> = (0..width * height)
                .map(|at| luma[(at / width * 720 / height) * 1280 + (at % width) * 1280 / width])
                .collect();
            prop_assert_eq!(read(&scaled, width, width, height), Some(mark));
        }
    }
}
