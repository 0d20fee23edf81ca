//! Date ranges, interstitials and steering.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    alone::Page,
    exchange::Exchange,
    known::Rendition,
    list::{List, Range},
    rules::Of,
    text::{date, micros},
};

const INTERSTITIAL: &str = "com.apple.hls.interstitial";

/// Judges the date ranges of one list, and against those of the lists before it.
pub(super) fn judge(known: &mut Rendition, list: &List, page: &mut Page<'_>) {
    let mut here: BTreeMap<&str, &Range> = BTreeMap::new();
    for range in &list.ranges {
        alone(range, page);
        match here.get(range.id.as_str()) {
            Some(other) if contradict(other, range) => {
                page.line(Of::RangeUnique, range.line, format!("another {} says otherwise", range.id));
            }
            Some(_) => {}
            None => drop(here.insert(&range.id, range)),
        }
    }
    let undated = list.segments.iter().all(|segment| segment.date_us.is_none());
    if let Some(range) = list.ranges.first().filter(|_| undated && !list.segments.is_empty()) {
        page.line(Of::RangeDates, range.line, "a date range in a list without dates");
    }
    for (id, range) in &here {
        match known.ranges.get(*id) {
            Some(before) if contradict(before, range) => {
                page.line(Of::RangeStable, range.line, format!("{id} is not what it was"));
            }
            Some(_) => {}
            None => drop(known.ranges.insert((*id).to_owned(), (*range).clone())),
        }
    }
    if list.skip.is_none() {
        kept(known, list, &here, page);
        known.shown_ranges = Some(here.keys().map(|id| (*id).to_owned()).collect());
    }
}

/// Whether two say different things of one attribute; either may say more.
fn contradict(a: &Range, b: &Range) -> bool {
    a.attributes.iter().any(|(name, value)| b.attributes.get(name).is_some_and(|other| other != value))
}

fn kept(known: &Rendition, list: &List, here: &BTreeMap<&str, &Range>, page: &mut Page<'_>) {
    let first = list.segments.first().and_then(|segment| segment.date_us);
    for id in known.shown_ranges.iter().flatten().filter(|id| !here.contains_key(id.as_str())) {
        let end = known.ranges.get(id).and_then(end_us);
        if end.zip(first).is_some_and(|(end, first)| end > first) {
            page.whole(Of::RangeKept, format!("{id} is gone, but what it maps to is listed"));
        }
    }
}

fn end_us(range: &Range) -> Option<i64> {
    if let Some(end) = range.attributes.get("END-DATE") {
        return date(end);
    }
    let length = range.attributes.get("DURATION").and_then(|text| micros(text)).unwrap_or(0);
    Some(date(range.attributes.get("START-DATE")?)?.saturating_add_unsigned(length))
}

fn alone(range: &Range, page: &mut Page<'_>) {
    for name in ["SCTE35-CMD", "SCTE35-OUT", "SCTE35-IN"] {
        if range.attributes.get(name).is_some_and(|value| !is_hexadecimal(value)) {
            page.line(Of::RangeScte, range.line, format!("{name} is not hexadecimal"));
        }
    }
    if range.attributes.get("CLASS").is_none_or(|class| class != INTERSTITIAL) {
        return;
    }
    let assets = ["X-ASSET-URI", "X-ASSET-LIST"].iter().filter(|name| range.attributes.contains_key(**name));
    if assets.count() != 1 {
        page.line(Of::AdAsset, range.line, "an interstitial has one of X-ASSET-URI and X-ASSET-LIST");
    }
    for (name, value) in &range.attributes {
        if !is_defined(name, value) {
            page.line(Of::AdValues, range.line, format!("{name} is `{value}`"));
        }
    }
}

fn is_hexadecimal(text: &str) -> bool {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_defined(name: &str, value: &str) -> bool {
    let all = |known: &[&str]| value.split(',').all(|one| known.contains(&one.trim()));
    match name {
        "X-RESUME-OFFSET" => micros(value.strip_prefix('-').unwrap_or(value)).is_some(),
        "X-PLAYOUT-LIMIT" => micros(value).is_some(),
        "X-SNAP" => all(&["OUT", "IN"]),
        "X-RESTRICT" => all(&["SKIP", "JUMP"]),
        "CUE" => all(&["PRE", "POST", "ONCE"]) && !(value.contains("PRE") && value.contains("POST")),
        _ => true,
    }
}

/// Whether all renditions ended with the same.
pub(super) fn same(renditions: &BTreeMap<String, Rendition>, page: &mut Page<'_>) {
    let shown = |known: &&Rendition| known.shown_ranges.is_some() && known.end.is_some();
    let ids: BTreeSet<_> = renditions.values().filter(shown).map(|known| &known.shown_ranges).collect();
    if ids.len() > 1 {
        page.whole(Of::RangeSame, format!("the renditions have different date ranges: {ids:?}"));
    }
}

/// EXT-X-CONTENT-STEERING of a multivariant playlist; gives what SERVER-URI says.
pub(super) fn steering(text: &str, page: &mut Page<'_>) -> Option<String> {
    let tags: Vec<&str> = text.lines().filter(|line| line.starts_with("#EXT-X-CONTENT-STEERING:")).collect();
    let first = tags.first()?;
    let uri =
        first.split_once("SERVER-URI=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(uri, _)| uri);
    if tags.len() > 1 || uri.is_none_or(str::is_empty) {
        page.whole(Of::Steering, "EXT-X-CONTENT-STEERING stands twice, or lacks SERVER-URI");
    }
    uri.map(str::to_owned)
}

/// What a steering server answered.
pub(super) fn manifest(exchange: &Exchange, page: &mut Page<'_>) {
    let read: Option<serde_json::Value> = serde_json::from_slice(&exchange.body).ok();
    let fits = read.is_some_and(|read| {
        let order = read["PATHWAY-PRIORITY"].as_array();
        let ordered =
            order.is_some_and(|order| !order.is_empty() && order.iter().all(serde_json::Value::is_string));
        read["VERSION"] == 1 && read["TTL"].is_u64() && ordered
    });
    if exchange.status == 200 && !fits {
        page.whole(Of::SteeringManifest, "no JSON with VERSION 1, TTL and PATHWAY-PRIORITY");
    }
}
