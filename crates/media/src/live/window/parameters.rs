//! What stays the same for the life of a list.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::WindowError;

/// Shortest part target, in microseconds; it bounds how often a list changes.
const PART_TARGET_US_MIN: u64 = 100_000;
/// Longest target duration, in seconds.
const TARGET_SECONDS_MAX: u32 = 60;
/// Most characters of a rendition's name.
const NAME_CHARS_MAX: usize = 64;

/// The Part Target Duration (section 4.4.3.7) in microseconds. Whole microseconds are what a list says, so a
/// target between two of them counts as the longer: no part that is within it says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartTarget(u64);

impl PartTarget {
    /// The target of parts that last `ticks` of `timescale` per second.
    #[must_use]
    pub fn of(ticks: u64, timescale: NonZeroU32) -> Self {
        let us = (u128::from(ticks) * 1_000_000).div_ceil(u128::from(timescale.get()));
        Self(u64::try_from(us).unwrap_or(u64::MAX))
    }

    /// Microseconds.
    #[must_use]
    pub const fn us(self) -> u64 {
        self.0
    }

    /// The most ticks of `timescale` per second that fit in.
    pub(super) fn ticks(self, timescale: NonZeroU32) -> u64 {
        let ticks = u128::from(self.0) * u128::from(timescale.get()) / 1_000_000;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// Whether a part of this length is long enough to stand anywhere in a segment: 85 % (section 4.4.4.9).
    pub(super) fn is_met_by(self, us: u64) -> bool {
        u128::from(us) * 100 >= u128::from(self.0) * 85
    }

    /// How many parts ahead of the last a request may ask: three, or as many as fit into three seconds
    /// (Advance Part Limit, section 6.2.5.2).
    pub(super) const fn advance(self) -> u64 {
        if self.0 < 1_000_000 { 3_000_000 / self.0 } else { 3 }
    }
}

/// What EXT-X-SERVER-CONTROL says (section 4.4.3.8), in microseconds. Every list of a broadcast says the same
/// (section 6.2.4): make it once, from the part targets of all renditions. Blocking reloads are always offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerControl {
    /// HOLD-BACK: how far from the end of the list to begin; at least three target durations.
    pub hold_back_us: u64,
    /// PART-HOLD-BACK: the same at low latency; at least three of the longest part target. The specification
    /// asks for two and advises three, the Apple authoring rule 14.3 demands three.
    pub part_hold_back_us: u64,
    /// CAN-SKIP-UNTIL: how far from the end segments are left out of delta updates; at least six target
    /// durations. `None` offers no delta updates.
    pub can_skip_until_us: Option<u64>,
}

impl ServerControl {
    /// The least that the specification allows or advises for renditions of these part targets.
    #[must_use]
    pub fn least(target_seconds: u32, part_targets: impl IntoIterator<Item = PartTarget>) -> Self {
        let target_us = u64::from(target_seconds) * 1_000_000;
        let part_target = part_targets.into_iter().max().map_or(0, PartTarget::us);
        Self {
            hold_back_us: target_us * 3,
            part_hold_back_us: part_target.saturating_mul(3),
            can_skip_until_us: Some(target_us * 6),
        }
    }
}

/// How far back a list reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dvr {
    /// So many seconds of whole segments, and never less than three target durations.
    Seconds(u32),
    /// To the beginning, or [`super::SEGMENTS_MAX`] segments.
    Event,
}

/// What stays the same for the life of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// The rendition, as it stands in URLs: 1 to 64 characters of a-z, 0-9 and `-`.
    pub name: String,
    /// EXT-X-TARGETDURATION: 1 to 60 seconds, the same in every rendition.
    pub target_seconds: u32,
    /// EXT-X-PART-INF, at least 100 ms and at most the target duration.
    pub part_target: PartTarget,
    /// EXT-X-SERVER-CONTROL, the same in every rendition.
    pub control: ServerControl,
    /// How far back the list reaches, the same in every rendition.
    pub dvr: Dvr,
}

impl Parameters {
    /// The target duration in microseconds.
    pub(super) const fn target_us(&self) -> u64 {
        self.target_seconds as u64 * 1_000_000
    }

    /// How much of whole segments stays listed, in microseconds.
    pub(super) fn keep_us(&self) -> u64 {
        let dvr = match self.dvr {
            Dvr::Seconds(seconds) => u64::from(seconds) * 1_000_000,
            Dvr::Event => u64::MAX,
        };
        dvr.max(self.target_us() * 3)
    }

