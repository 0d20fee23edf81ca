//! What a list must be against those before it.

use super::{
    alone::Page,
    exchange::Exchange,
    known::{Mark, Rendition, Segment},
    list::{List, Listed},
    rules::Of,
};

/// From when on an answer counts as held, in microseconds: it then shows the list as it was when it came.
const HELD_US: i64 = 50_000;

/// Whether the answer was waited for.
pub(super) const fn held(exchange: &Exchange) -> bool {
    exchange.took_us() >= HELD_US
}

/// The latest moment at which the list is known to have been as the answer shows it.
fn generated_us(exchange: &Exchange) -> i64 {
    if held(exchange) && exchange.directives().blocks() {
        exchange.finished_us
    } else {
        exchange.started_us.saturating_sub(exchange.staleness_us())
    }
}

/// Judges a list against what is known, and learns from it. False when its numbers are such that nothing else can be
/// said of it.
pub(super) fn take(
    known: &mut Rendition,
    list: &List,
    exchange: &Exchange,
    jitter_us: i64,
    page: &mut Page<'_>,
) -> bool {
    constants(known, list, page);
    if !numbers(known, list, exchange, page) {
        return false;
    }
    ended(known, list, page);
    due(known, list, exchange, jitter_us, page);
    segments(known, list, exchange, page);
    discontinuities(known, list, page);
    window(known, list, page);
    hints(known, list, page);
    let parts_head = list.numbered().find(|(_, segment)| !segment.parts.is_empty()).map(|(msn, _)| msn);
    let edge = list.edge();
    let mark = Mark {
        finished_us: exchange.finished_us,
        head: list.msn,
        dsn: list.dsn,
        edge,
        parts_head: parts_head.unwrap_or(edge.0),
        ended: list.ended,
    };
    if known.last().is_none_or(|last| edge >= last.edge) {
        known.evidence_us = known.evidence_us.max(generated_us(exchange));
    }
    known.mark(mark);
    known.forget();
    true
}

fn constants(known: &mut Rendition, list: &List, page: &mut Page<'_>) {
    let changed = |before: Option<u64>, now: Option<u64>| before.is_some() && before != now;
    // A delta update that leaves one out is found as such.
    if changed(known.target_us, list.target_us) && list.target_us.is_some() {
        let message =
            format!("the target duration was {:?} us and is {:?} us", known.target_us, list.target_us);
        page.whole(Of::TargetConstant, message);
    }
    if changed(known.part_target_us, list.part_target_us) && list.part_target_us.is_some() {
        let message =
            format!("the part target was {:?} us and is {:?} us", known.part_target_us, list.part_target_us);
        page.whole(Of::PartTargetConstant, message);
    }
    known.target_us = known.target_us.or(list.target_us);
    known.part_target_us = known.part_target_us.or(list.part_target_us);
    known.i_frames |= list.i_frames;
    if list.control.is_some() {
        known.control.clone_from(&list.control);
    }
    if list.skip.is_none() {
        known.has_dates = Some(list.segments.iter().any(|segment| segment.date_us.is_some()));
    }
}

/// Numbers only grow, but for answers that a cache kept.
fn numbers(known: &Rendition, list: &List, exchange: &Exchange, page: &mut Page<'_>) -> bool {
    let since = exchange.started_us.saturating_sub(exchange.staleness_us());
    let Some(before) = known.by(since) else { return true };
    let edge = list.edge();
    if list.msn < before.head {
        page.whole(Of::MsnGrows, format!("EXT-X-MEDIA-SEQUENCE was {} and is {}", before.head, list.msn));
        return false;
    }
    if list.dsn < before.dsn {
        let message = format!("EXT-X-DISCONTINUITY-SEQUENCE was {} and is {}", before.dsn, list.dsn);
        page.whole(Of::DsnGrows, message);
        return false;
    }
    if edge < before.edge && known.end.is_none() {
        let message = format!("the list reached to segment {:?} and reaches to {edge:?}", before.edge);
        page.whole(Of::EdgeGrows, message);
        return false;
    }
    true
}

fn ended(known: &mut Rendition, list: &List, page: &mut Page<'_>) {
    let edge = list.edge();
    if let Some(end) = known.end {
        if list.ended && edge != end {
            page.whole(Of::EndedFinal, format!("the list ended at {end:?} and now ends at {edge:?}"));
        }
    } else if list.ended {
        known.end = Some(edge);
    }
}

fn due(known: &mut Rendition, list: &List, exchange: &Exchange, jitter_us: i64, page: &mut Page<'_>) {
    let (Some(last), edge) = (known.last(), list.edge()) else {
        known.part_us = Some(exchange.finished_us);
        return;
    };
    if edge <= last.edge {
        return;
    }
    let asked = exchange.directives();
    let awaited = held(exchange) && asked.msn.is_some_and(|msn| msn >= last.edge.0);
    // Until then the list was as it had been.
    let until = if awaited { exchange.finished_us } else { known.evidence_us };
    let part_us = i64::try_from(list.part_target_us.unwrap_or(u64::MAX)).unwrap_or(i64::MAX);
    if let Some(before) = known.part_us {
        let waited = until.saturating_sub(before);
        if !list.ended && waited > part_us.saturating_add(jitter_us) {
            page.whole(Of::PartDue, format!("{waited} us after part {:?} there was no other", last.edge));
        }
    }
    known.part_us = Some(exchange.finished_us);
    if edge.0 > last.edge.0 && !list.ended {
        late_segment(known, until, jitter_us, page);
    }
}

