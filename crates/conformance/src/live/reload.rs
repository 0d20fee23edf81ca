//! What a request for a list must get.

use super::{
    alone::Page,
    evolve,
    exchange::{Directives, Exchange},
    known::{Mark, Rendition},
    list::List,
    rules::Of,
};

/// Segments ahead of the last whole one that a request may ask for.
const SEGMENTS_AHEAD: u64 = 2;

/// Judges an answer to a request for a list, with the list when it brought one, against what was known before.
pub(super) fn judge(
    known: &mut Rendition,
    list: Option<&List>,
    exchange: &Exchange,
    jitter_us: i64,
    page: &mut Page<'_>,
) {
    let asked = exchange.directives();
    let before = known.by(exchange.started_us);
    if before.is_some_and(|before| before.ended) {
        ended(known, list, exchange, page);
        return;
    }
    let newest = newest(known, list);
    if asked.part.is_some() && asked.msn.is_none() {
        if exchange.status != 400 {
            page.whole(Of::PartAlone, format!("_HLS_part without _HLS_msn got {}", exchange.status));
        }
        return;
    }
    if is_too_far(known, newest, &asked) {
        if exchange.status != 400 && !newest.ended {
            let message =
                format!("the list reached to {:?}, the answer was {}", newest.edge, exchange.status);
            page.whole(Of::TooFar, message);
        }
        return;
    }
    held(known, list, exchange, jitter_us, page);
    if let (Some(before), Some(msn)) = (before, asked.msn) {
        known_place(known, before, (msn, asked.part), exchange, page);
    }
    if let Some(list) = list {
        brings(list, &asked, page);
        delta(known, list, &asked, page);
    }
}

fn newest(known: &Rendition, list: Option<&List>) -> Mark {
    let mut newest = known.last().unwrap_or_default();
    if let Some(list) = list {
        newest.edge = newest.edge.max(list.edge());
        newest.ended |= list.ended;
    }
    newest
}

fn ended(known: &Rendition, list: Option<&List>, exchange: &Exchange, page: &mut Page<'_>) {
    let limit = i64::try_from(known.target_us.unwrap_or(1_000_000)).unwrap_or(i64::MAX);
    let whole = list.is_some_and(|list| list.ended && list.skip.is_none());
    if exchange.status == 200 && whole && exchange.took_us() <= limit {
        return;
    }
    let message = format!("got {} after {} us, whole: {whole}", exchange.status, exchange.took_us());
    page.whole(Of::EndedDirectives, message);
}

/// The advance part limit (section 6.2.5.2): three parts, or three seconds of shorter ones.
fn advance(part_target_us: u64) -> u64 {
    if part_target_us < 1_000_000 { 3_000_000_u64.div_ceil(part_target_us.max(1)) } else { 3 }
}

/// Whether what is asked for is beyond the limits, however far the list may have come since it was last seen: by less
/// than a segment, and less than a second of parts.
fn is_too_far(known: &Rendition, newest: Mark, asked: &Directives) -> bool {
    let Some(msn) = asked.msn else { return false };
    if known.last().is_none() {
        return false;
    }
    let (open, parts) = newest.edge;
    let last = open.saturating_sub(1);
    if msn > last.saturating_add(SEGMENTS_AHEAD).saturating_add(1) {
        return true;
    }
    let (Some(part), Some(target_us)) = (asked.part, known.part_target_us) else { return false };
    let slack = 1_000_000_u64.div_ceil(target_us.max(1));
    let limit = parts.saturating_add(advance(target_us)).saturating_add(slack);
    msn >= open && part >= limit
}

/// How long it may take.
fn held(known: &Rendition, list: Option<&List>, exchange: &Exchange, jitter_us: i64, page: &mut Page<'_>) {
    let target_us = known.target_us.or_else(|| list.and_then(|list| list.target_us));
    let Some(target_us) = target_us else { return };
    let limit = i64::try_from(target_us.saturating_mul(3)).unwrap_or(i64::MAX);
    let took = exchange.took_us();
    if took > limit.saturating_add(jitter_us) {
        page.whole(Of::BlockTimeout, format!("the request was held for {took} us, limit {limit} us"));
    } else if exchange.status == 503 && took < limit.saturating_sub(jitter_us) {
        page.whole(Of::BlockTimeout, format!("503 came after {took} us already, limit {limit} us"));
    }
    if exchange.status == 503 {
        evolve::late_segment(known, exchange.finished_us, jitter_us, page);
    }
}

