//! The frame rate of the output grid.
//!
//! The rule: the output has one constant rate. The container's nominal rate is kept when the distances
//! measured between pictures agree with it; else a steady source gets the rate it was measured at; else (a
//! variable rate) the standard rate nearest to the median distance. Rates that are a standard rate up to
//! rounding become exactly that rate; above 60 they are divided, below 6 multiplied, by a whole number.

use crate::{FrameRate, VideoFacts};

/// Rates cameras and films really have, ascending.
const STANDARD: [(u32, u32); 20] = [
    (6, 1),
    (8, 1),
    (10, 1),
    (12, 1),
    (25, 2),
    (15_000, 1_001),
    (15, 1),
    (20, 1),
    (24_000, 1_001),
    (24, 1),
    (25, 1),
    (30_000, 1_001),
    (30, 1),
    (48, 1),
    (50, 1),
    (60_000, 1_001),
    (60, 1),
    (100, 1),
    (120_000, 1_001),
    (120, 1),
];

const RATE_MAX: u64 = 60_000;
const RATE_MIN: u64 = 6_000;
const FALLBACK: (u32, u32) = (25, 1);

/// Time stamps in whole milliseconds put neighbouring distances up to one millisecond off, twice.
const STEADY_SPREAD_NS: u64 = 2_000_000;
/// How far a median of such distances lies from the true one.
const MEDIAN_SLACK_NS: f64 = 750_000.0;
/// 23.98 is 24000/1001 misspelt by this much; 24 and 24000/1001 are five times farther apart.
const SPELLING: f64 = 2e-4;
/// Half the distance between 24 and 24000/1001.
const NEIGHBOUR: f64 = 5e-4;

/// The grid's rate and the sentence that says why.
pub(super) fn grid_rate(video: &VideoFacts) -> (FrameRate, String) {
    let (source, why) = source_rate(video);
    let rate = into_range(source);
    let shown = match rate.millihertz().cmp(&source.millihertz()) {
        std::cmp::Ordering::Equal => String::new(),
        std::cmp::Ordering::Less => {
            format!(" Above 60 a whole fraction of the pictures is kept: {rate} frames per second.")
        }
        std::cmp::Ordering::Greater => {
            format!(" Below 6 each picture is repeated: {rate} frames per second.")
        }
    };
    (rate, format!("{why}{shown}"))
}

fn source_rate(video: &VideoFacts) -> (FrameRate, String) {
    let nominal = FrameRate::new(video.fps_num, video.fps_den)
        .filter(|rate| (0.01..=1_000.0).contains(&rate.as_f64()))
        .map(spelt);
    if video.frames < 2 || video.delta_median_ns == 0 {
        let rate = nominal.unwrap_or_else(|| constant(FALLBACK));
        return (rate, format!("A single picture says nothing about a frame rate; {rate} is taken."));
    }
    if let Some(rate) = nominal.filter(|rate| agrees(*rate, video)) {
        return (rate, format!("The frame rate stays at {rate}: the measured distances agree with it."));
    }
    if video.delta_max_ns.saturating_sub(video.delta_min_ns) <= STEADY_SPREAD_NS {
        let rate = measured(video);
        return (rate, format!("The pictures come steadily at {rate} per second, whatever the file says."));
    }
    let rate = nearest(1e9 / video.delta_median_ns as f64);
    let median_ms = video.delta_median_ns as f64 / 1e6;
    let why = format!(
        "The frame rate varies; {rate} is the standard rate nearest to the median distance of {median_ms:.2} ms, \
         and pictures are repeated or dropped to keep it."
    );
    (rate, why)
}

fn agrees(nominal: FrameRate, video: &VideoFacts) -> bool {
    let period = 1e9 / nominal.as_f64();
    (video.delta_median_ns as f64 - period).abs() <= MEDIAN_SLACK_NS.max(period / 100.0)
}

