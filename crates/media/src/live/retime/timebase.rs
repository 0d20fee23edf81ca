//! How a track counts time, and how an encoder's frame rate is found out.

use crate::FrameRate;

/// Rates that encoders are set to.
const STANDARD: [(u32, u32); 10] = [
    (24_000, 1_001),
    (24, 1),
    (25, 1),
    (30_000, 1_001),
    (30, 1),
    (50, 1),
    (60_000, 1_001),
    (60, 1),
    (120, 1),
    (240, 1),
];
/// Whole rates below the lowest standard one, tried where none of those fits.
const SLOW: std::ops::RangeInclusive<u32> = 1..=23;
/// A timescale has at least this many ticks per second, as in the ladder of films.
const TIMESCALE_MIN: u32 = 10_000;
/// Ticks per second where frames follow no grid.
const VARIABLE_TIMESCALE: u32 = 90_000;
/// Pictures that confirm a rate the encoder states.
const CONFIRMING: usize = 8;
/// Microseconds that tell rates apart which differ by a thousandth, in clocks of whole milliseconds.
const MEASURED_US: i64 = 2_200_000;
/// Pictures after which measuring ends.
pub(super) const MEASURED_MAX: usize = 600;
/// Part of the grid's slots that hold a picture, in percent, for the grid to be that of the encoder.
const DENSITY_PERCENT: i64 = 60;

/// Ticks of a video track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timebase {
    /// Ticks per second.
    pub timescale: u32,
    /// How far pictures are apart.
    pub cadence: Cadence,
}

/// How far pictures are apart, in ticks, each at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// Always this far, or a multiple of it where the encoder left pictures out.
    Constant {
        /// Ticks of a picture.
        frame: u32,
    },
    /// As the encoder says.
    Variable {
        /// The shortest distance that was measured.
        shortest: u32,
        /// The longest.
        longest: u32,
    },
}

impl Timebase {
    /// The grid of a frame rate: its numerator, or a hundred times it below 10,000, as timescale. 300 frames a second
    /// at most, so that nothing overflows.
    #[must_use]
    pub const fn constant(rate: FrameRate) -> Self {
        let times = if rate.num() < TIMESCALE_MIN { 100 } else { 1 };
        let frame = rate.den().saturating_mul(times);
        Self { timescale: rate.num().saturating_mul(times), cadence: Cadence::Constant { frame } }
    }

    /// A timescale of 90 kHz for pictures that keep no rate, `shortest` to `longest` microseconds apart.
    fn variable(shortest: i64, longest: i64) -> Self {
        let ticks = |us: i64| u32::try_from(us * 9 / 100).unwrap_or(u32::MAX).clamp(1, VARIABLE_TIMESCALE);
        let cadence = Cadence::Variable { shortest: ticks(shortest), longest: ticks(longest) };
        Self { timescale: VARIABLE_TIMESCALE, cadence }
    }

    /// The same timescale with every `by`th picture, for a rung of a lower rate; `by` is at least 1.
    #[must_use]
    pub const fn every(self, by: u32) -> Self {
        let cadence = match self.cadence {
            Cadence::Constant { frame } => Cadence::Constant { frame: frame.saturating_mul(by) },
            variable @ Cadence::Variable { .. } => variable,
        };
        Self { timescale: self.timescale, cadence }
    }

    /// Pictures per second, at most where they vary; `None` beyond what a list can say.
    #[must_use]
    pub fn frame_rate(self) -> Option<FrameRate> {
        FrameRate::new(self.timescale, self.frame())
    }

    /// The slot nearest to a tick; where there is no grid, the tick.
    #[must_use]
    pub fn slot(self, ticks: i64) -> i64 {
        match self.cadence {
            Cadence::Constant { frame } => scaled(ticks, 1, frame.into()) * i64::from(frame),
            Cadence::Variable { .. } => ticks,
        }
    }

    /// Ticks that a picture lasts where nothing else is known.
    #[must_use]
    pub const fn frame(self) -> u32 {
        match self.cadence {
            Cadence::Constant { frame } => frame,
            Cadence::Variable { shortest, .. } => shortest,
        }
    }

    /// The PART-TARGET: the smallest whole number of pictures that lasts at least 200 ms; without a rate, 200 ms or the
    /// longest distance.
    #[must_use]
    pub const fn part_target(self) -> u32 {
        match self.cadence {
            Cadence::Constant { frame } => part_of(frame, self.timescale),
            Cadence::Variable { longest, .. } => {
                let least = self.timescale.div_ceil(5);
                if longest > least { longest } else { least }
            }
        }
    }

    /// The ticks nearest to a moment.
    #[must_use]
    pub fn ticks(self, us: i64) -> i64 {
        scaled(us, i64::from(self.timescale), 1_000_000)
    }

