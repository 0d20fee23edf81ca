//! Vertical resampling of 8-bit planes: each row is a weighted sum of rows above and below it.
//!
//! The arithmetic is in integers, and the portable form gives the same bytes.

use super::Plane;
use super::lanczos::{self, Taps};
use super::lanes;

/// Pairs of rows that one row is made of at most: pictures that shrink to about two fifths.
const PAIRS_MAX: usize = 8;
/// Pixels made at a time.
const LANES: usize = 32;

/// A plan for planes of one height into planes of another.
pub struct Rows {
    from: usize,
    width: usize,
    taps: Vec<Taps>,
    wide: bool,
}

/// Two source rows and what they weigh.
#[derive(Clone, Copy, Default)]
struct Pair<'a> {
    rows: [&'a [u8]; 2],
    weights: [i16; 2],
}

impl Rows {
    /// A plan from `from` to `to` rows of `width` pixels; `None` when one is made of too many.
    #[must_use]
    pub fn new(width: usize, from: usize, to: usize) -> Option<Self> {
        let taps: Vec<Taps> = (0..to).map(|y| lanczos::taps(y, from.max(1), to)).collect();
        let fits = taps.iter().all(|taps| taps.weights.len() <= 2 * PAIRS_MAX);
        let wide = lanes::usable() && width >= LANES;
        (fits && width > 0 && from > 0 && to > 0).then_some(Self { from, width, taps, wide })
    }

    /// Makes row `y` of the new plane; `None` when `from` or `out` is too short, or there is no such row.
    #[must_use]
    pub fn scale(&self, y: usize, from: Plane<'_>, out: &mut [u8]) -> Option<()> {
        let Taps { first, weights } = self.taps.get(y)?;
        let out = out.get_mut(..self.width)?;
        let mut pairs = [Pair::default(); PAIRS_MAX];
        let mut count = 0;
        for (pair, (two, at)) in pairs.iter_mut().zip(weights.chunks(2).zip((*first..).step_by(2))) {
            let row = |at: isize| {
                let start = at.clamp(0, self.from as isize - 1) as usize * from.stride;
                from.data.get(start..start + self.width)
            };
            *pair =
                Pair { rows: [row(at)?, row(at + 1)?], weights: [two[0], two.get(1).copied().unwrap_or(0)] };
            count += 1;
        }
        self.weigh_fastest(&pairs[..count], out);
        Some(())
    }

    fn weigh_fastest(&self, pairs: &[Pair<'_>], out: &mut [u8]) {
        #[cfg(target_arch = "x86_64")]
        if self.wide {
            #[expect(unsafe_code, reason = "the compiler cannot know what the machine has")]
            // SAFETY: `wide` says that this machine has AVX2; the function has no other condition.
            unsafe {
                weigh_avx2(pairs, out);
            }
            return;
        }
        weigh(pairs, out);
    }
}

fn weigh(pairs: &[Pair<'_>], out: &mut [u8]) {
    for (x, pixel) in out.iter_mut().enumerate() {
        let of = |pair: &Pair<'_>| -> i32 {
            (0..2).map(|row| i32::from(pair.rows[row][x]) * i32::from(pair.weights[row])).sum()
        };
        let sum: i32 = pairs.iter().map(of).sum();
        *pixel = lanczos::pixel(sum);
    }
}

/// The last pixels are made together with some that were made before.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn weigh_avx2(pairs: &[Pair<'_>], out: &mut [u8]) {
    let Some(last) = out.len().checked_sub(LANES) else { return weigh(pairs, out) };
    for x in (0..last).step_by(LANES).chain([last]) {
        if let (Some(made), Some(out)) = (weigh_lanes(pairs, x), out.get_mut(x..x + LANES)) {
            out.copy_from_slice(&made);
        }
    }
}

