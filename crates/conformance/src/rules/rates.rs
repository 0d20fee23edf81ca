//! Bit rates stated against bit rates measured.

use std::collections::BTreeMap;

use super::Judge;
use crate::{
    hls::{MediaType, StreamInf},
    measure::{self, Rates},
    presentation::{MediaList, MultivariantList, Presentation},
};

/// How far a stated rate of a finished film may be from the measured one.
const TOLERANCE: f64 = 0.10;

/// Rates of every media playlist, each measured once; `None` where that is not possible.
type Measured<'a> = BTreeMap<&'a str, Option<Rates>>;

/// Variants of finished films with the rates of their heaviest playable combination; a variant that cannot be
/// measured is reported as not judged.
fn measured<'a>(
    shown: &'a Presentation,
    judge: &mut Judge<'_>,
) -> Vec<(&'a MultivariantList, &'a StreamInf, Rates)> {
    let lists = shown.media_lists().map(|list| (&*list.track.resource, measure::rates(shown, list)));
    let by_list: Measured<'_> = lists.collect();
    let mut measured = Vec::new();
    for list in &shown.multivariants {
        for (variant, media) in list.variants(shown).filter(|(_, media)| media.playlist.ended.is_some()) {
            match combined(shown, list, variant, media, &by_list) {
                Some(rates) => measured.push((list, variant, rates)),
                None => judge.cannot(&list.uri, format!("line {}: not every segment was read", variant.line)),
            }
        }
    }
    measured
}

/// The largest sums over the audio and video renditions a variant may be played with.
fn combined(
    shown: &Presentation,
    list: &MultivariantList,
    variant: &StreamInf,
    media: &MediaList,
    by_list: &Measured<'_>,
) -> Option<Rates> {
    let rates = |list: &MediaList| by_list.get(&*list.track.resource).copied().flatten();
    let mut sum = rates(media)?;
    for (kind, group) in variant.groups() {
        if !matches!(kind, MediaType::Audio | MediaType::Video) {
            continue;
        }
        let mut largest = Rates { peak: 0.0, average: 0.0 };
        for (_, rendition) in list.group_lists(shown, kind, group) {
            // A group may list the variant's own playlist again as one of its renditions.
            if rendition.track.resource == media.track.resource {
                continue;
            }
            let rates = rates(rendition)?;
            largest.peak = largest.peak.max(rates.peak);
            largest.average = largest.average.max(rates.average);
        }
        sum.peak += largest.peak;
        sum.average += largest.average;
    }
    Some(sum)
}

fn off(stated: u64, measured: f64) -> bool {
    let stated = measure::real(stated);
    measured > stated * (1.0 + TOLERANCE) || measured < stated * (1.0 - TOLERANCE)
}

pub(super) fn peak(shown: &Presentation, judge: &mut Judge<'_>) {
    for (list, variant, rates) in measured(shown, judge) {
        let Some(stated) = variant.bandwidth.filter(|stated| off(*stated, rates.peak)) else { continue };
        let message = format!("BANDWIDTH is {stated}, the measured peak is {:.0}", rates.peak);
        judge.line(&list.uri, variant.line, message);
    }
}

pub(super) fn average(shown: &Presentation, judge: &mut Judge<'_>) {
    for (list, variant, rates) in measured(shown, judge) {
        let stated = variant.average_bandwidth.filter(|stated| off(*stated, rates.average));
        let Some(stated) = stated else { continue };
        let message = format!("AVERAGE-BANDWIDTH is {stated}, the measured average is {:.0}", rates.average);
        judge.line(&list.uri, variant.line, message);
    }
}

pub(super) fn peak_to_average(shown: &Presentation, judge: &mut Judge<'_>) {
    for (list, variant, rates) in measured(shown, judge) {
        if rates.peak > rates.average * 2.0 {
            let Rates { peak, average } = rates;
            let message = format!("the peak of {peak:.0} is more than twice the average of {average:.0}");
            judge.line(&list.uri, variant.line, message);
        }
    }
}
