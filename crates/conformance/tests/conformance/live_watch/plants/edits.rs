//! Ways to change a session.

use conformance::live::Exchange;

use crate::live_watch::session::fill;

pub fn is_list(exchange: &Exchange) -> bool {
    exchange.status == 200 && exchange.body.starts_with(b"#EXTM3U") && !exchange.url.ends_with("hls.m3u8")
}

pub fn is_of(exchange: &Exchange, rendition: &str) -> bool {
    is_list(exchange) && exchange.place().ends_with(&format!("/{rendition}.m3u8"))
}

pub fn is_plain(exchange: &Exchange) -> bool {
    is_of(exchange, "source") && !exchange.url.contains('?')
}

pub fn is_delta(exchange: &Exchange) -> bool {
    is_of(exchange, "source") && text(exchange).contains("#EXT-X-SKIP") && exchange.url.contains("skip=YES")
}

pub fn is_ended(exchange: &Exchange) -> bool {
    is_of(exchange, "source") && text(exchange).contains("#EXT-X-ENDLIST")
}

pub fn is_blocked(exchange: &Exchange) -> bool {
    is_of(exchange, "source") && exchange.url.contains("_HLS_part=") && exchange.took_us() > 100_000
}

pub fn text(exchange: &Exchange) -> String {
    String::from_utf8(exchange.body.clone()).unwrap()
}

/// Rewrites the lists that `chosen` chooses; there is one at least that changes.
pub fn rewrite(all: &mut [Exchange], chosen: impl Fn(&Exchange) -> bool, edit: impl Fn(&str) -> String) {
    let mut changed = false;
    for exchange in all.iter_mut().filter(|exchange| chosen(exchange)) {
        let before = text(exchange);
        let after = edit(&before);
        changed |= before != after;
        fill(exchange, after.into_bytes());
    }
    assert!(changed, "the plant changes nothing");
}

pub fn replace(all: &mut [Exchange], chosen: impl Fn(&Exchange) -> bool, from: &str, to: &str) {
    rewrite(all, chosen, |text| text.replace(from, to));
}

/// The last that is chosen.
pub fn last(all: &mut [Exchange], chosen: impl Fn(&Exchange) -> bool) -> &mut Exchange {
    all.iter_mut().rev().find(|exchange| chosen(exchange)).expect("there is one")
}

/// Rewrites one exchange's list.
pub fn edit(exchange: &mut Exchange, edit: impl Fn(&str) -> String) {
    let (before, after) = (text(exchange), edit(&text(exchange)));
    assert!(before != after, "the plant changes nothing in\n{before}");
    fill(exchange, after.into_bytes());
}

/// The last list that was not waited for, of a broadcast that goes on.
pub fn plain(all: &mut [Exchange]) -> &mut Exchange {
    last(all, |exchange| is_plain(exchange) && !is_ended(exchange))
}

/// Adds a line behind the last that begins so.
pub fn add_after(text: &str, begins: &str, line: &str) -> String {
    let at = text.rfind(begins).unwrap_or_else(|| panic!("no {begins} in\n{text}"));
    let end = at + text[at..].find('\n').unwrap() + 1;
    format!("{}{line}\n{}", &text[..end], &text[end..])
}

/// Leaves out the lines that `out` chooses.
pub fn without(text: &str, out: impl Fn(&str) -> bool) -> String {
    text.lines().filter(|line| !out(line)).map(|line| format!("{line}\n")).collect()
}

/// Text with every date of the lines that `chosen` chooses later by so much: the index of the segment counts from
/// the first.
pub fn later(text: &str, ms: i64, chosen: impl Fn(&str) -> bool) -> String {
    let shift = |line: &str| {
        let Some(date) = line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:").filter(|date| chosen(date)) else {
            return line.to_owned();
        };
        let clock: Vec<&str> = date.trim_end_matches('Z').split(['T', ':']).collect();
        let (minutes, seconds): (i64, f64) = (clock[2].parse().unwrap(), clock[3].parse().unwrap());
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of an hour")]
        let total = minutes * 60_000 + (seconds * 1_000.0).round() as i64 + ms;
        let (minutes, rest) = (total / 60_000, total % 60_000);
        format!(
            "#EXT-X-PROGRAM-DATE-TIME:{}T{}:{minutes:02}:{:02}.{:03}Z",
            clock[0],
            clock[1],
            rest / 1_000,
            rest % 1_000
        )
    };
    text.lines().map(|line| shift(line) + "\n").collect()
}

/// The date of a segment, as a list of the session writes it.
pub fn date_of(all: &[Exchange], rendition: &str, msn: u64) -> String {
    let wanted = format!("{rendition}/{msn}.m4s");
    let list = all
        .iter()
        .filter(|exchange| is_of(exchange, rendition))
        .map(text)
        .find(|text| text.contains(&wanted));
    let text = list.unwrap();
    let before = &text[..text.find(&wanted).unwrap()];
    before.rsplit("#EXT-X-PROGRAM-DATE-TIME:").next().unwrap().lines().next().unwrap().to_owned()
}

/// Everything after a moment comes so much later.
pub fn stall(all: &mut [Exchange], us: i64) {
    let at = all[all.len() / 3].finished_us;
    for exchange in all.iter_mut().filter(|exchange| exchange.finished_us > at) {
        exchange.finished_us += us;
        if exchange.started_us > at {
            exchange.started_us += us;
        }
    }
}

/// The segment behind the discontinuity.
pub fn broken(all: &[Exchange]) -> u64 {
    let list = all.iter().find(|exchange| {
        let text = text_of(exchange);
        is_of(exchange, "source")
            && text.split("#EXT-X-DISCONTINUITY\n").nth(1).is_some_and(|rest| rest.contains("#EXTINF"))
    });
    let text = text(list.unwrap());
    let rest = text.split("#EXT-X-DISCONTINUITY\n").nth(1).unwrap();
    let uri = rest.lines().find(|line| line.starts_with("source/")).unwrap();
    uri.trim_start_matches("source/").trim_end_matches(".m4s").parse().unwrap()
}

fn text_of(exchange: &Exchange) -> String {
    String::from_utf8_lossy(&exchange.body).into_owned()
}

/// Gives an exchange a refusal for an answer.
pub fn refuse(exchange: &mut Exchange, status: u16) {
    *exchange =
        crate::live_watch::session::refusal(&exchange.url, exchange.started_us, exchange.finished_us, status);
}

/// Gives an exchange the list of another for an answer.
pub fn grant(all: &mut [Exchange], at: usize) {
    let list = all[..at].iter().rev().find(|exchange| is_plain(exchange)).unwrap().body.clone();
    let Exchange { url, started_us, finished_us, .. } = all[at].clone();
    let (kind, cached) = (crate::live_watch::session::LIST, "public, max-age=1");
    all[at] = crate::live_watch::session::answer(&url, started_us, finished_us, kind, cached, list);
}

pub fn index(all: &[Exchange], chosen: impl Fn(&Exchange) -> bool) -> usize {
    all.iter().rposition(chosen).expect("there is one")
}