    pub(super) fn check(&self) -> Result<(), WindowError> {
        let (target_us, part_us) = (self.target_us(), self.part_target.us());
        let rules = [
            (is_name(&self.name), "the name is not 1 to 64 characters of a-z, 0-9 and -"),
            ((1..=TARGET_SECONDS_MAX).contains(&self.target_seconds), "the target duration is not 1 to 60 s"),
            (part_us >= PART_TARGET_US_MIN, "the part target is under 100 ms"),
            (part_us <= target_us, "the part target is over the target duration"),
            (self.control.hold_back_us >= target_us * 3, "HOLD-BACK is under three target durations"),
            (
                self.control.part_hold_back_us >= part_us.saturating_mul(3),
                "PART-HOLD-BACK is under three part targets",
            ),
            (
                self.control.can_skip_until_us.is_none_or(|us| us >= target_us * 6),
                "CAN-SKIP-UNTIL is under six target durations",
            ),
        ];
        let broken = rules.into_iter().find(|(holds, _)| !holds);
        broken.map_or(Ok(()), |(_, rule)| Err(WindowError::Parameter(rule)))
    }
}

fn is_name(name: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(timescale: u32) -> NonZeroU32 {
        NonZeroU32::new(timescale).unwrap()
    }

    fn lawful() -> Parameters {
        let part_target = PartTarget::of(6 * 1_001, scale(30_000));
        Parameters {
            name: "video-360".to_owned(),
            target_seconds: 6,
            part_target,
            control: ServerControl::least(6, [part_target]),
            dvr: Dvr::Seconds(60),
        }
    }

    fn refused(change: impl FnOnce(&mut Parameters)) -> bool {
        let mut parameters = lawful();
        change(&mut parameters);
        matches!(parameters.check(), Err(WindowError::Parameter(_)))
    }

    #[test]
    fn part_targets_are_rounded_up() {
        assert_eq!(PartTarget::of(6 * 1_001, scale(30_000)).us(), 200_200);
        // 5 frames of 24000/1001: 208541.67 us.
        let film = PartTarget::of(5 * 1_001, scale(24_000));
        assert_eq!((film.us(), film.ticks(scale(24_000))), (208_542, 5_005));
        // 9 AAC frames at 44.1 kHz: 208979.59 us.
        assert_eq!(PartTarget::of(9 * 1_024, scale(44_100)).us(), 208_980);
    }

    #[test]
    fn the_advance_limit_is_three_seconds_or_three_parts() {
        let advance = |us: u64| PartTarget(us).advance();
        assert_eq!([200_000, 200_200, 999_999, 1_000_000, 2_000_000].map(advance), [15, 14, 3, 3, 3]);
    }

    #[test]
    fn eighty_five_per_cent_is_enough() {
        let target = PartTarget(200_000);
        assert_eq!([170_000, 169_999].map(|us| target.is_met_by(us)), [true, false]);
    }

    #[test]
    fn least_control_is_shared_by_renditions_of_different_part_targets() {
        let targets = [PartTarget(200_000), PartTarget(213_334)];
        let control = ServerControl::least(6, targets);
        assert_eq!((control.hold_back_us, control.part_hold_back_us), (18_000_000, 640_002));
        assert_eq!(control.can_skip_until_us, Some(36_000_000));
    }

    #[test]
    fn what_the_specification_forbids_is_refused() {
        assert_eq!(lawful().check(), Ok(()));
        assert!(refused(|it| it.name.clear()));
        assert!(refused(|it| it.name = "a\"b".to_owned()));
        assert!(refused(|it| it.name = "a".repeat(65)));
        assert!(refused(|it| it.target_seconds = 0));
        assert!(refused(|it| it.target_seconds = 61));
        assert!(refused(|it| it.part_target = PartTarget(99_999)));
        assert!(refused(|it| it.part_target = PartTarget(6_000_001)));
        assert!(refused(|it| it.control.hold_back_us -= 1));
        assert!(refused(|it| it.control.part_hold_back_us -= 1));
        assert!(refused(|it| it.control.can_skip_until_us = Some(35_999_999)));
        assert!(!refused(|it| it.control.can_skip_until_us = None));
    }

    #[test]
    fn a_list_never_keeps_less_than_three_target_durations() {
        let mut parameters = lawful();
        parameters.dvr = Dvr::Seconds(0);
        assert_eq!(parameters.keep_us(), 18_000_000);
    }
}
