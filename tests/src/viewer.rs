//! A low-latency player that plays nothing: it asks for everything that a player asks for, and for what must be
//! refused, and hands every exchange to the rules over live sessions.

use std::{
    collections::{BTreeSet, VecDeque},
    io::Read,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::body::Body;
use conformance::{
    Finding,
    live::{Allowance, Exchange, Watch, Watched},
};
use flate2::read::GzDecoder;
use futures_util::future::{join, join_all};
use http::{HeaderMap, Request};
use httpkit::client::{Client as Http, ClientOptions, collect};
use tokio::time::{Instant, sleep};

use crate::hls::{addresses, attribute, join as joined};

const BODY_BYTES_MAX: u64 = 64 << 20;
/// How often a player asks for what it need not.
const STRAY: Duration = Duration::from_secs(2);

/// What a player saw.
#[derive(Debug)]
pub struct Viewing {
    /// What the server did wrong.
    pub findings: Vec<Finding>,
    /// What was asked for, by kind.
    pub watched: Watched,
}

/// Watches the broadcast of a multivariant playlist for so long: all its renditions at once.
///
/// # Panics
/// When there is no multivariant playlist.
pub async fn watch(url: &str, length: Duration, allowance: Allowance) -> Viewing {
    let viewer = Viewer {
        http: Http::new(ClientOptions::default()),
        begun: Instant::now(),
        watch: Mutex::new(Watch::new(allowance)),
    };
    let list = crate::eventually("the broadcast", async || {
        let exchange = viewer.get(url).await;
        (exchange.status == 200).then(|| String::from_utf8_lossy(&exchange.body).into_owned())
    })
    .await;
    let media = list
        .lines()
        .filter(|line| line.starts_with("#EXT-X-MEDIA"))
        .filter_map(|line| attribute(line, "URI"));
    let mut renditions: BTreeSet<String> = media.map(|uri| joined(url, &uri)).collect();
    renditions.extend(addresses(url, &list));
    let until = viewer.begun + length;
    join_all(renditions.iter().map(|rendition| viewer.rendition(rendition, until))).await;
    let watch = viewer.watch.into_inner().unwrap_or_else(PoisonError::into_inner);
    Viewing { watched: watch.watched(), findings: watch.finish() }
}

struct Viewer {
    http: Http,
    begun: Instant,
    watch: Mutex<Watch>,
}

/// What a player makes of a list.
#[derive(Debug, Default)]
struct Page {
    head: u64,
    /// The segment after the last whole one, and its parts.
    edge: (u64, u64),
    /// Headers, parts and segments that it names.
    headers: Vec<String>,
    parts: Vec<String>,
    segments: Vec<String>,
    hint: Option<String>,
    ended: bool,
}

impl Page {
    fn read(url: &str, text: &str) -> Self {
        let number = |tag: &str| -> u64 {
            let value = text.lines().find_map(|line| line.strip_prefix(tag));
            value.and_then(|value| value.split(',').next()?.parse().ok()).unwrap_or(0)
        };
        let mut page = Self { head: number("#EXT-X-MEDIA-SEQUENCE:"), ..Self::default() };
        let uri = |line: &str| attribute(line, "URI").map(|uri| joined(url, &uri));
        let mut growing = 0;
        for line in text.lines() {
            if line.starts_with("#EXT-X-MAP:") {
                page.headers.extend(uri(line));
            } else if line.starts_with("#EXT-X-PART:") {
                growing += 1;
                page.parts.extend(uri(line).filter(|_| !line.contains("GAP=YES")));
            } else if line.starts_with("#EXT-X-PRELOAD-HINT:TYPE=PART") {
                page.hint = uri(line);
            } else if line == "#EXT-X-ENDLIST" {
                page.ended = true;
            } else if !line.starts_with('#') && !line.is_empty() {
                growing = 0;
                page.segments.push(joined(url, line));
            }
        }
        let skipped = number("#EXT-X-SKIP:SKIPPED-SEGMENTS=");
        page.edge = (page.head + skipped + page.segments.len() as u64, growing);
        page
    }
}

/// What a player of one rendition remembers.
struct Seat {
    fetched: BTreeSet<String>,
    /// Parts and segments in the order in which they were fetched, and when.
    past: VecDeque<(Instant, String)>,
    turn: u64,
    strayed: Instant,
}

impl Viewer {
    async fn rendition(&self, url: &str, until: Instant) {
        let now = Instant::now();
        let mut seat = Seat { fetched: BTreeSet::new(), past: VecDeque::new(), turn: 0, strayed: now };
        let Some(mut page) = self.list(url).await else { return };
        self.follows(&page, &mut seat, true).await;
        while Instant::now() < until && !page.ended {
            seat.turn += 1;
            let skip = ["", "&_HLS_skip=YES", "&_HLS_skip=v2"][usize::try_from(seat.turn % 3).unwrap_or(0)];
            let next = format!("{url}?_HLS_msn={}&_HLS_part={}{skip}", page.edge.0, page.edge.1);
            let hinted = page.hint.clone().filter(|hint| !seat.fetched.contains(hint));
            let (list, part) = join(self.list(&next), self.hinted(hinted)).await;
            if let Some(part) = part {
                seat.keep(part);
            }
            let Some(list) = list else {
                // What it was has been found; a player tries again.
                sleep(Duration::from_millis(500)).await;
                page = self.list(url).await.unwrap_or(page);
                continue;
            };
            page = list;
            self.follows(&page, &mut seat, false).await;
            if seat.strayed.elapsed() >= STRAY {
                seat.strayed = Instant::now();
                self.strays(url, &page, &seat).await;
            }
        }
        if page.ended {
            self.get(&format!("{url}?_HLS_msn={}&_HLS_skip=YES", page.edge.0 + 50)).await;
            self.get(&format!("{url}?_HLS_part=1")).await;
        }
    }

    async fn list(&self, url: &str) -> Option<Page> {
        let exchange = self.get(url).await;
        let place = url.split('?').next().unwrap_or_default();
        (exchange.status == 200).then(|| Page::read(place, &String::from_utf8_lossy(&exchange.body)))
    }

    /// The address of the hinted part, when it came.
    async fn hinted(&self, url: Option<String>) -> Option<String> {
        let url = url?;
        (self.get(&url).await.status == 200).then_some(url)
    }

    /// What the list names and was not fetched; of the first list the last of each kind.
    async fn follows(&self, page: &Page, seat: &mut Seat, first: bool) {
        let last = |urls: &[String]| urls[urls.len().saturating_sub(if first { 1 } else { 20 })..].to_vec();
        // A whole segment after its parts, to be compared with them.
        let urls = [page.headers.clone(), last(&page.parts), last(&page.segments)].concat();
        for url in urls {
            if !seat.fetched.contains(&url) && self.get(&url).await.status == 200 {
                seat.keep(url);
            }
        }
    }

    /// What a player need not ask for: the list as it stands, what must be refused, what left the list or came before.
    async fn strays(&self, url: &str, page: &Page, seat: &Seat) {
        let (open, parts) = page.edge;
        for query in [
            String::new(),
            "?_HLS_part=1".to_owned(),
            format!("?_HLS_msn={}", open + 40),
            format!("?_HLS_msn={open}&_HLS_part={}", parts + 60),
            format!("?_HLS_msn={}", page.head.saturating_sub(1)),
            format!("?_HLS_msn={}&_HLS_part=0", page.head),
            format!("?_HLS_msn={}&_HLS_part=499", open.saturating_sub(1)),
        ] {
            self.get(&format!("{url}{query}")).await;
        }
        if let Some(hint) = &page.hint
            && let Some((folder, _)) = hint.rsplit_once('/')
        {
            self.get(&format!("{folder}/{}.3.m4s", open + 40)).await;
        }
        let past = [10, 25].map(|seconds| {
            let ago = |at: Instant| at.elapsed() >= Duration::from_secs(seconds);
            seat.past.iter().rev().find(|(at, _)| ago(*at)).map(|(_, url)| url.clone())
        });
        for url in past.into_iter().flatten() {
            self.get(&url).await;
        }
    }

    async fn get(&self, url: &str) -> Exchange {
        let started_us = self.now_us();
        let asked = [("accept-encoding", "gzip"), ("origin", "https://page.example")];
        let mut exchange = Exchange {
            method: "GET".to_owned(),
            url: url.to_owned(),
            http: 1,
            started_us,
            ..Exchange::default()
        };
        exchange.asked = asked.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let mut request = Request::get(url);
        for (name, value) in asked {
            request = request.header(name, value);
        }
        let request = request.body(Body::empty()).expect("an address");
        if let Ok(response) = self.http.send(request).await {
            let (parts, body) = response.into_parts();
            if let Ok(body) = collect(body, BODY_BYTES_MAX).await {
                exchange.status = parts.status.as_u16();
                exchange.headers = pairs(&parts.headers);
                exchange.transferred = body.len() as u64;
                exchange.body = decoded(&exchange, &body);
            }
        }
        exchange.finished_us = self.now_us();
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).take(&exchange);
        exchange
    }

    fn now_us(&self) -> i64 {
        i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

impl Seat {
    fn keep(&mut self, url: String) {
        self.past.push_back((Instant::now(), url.clone()));
        self.fetched.insert(url);
        if self.past.len() > 1_000 {
            self.past.pop_front();
        }
    }
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

fn decoded(exchange: &Exchange, body: &[u8]) -> Vec<u8> {
    if exchange.header("content-encoding") != Some("gzip") {
        return body.to_vec();
    }
    let mut plain = Vec::new();
    match GzDecoder::new(body).take(BODY_BYTES_MAX).read_to_end(&mut plain) {
        Ok(_) => plain,
        Err(_) => Vec::new(),
    }
}
