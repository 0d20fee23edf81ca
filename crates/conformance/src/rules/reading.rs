//! Rules about reading itself: what was met on the way is kept as troubles, each judged by its rule.

use super::Judge;
use crate::presentation::{Presentation, TroubleKind};

fn troubles(kind: TroubleKind, shown: &Presentation, judge: &mut Judge<'_>) {
    for trouble in shown.troubles.iter().filter(|trouble| trouble.kind == kind) {
        judge.find(&trouble.resource, trouble.at, trouble.message.clone());
    }
    let kept = shown.troubles.iter().filter(|trouble| trouble.kind == kind).count() as u64;
    judge.not_kept(shown.troubles_met.get(&kind).map_or(0, |met| met - kept));
}

pub(super) fn fetch(shown: &Presentation, judge: &mut Judge<'_>) {
    troubles(TroubleKind::Fetch, shown, judge);
}

pub(super) fn limit(shown: &Presentation, judge: &mut Judge<'_>) {
    troubles(TroubleKind::Limit, shown, judge);
}

pub(super) fn hls_syntax(shown: &Presentation, judge: &mut Judge<'_>) {
    troubles(TroubleKind::Hls, shown, judge);
}

pub(super) fn cmaf_syntax(shown: &Presentation, judge: &mut Judge<'_>) {
    troubles(TroubleKind::Cmaf, shown, judge);
}

pub(super) fn vtt_syntax(shown: &Presentation, judge: &mut Judge<'_>) {
    troubles(TroubleKind::Vtt, shown, judge);
}

pub(super) fn dash_syntax(shown: &Presentation, judge: &mut Judge<'_>) {
    troubles(TroubleKind::Dash, shown, judge);
}
