//! What makes a policy usable.

use super::LadderPolicy;
use crate::PlanError;

/// x264's presets with the pictures each keeps for reference, fastest first.
const PRESETS: [(&str, u32); 10] = [
    ("ultrafast", 1),
    ("superfast", 1),
    ("veryfast", 1),
    ("faster", 2),
    ("fast", 2),
    ("medium", 3),
    ("slow", 5),
    ("slower", 8),
    ("veryslow", 16),
    ("placebo", 16),
];

/// B-pyramids hold four pictures whatever the preset.
const DECODED_PICTURES_MIN: u32 = 4;

/// Refuses policies from which no ladder can be made.
pub(super) fn check(policy: &LadderPolicy) -> Result<(), PlanError> {
    let refuse = |reason| Err(PlanError::Policy(reason));
    if policy.heights.is_empty() || policy.heights.len() > 8 {
        return refuse("between 1 and 8 heights are needed");
    }
    if policy.heights.iter().any(|height| !(16..=4320).contains(height)) {
        return refuse("a height lies outside 16 to 4320");
    }
    if !(0.0..=51.0).contains(&policy.crf) {
        return refuse("the rate factor lies outside 0 to 51");
    }
    if !(1..=3_600).contains(&policy.chunk_seconds) {
        return refuse("the chunk length lies outside 1 to 3600 seconds");
    }
    match decoded_pictures(&policy.preset) {
        Some(_) => Ok(()),
        None => refuse("the x264 preset is unknown"),
    }
}

/// How many decoded pictures a stream of this preset makes a player keep; `None` for an unknown preset.
pub(super) fn decoded_pictures(preset: &str) -> Option<u32> {
    let references = PRESETS.iter().find(|(name, _)| *name == preset)?.1;
    Some(references.max(DECODED_PICTURES_MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_usable() {
        assert_eq!(check(&LadderPolicy::default()), Ok(()));
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let default = LadderPolicy::default;
        for policy in [
            LadderPolicy { heights: vec![], ..default() },
            LadderPolicy { heights: vec![720; 9], ..default() },
            LadderPolicy { heights: vec![0], ..default() },
            LadderPolicy { crf: f32::NAN, ..default() },
            LadderPolicy { crf: 51.5, ..default() },
            LadderPolicy { chunk_seconds: 0, ..default() },
            LadderPolicy { preset: "quick".to_owned(), ..default() },
        ] {
            assert!(matches!(check(&policy), Err(PlanError::Policy(_))), "{policy:?}");
        }
    }
}
