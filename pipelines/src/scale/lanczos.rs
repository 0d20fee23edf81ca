//! Weights of a Lanczos kernel with three lobes, in integers.

/// Lobes on each side.
const LOBES: f64 = 3.0;
/// Fractional bits of a weight.
pub const WEIGHT_BITS: u32 = 14;
const ONE: i32 = 1 << WEIGHT_BITS;
/// Added to a weighted sum, so that cutting its fraction off rounds it.
pub const HALF: i32 = ONE / 2;

/// The pixel that a sum of weighted pixels stands for.
#[must_use]
pub fn pixel(sum: i32) -> u8 {
    ((sum + HALF) >> WEIGHT_BITS).clamp(0, 255) as u8
}

/// What one pixel is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taps {
    /// The first source pixel; before the row's start or past its end means the nearest one inside.
    pub first: isize,
    /// Weights of it and those that follow; their sum is one.
    pub weights: Vec<i16>,
}

/// How pixel `x` of `to` is made of a row of `from` pixels, both at least 1.
#[must_use]
pub fn taps(x: usize, from: usize, to: usize) -> Taps {
    let ratio = from as f64 / to as f64;
    let stretch = ratio.max(1.0);
    let centre = (x as f64 + 0.5) * ratio;
    let reach = LOBES * stretch;
    let first = (centre - reach - 0.5).ceil() as isize;
    let last = (centre + reach - 0.5).floor() as isize;
    let weight = |at: isize| kernel((at as f64 + 0.5 - centre) / stretch);
    let sum: f64 = (first..=last).map(weight).sum();
    let mut weights: Vec<i32> =
        (first..=last).map(|at| (weight(at) / sum * f64::from(ONE)).round() as i32).collect();
    // Rounding must not make a flat picture lighter or darker.
    let error = ONE - weights.iter().sum::<i32>();
    if let Some(largest) = weights.iter_mut().max() {
        *largest += error;
    }
    Taps { first, weights: weights.into_iter().map(|weight| weight as i16).collect() }
}

fn kernel(distance: f64) -> f64 {
    let sinc = |at: f64| {
        if at == 0.0 { 1.0 } else { (std::f64::consts::PI * at).sin() / (std::f64::consts::PI * at) }
    };
    if distance.abs() < LOBES { sinc(distance) * sinc(distance / LOBES) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_size_is_the_same_picture() {
        let Taps { first, weights } = taps(5, 20, 20);
        let own = usize::try_from(5 - first).unwrap();
        assert!(
            weights
                .iter()
                .enumerate()
                .all(|(at, weight)| i32::from(*weight) == if at == own { ONE } else { 0 })
        );
    }

    proptest! {
        #[test]
        fn weights_add_up_to_one(from in 1usize..5_000, to in 1usize..5_000, part in 0.0f64..1.0) {
            let x = (part * to as f64) as usize;
            let Taps { weights, .. } = taps(x, from, to);
            prop_assert_eq!(weights.iter().map(|weight| i32::from(*weight)).sum::<i32>(), ONE);
            prop_assert!(weights.iter().map(|weight| i32::from(*weight).abs()).sum::<i32>() < 2 * ONE);
        }
    }
}
