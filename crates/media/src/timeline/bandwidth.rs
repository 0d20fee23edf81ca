//! Measured bit rates.

/// What a track costs, in bit/s, rounded up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bandwidth {
    /// The highest rate of any run of neighbouring segments that lasts between half and one and a half
    /// target durations (RFC 8216bis section 4.4.6.2, BANDWIDTH); of the whole where no run does.
    pub peak: u64,
    /// The rate over the whole track (AVERAGE-BANDWIDTH).
    pub average: u64,
}

impl Bandwidth {
    /// Measures pieces of `(ticks, bytes)` that follow each other.
    pub(crate) fn measure(
        pieces: impl Iterator<Item = (u64, u64)>,
        timescale: u32,
        target_seconds: u64,
    ) -> Self {
        let pieces: Vec<(u64, u64)> = pieces.collect();
        let (ticks, bytes) = pieces.iter().fold((0u64, 0u64), |(ticks, bytes), piece| {
            (ticks.saturating_add(piece.0), bytes.saturating_add(piece.1))
        });
        let timescale = u64::from(timescale);
        let average = rate(bytes, ticks, timescale);
        let target = target_seconds.saturating_mul(timescale);
        let peak = peak(&pieces, target, timescale).unwrap_or(average);
        Self { peak, average }
    }

    /// What playing both at once costs at most.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self {
            peak: self.peak.saturating_add(other.peak),
            average: self.average.saturating_add(other.average),
        }
    }

    /// The larger of each rate.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { peak: self.peak.max(other.peak), average: self.average.max(other.average) }
    }
}

/// The highest rate over all runs of 0.5 to 1.5 targets; `None` when no run has such a length.
fn peak(pieces: &[(u64, u64)], target: u64, timescale: u64) -> Option<u64> {
    let (shortest, longest) = (target.div_ceil(2), target.saturating_add(target / 2));
    let mut best = None;
    for first in 0..pieces.len() {
        let (mut ticks, mut bytes) = (0u64, 0u64);
        for piece in &pieces[first..] {
            (ticks, bytes) = (ticks.saturating_add(piece.0), bytes.saturating_add(piece.1));
            if ticks > longest {
                break;
            }
            if ticks >= shortest {
                best = best.max(Some(rate(bytes, ticks, timescale)));
            }
        }
    }
    best
}

fn rate(bytes: u64, ticks: u64, timescale: u64) -> u64 {
    let bits_by_scale = u128::from(bytes) * 8 * u128::from(timescale);
    u64::try_from(bits_by_scale.div_ceil(u128::from(ticks.max(1)))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn measured(pieces: &[(u64, u64)]) -> (u64, u64) {
        let bandwidth = Bandwidth::measure(pieces.iter().copied(), 1, 6);
        (bandwidth.peak, bandwidth.average)
    }

    #[test]
    fn a_short_dense_end_counts_only_in_a_run_of_half_a_target() {
        // 2 s of 6000 bit/s: alone too short, with its neighbour 8 s of 3000 bit/s.
        assert_eq!(measured(&[(6, 1_500), (6, 1_500), (2, 1_500)]), (3_000, 2_572));
        // 3 s is half a target and counts alone.
        assert_eq!(measured(&[(6, 1_500), (3, 1_500)]).0, 4_000);
    }

    #[test]
    fn without_a_run_of_that_length_the_whole_counts() {
        assert_eq!(measured(&[(1, 100)]), (800, 800));
        assert_eq!(measured(&[(20, 100)]), (40, 40));
        assert_eq!(measured(&[]), (0, 0));
    }

    proptest! {
        #[test]
        fn the_peak_is_the_largest_of_all_runs(pieces in proptest::collection::vec((1u64..7, 0u64..10_000), 1..20)) {
            let mut runs = Vec::new();
            for first in 0..pieces.len() {
                for end in first + 1..=pieces.len() {
                    let run = &pieces[first..end];
                    let ticks: u64 = run.iter().map(|piece| piece.0).sum();
                    let bytes: u64 = run.iter().map(|piece| piece.1).sum();
                    if (3..=9).contains(&ticks) {
                        runs.push((bytes * 8).div_ceil(ticks));
                    }
                }
            }
            let (peak, average) = measured(&pieces);
            prop_assert_eq!(peak, runs.into_iter().max().unwrap_or(average));
        }
    }
}