    /// The moment of a tick, in microseconds, to nearest.
    #[must_use]
    pub fn micros(self, ticks: i64) -> i64 {
        scaled(ticks, 1_000_000, i64::from(self.timescale))
    }
}

/// The smallest whole number of `frame` ticks that lasts at least 200 ms at `timescale` ticks per second.
#[must_use]
pub const fn part_of(frame: u32, timescale: u32) -> u32 {
    let frame = if frame == 0 { 1 } else { frame };
    timescale.div_ceil(5).div_ceil(frame).saturating_mul(frame)
}

/// `value * num / den` to nearest, halves upwards; `den` is positive.
pub(super) fn scaled(value: i64, num: i64, den: i64) -> i64 {
    let (product, den) = (i128::from(value) * i128::from(num), i128::from(den));
    let rounded = (2 * product + den).div_euclid(2 * den);
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}

/// The standard rate of `slots` in `us` microseconds; `None` when there are too few to tell, or it is none.
pub(super) fn standard(slots: i64, us: i64) -> Option<FrameRate> {
    let rates = STANDARD.iter().filter_map(|(num, den)| FrameRate::new(*num, *den));
    let off = |rate: &FrameRate| (slots * frame_us(*rate) - us).saturating_abs();
    let nearest = rates.min_by_key(off)?;
    (us > MEASURED_US && off(&nearest) <= us / 2_500).then_some(nearest)
}

/// What an encoder says about its rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// From the VUI of its sequence parameter set.
    pub parameter_set: Option<FrameRate>,
    /// From `onMetaData`.
    pub metadata: Option<FrameRate>,
}

impl Hints {
    /// A rate as metadata writes it, such as 29.97: the standard rate within a thousandth of it, or the whole one.
    #[must_use]
    pub fn metadata_rate(fps: f64) -> Option<FrameRate> {
        let near = |rate: &FrameRate| (rate.as_f64() / fps - 1.0).abs() < 0.000_4;
        let standard = STANDARD.iter().filter_map(|(num, den)| FrameRate::new(*num, *den));
        let whole = SLOW.filter_map(|num| FrameRate::new(num, 1));
        standard.chain(whole).find(near)
    }
}

/// The timebase of pictures shown at `times` (microseconds, any order), as soon as it can be told; `ended` when no more
/// will come.
pub(super) fn settle(times: &[i64], hints: Hints, ended: bool) -> Option<Timebase> {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.dedup();
    let span = times.last()? - times.first()?;
    let ended = ended || times.len() >= MEASURED_MAX || span >= MEASURED_US;
    if times.len() < CONFIRMING && !ended {
        return None;
    }
    for rate in [hints.parameter_set, hints.metadata].into_iter().flatten() {
        // Half of a frame is where a picture belongs to its neighbour; phones tremble by a third.
        if fit(rate, &times).is_some_and(|spread| spread * 10 <= frame_us(rate) * 4) {
            return Some(Timebase::constant(rate));
        }
    }
    ended.then(|| measured(&times))
}

fn frame_us(rate: FrameRate) -> i64 {
    1_000_000 * i64::from(rate.den()) / i64::from(rate.num())
}

/// The rate whose grid the times lie nearest to, or none.
fn measured(times: &[i64]) -> Timebase {
    let standard = STANDARD.iter().filter_map(|(num, den)| FrameRate::new(*num, *den));
    let rates = standard.chain(SLOW.rev().filter_map(|num| FrameRate::new(num, 1)));
    let mut best: Option<(i64, FrameRate)> = None;
    for rate in rates {
        let Some(spread) = fit(rate, times).filter(|spread| spread * 10 <= frame_us(rate) * 4) else {
            continue;
        };
        if best.is_none_or(|(least, _)| spread < least) {
            best = Some((spread, rate));
        }
    }
    best.map_or_else(|| unsteady(times), |(_, rate)| Timebase::constant(rate))
}

fn unsteady(times: &[i64]) -> Timebase {
    let distances = || times.windows(2).map(|pair| pair[1] - pair[0]).filter(|distance| *distance > 0);
    Timebase::variable(distances().min().unwrap_or(33_333), distances().max().unwrap_or(33_333))
}

