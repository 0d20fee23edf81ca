//! What every answer must be as HTTP.

use super::{alone::Page, exchange::Exchange, rules::Of};

/// What an answer was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    List,
    Media,
    Other,
}

const LIST_TYPES: [&str; 2] = ["application/vnd.apple.mpegurl", "audio/mpegurl"];
const MEDIA_TYPES: [&str; 4] = ["video/mp4", "audio/mp4", "application/mp4", "video/iso.segment"];

/// Judges the headers of an answer; `target_us` is that of the broadcast where it is known.
pub(super) fn judge(exchange: &Exchange, about: About, target_us: Option<u64>, page: &mut Page<'_>) {
    whole(exchange, page);
    if exchange.asked("origin").is_some() && exchange.header("access-control-allow-origin").is_none() {
        page.whole(Of::Cors, "no access-control-allow-origin");
    }
    if exchange.url.starts_with("https:") && exchange.http == 1 {
        page.whole(Of::Http, "HTTP/1 over TLS");
    }
    let seconds = target_us.map(|us| us / 1_000_000);
    match exchange.status {
        200 | 206 if about == About::List => list(exchange, seconds, page),
        200 | 206 if about == About::Media => media(exchange, seconds, page),
        400.. => error(exchange, seconds, page),
        _ => {}
    }
}

fn whole(exchange: &Exchange, page: &mut Page<'_>) {
    let length = exchange.header("content-length").and_then(|text| text.parse::<u64>().ok());
    if exchange.method != "HEAD" && length.is_some_and(|length| length != exchange.transferred) {
        let message = format!("Content-Length is {length:?}, {} bytes came", exchange.transferred);
        page.whole(Of::Length, message);
    }
}

fn typed(exchange: &Exchange, known: &[&str], page: &mut Page<'_>) {
    let stated = exchange.header("content-type").unwrap_or_default();
    let essence = stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !known.contains(&essence.as_str()) {
        page.whole(Of::Type, format!("Content-Type is \"{stated}\""));
    }
}

fn list(exchange: &Exchange, target: Option<u64>, page: &mut Page<'_>) {
    typed(exchange, &LIST_TYPES, page);
    let coded = exchange.header("content-encoding").is_some();
    if !coded && exchange.asked("accept-encoding").is_some_and(|text| text.contains("gzip")) {
        page.whole(Of::Gzip, "the list came without Content-Encoding");
    }
    let vary = exchange.header("vary").unwrap_or_default().to_ascii_lowercase();
    if coded && !vary.contains("accept-encoding") {
        page.whole(Of::Vary, format!("the list came compressed with Vary: \"{vary}\""));
    }
    let Some(target) = target else { return };
    let age = exchange.max_age();
    let control = exchange.header("cache-control").unwrap_or_default();
    if exchange.directives().blocks() {
        if exchange.is_uncacheable() || age.is_none_or(|age| age == 0 || age > target * 6) {
            page.whole(Of::CacheBlocked, format!("Cache-Control is \"{control}\""));
        }
    } else if age.is_none_or(|age| age > target.div_ceil(2)) && !exchange.is_uncacheable() {
        page.whole(Of::CacheList, format!("Cache-Control is \"{control}\""));
    }
}

fn media(exchange: &Exchange, target: Option<u64>, page: &mut Page<'_>) {
    typed(exchange, &MEDIA_TYPES, page);
    let Some(target) = target else { return };
    if exchange.is_uncacheable() || exchange.max_age().is_none_or(|age| age < target * 6) {
        let control = exchange.header("cache-control").unwrap_or_default();
        page.whole(Of::CacheMedia, format!("Cache-Control is \"{control}\""));
    }
}

/// Caches may keep a 404 as long as they please unless they are told (RFC 9111 section 4.2.2).
fn error(exchange: &Exchange, target: Option<u64>, page: &mut Page<'_>) {
    let Some(target) = target else { return };
    let heuristic = matches!(exchange.status, 404 | 405 | 410 | 414 | 501);
    let fits = match exchange.max_age() {
        Some(age) => age <= target,
        None => exchange.is_uncacheable() || !heuristic,
    };
    if !fits {
        let control = exchange.header("cache-control").unwrap_or_default();
        page.whole(Of::CacheError, format!("{} with Cache-Control \"{control}\"", exchange.status));
    }
}
