//! Puts decoded sound onto the output timeline, sample by sample.

use std::ops::Range;

const SECOND_NS: i128 = 1_000_000_000;
/// How far a buffer's time may be from where the samples before it end without being moved, in nanoseconds.
/// Containers round times to a millisecond, and clocks drift; moving every buffer a little would crackle.
const TOLERANCE_NS: i128 = 20_000_000;

/// What to append to the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// This many samples of silence.
    Silence(u64),
    /// These samples of the buffer that was placed.
    Sound(Range<u64>),
}

/// Places buffers on a timeline that starts at an origin and, if it is known, has a fixed length.
#[derive(Clone, Debug)]
pub struct Placer {
    rate: i128,
    origin_ns: i128,
    next: u64,
    end: Option<u64>,
}

impl Placer {
    /// A timeline of `rate` samples per second whose sample zero is at source time `origin_ns`, `end` samples
    /// long when that is given.
    #[must_use]
    pub fn new(rate: u32, origin_ns: i64, end: Option<u64>) -> Self {
        Self { rate: i128::from(rate), origin_ns: i128::from(origin_ns), next: 0, end }
    }

    /// Samples placed so far.
    #[must_use]
    pub const fn placed(&self) -> u64 {
        self.next
    }

    /// Whether nothing more fits.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }

    /// Places `samples` samples that start at source time `time_ns`: a gap before them becomes silence, what
    /// overlaps earlier sound or lies outside the timeline is cut.
    pub fn place(&mut self, time_ns: i64, samples: u64) -> [Option<Piece>; 2] {
        let off = self.distance(time_ns);
        let settled = self.next > 0 && (off * SECOND_NS).abs() <= TOLERANCE_NS * self.rate;
        let off = if settled { 0 } else { off };
        let skipped = u64::try_from(-off).unwrap_or(0).min(samples);
        let silence = self.take(u64::try_from(off).unwrap_or(0));
        let sound = self.take(samples - skipped);
        [
            (silence > 0).then_some(Piece::Silence(silence)),
            (sound > 0).then_some(Piece::Sound(skipped..skipped + sound)),
        ]
    }

    /// The silence that fills the timeline up to its length.
    pub fn finish(&mut self) -> Option<Piece> {
        let silence = self.take(self.end?.saturating_sub(self.next));
        (silence > 0).then_some(Piece::Silence(silence))
    }

    /// Samples from where the output ends to `time_ns`; negative when that is in the past.
    fn distance(&self, time_ns: i64) -> i128 {
        let from_origin = i128::from(time_ns) - self.origin_ns;
        let position = (from_origin * self.rate * 2 + SECOND_NS).div_euclid(2 * SECOND_NS);
        position - i128::from(self.next)
    }

    fn take(&mut self, samples: u64) -> u64 {
        let room = self.end.map_or(u64::MAX, |end| end.saturating_sub(self.next));
        let taken = samples.min(room);
        self.next += taken;
        taken
    }
}

/// When sample `sample` starts, in nanoseconds, rounded up so that a muxer that rounds down finds it again.
#[must_use]
pub fn start_ns(sample: u64, rate: u32) -> u64 {
    let ns = (u128::from(sample) * SECOND_NS.unsigned_abs()).div_ceil(u128::from(rate.max(1)));
    u64::try_from(ns).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sound_before_the_origin_is_cut_and_a_late_start_is_silent() {
        let mut placer = Placer::new(48_000, 1_000_000_000, Some(96_000));
        assert_eq!(placer.place(990_000_000, 1000), [None, Some(Piece::Sound(480..1000))]);
        let mut placer = Placer::new(48_000, 0, Some(96_000));
        assert_eq!(
            placer.place(500_000_000, 1000),
            [Some(Piece::Silence(24_000)), Some(Piece::Sound(0..1000))]
        );
    }

    #[test]
    fn a_rounded_time_moves_nothing() {
        let mut placer = Placer::new(48_000, 0, None);
        placer.place(0, 1024);
        assert_eq!(placer.place(21_000_000, 1024), [None, Some(Piece::Sound(0..1024))]);
        assert_eq!(placer.place(43_000_000, 1024), [None, Some(Piece::Sound(0..1024))]);
    }

    #[test]
    fn gaps_are_filled_and_overlaps_cut() {
        let mut placer = Placer::new(48_000, 0, None);
        placer.place(0, 4800);
        assert_eq!(
            placer.place(200_000_000, 4800),
            [Some(Piece::Silence(4800)), Some(Piece::Sound(0..4800))]
        );
        assert_eq!(placer.place(250_000_000, 4800), [None, Some(Piece::Sound(2400..4800))]);
    }

    #[test]
    fn the_end_is_kept_from_both_sides() {
        let mut placer = Placer::new(48_000, 0, Some(1000));
        assert_eq!(placer.place(0, 600), [None, Some(Piece::Sound(0..600))]);
        assert_eq!(placer.clone().finish(), Some(Piece::Silence(400)));
        assert_eq!(placer.place(12_500_000, 600), [None, Some(Piece::Sound(0..400))]);
        assert!(placer.is_full() && placer.finish().is_none());
    }

    proptest! {
        #[test]
        fn the_output_has_the_length_asked_for(
            buffers in prop::collection::vec((-2_000_000_000i64..4_000_000_000, 0u64..100_000), 0..30),
            rate in prop_oneof![Just(48_000u32), Just(44_100)], end in 1u64..200_000,
        ) {
            let mut placer = Placer::new(rate, 0, Some(end));
            let mut total = 0;
            let mut add = |piece: Option<Piece>| match piece {
                Some(Piece::Silence(samples)) => total += samples,
                Some(Piece::Sound(range)) => total += range.end - range.start,
                None => {}
            };
            for (time, samples) in buffers {
                let pieces = placer.place(time, samples);
                for piece in &pieces {
                    if let Some(Piece::Sound(range)) = piece {
                        prop_assert!(range.start < range.end && range.end <= samples);
                    }
                }
                pieces.into_iter().for_each(&mut add);
            }
            add(placer.finish());
            prop_assert_eq!(total, end);
        }

        #[test]
        fn a_muxer_that_rounds_down_finds_the_sample(sample in 0u64..1 << 40, rate in 8_000u32..192_000) {
            let back = u128::from(start_ns(sample, rate)) * u128::from(rate) / 1_000_000_000;
            prop_assert_eq!(back, u128::from(sample));
        }
    }
}