/// The mean rate of a steady source: exact where the median is rounded to milliseconds.
fn measured(video: &VideoFacts) -> FrameRate {
    let span = video.end_ns.saturating_sub(video.first_ns).max(1) as f64;
    let mean = video.frames as f64 * 1e9 / span;
    let median = 1e9 / video.delta_median_ns as f64;
    // A mean far from the median comes from a wrong end time.
    let rate = if (mean / median - 1.0).abs() < 0.1 { mean } else { median };
    standard_within(rate, NEIGHBOUR + 1e6 / span).unwrap_or_else(|| hundredths(rate))
}

/// The standard rate a nominal one means, or itself where the muxer's tick divides its frames evenly.
fn spelt(nominal: FrameRate) -> FrameRate {
    standard_within(nominal.as_f64(), SPELLING).unwrap_or_else(|| tickable(nominal))
}

fn tickable(rate: FrameRate) -> FrameRate {
    let even = rate.den() == 1_001 || 100 % rate.den() == 0;
    if even { rate } else { hundredths(rate.as_f64()) }
}

/// The rate in whole hundredths, so that the muxer's timescale of a hundred ticks per frame is exact.
fn hundredths(rate: f64) -> FrameRate {
    let rounded = (rate * 100.0).round().clamp(1.0, 100_000.0) as u32;
    FrameRate::new(rounded, 100).unwrap_or_else(|| constant(FALLBACK))
}

fn constant((num, den): (u32, u32)) -> FrameRate {
    FrameRate::new(num, den).expect("the constants of this module have no zero parts")
}

fn distance(rate: FrameRate, wanted: f64) -> f64 {
    (rate.as_f64() / wanted).ln().abs()
}

fn nearest(wanted: f64) -> FrameRate {
    let rates = STANDARD.into_iter().map(constant);
    rates
        .min_by(|a, b| distance(*a, wanted).total_cmp(&distance(*b, wanted)))
        .unwrap_or_else(|| constant(FALLBACK))
}

fn standard_within(wanted: f64, tolerance: f64) -> Option<FrameRate> {
    Some(nearest(wanted)).filter(|rate| distance(*rate, wanted) <= tolerance)
}