/// Whether at `until` the segment after the last whole one was late.
pub(super) fn late_segment(known: &Rendition, until: i64, jitter_us: i64, page: &mut Page<'_>) {
    let Some(last) = known.last().filter(|last| !last.ended) else { return };
    let Some(previous) = last.edge.0.checked_sub(1).and_then(|msn| known.segments.get(&msn)) else { return };
    let Some(listed) = previous.whole_us else { return };
    let limit = i64::try_from(known.target_us.unwrap_or(u64::MAX / 4) * 3 / 2).unwrap_or(i64::MAX);
    let waited = until.saturating_sub(listed);
    if waited > limit.saturating_add(jitter_us) {
        let message =
            format!("{waited} us after segment {} there was no other", last.edge.0.saturating_sub(1));
        page.whole(Of::SegmentDue, message);
    }
}

fn segments(known: &mut Rendition, list: &List, exchange: &Exchange, page: &mut Page<'_>) {
    let since = exchange.started_us.saturating_sub(exchange.staleness_us());
    let open = list.edge().0;
    let mut dsn = list.skip.is_none().then_some(list.dsn);
    for (msn, listed) in list.numbered() {
        dsn = dsn.or_else(|| known.segments.get(&msn.checked_sub(1)?)?.dsn);
        dsn = dsn.map(|dsn| dsn + u64::from(listed.discontinuities));
        let segment = known.segments.entry(msn).or_insert_with(|| {
            let parts = Vec::new();
            Segment { listed: Listed { parts, ..listed.clone() }, dsn, ..Segment::default() }
        });
        // An answer that a cache kept may show a segment grow that has long been whole.
        let lost = segment.whole_us.is_some_and(|whole| whole <= since) && listed.uri.is_empty();
        let what = lost.then_some("the end").or_else(|| difference(&segment.listed, listed));
        if let Some(what) = what {
            page.line(Of::AppendOnly, listed.line, format!("{what} of segment {msn} is not what it was"));
        }
        learn(segment, listed, dsn, (msn < open).then_some(exchange.finished_us));
    }
}

/// What two lists say differently of a segment.
fn difference(before: &Listed, now: &Listed) -> Option<&'static str> {
    let both = before.parts.iter().zip(&now.parts);
    let same = |(a, b): (&super::list::Part, &super::list::Part)| {
        (&a.uri, a.us, a.independent, a.gap) == (&b.uri, b.us, b.independent, b.gap)
    };
    let (was_whole, is_whole) = (!before.uri.is_empty(), !now.uri.is_empty());
    let whole = was_whole && is_whole;
    [
        (whole && before.uri != now.uri, "the address"),
        (whole && before.us != now.us, "EXTINF"),
        (whole && before.gap != now.gap, "EXT-X-GAP"),
        (before.discontinuities != now.discontinuities, "EXT-X-DISCONTINUITY"),
        (before.date_us != now.date_us, "the date"),
        (before.map.is_some() && now.map.is_some() && before.map != now.map, "EXT-X-MAP"),
        (!both.into_iter().all(same), "a part"),
        (
            was_whole && now.parts.len() > before.parts.len() && !before.parts.is_empty(),
            "the number of parts",
        ),
    ]
    .into_iter()
    .find_map(|(differs, what)| differs.then_some(what))
}

fn learn(segment: &mut Segment, listed: &Listed, dsn: Option<u64>, whole_us: Option<i64>) {
    let known = &mut segment.listed;
    if known.uri.is_empty() && !listed.uri.is_empty() {
        (known.uri, known.us, known.gap) = (listed.uri.clone(), listed.us, listed.gap);
    }
    if listed.parts.len() > known.parts.len() {
        known.parts.clone_from(&listed.parts);
    }
    if known.map.is_none() {
        known.map.clone_from(&listed.map);
    }
    segment.parts_whole |= !listed.uri.is_empty() && !listed.parts.is_empty();
    segment.dsn = segment.dsn.or(dsn);
    segment.whole_us = segment.whole_us.or(whole_us);
}

/// The number of the first segment's discontinuity is what it was when that segment was further behind.
fn discontinuities(known: &Rendition, list: &List, page: &mut Page<'_>) {
    let Some(first) = known.segments.get(&list.msn) else { return };
    let Some(dsn) = first.dsn else { return };
    let wanted = dsn.saturating_sub(u64::from(first.listed.discontinuities));
    if list.dsn != wanted {
        let message = format!(
            "EXT-X-DISCONTINUITY-SEQUENCE is {}, but {wanted} goes before segment {}",
            list.dsn, list.msn
        );
        page.whole(Of::DsnCounts, message);
    }
}

fn window(known: &mut Rendition, list: &List, page: &mut Page<'_>) {
    let (head, open) = (list.msn, list.edge().0);
    if !known.knows(head, open) {
        return;
    }
    let length = known.length_us(head, open);
    let least = list.target_us.unwrap_or(0).saturating_mul(3);
    if head > 0 && !list.ended && length < least {
        page.whole(Of::Window, format!("the list lasts {length} us, less than {least} us"));
    }
    known.longest_us = known.longest_us.max(length);
}

fn hints(known: &mut Rendition, list: &List, page: &mut Page<'_>) {
    for (msn, segment) in list.numbered() {
        for (index, part) in (0..).zip(&segment.parts) {
            if known.hints.get(&(msn, index)).is_some_and(|hinted| *hinted != part.uri) {
                let message = format!("{} comes where {} was hinted", part.uri, known.hints[&(msn, index)]);
                page.line(Of::HintNext, part.line, message);
                known.hints.remove(&(msn, index));
            }
        }
    }
    if let Some(hint) = list.hints.iter().find(|hint| hint.kind == "PART") {
        known.hints.insert(list.edge(), hint.uri.clone());
    }
}