/// Half of the width, in microseconds, of the band around the grid of `rate` in which sorted `times` lie; `None` when
/// two of them share a slot or too many slots are empty.
fn fit(rate: FrameRate, times: &[i64]) -> Option<i64> {
    let first = *times.first()?;
    let (num, den) = (i64::from(rate.num()), i64::from(rate.den()));
    let (mut low, mut high, mut before) = (0, 0, -1);
    for time in times {
        // Rounded off the middle of the band so far, or a first picture that came late shifts all.
        let at = time - first - (low + high) / 2;
        let slot = scaled(at, num, den * 1_000_000);
        if slot <= before {
            return None;
        }
        let residue = time - first - scaled(slot, den * 1_000_000, num);
        (low, high, before) = (low.min(residue), high.max(residue), slot);
    }
    let filled = i64::try_from(times.len()).ok()? * 100;
    (filled >= (before + 1) * DENSITY_PERCENT).then_some((high - low) / 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(num: u32, den: u32) -> FrameRate {
        FrameRate::new(num, den).unwrap()
    }

    /// Times as RTMP has them: whole milliseconds.
    fn times(rate: FrameRate, count: i64) -> Vec<i64> {
        let ms = |index: i64| index * 1_000 * i64::from(rate.den()) / i64::from(rate.num());
        (0..count).map(|index| ms(index) * 1_000).collect()
    }

    #[test]
    fn grids_of_rates() {
        let ticks = |num, den| {
            let base = Timebase::constant(rate(num, den));
            (base.timescale, base.frame(), base.part_target() / base.frame())
        };
        assert_eq!(ticks(24_000, 1_001), (24_000, 1_001, 5));
        assert_eq!(ticks(25, 1), (2_500, 100, 5));
        assert_eq!(ticks(30_000, 1_001), (30_000, 1_001, 6));
        assert_eq!(ticks(60_000, 1_001), (60_000, 1_001, 12));
        assert_eq!(ticks(240, 1), (24_000, 100, 48));
        assert_eq!(ticks(1, 1), (100, 100, 1));
        assert_eq!((part_of(1_024, 48_000), part_of(1_024, 44_100)), (10_240, 9_216));
    }

    #[test]
    fn standard_rates_are_measured_from_whole_milliseconds() {
        for (num, den) in STANDARD {
            let rate = rate(num, den);
            let count = (3 * num / den).into();
            let all = times(rate, count);
            let settled = (8..all.len()).find_map(|count| settle(&all[..count], Hints::default(), false));
            assert_eq!(settled, Some(Timebase::constant(rate)), "{rate}");
        }
        assert_eq!(
            settle(&times(rate(15, 1), 40), Hints::default(), false),
            Some(Timebase::constant(rate(15, 1)))
        );
    }

    #[test]
    fn a_stated_rate_is_believed_once_eight_pictures_agree() {
        let all = times(rate(30_000, 1_001), 8);
        let stated = |num, den| Hints { parameter_set: Some(rate(num, den)), metadata: None };
        let settled = |hints, count| settle(&all[..count], hints, false);
        assert_eq!(settled(stated(30_000, 1_001), 7), None);
        assert_eq!(settled(stated(30_000, 1_001), 8), Some(Timebase::constant(rate(30_000, 1_001))));
        // A rate of fields, and another rate.
        assert_eq!([settled(stated(60, 1), 8), settled(stated(25, 1), 8)], [None; 2]);
        let both = Hints { parameter_set: Some(rate(60, 1)), metadata: Some(rate(30_000, 1_001)) };
        assert_eq!(settled(both, 8), Some(Timebase::constant(rate(30_000, 1_001))));
    }

    #[test]
    fn metadata_is_read_as_people_write_it() {
        let said = |fps| Hints::metadata_rate(fps).map(|rate| (rate.num(), rate.den()));
        assert_eq!(
            [said(29.97), said(30.0), said(23.976)],
            [Some((30_000, 1_001)), Some((30, 1)), Some((24_000, 1_001))]
        );
        assert_eq!([said(15.0), said(0.0), said(f64::NAN), said(1e300)], [Some((15, 1)), None, None, None]);
    }

    #[test]
    fn pictures_without_a_rate_are_counted_at_90_khz() {
        let times: Vec<i64> = (0..100).map(|index| index * 31_000 + index * index * 400).collect();
        let base = settle(&times, Hints::default(), true).unwrap();
        assert_eq!(base.timescale, 90_000);
        assert!(matches!(base.cadence, Cadence::Variable { shortest: 2_826, longest: 9_882 }), "{base:?}");
        assert_eq!(base.part_target(), 18_000);
        assert_eq!(settle(&[5], Hints::default(), true).map(|base| base.timescale), Some(24_000));
    }

    proptest! {
        #[test]
        fn any_times_settle_when_they_end(times in prop::collection::vec(-1_000_000_000_000i64..1_000_000_000_000, 1..50)) {
            let base = settle(&times, Hints::default(), true);
            prop_assert!(base.is_some_and(|base| base.timescale > 0 && base.frame() > 0 && base.part_target() >= base.frame()));
        }

        #[test]
        fn lost_pictures_do_not_hide_the_rate(lost in prop::collection::vec(0usize..75, 0..15)) {
            let mut all = times(rate(25, 1), 75);
            let mut index = 0;
            all.retain(|_| { index += 1; index == 1 || index > 70 || !lost.contains(&(index - 1)) });
            prop_assert_eq!(settle(&all, Hints::default(), true), Some(Timebase::constant(rate(25, 1))));
        }
    }
}
