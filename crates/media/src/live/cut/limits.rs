//! Lengths of parts and segments.

use crate::live::{
    config::AudioConfig,
    retime::{Cadence, Timebase, part_of},
};

/// Lengths in ticks; constant for the life of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Ticks per second, at least 1.
    pub timescale: u32,
    /// The PART-TARGET, a multiple of `sample`.
    pub part: u32,
    /// What a sample lasts at least: a frame, or a tick where there is no grid.
    pub sample: u32,
    /// A segment ends at the first key frame from here on.
    pub segment: i64,
    /// Where it ends for want of one; at least `part`.
    pub segment_max: i64,
}

impl Limits {
    /// For pictures, with segments of `target` seconds that never exceed `max` seconds; the list's TARGETDURATION is at
    /// least `max`.
    #[must_use]
    pub fn video(base: Timebase, target: u32, max: u32) -> Self {
        let sample = match base.cadence {
            Cadence::Constant { frame } => frame,
            Cadence::Variable { .. } => 1,
        };
        Self::new(base.timescale, base.part_target(), sample, target, max)
    }

    /// For sound.
    #[must_use]
    pub fn audio(config: &AudioConfig, target: u32, max: u32) -> Self {
        Self::new(config.sample_rate, part_of(config.frame, config.sample_rate), config.frame, target, max)
    }

    fn new(timescale: u32, part: u32, sample: u32, target: u32, max: u32) -> Self {
        let ticks = |seconds: u32| i64::from(seconds) * i64::from(timescale);
        let segment_max = ticks(max.max(target)).max(part.into());
        Self { timescale, part, sample: sample.max(1), segment: ticks(target), segment_max }
    }

    /// These limits with parts of another number of samples, for a list whose PART-TARGET is already stated as `ticks`
    /// of `timescale` per second: as many as fit and reach 85 % of it (RFC 8216bis section 4.4.4.9). `None` when no
    /// number does; then only another list can go on.
    #[must_use]
    pub fn in_list(self, (ticks, timescale): (u32, u32)) -> Option<Self> {
        let stated = u64::from(ticks) * u64::from(self.timescale);
        let sample = u64::from(self.sample) * u64::from(timescale);
        let samples = stated.checked_div(sample)?;
        let reaches = u128::from(samples) * u128::from(sample) * 100 >= u128::from(stated) * 85;
        let part = u32::try_from(samples * u64::from(self.sample)).ok();
        part.filter(|part| reaches && *part > 0).map(|part| Self { part, ..self })
    }

    /// The PART-TARGET in seconds as a fraction: ticks over timescale.
    #[must_use]
    pub const fn part_target(&self) -> (u32, u32) {
        (self.part, self.timescale)
    }
}

/// The first tick of `to` per second that is not before `ticks` of `from` per second; both at least 1.
#[must_use]
pub fn rescaled(ticks: i64, from: u32, to: u32) -> i64 {
    let (product, from) = (i128::from(ticks) * i128::from(to), i128::from(from.max(1)));
    i64::try_from((product + from - 1).div_euclid(from)).unwrap_or(i64::MAX)
}