fn into_range(rate: FrameRate) -> FrameRate {
    let millihertz = rate.millihertz().max(1);
    let (divisor, factor) = (millihertz.div_ceil(RATE_MAX), RATE_MIN.div_ceil(millihertz));
    // Both lie under 6001 for any rate the branches above let through.
    let (divisor, factor) = (u32::try_from(divisor).unwrap_or(1), u32::try_from(factor).unwrap_or(1));
    let scaled = FrameRate::new(rate.num().saturating_mul(factor), rate.den().saturating_mul(divisor));
    scaled.map_or(rate, spelt)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::SourceClock;

    struct Deltas {
        min: u64,
        median: u64,
        max: u64,
    }

    fn source(fps: (u32, u32), frames: u64, span_ns: i64, deltas: &Deltas) -> VideoFacts {
        VideoFacts {
            codec: "video/x-h264".to_owned(),
            width: 640,
            height: 360,
            par_num: 1,
            par_den: 1,
            fps_num: fps.0,
            fps_den: fps.1,
            frames,
            first_ns: 0,
            end_ns: span_ns,
            delta_min_ns: deltas.min,
            delta_median_ns: deltas.median,
            delta_max_ns: deltas.max,
            clock: SourceClock::Raw,
            rotation: 0,
            interlaced: false,
            bit_depth: 8,
            colour: None,
            bytes: 0,
        }
    }

    /// A source at exactly `num / den`, whose container says `nominal`.
    fn steady(nominal: (u32, u32), num: u32, den: u32) -> VideoFacts {
        let rate = FrameRate::new(num, den).unwrap();
        let period = rate.slot_ns(1);
        let deltas = Deltas { min: period - 1, median: period, max: period };
        source(nominal, 600, i64::try_from(rate.slot_ns(600)).unwrap(), &deltas)
    }

    fn decided(video: &VideoFacts) -> (u32, u32) {
        grid_rate(video).0.into()
    }

    #[test]
    fn agreeing_nominal_rates_are_kept() {
        for (num, den) in STANDARD.into_iter().filter(|(num, den)| num / den <= 60) {
            assert_eq!(decided(&steady((num, den), num, den)), (num, den));
        }
        assert_eq!(decided(&steady((17, 1), 17, 1)), (17, 1));
    }

    #[test]
    fn misspelt_rates_are_recognised() {
        assert_eq!(decided(&steady((2_997, 100), 30_000, 1_001)), (30_000, 1_001));
        assert_eq!(decided(&steady((2_398, 100), 24_000, 1_001)), (24_000, 1_001));
        assert_eq!(decided(&steady((19_001, 317), 60_000, 1_001)), (60_000, 1_001));
        assert_eq!(decided(&steady((11_988, 200), 60_000, 1_001)), (60_000, 1_001));
    }

    #[test]
    fn unknown_or_wrong_nominal_rates_are_measured() {
        assert_eq!(decided(&steady((0, 1), 25, 2)), (25, 2));
        assert_eq!(decided(&steady((1_000, 1), 30_000, 1_001)), (30_000, 1_001));
        assert_eq!(decided(&steady((90_000, 1), 24, 1)), (24, 1));
        assert_eq!(decided(&steady((0, 0), 1_440, 100)), (72, 5));
    }

    #[test]
    fn millisecond_time_stamps_do_not_hide_the_rate() {
        let deltas = Deltas { min: 33_000_000, median: 33_000_000, max: 34_000_000 };
        // 1800 frames at 30000/1001 last 60.06 s.
        assert_eq!(decided(&source((0, 1), 1_800, 60_060_000_000, &deltas)), (30_000, 1_001));
        assert_eq!(decided(&source((30, 1), 1_800, 60_000_000_000, &deltas)), (30, 1));
    }

    #[test]
    fn variable_rates_take_the_standard_rate_nearest_to_the_median() {
        let deltas = Deltas { min: 10_000_000, median: 33_000_000, max: 900_000_000 };
        let (rate, why) = grid_rate(&source((0, 1), 500, 30_000_000_000, &deltas));
        assert_eq!(<(u32, u32)>::from(rate), (30, 1));
        assert!(why.contains("varies"), "{why}");
    }

    #[test]
    fn one_picture_gets_the_nominal_or_a_usual_rate() {
        let deltas = Deltas { min: 0, median: 0, max: 0 };
        assert_eq!(decided(&source((0, 1), 1, 40_000_000, &deltas)), FALLBACK);
        assert_eq!(decided(&source((30, 1), 1, 40_000_000, &deltas)), (30, 1));
    }

    #[test]
    fn fast_and_slow_sources_come_into_range_by_whole_numbers() {
        assert_eq!(decided(&steady((120, 1), 120, 1)), (60, 1));
        assert_eq!(decided(&steady((120_000, 1_001), 120_000, 1_001)), (60_000, 1_001));
        assert_eq!(decided(&steady((144, 1), 144, 1)), (48, 1));
        assert_eq!(decided(&steady((90, 1), 90, 1)), (45, 1));
        assert_eq!(decided(&steady((1, 1), 1, 1)), (6, 1));
        assert_eq!(decided(&steady((5, 1), 5, 1)), (10, 1));
    }

    proptest! {
        #[test]
        fn every_source_gets_a_rate_in_range(
            fps in any::<(u32, u32)>(), frames: u64, first: i64, end: i64, min: u64, median: u64, max: u64
        ) {
            let mut video = source(fps, frames, end, &Deltas { min, median, max });
            video.first_ns = first;
            let (rate, why) = grid_rate(&video);
            prop_assert!((5_990..=60_000).contains(&rate.millihertz()), "{rate}");
            prop_assert!(rate.den() == 1_001 || 100 % rate.den() == 0);
            prop_assert!(why.ends_with('.'));
        }
    }
}
