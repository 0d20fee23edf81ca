//! Horizontal resampling of 8-bit rows, eight pixels at a time.
//!
//! While a row shrinks to no less than half its length, the source pixels that eight neighbours want for two of
//! their taps lie within 16 bytes: one shuffle puts them in order, one multiply-add weighs them. The arithmetic is
//! in integers, and the portable form gives the same bytes.

use super::lanczos::{self, Taps};
use super::lanes;

/// Pixels made at a time.
const LANES: usize = 8;
/// Bytes looked at for two taps of all of them.
const WINDOW: usize = 16;
/// Weights of two taps of all of them, 16 bits each, little-endian.
type Weights = [u8; 2 * WINDOW];
/// A lane without a pixel: shuffles put zero there.
const NOTHING: u8 = 0x80;

/// A plan for rows of one length into rows of another.
pub struct Columns {
    /// Copies of the first pixel in front of a row.
    before: usize,
    from: usize,
    to: usize,
    /// Bytes of a row with what stands before and behind it.
    padded: usize,
    /// Pairs of taps.
    pairs: usize,
    groups: Vec<Group>,
    /// `pairs` for each group.
    weights: Vec<Weights>,
    wide: bool,
}

/// Pixels that are made together.
struct Group {
    /// Their first window in a padded row; the next pair's is two bytes further.
    at: usize,
    /// Where in a window each lane finds its two pixels.
    order: [u8; WINDOW],
}

impl Columns {
    /// A plan from `from` to `to` pixels; `None` when eight neighbours are too far apart, or there are none.
    #[must_use]
    pub fn new(from: usize, to: usize) -> Option<Self> {
        let taps: Vec<Taps> = (0..to).map(|x| lanczos::taps(x, from.max(1), to)).collect();
        let before = taps.first()?.first.min(0).unsigned_abs();
        let pairs = taps.iter().map(|taps| taps.weights.len()).max()?.div_ceil(2);
        let groups = taps.chunks(LANES).map(|taps| Group::new(taps, before)).collect::<Option<Vec<_>>>()?;
        let weights =
            taps.chunks(LANES).flat_map(|taps| (0..pairs).map(|pair| weights(taps, pair))).collect();
        let reach = groups.iter().map(|group| group.at + span(pairs)).max()?;
        let padded = reach.max(before + from);
        Some(Self { before, from, to, padded, pairs, groups, weights, wide: lanes::usable() })
    }

    /// Bytes from the start of a padded row to its first pixel.
    #[must_use]
    pub const fn before(&self) -> usize {
        self.before
    }

    /// Pixels of a row that is made.
    #[must_use]
    pub const fn to(&self) -> usize {
        self.to
    }

    /// Bytes of a padded row.
    #[must_use]
    pub const fn padded(&self) -> usize {
        self.padded
    }

    /// Makes a row; fills what stands before and behind the pixels of `row`, which must have
    /// [`Columns::padded`] bytes.
    pub fn scale(&self, row: &mut [u8], out: &mut [u8]) {
        let end = self.before + self.from;
        let (first, last) = (row[self.before], row[end - 1]);
        row[..self.before].fill(first);
        row[end..self.padded].fill(last);
        #[cfg(target_arch = "x86_64")]
        if self.wide {
            #[expect(unsafe_code, reason = "the compiler cannot know what the machine has")]
            // SAFETY: `wide` says that this machine has AVX2; the function has no other condition.
            unsafe {
                self.weigh_avx2(row, out);
            }
            return;
        }
        self.weigh(row, out);
    }

