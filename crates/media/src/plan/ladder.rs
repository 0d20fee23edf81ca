//! Which rungs a picture gets.

use super::{
    LadderPolicy, Rung, level,
    picture::Size,
    policy,
    rate_control::{bufsize_kbit, maxrate_kbps},
};
use crate::{FrameRate, PlanError, TrackName};

/// The largest picture that level 5.2 holds at 60 frames per second.
const LEVEL_5_2_BOX: (u32, u32) = (2_160, 4_096);

/// The rungs for a picture shown at `source`, largest first; says why in `reasons`.
pub(super) fn rungs(
    source: Size,
    fps: FrameRate,
    policy: &LadderPolicy,
    reasons: &mut Vec<String>,
) -> Result<Vec<Rung>, PlanError> {
    let mut heights: Vec<u32> = policy.heights.clone();
    heights.sort_unstable_by(|a, b| b.cmp(a));
    heights.dedup();
    let above = heights.iter().take_while(|height| **height > source.short()).count();
    let fitting = &heights[above..];
    let mut rungs: Vec<Rung> = Vec::new();
    for height in fitting {
        if let Some(rung) = rung(source.with_short(*height), fps, policy) {
            rungs.push(rung);
        } else {
            reasons.push(format!("A rung of {height} lines is left out: it exceeds H.264 level 5.2."));
        }
    }
    rungs.dedup_by_key(|rung| rung.name);
    if rungs.is_empty() {
        let own = source.fitted(LEVEL_5_2_BOX.0, LEVEL_5_2_BOX.1);
        rungs.push(rung(own, fps, policy).ok_or(PlanError::Policy("no H.264 level holds the picture"))?);
    }
    reasons.push(sizes_sentence(source, fitting.is_empty(), above, &rungs));
    reasons.push(rates_sentence(policy, &rungs));
    Ok(rungs)
}

/// The rungs below a live source shown at `width` times `height`, largest first: those of `policy` that are smaller and
/// that a level holds. None for a source that is smaller than all, or empty.
#[must_use]
pub fn live_rungs((width, height): (u32, u32), fps: FrameRate, policy: &LadderPolicy) -> Vec<Rung> {
    if width == 0 || height == 0 {
        return Vec::new();
    }
    let source = Size { width, height };
    let mut heights: Vec<u32> =
        policy.heights.iter().copied().filter(|height| *height < source.short()).collect();
    heights.sort_unstable_by(|a, b| b.cmp(a));
    heights.dedup();
    let mut rungs: Vec<Rung> =
        heights.into_iter().filter_map(|height| rung(source.with_short(height), fps, policy)).collect();
    rungs.dedup_by_key(|rung| rung.name);
    rungs
}

fn sizes_sentence(source: Size, smaller_than_all: bool, above: usize, rungs: &[Rung]) -> String {
    let sizes: Vec<String> = rungs.iter().map(|rung| format!("{}x{}", rung.width, rung.height)).collect();
    let sizes = sizes.join(", ");
    let shown = format!("{}x{}", source.width, source.height);
    if smaller_than_all {
        return format!(
            "The picture, {shown}, is smaller than every rung: one rung of its own size, {sizes}."
        );
    }
    let skipped = if above > 0 { ", and nothing is enlarged" } else { "" };
    format!("Rungs at or below the source's {shown}: {sizes}{skipped}.")
}

fn rates_sentence(policy: &LadderPolicy, rungs: &[Rung]) -> String {
    let ceiling = |rung: &Rung| {
        let (major, minor) = (rung.level_idc / 10, rung.level_idc % 10);
        format!("{}x{} up to {} kb/s (level {major}.{minor})", rung.width, rung.height, rung.maxrate_kbps)
    };
    let ceilings: Vec<String> = rungs.iter().map(ceiling).collect();
    format!(
        "Constant quality {} under a ceiling for picture size and frame rate: {}.",
        policy.crf,
        ceilings.join(", ")
    )
}

