//! Violations of media and of what lists say of it.

use conformance::live::Exchange;

use super::{Plant, edits::*, plant, with};
use crate::live_watch::session::{MEDIA, answer, fill};

fn source(exchange: &Exchange) -> bool {
    is_of(exchange, "source")
}

fn file<'a>(all: &'a mut [Exchange], name: &str) -> &'a mut Exchange {
    let ends = format!("/source/{name}");
    all.iter_mut()
        .find(|exchange| exchange.status == 200 && exchange.url.ends_with(&ends))
        .expect("it was fetched")
}

/// The last request for a part or a segment that had been fetched before: of what has left the list.
fn stray(all: &[Exchange], part: bool) -> usize {
    index(all, |exchange| {
        let name = exchange.url.rsplit('/').next().unwrap();
        let is_part = name.matches('.').count() == 2;
        // As a hint, with its segment, and astray; a segment is not hinted.
        let times = all.iter().filter(|other| other.url == exchange.url).count();
        let strays = times > 1 + usize::from(part);
        exchange.status == 200 && exchange.url.contains("/source/") && strays && is_part == part
    })
}

/// Moves the decode times of every fragment.
fn moved(body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    let places: Vec<usize> = (0..body.len() - 4).filter(|at| &body[*at..*at + 4] == b"tfdt").collect();
    for at in places {
        let field = at + 8..at + 16;
        let time = u64::from_be_bytes(body[field.clone()].try_into().unwrap());
        body[field].copy_from_slice(&(time + 1).to_be_bytes());
    }
    body
}

pub fn plants() -> Vec<Plant> {
    [files(), renditions()].into_iter().flatten().collect()
}

fn files() -> Vec<Plant> {
    vec![
        plant("LIVE-LISTED", |all| refuse(file(all, "2.m4s"), 404)),
        plant("LIVE-PARTS-LINGER", |all| {
            let at = stray(all, true);
            refuse(&mut all[at], 404);
        }),
        plant("LIVE-SEGMENTS-LINGER", |all| {
            let at = stray(all, false);
            refuse(&mut all[at], 404);
        }),
        plant("LIVE-HINT-WHOLE", |all| refuse(file(all, "5.4.m4s"), 404)),
        plant("LIVE-UNHINTED", |all| {
            let at = index(all, |exchange| exchange.status == 404 && exchange.url.ends_with(".2.m4s"));
            let Exchange { url, started_us, finished_us, .. } = all[at].clone();
            let cached = "public, max-age=31536000";
            all[at] = answer(&url, started_us, finished_us, MEDIA, cached, b"what is not there".to_vec());
        }),
        plant("LIVE-BOXES", |all| {
            let header = file(all, "init-0.mp4");
            let longer = [header.body.clone(), vec![0, 0, 1]].concat();
            fill(header, longer);
        }),
        with("LIVE-PART-MEDIA", &["LIVE-PART-SUM"], |all| shorter(all, "source/5.3.m4s", 0.003)),
        with("LIVE-PART-SUM", &["LIVE-PART-MEDIA"], |all| shorter(all, "source/6.3.m4s", 0.004)),
        with("LIVE-SEGMENT-MEDIA", &["LIVE-PART-SUM", "LIVE-PDT-LINE"], |all| {
            rewrite(all, source, |text| {
                let uri = "\nsource/5.m4s";
                let Some(at) = text.find(uri) else { return text.to_owned() };
                let start = text[..at].rfind("#EXTINF:").unwrap();
                format!("{}#EXTINF:1.995,{}", &text[..start], &text[at..])
            });
        }),
        plant("LIVE-CONCATENATED", |all| {
            for segment in all.iter_mut().filter(|exchange| exchange.url.ends_with("/source/8.m4s")) {
                let mut body = segment.body.clone();
                *body.last_mut().unwrap() ^= 1;
                fill(segment, body);
            }
        }),
        plant("LIVE-TFDT", |all| {
            let of = |exchange: &&mut Exchange| {
                let name = exchange.url.rsplit('/').next().unwrap();
                exchange.status == 200 && exchange.url.contains("/source/") && name.starts_with("6.")
            };
            for exchange in all.iter_mut().filter(of) {
                let body = moved(&exchange.body);
                fill(exchange, body);
            }
        }),
    ]
}

fn renditions() -> Vec<Plant> {
    vec![
        plant("LIVE-INDEPENDENT", |all| {
            replace(all, source, "URI=\"source/5.0.m4s\",INDEPENDENT=YES", "URI=\"source/5.0.m4s\"");
        }),
        plant("LIVE-MAP-CHANGE", |all| {
            let date = format!("#EXT-X-PROGRAM-DATE-TIME:{}\n", date_of(all, "source", broken(all) - 1));
            let mapped = format!("#EXT-X-MAP:URI=\"source/init-7.mp4\"\n{date}");
            replace(all, source, &date, &mapped);
        }),
        with("LIVE-PDT-MEDIA", &["LIVE-PDT-LINE"], |all| {
            let date = date_of(all, "source", 7);
            rewrite(all, source, |text| later(text, 5, |it| it >= date.as_str()));
        }),
        with("LIVE-PDT-LINE", &["LIVE-PDT-MEDIA"], |all| {
            let date = date_of(all, "source", 7);
            rewrite(all, source, |text| later(text, 9, |it| it == date));
        }),
        plant("LIVE-ALIGNED", |all| {
            rewrite(all, |exchange| is_of(exchange, "audio"), |text| later(text, 500, |_| true));
        }),
        with("LIVE-SAME-DSN", &["LIVE-ALIGNED"], |all| {
            rewrite(all, |exchange| is_of(exchange, "audio"), |text| later(text, 2_000, |_| true));
        }),
        plant("LIVE-SAME-PDT", |all| {
            let date = |line: &str| line.starts_with("#EXT-X-PROGRAM-DATE-TIME");
            rewrite(all, |exchange| is_of(exchange, "audio"), |text| without(text, date));
        }),
        plant("LIVE-PDT-DISCONTINUITY", |all| {
            let date = format!("#EXT-X-PROGRAM-DATE-TIME:{}\n", date_of(all, "source", broken(all)));
            replace(all, source, &date, "");
        }),
        with("LIVE-SAME-TD", &["LIVE-EXTINF", "LIVE-PARTS-NEAR", "LIVE-SEGMENT-DUE"], |all| {
            let (from, to) = ("#EXT-X-TARGETDURATION:2", "#EXT-X-TARGETDURATION:1");
            replace(all, |exchange| is_of(exchange, "audio"), from, to);
        }),
        plant("LIVE-SAME-CONTROL", |all| {
            replace(all, |exchange| is_of(exchange, "audio"), ",HOLD-BACK=6.000000,", ",HOLD-BACK=7.000000,");
        }),
    ]
}

/// Makes a part shorter in every list.
fn shorter(all: &mut [Exchange], uri: &str, by: f64) {
    let wanted = format!("URI=\"{uri}\"");
    rewrite(all, source, |text| {
        let line = |line: &str| {
            let Some((head, rest)) = line.split_once(&format!(",{wanted}")) else { return line.to_owned() };
            let Some(duration) = head.strip_prefix("#EXT-X-PART:DURATION=") else { return line.to_owned() };
            let duration: f64 = duration.parse().unwrap();
            format!("#EXT-X-PART:DURATION={:.6},{wanted}{rest}", duration - by)
        };
        text.lines().map(|it| line(it) + "\n").collect()
    });
}