    fn jobs<'a>(
        &'a self,
        row: &'a [u8],
        out: &'a mut [u8],
    ) -> impl Iterator<Item = (&'a Group, &'a [u8], &'a [Weights], &'a mut [u8])> {
        let weights = self.weights.chunks_exact(self.pairs);
        let groups = self.groups.iter().zip(weights).zip(out.chunks_mut(LANES));
        groups
            .map(|((group, weights), out)| (group, &row[group.at..group.at + span(self.pairs)], weights, out))
    }

    fn weigh(&self, row: &[u8], out: &mut [u8]) {
        for (group, windows, weights, out) in self.jobs(row, out) {
            for (lane, pixel) in out.iter_mut().enumerate() {
                let one = |window: &[u8], weights: &Weights, place: usize| {
                    let weight = i16::from_le_bytes([weights[2 * place], weights[2 * place + 1]]);
                    i32::from(window[usize::from(group.order[place])]) * i32::from(weight)
                };
                let pair = |(window, weights): (&[u8], &Weights)| {
                    one(window, weights, 2 * lane) + one(window, weights, 2 * lane + 1)
                };
                let sum: i32 = windows.windows(WINDOW).step_by(2).zip(weights).map(pair).sum();
                *pixel = lanczos::pixel(sum);
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn weigh_avx2(&self, row: &[u8], out: &mut [u8]) {
        use std::arch::x86_64::{
            _mm_cvtsi128_si64, _mm_packs_epi32, _mm_packus_epi16, _mm_shuffle_epi8, _mm256_add_epi32,
            _mm256_castsi256_si128, _mm256_cvtepu8_epi16, _mm256_extracti128_si256, _mm256_madd_epi16,
            _mm256_set1_epi32, _mm256_srai_epi32,
        };

        use super::lanczos::{HALF, WEIGHT_BITS};
        const BITS: i32 = WEIGHT_BITS as i32;
        for (group, windows, weights, out) in self.jobs(row, out) {
            let order = lanes::load(&group.order);
            let mut sums = _mm256_set1_epi32(HALF);
            for (window, weights) in windows.windows(WINDOW).step_by(2).zip(weights) {
                let Some(window) = window.first_chunk() else { continue };
                let pixels = _mm256_cvtepu8_epi16(_mm_shuffle_epi8(lanes::load(window), order));
                sums = _mm256_add_epi32(sums, _mm256_madd_epi16(pixels, lanes::load_wide(weights)));
            }
            let whole = _mm256_srai_epi32::<BITS>(sums);
            let words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256::<1>(whole));
            let made = _mm_cvtsi128_si64(_mm_packus_epi16(words, words)).to_le_bytes();
            // A copy of known length is one store, any other a call.
            match out.first_chunk_mut() {
                Some(whole) => *whole = made,
                None => out.copy_from_slice(&made[..out.len()]),
            }
        }
    }
}

/// Bytes that all windows of a group cover.
const fn span(pairs: usize) -> usize {
    WINDOW + 2 * (pairs - 1)
}

impl Group {
    fn new(taps: &[Taps], before: usize) -> Option<Self> {
        let first = taps.first()?.first;
        let mut order = [NOTHING; WINDOW];
        for (taps, places) in taps.iter().zip(order.chunks_exact_mut(2)) {
            let place = u8::try_from(taps.first - first).ok()?;
            (usize::from(place) + 1 < WINDOW).then_some(())?;
            places.copy_from_slice(&[place, place + 1]);
        }
        Some(Self { at: before.checked_add_signed(first)?, order })
    }
}

/// The weights of tap pair `pair` of up to eight pixels.
fn weights(taps: &[Taps], pair: usize) -> Weights {
    let mut out = [0; 2 * WINDOW];
    for (taps, places) in taps.iter().zip(out.chunks_exact_mut(4)) {
        let weight = |tap: usize| taps.weights.get(tap).copied().unwrap_or(0).to_le_bytes();
        places.copy_from_slice(&[weight(2 * pair), weight(2 * pair + 1)].concat());
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the plan stands for, pixel by pixel.
    fn expected(row: &[u8], to: usize) -> Vec<u8> {
        let pixel = |x| {
            let Taps { first, weights } = lanczos::taps(x, row.len(), to);
            let source = |at: isize| row[at.clamp(0, row.len() as isize - 1) as usize];
            let terms = (first..).zip(weights).map(|(at, weight)| i32::from(source(at)) * i32::from(weight));
            lanczos::pixel(terms.sum())
        };
        (0..to).map(pixel).collect()
    }

    fn made(columns: &Columns, row: &[u8], to: usize) -> Vec<u8> {
        let mut padded = vec![0xAA; columns.padded()];
        padded[columns.before()..][..row.len()].copy_from_slice(row);
        let mut out = vec![0; to];
        columns.scale(&mut padded, &mut out);
        out
    }

    #[test]
    fn only_what_shrinks_to_half_or_less_is_left_to_others() {
        for (from, to) in
            [(1280, 960), (960, 640), (640, 416), (1920, 960), (853, 427), (320, 640), (7, 5), (1, 1)]
        {
            assert!(Columns::new(from, to).is_some(), "{from} to {to}");
        }
        assert!(Columns::new(1280, 160).is_none() && Columns::new(1280, 0).is_none());
    }

    proptest! {
        #[test]
        fn every_form_gives_the_same_pixels(
            row in prop::collection::vec(any::<u8>(), 1..400),
            part in 0.5f64..2.5,
        ) {
            let to = ((row.len() as f64 * part) as usize).max(1);
            if let Some(mut columns) = Columns::new(row.len(), to) {
                let expected = expected(&row, to);
                prop_assert_eq!(&made(&columns, &row, to), &expected);
                columns.wide = false;
                prop_assert_eq!(&made(&columns, &row, to), &expected);
            }
        }
    }
}
