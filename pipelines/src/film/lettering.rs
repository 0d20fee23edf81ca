//! A stroke font, so that text needs no font file: capitals, digits and a little punctuation.

use super::canvas::{Canvas, Colour, Point};

/// Width of a letter's box in units; its height is [`UNITS_HIGH`].
const UNITS_WIDE: f32 = 4.0;
const UNITS_HIGH: f32 = 6.0;
/// From one letter to the next.
const ADVANCE: f32 = 5.6;

/// The strokes of a letter: polylines apart by spaces, points as digit pairs `xy`.
fn strokes(letter: char) -> &'static str {
    match letter.to_ascii_uppercase() {
        'A' => "0602204246 0444",
        'B' => "00063645443342413000 3303",
        'C' => "4130100105163645",
        'D' => "00062644422000",
        'E' => "40000646 0333",
        'F' => "400006 0333",
        'G' => "41301001051636454323",
        'H' => "0006 4046 0343",
        'I' => "1030 2026 1636",
        'J' => "4045361605",
        'K' => "0006 4003 0346",
        'L' => "000646",
        'M' => "0600234046",
        'N' => "06004640",
        'O' => "103041453616050110",
        'P' => "06003041423303",
        'Q' => "103041453616050110 2446",
        'R' => "06003041423303 2346",
        'S' => "413010010213334445361605",
        'T' => "0040 2026",
        'U' => "000516364540",
        'V' => "002640",
        'W' => "0016233640",
        'X' => "0046 4006",
        'Y' => "002340 2326",
        'Z' => "00400646",
        '0' => "103041453616050110 0541",
        '1' => "012026 0646",
        '2' => "01103041420646",
        '3' => "0110304142334445361605 1333",
        '4' => "36300444",
        '5' => "400003334445361605",
        '6' => "4130100105163645443303",
        '7' => "004016",
        '8' => "13020110304142334445361605041333",
        '9' => "0516364541301001021343",
        '.' => "2526",
        ',' => "2516",
        ':' => "2122 2526",
        '-' => "1333",
        '/' => "4006",
        '\'' => "2021",
        '!' => "2024 2626",
        '?' => "011030414224 2626",
        '&' => "4602011021220405162644",
        '+' => "2125 0343",
        '(' => "30121436",
        ')' => "10323416",
        ' ' => "",
        _ => "0040460600",
    }
}

/// How wide `text` is at `height` pixels, without the stroke's own width.
pub fn width(text: &str, height: f32) -> f32 {
    let letters = text.chars().count() as f32;
    (letters * ADVANCE - (ADVANCE - UNITS_WIDE)).max(0.0) * height / UNITS_HIGH
}

/// Writes `text` with its left upper corner at `at`, `height` pixels high, strokes `weight` pixels wide.
pub fn write(canvas: &mut Canvas, text: &str, at: Point, height: f32, weight: f32, colour: Colour) {
    let unit = height / UNITS_HIGH;
    for (place, letter) in text.chars().enumerate() {
        let left = at.0 + place as f32 * ADVANCE * unit;
        for stroke in strokes(letter).split(' ') {
            let points: Vec<Point> =
                points(stroke).map(|(x, y)| (left + x * unit, at.1 + y * unit)).collect();
            for pair in points.windows(2) {
                canvas.line(pair[0], pair[1], weight, colour);
            }
        }
    }
}

fn points(stroke: &str) -> impl Iterator<Item = (f32, f32)> {
    stroke.as_bytes().chunks_exact(2).map(|pair| (f32::from(pair[0] - b'0'), f32::from(pair[1] - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stroke_is_whole_points_within_the_box() {
        for letter in ('\0'..='\u{ff}').chain(['\u{4e00}']) {
            for stroke in strokes(letter).split(' ') {
                assert_eq!(stroke.len() % 2, 0, "{letter:?}");
                for (x, y) in points(stroke) {
                    assert!(x <= UNITS_WIDE && y <= UNITS_HIGH, "{letter:?}");
                }
            }
        }
    }

    #[test]
    fn writing_stays_within_its_width() {
        let mut canvas = Canvas::new(320, 180);
        let white = Colour::rgb(1.0, 1.0, 1.0);
        let wide = width("ABC 123", 20.0);
        write(&mut canvas, "ABC 123", (10.0, 10.0), 20.0, 2.0, white);
        let luma = canvas.planes()[0].0;
        let lit: Vec<usize> = (0..luma.len()).filter(|at| luma[*at] > 100).map(|at| at % 320).collect();
        let (left, right) = (lit.iter().min().copied(), lit.iter().max().copied());
        assert!(left >= Some(8) && right <= Some((11.0 + wide + 1.0) as usize), "{left:?} to {right:?}");
    }
}
