//! Violations of transport and reloading.

use conformance::live::Exchange;

use super::{Plant, edits::*, plant, with};
use crate::live_watch::session::{MEDIA, answer, fill, refusal};

fn header(exchange: &mut Exchange, name: &str, value: Option<&str>) {
    exchange.headers.retain(|(known, _)| known != name);
    exchange.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
}

fn is_media(exchange: &Exchange) -> bool {
    exchange.status == 200 && exchange.url.contains("/source/")
}

fn asks(exchange: &Exchange, query: &str) -> bool {
    exchange.url.contains(&format!("/source.m3u8?{query}"))
}

/// A request that waits for the next part of the segment that grows, and gets it.
fn next_part(exchange: &Exchange) -> bool {
    let Some((_, part)) = exchange.url.split_once("_HLS_part=") else { return false };
    let part: u64 = part.split('&').next().unwrap().parse().unwrap();
    is_blocked(exchange) && (2..6).contains(&part) && !is_ended(exchange)
}

pub fn plants() -> Vec<Plant> {
    [answers(), directives()].into_iter().flatten().collect()
}

fn answers() -> Vec<Plant> {
    vec![
        plant("LIVE-ANSWERED", |all| plain(all).status = 0),
        plant("LIVE-LENGTH", |all| header(plain(all), "content-length", Some("7"))),
        plant("LIVE-CORS", |all| header(plain(all), "access-control-allow-origin", None)),
        plant("LIVE-TYPE", |all| header(plain(all), "content-type", Some("text/plain"))),
        plant("LIVE-GZIP", |all| header(plain(all), "content-encoding", None)),
        plant("LIVE-VARY", |all| header(plain(all), "vary", None)),
        plant("LIVE-HTTP", |all| {
            let at = all[all.len() / 2].finished_us;
            all.push(refusal("https://cdn/none.m4s", at, at, 404));
        }),
        plant("LIVE-CACHE-LIST", |all| header(plain(all), "cache-control", Some("public, max-age=3"))),
        plant("LIVE-CACHE-BLOCKED", |all| header(last(all, is_blocked), "cache-control", Some("no-store"))),
        plant("LIVE-CACHE-ERROR", |all| {
            header(last(all, |exchange| exchange.status == 404), "cache-control", None);
        }),
        plant("LIVE-CACHE-MEDIA", |all| {
            header(last(all, is_media), "cache-control", Some("public, max-age=1"));
        }),
        plant("LIVE-IMMUTABLE", |all| {
            let again = index(all, |exchange| is_media(exchange) && exchange.url.ends_with(".m4s"));
            let (url, at) = (all[again].url.clone(), all[again].finished_us + 1_000);
            let body = b"other bytes".to_vec();
            all.push(answer(&url, at, at, MEDIA, "public, max-age=31536000", body));
        }),
        plant("LIVE-PART-DUE", |all| stall(all, 1_800_000)),
        plant("LIVE-BLOCK-HELD", |all| {
            let at = index(all, next_part);
            let before = all[..at]
                .iter()
                .rposition(|exchange| is_of(exchange, "source") && !text(exchange).contains("#EXT-X-SKIP"));
            let body = all[before.unwrap()].body.clone();
            fill(&mut all[at], body);
        }),
        plant("LIVE-BLOCK-PRESENT", |all| {
            let old = all.iter_mut().filter(|exchange| is_plain(exchange)).nth(4).unwrap();
            old.url.push_str("?_HLS_msn=1");
            old.started_us -= 3_000_000;
        }),
        plant("LIVE-BLOCK-EVICTED", |all| {
            refuse(last(all, |it| asks(it, "_HLS_msn=0") && !is_ended(it)), 400);
        }),
        plant("LIVE-BLOCK-ROLLOVER", |all| {
            let rolls =
                |it: &Exchange| is_of(it, "source") && it.url.contains("_HLS_part=99") && !is_ended(it);
            refuse(last(all, rolls), 400);
        }),
        plant("LIVE-PART-WITHOUT-MSN", |all| {
            let at = index(all, |it| asks(it, "_HLS_part=3") && it.status == 400);
            grant(all, at);
        }),
        plant("LIVE-TOO-FAR", |all| {
            let at = index(all, |it| asks(it, "_HLS_msn=") && it.status == 400);
            grant(all, at);
        }),
        plant("LIVE-LAWFUL", |all| refuse(last(all, next_part), 400)),
        plant("LIVE-BLOCK-TIMEOUT", |all| last(all, next_part).started_us -= 7_500_000),
    ]
}

fn directives() -> Vec<Plant> {
    vec![
        plant("LIVE-ENDED-DIRECTIVES", |all| refuse(last(all, |it| asks(it, "_HLS_msn=999")), 400)),
        plant("LIVE-SKIP-ASKED", |all| {
            let delta = last(all, is_delta);
            delta.url = delta.url.replace("&_HLS_skip=YES", "");
        }),
        plant("LIVE-SKIP-BOUNDARY", |all| edit(last(all, is_delta), |text| skip_more(text, 3))),
        with("LIVE-SKIP-TAGS", &["LIVE-SYNTAX"], |all| {
            edit(last(all, is_delta), |text| without(text, |line| line.starts_with("#EXT-X-TARGETDURATION")));
        }),
        plant("LIVE-SKIP-V2", |all| {
            edit(last(all, is_delta), |text| {
                let line = text.lines().find(|line| line.starts_with("#EXT-X-SKIP")).unwrap();
                text.replace(line, &format!("{line},RECENTLY-REMOVED-DATERANGES=\"\""))
            });
        }),
        with("LIVE-REPORT-AHEAD", &[], |all| {
            let early = all.iter_mut().filter(|exchange| is_plain(exchange)).nth(3).unwrap();
            edit(early, |text| report(text, "LAST-MSN=99"));
        }),
        plant("LIVE-REPORT-BEHIND", |all| edit(plain(all), |text| report(text, "LAST-MSN=0"))),
        plant("LIVE-REPORT-ALL", |all| {
            edit(plain(all), |text| without(text, |line| line.starts_with("#EXT-X-RENDITION-REPORT")));
        }),
        plant("LIVE-REPORT-WHOLE", |all| edit(plain(all), |text| text.replace(",LAST-PART=", ",X-LAST="))),
    ]
}

/// The report with another LAST-MSN.
fn report(text: &str, says: &str) -> String {
    let at = text.find("LAST-MSN=").unwrap();
    let end = at + text[at..].find(',').unwrap();
    format!("{}{says}{}", &text[..at], &text[end..])
}

/// A delta update that skips so many segments more.
fn skip_more(text: &str, more: usize) -> String {
    let line = text.lines().find(|line| line.starts_with("#EXT-X-SKIP")).unwrap();
    let count: usize = line.rsplit('=').next().unwrap().parse().unwrap();
    let (head, rest) = text.split_once(line).unwrap();
    let mut rest = rest.trim_start_matches('\n');
    for _ in 0..more {
        let uri = rest.lines().find(|line| line.starts_with("source/")).unwrap();
        rest = rest.split_once(&format!("{uri}\n")).unwrap().1;
    }
    format!("{head}#EXT-X-SKIP:SKIPPED-SEGMENTS={}\n{rest}", count + more)
}
