//! How pictures follow each other, from their presentation times alone.

/// Distances of neighbouring pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cadence {
    /// Pictures counted.
    pub frames: u64,
    /// Time of the last picture, in nanoseconds.
    pub last_ns: i64,
    /// Smallest distance, in nanoseconds; zero with fewer than two pictures.
    pub delta_min_ns: u64,
    /// Median distance; as `delta_min_ns`.
    pub delta_median_ns: u64,
    /// Largest distance; as `delta_min_ns`.
    pub delta_max_ns: u64,
    /// Distances that are the median's but for rounding to a container's time base, per thousand.
    regular_permille: u64,
}

/// A millisecond of rounding (Matroska's usual time base) on both ends.
const ROUNDING_NS: u64 = 2_000_000;

/// Measures the pictures at or after `first_ns`; `None` when there are none.
#[must_use]
pub fn of(starts: &[i64], first_ns: i64) -> Option<Cadence> {
    // A demuxer's first time may differ from the decoder's by its own rounding.
    let from = first_ns.saturating_sub(ROUNDING_NS.cast_signed() / 2);
    let mut times: Vec<i64> = starts.iter().copied().filter(|time| *time >= from).collect();
    times.sort_unstable();
    let last_ns = *times.last()?;
    let mut deltas: Vec<u64> = times.windows(2).map(|pair| pair[1].abs_diff(pair[0])).collect();
    deltas.sort_unstable();
    let median = deltas.get(deltas.len() / 2).copied().unwrap_or(0);
    let regular = deltas.iter().filter(|delta| delta.abs_diff(median) <= ROUNDING_NS).count() as u64;
    let gaps = deltas.len().max(1) as u64;
    Some(Cadence {
        frames: times.len() as u64,
        last_ns,
        delta_min_ns: deltas.first().copied().unwrap_or(0),
        delta_median_ns: median,
        delta_max_ns: deltas.last().copied().unwrap_or(0),
        regular_permille: regular * 1000 / gaps,
    })
}

/// Where the film begins: at `first_ns`, unless the first picture alone is off the beat of `num` / `den` pictures a
/// second that the others keep, and lasts longer than one (fragmented mp4 whose sound begins a little before zero);
/// then a whole number of beats before the second picture, less than one behind the first. A shorter one was cut by an
/// edit, before which there is nothing.
#[must_use]
pub fn beginning(starts: &[i64], first_ns: i64, (num, den): (u32, u32)) -> i64 {
    let from = first_ns.saturating_sub(ROUNDING_NS.cast_signed() / 2);
    let mut times: Vec<i64> = starts.iter().copied().filter(|time| *time >= from).collect();
    times.sort_unstable();
    let [first, second, others @ ..] = &*times else { return first_ns };
    let (unit, num) = (i128::from(den) * 1_000_000_000, i128::from(num));
    if unit == 0 || num == 0 || others.is_empty() {
        return first_ns;
    }
    // How far a time is from the nearest beat, counted from the second picture, in nanoseconds.
    let off = |time: i64| {
        let scaled = (i128::from(time) - i128::from(*second)) * num;
        let rest = scaled.rem_euclid(unit);
        rest.min(unit - rest) / num
    };
    let rounding = i128::from(ROUNDING_NS);
    let kept = others.iter().filter(|time| off(**time) <= rounding).count();
    if off(*first) <= rounding || kept * 100 < others.len() * 95 {
        return first_ns;
    }
    let beats = (i128::from(*second) - i128::from(*first)) * num / unit;
    if beats == 0 {
        return first_ns;
    }
    i64::try_from(i128::from(*second) - beats * unit / num).unwrap_or(first_ns)
}

impl Cadence {
    /// The nominal rate if the pictures keep to it; zero over one when it is unknown or they do not.
    #[must_use]
    pub fn rate(&self, num: u32, den: u32) -> (u32, u32) {
        if num == 0 || den == 0 || self.regular_permille < 950 {
            return (0, 1);
        }
        let nominal_ns = u64::from(den).saturating_mul(1_000_000_000) / u64::from(num);
        let slack = (nominal_ns / 50).max(ROUNDING_NS / 2);
        let fits = self.frames < 2 || nominal_ns.abs_diff(self.delta_median_ns) <= slack;
        if fits { (num, den) } else { (0, 1) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grid(count: i64, num: i64, den: i64) -> Vec<i64> {
        (0..count).map(|k| k * den * 1_000_000_000 / num).collect()
    }

    #[test]
    fn a_constant_rate_is_kept() {
        let cadence = of(&grid(100, 30000, 1001), 0).expect("pictures");
        assert_eq!((cadence.frames, cadence.rate(30000, 1001)), (100, (30000, 1001)));
        assert_eq!(cadence.rate(25, 1), (0, 1), "a nominal rate that is not kept");
        assert_eq!(cadence.rate(0, 1), (0, 1), "an unknown rate");
    }

    #[test]
    fn matroska_milliseconds_are_regular() {
        let rounded: Vec<i64> =
            grid(300, 24000, 1001).iter().map(|t| (t + 500_000) / 1_000_000 * 1_000_000).collect();
        assert_eq!(of(&rounded, 0).expect("pictures").rate(24000, 1001), (24000, 1001));
    }

    #[test]
    fn a_variable_rate_is_unknown() {
        let uneven: Vec<i64> = (0..100).map(|k| k * 33_000_000 + (k % 3) * 9_000_000).collect();
        assert_eq!(of(&uneven, 0).expect("pictures").rate(30, 1), (0, 1));
    }

    #[test]
    fn one_dropped_picture_keeps_the_rate() {
        let mut times = grid(100, 25, 1);
        times.remove(50);
        let cadence = of(&times, 0).expect("pictures");
        assert_eq!(cadence.rate(25, 1), (25, 1));
        assert_eq!(cadence.delta_max_ns, 80_000_000);
        assert_eq!(cadence.rate(24, 1), (0, 1), "the average over the gap is not the rate");
    }

    #[test]
    fn leading_pictures_do_not_count() {
        let cadence = of(&[100_000_000, 20_000_000, 60_000_000, 140_000_000], 100_000_000).expect("pictures");
        assert_eq!(cadence.frames, 2);
        assert_eq!(of(&[1, 2], 100_000_000), None);
    }

    #[test]
    fn a_first_picture_off_the_beat_does_not_set_it() {
        let late = |by: i64| -> Vec<i64> {
            let others = (1..50).map(|k| k * 40_000_000 + by);
            std::iter::once(0).chain(others).collect()
        };
        let ms = |by: i64| beginning(&late(by * 1_000_000), 0, (25, 1)) / 1_000_000;
        assert_eq!([ms(0), ms(1), ms(21), ms(40), ms(61)], [0, 0, 21, 0, 21]);
        assert_eq!(ms(-10), 0, "a first picture that is cut");
        assert_eq!(beginning(&late(21_000_000), 0, (0, 1)), 0, "no rate");
        let uneven: Vec<i64> = (0..100).map(|k| k * 33_000_000 + (k % 3) * 9_000_000).collect();
        assert_eq!(beginning(&uneven, 0, (30, 1)), 0);
    }

    proptest! {
        #[test]
        fn order_does_not_matter(mut times in prop::collection::vec(-1_000_000_000i64..1_000_000_000_000, 1..200)) {
            let first = *times.iter().min().expect("some");
            let ordered = of(&times, first);
            times.reverse();
            prop_assert_eq!(of(&times, first), ordered);
        }
    }
}
