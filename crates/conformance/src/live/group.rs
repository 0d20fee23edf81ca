//! What the renditions of a broadcast must be to each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{alone::Page, exchange::Exchange, known::Rendition, list::List, media::Files, rules::Of};
use crate::place;

/// How far the dates of one discontinuity may be apart in two renditions, in microseconds: sound and pictures are not
/// cut at the same instant.
const DISCONTINUITY_US: u64 = 1_000_000;
/// How far timestamps and dates may go apart between renditions, in microseconds: less than a frame of film.
const ALIGNED_US: u64 = 40_000;

/// Judges one list against those of the other renditions, which `renditions` holds beside its own.
pub(super) fn judge(
    url: &str,
    list: &List,
    renditions: &BTreeMap<String, Rendition>,
    named: &BTreeSet<String>,
    page: &mut Page<'_>,
) {
    let Some(own) = renditions.get(url) else { return };
    for (other, known) in renditions.iter().filter(|(other, _)| *other != url) {
        same(own, list, other, known, page);
    }
    if list.ended || list.part_target_us.is_none() || own.i_frames {
        return;
    }
    let reported: BTreeSet<String> =
        list.reports.iter().filter_map(|report| joined(url, report.uri.as_deref()?)).collect();
    for missing in named.iter().filter(|other| *other != url && !reported.contains(*other)) {
        if !renditions.get(missing).is_some_and(|known| known.i_frames) {
            page.whole(Of::ReportAll, format!("no EXT-X-RENDITION-REPORT of {missing}"));
        }
    }
}

/// An address as it stands in a list.
pub(super) fn joined(base: &str, reference: &str) -> Option<String> {
    place::resolve(base, reference).ok().map(|url| url.to_string())
}

fn same(own: &Rendition, list: &List, other: &str, known: &Rendition, page: &mut Page<'_>) {
    if known.target_us.is_some() && own.target_us != known.target_us {
        let message = format!("{:?} us, but {:?} us in {other}", own.target_us, known.target_us);
        page.whole(Of::SameTarget, message);
    }
    if let (Some(here), Some(there)) = (&list.control, &known.control)
        && attributes(&here.text) != attributes(&there.text)
    {
        page.line(Of::SameControl, here.line, format!("{}, but {} in {other}", here.text, there.text));
    }
    if known.has_dates.is_some() && own.has_dates.is_some() && own.has_dates != known.has_dates {
        page.whole(Of::SameDates, format!("dates here or in {other}, not in both"));
    }
    for (dsn, date) in starts(own) {
        let Some(there) = starts(known).find(|(there, _)| *there == dsn) else { continue };
        if date.abs_diff(there.1) > DISCONTINUITY_US {
            let message = format!("discontinuity {dsn} begins {} us after that of {other}", date - there.1);
            page.whole(Of::SameDsn, message);
        }
    }
}

/// Attributes in no order.
fn attributes(text: &str) -> BTreeSet<&str> {
    text.split(',').collect()
}

/// Number and date of each segment with a discontinuity.
fn starts(known: &Rendition) -> impl Iterator<Item = (u64, i64)> {
    let begun = known.segments.values().rev().take(50).filter(|segment| segment.listed.discontinuities > 0);
    begun.filter_map(|segment| Some((segment.dsn?, segment.listed.date_us?)))
}

/// Takes the reports of a list to the renditions that they are of, and judges those that are behind.
pub(super) fn reports(
    url: &str,
    list: &List,
    exchange: &Exchange,
    jitter_us: i64,
    renditions: &mut BTreeMap<String, Rendition>,
    page: &mut Page<'_>,
) {
    for report in &list.reports {
        let Some(other) = report.uri.as_deref().and_then(|uri| joined(url, uri)) else { continue };
        let (Some(known), Some(msn)) = (renditions.get_mut(&other), report.msn) else { continue };
        let place = (msn, report.part.map_or(0, |part| part + 1));
        let grace = i64::try_from(known.target_us.unwrap_or(0)).unwrap_or(0);
        let since = exchange.started_us.saturating_sub(exchange.staleness_us() + grace + jitter_us);
        // The last part of a whole segment and none of the next are one place.
        let behind = known.by(since).filter(|mark| {
            let (open, parts) = mark.edge;
            place.0.saturating_add(1) < open
                || (place.0 == open && place.1 < parts)
                || (place.0 + 1 == open && parts > 0)
        });
        if let Some(mark) = behind {
            let message =
                format!("the report of {other} says {place:?}, which was at {:?} long ago", mark.edge);
            page.line(Of::ReportBehind, report.line, message);
        }
        known.claims.push_back((exchange.finished_us, place, url.to_owned()));
        if known.claims.len() > 1_000 {
            known.claims.pop_front();
        }
    }
}

/// Whether a list has come as far as others said of it before it was asked for.
pub(super) fn claims(known: &mut Rendition, list: &List, exchange: &Exchange, page: &mut Page<'_>) {
    let since = exchange.started_us.saturating_sub(exchange.staleness_us());
    let (open, parts) = list.edge();
    while let Some((said, place, by)) = known.claims.front().filter(|claim| claim.0 <= since) {
        let there = place.0 < open || (place.0 == open && place.1 <= parts);
        if !there && !list.ended {
            let message = format!("{by} said {place:?} at {said}, and the list is at {:?}", list.edge());
            page.whole(Of::ReportAhead, message);
        }
        known.claims.pop_front();
    }
}

/// Whether timestamps and dates go together alike: the date of timestamp 0, for each discontinuity number.
pub(super) fn aligned(files: &BTreeMap<String, Files>, page: &mut Page<'_>) {
    let all: Vec<_> = files.iter().collect();
    for (index, (url, first)) in all.iter().enumerate() {
        for (other, second) in &all[index + 1..] {
            for (dsn, origin) in &first.origins {
                let Some(there) = second.origins.get(dsn) else { continue };
                if origin.abs_diff(*there) > ALIGNED_US {
                    let message = format!(
                        "at discontinuity {dsn} timestamps of {url} and {other} are {} us apart",
                        origin - there
                    );
                    page.whole(Of::Aligned, message);
                }
            }
        }
    }
}