/// A rung of this size, or `None` when no level up to 5.2 holds it.
fn rung(size: Size, fps: FrameRate, policy: &LadderPolicy) -> Option<Rung> {
    let maxrate_kbps = maxrate_kbps(size.width, size.height, fps);
    let bufsize_kbit = bufsize_kbit(maxrate_kbps);
    let demand = level::Demand {
        width: size.width,
        height: size.height,
        fps,
        decoded_pictures: policy::decoded_pictures(&policy.preset)?,
        maxrate_kbps,
        bufsize_kbit,
    };
    Some(Rung {
        name: TrackName::Video(size.short()),
        width: size.width,
        height: size.height,
        crf: policy.crf,
        maxrate_kbps,
        bufsize_kbit,
        preset: policy.preset.clone(),
        level_idc: level::lowest(&demand)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sizes(width: u32, height: u32, heights: &[u32]) -> Vec<(u32, u32)> {
        let policy = LadderPolicy { heights: heights.to_vec(), ..LadderPolicy::default() };
        let fps = FrameRate::new(30, 1).unwrap();
        let made = rungs(Size { width, height }, fps, &policy, &mut Vec::new()).unwrap();
        made.iter().map(|rung| (rung.width, rung.height)).collect()
    }

    #[test]
    fn rungs_lie_at_or_below_the_source() {
        let heights = LadderPolicy::default().heights;
        assert_eq!(sizes(1_280, 720, &heights), [(1_280, 720), (960, 540), (640, 360), (416, 234)]);
        assert_eq!(sizes(768, 432, &heights), [(640, 360), (416, 234)]);
        assert_eq!(sizes(1_080, 1_920, &heights)[0], (1_080, 1_920));
        assert_eq!(sizes(3_840, 2_160, &heights)[0], (1_920, 1_080));
        assert_eq!(sizes(3_840, 2_160, &[720, 2_160, 1_440])[..2], [(3_840, 2_160), (2_560, 1_440)]);
    }

    #[test]
    fn live_rungs_lie_below_the_source() {
        let policy = LadderPolicy { heights: vec![180, 720, 360, 360], ..LadderPolicy::default() };
        let fps = FrameRate::new(30, 1).unwrap();
        let sizes = |size| -> Vec<_> {
            live_rungs(size, fps, &policy).iter().map(|rung| (rung.width, rung.height)).collect()
        };
        assert_eq!(sizes((1_280, 720)), [(640, 360), (320, 180)]);
        assert_eq!(sizes((360, 640)), [(180, 320)]);
        assert_eq!(sizes((160, 90)), []);
        assert_eq!(sizes((0, 90)), []);
    }

    #[test]
    fn a_small_source_gets_one_rung_of_its_own_size() {
        assert_eq!(sizes(177, 145, &[720, 234]), [(176, 144)]);
        assert_eq!(sizes(4, 4, &[234]), [(16, 16)]);
    }

    #[test]
    fn a_rung_beyond_level_5_2_is_left_out_or_shrunk() {
        assert_eq!(sizes(7_680, 4_320, &[4_320, 1_080]), [(1_920, 1_080)]);
        assert_eq!(sizes(7_680, 4_320, &[4_320]), [(3_840, 2_160)]);
        assert_eq!(sizes(16_000, 240, &[234]), [(4_000, 60)]);
    }

    proptest! {
        #[test]
        fn every_source_gets_unique_even_rungs_inside_a_level(
            width in 1u32..20_000, height in 1u32..20_000, num in 6u32..=60, preset in "(veryfast|slower|veryslow)",
            heights in proptest::collection::vec(16u32..=4_320, 1..8)
        ) {
            let policy = LadderPolicy { heights, preset, ..LadderPolicy::default() };
            let fps = FrameRate::new(num, 1).unwrap();
            if let Ok(made) = rungs(Size { width, height }, fps, &policy, &mut Vec::new()) {
                prop_assert!(!made.is_empty());
                prop_assert!(made.iter().all(|rung| rung.width.is_multiple_of(2) && rung.height.is_multiple_of(2)));
                prop_assert!(made.windows(2).all(|pair| pair[0].name > pair[1].name));
            } else {
                // Sixteen reference pictures of a huge frame fit no level.
                prop_assert!(policy.preset != "veryfast");
            }
        }
    }
}