/// A place of which it is known, before the request, whether the list has it or may be asked for it.
fn known_place(
    known: &Rendition,
    before: Mark,
    (msn, part): (u64, Option<u64>),
    exchange: &Exchange,
    page: &mut Page<'_>,
) {
    let limit = i64::try_from(known.target_us.unwrap_or(1_000_000)).unwrap_or(i64::MAX);
    let at_once = exchange.status == 200 && exchange.took_us() <= limit;
    let said = format!("got {} after {} us", exchange.status, exchange.took_us());
    let (open, parts) = before.edge;
    let count =
        known.segments.get(&msn).filter(|_| msn < open).map(|segment| segment.listed.parts.len() as u64);
    let past_last = count.is_some_and(|count| count > 0 && part.is_some_and(|part| part >= count));
    if msn < before.head {
        if !at_once {
            page.whole(Of::BlockEvicted, format!("segment {msn} had left the list; {said}"));
        }
    } else if past_last {
        if !matches!(exchange.status, 200 | 503) {
            page.whole(Of::BlockRollover, format!("part {part:?} is past the end of segment {msn}; {said}"));
        }
    } else if msn < open || (msn == open && part.is_some_and(|part| part < parts)) {
        if !at_once {
            page.whole(Of::BlockPresent, format!("segment {msn}, part {part:?} was listed; {said}"));
        }
    } else if exchange.status == 400 && is_lawful(known, before, msn, part) {
        page.whole(
            Of::Lawful,
            format!("segment {msn}, part {part:?} with the list at {:?}; {said}", before.edge),
        );
    }
}

fn is_lawful(known: &Rendition, before: Mark, msn: u64, part: Option<u64>) -> bool {
    let (open, parts) = before.edge;
    let target_us = known.part_target_us.unwrap_or(1_000_000);
    match part {
        None => msn <= open.saturating_add(1),
        Some(part) => msn == open && part < parts.saturating_add(advance(target_us)),
    }
}

/// The list holds what was asked for.
fn brings(list: &List, asked: &Directives, page: &mut Page<'_>) {
    let Some(msn) = asked.msn.filter(|_| !list.ended) else { return };
    let (open, parts) = list.edge();
    let last = list.segments.last().map_or(0, |last| last.parts.len() as u64);
    let there = match asked.part {
        None => msn < open,
        Some(part) if msn == open => part < parts,
        // Past the last part of the last segment, part 0 of the next is meant.
        Some(part) if msn.checked_add(1) == Some(open) && last > 0 && part >= last => parts > 0,
        Some(_) => msn < open,
    };
    if !there {
        let message =
            format!("asked for {msn}, part {:?}; the list reaches to {:?}", asked.part, list.edge());
        let past = asked.part.is_some_and(|part| part >= last) && msn.checked_add(1) == Some(open);
        page.whole(if past { Of::BlockRollover } else { Of::BlockHeld }, message);
    }
}

fn delta(known: &Rendition, list: &List, asked: &Directives, page: &mut Page<'_>) {
    let Some(skip) = list.skip else { return };
    let control = list.control.as_ref().or(known.control.as_ref());
    let until_us = control.and_then(|control| control.skip_until_us);
    if asked.skip.is_none() || list.ended || until_us.is_none() {
        page.line(Of::SkipAsked, skip.line, "EXT-X-SKIP where it was not asked for or not advertised");
        return;
    }
    if skip.dates && asked.skip.as_deref() != Some("v2") {
        page.line(Of::SkipDates, skip.line, "RECENTLY-REMOVED-DATERANGES for who did not ask for v2");
    }
    let growing: u64 = list.open.iter().flat_map(|open| &open.parts).map(|part| part.us).sum();
    let kept = growing + list.segments.iter().map(|segment| segment.us).sum::<u64>();
    let boundary_us = until_us.unwrap_or(0);
    if kept < boundary_us {
        let message = format!(
            "the last skipped segment ends {kept} us before the end, the boundary is {boundary_us} us"
        );
        page.line(Of::SkipBoundary, skip.line, message);
    }
    let lacks = [
        (list.control.is_none(), "EXT-X-SERVER-CONTROL"),
        (list.part_target_us.is_none() && known.part_target_us.is_some(), "EXT-X-PART-INF"),
        (list.target_us.is_none(), "EXT-X-TARGETDURATION"),
    ];
    for (_, tag) in lacks.into_iter().filter(|(lacks, _)| *lacks) {
        page.whole(Of::SkipTags, format!("the delta update has no {tag}"));
    }
}