/// The pixels from `x` on; `None` past a row's end.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn weigh_lanes(pairs: &[Pair<'_>], x: usize) -> Option<[u8; LANES]> {
    use std::arch::x86_64::{
        _mm_unpackhi_epi8, _mm_unpacklo_epi8, _mm256_add_epi32, _mm256_cvtepu8_epi16, _mm256_madd_epi16,
        _mm256_packs_epi32, _mm256_permute4x64_epi64, _mm256_set1_epi32, _mm256_srai_epi32,
    };

    use super::lanczos::{HALF, WEIGHT_BITS};
    const BITS: i32 = WEIGHT_BITS as i32;
    // Packing takes from both halves by turns; this is their order.
    const IN_ORDER: i32 = 0b11_01_10_00;
    let mut sums = [_mm256_set1_epi32(HALF); 4];
    for Pair { rows, weights } in pairs {
        let [above, below] = [rows[0].get(x..)?.first_chunk()?, rows[1].get(x..)?.first_chunk()?].map(halves);
        let weights = i32::from(weights[0] as u16) | i32::from(weights[1]) << 16;
        let weights = _mm256_set1_epi32(weights);
        for (sums, (above, below)) in sums.chunks_exact_mut(2).zip(above.into_iter().zip(below)) {
            let (above, below) = (lanes::load(above), lanes::load(below));
            let pixels = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(above, below));
            sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(pixels, weights));
            let pixels = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(above, below));
            sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(pixels, weights));
        }
    }
    let mut made = [0; LANES];
    for (out, sums) in made.chunks_exact_mut(LANES / 2).zip(sums.chunks_exact(2)) {
        let words =
            _mm256_packs_epi32(_mm256_srai_epi32::<BITS>(sums[0]), _mm256_srai_epi32::<BITS>(sums[1]));
        out.copy_from_slice(&lanes::bytes(_mm256_permute4x64_epi64::<IN_ORDER>(words)));
    }
    Some(made)
}

#[cfg(target_arch = "x86_64")]
fn halves(bytes: &[u8; LANES]) -> [&[u8; LANES / 2]; 2] {
    let (chunks, _) = bytes.as_chunks();
    [&chunks[0], &chunks[1]]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(rows: &Rows, to: usize, plane: Plane<'_>) -> Vec<u8> {
        let mut out = vec![0; to * rows.width];
        for (y, out) in out.chunks_mut(rows.width).enumerate() {
            rows.scale(y, plane, out).unwrap();
        }
        out
    }

    fn expected(width: usize, from: usize, to: usize, plane: Plane<'_>) -> Vec<u8> {
        let pixel = |x: usize, y: usize| {
            let Taps { first, weights } = lanczos::taps(y, from, to);
            let source = |at: isize| plane.data[at.clamp(0, from as isize - 1) as usize * plane.stride + x];
            let terms = (first..).zip(weights).map(|(at, weight)| i32::from(source(at)) * i32::from(weight));
            lanczos::pixel(terms.sum())
        };
        (0..to).flat_map(|y| (0..width).map(move |x| pixel(x, y))).collect()
    }

    proptest! {
        #[test]
        fn every_form_gives_the_same_pixels(
            data in prop::collection::vec(any::<u8>(), 2_200..2_201),
            (width, padding) in (1usize..80, 0usize..5),
            from in 1usize..26,
            part in 0.45f64..2.5,
        ) {
            let to = ((from as f64 * part) as usize).max(1);
            let plane = Plane { data: &data, stride: width + padding };
            if let Some(mut rows) = Rows::new(width, from, to) {
                let expected = expected(width, from, to, plane);
                prop_assert_eq!(&made(&rows, to, plane), &expected);
                rows.wide = false;
                prop_assert_eq!(&made(&rows, to, plane), &expected);
            }
        }
    }

    #[test]
    fn short_planes_and_rows_are_refused() {
        let rows = Rows::new(20, 10, 8).unwrap();
        let plane = |bytes: usize| Plane { data: &[7; 200][..bytes], stride: 20 };
        assert!(rows.scale(7, plane(200), &mut [0; 20]).is_some());
        assert!(rows.scale(7, plane(199), &mut [0; 20]).is_none());
        assert!(rows.scale(7, plane(200), &mut [0; 19]).is_none());
        assert!(rows.scale(8, plane(200), &mut [0; 20]).is_none());
        assert!(
            Rows::new(20, 100, 10).is_none() && Rows::new(0, 1, 1).is_none() && Rows::new(1, 0, 1).is_none()
        );
    }
}
