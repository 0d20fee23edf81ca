//! A clean session: what the packager lists of an encoder that goes away and comes back, played by one low-latency
//! player per rendition, which also asks for what it must not get.

use std::collections::BTreeMap;

use bytes::Bytes;
use conformance::live::Exchange;
use media::{
    FrameRate,
    live::{
        RenditionName,
        config::{AudioConfig, VideoConfig},
        nal::Picture,
        package::{Packager, Packaging, Product},
        retime::{AccessUnit, Track},
        window::{Answer, Dvr, Fetch, LiveFile, LiveList, Moment, Reload},
    },
};

const START_US: i64 = 1_700_000_000_000_000;
const BASE: &str = "http://host/live/c/b";
pub const LIST: &str = "application/vnd.apple.mpegurl";
pub const MEDIA: &str = "video/mp4";

/// One player's view of one rendition.
#[derive(Default)]
struct Seat {
    asked_us: i64,
    edge: (u64, u64),
    turn: u64,
    next_plain_us: i64,
    version: u64,
    headers: u32,
    segments: u64,
    ended: bool,
}

pub struct Session {
    packager: Packager,
    files: BTreeMap<(RenditionName, LiveFile), Bytes>,
    now: Moment,
    seats: BTreeMap<RenditionName, Seat>,
    pub exchanges: Vec<Exchange>,
}

/// The exchanges of a session in the order in which answers were complete.
pub fn clean() -> Vec<Exchange> {
    let mut session = Session::new();
    session.sends(5_000, 6);
    session.stays_away(4);
    let other = VideoConfig { width: 64, ..video() };
    let products = session.packager.reconnect(session.now).unwrap();
    session.store(products);
    let products = session.packager.describe_video(other, session.now).unwrap();
    session.store(products);
    session.sends(70_000, 28);
    let products = session.packager.finish(session.now).unwrap();
    session.store(products);
    session.plays();
    session.now = session.now.plus(1_000_000);
    session.packager.end(session.now).unwrap();
    session.store(Vec::new());
    session.plays();
    session.now = session.now.plus(200_000);
    session.plays();
    let mut exchanges = session.exchanges;
    exchanges.sort_by_key(|exchange| exchange.finished_us);
    exchanges
}

fn video() -> VideoConfig {
    const HEADER: &[u8] = include_bytes!("../../../../media/tests/fixtures/video-init.mp4");
    VideoConfig::from_avc_record(&Bytes::from_static(&HEADER[547..590])).unwrap()
}

impl Session {
    fn new() -> Self {
        let packaging = Packaging { segment_seconds: 1, target_seconds: 2, dvr: Dvr::Seconds(18) };
        let mut packager = Packager::new(packaging);
        let audio = AudioConfig::from_record(&Bytes::from_static(&[0x11, 0x90])).unwrap();
        packager.metadata_rate(FrameRate::new(25, 1));
        packager.describe_video(video(), Moment(START_US)).unwrap();
        packager.describe_audio(audio, Moment(START_US)).unwrap();
        let seats = [RenditionName::Source, RenditionName::Audio].map(|name| (name, Seat::default())).into();
        Self { packager, files: BTreeMap::new(), now: Moment(START_US), seats, exchanges: Vec::new() }
    }

    /// An encoder of 25 pictures a second, a key frame every two seconds, and sound of 48 kHz.
    fn sends(&mut self, from_ms: i64, seconds: i64) {
        let pictures = (0..seconds * 25).map(|index| (index * 40, Track::Video, index % 50 == 0, index));
        let sounds =
            (0..seconds * 48_000 / 1_024).map(|index| (index * 1_024 / 48, Track::Audio, true, index));
        let mut units: Vec<_> = pictures.chain(sounds).collect();
        units.sort_by_key(|(ms, ..)| *ms);
        let begun = self.now;
        for (ms, track, key, index) in units {
            self.now = begun.plus(u64::try_from(ms).unwrap() * 1_000);
            let unit = AccessUnit {
                dts_us: (from_ms + ms) * 1_000,
                pts_us: (from_ms + ms) * 1_000,
                arrived_us: self.now.0.unsigned_abs(),
                picture: if key { Picture::Key } else { Picture::Dependent },
                data: Bytes::copy_from_slice(&index.to_be_bytes()),
            };
            let products = self.packager.unit(track, unit, self.now).unwrap();
            self.store(products);
            self.plays();
        }
        self.now = begun.plus(u64::try_from(seconds).unwrap() * 1_000_000);
    }

    /// No encoder for so long: lists grow by gaps, as a session makes them, five times a second.
    fn stays_away(&mut self, seconds: u32) {
        for _ in 0..seconds * 5 {
            self.now = self.now.plus(200_000);
            let products = self.packager.idle(true, self.now).unwrap();
            self.store(products);
            self.plays();
        }
    }

    fn store(&mut self, products: Vec<Product>) {
        for product in products {
            let (rendition, file, bytes) = match product {
                Product::Header { rendition, number, bytes } => (rendition, LiveFile::Init(number), bytes),
                Product::Part { rendition, msn, part, bytes, .. } => {
                    (rendition, LiveFile::Part(msn, part), bytes)
                }
                Product::Segment { rendition, listed, bytes, .. } => {
                    (rendition, LiveFile::Segment(listed.msn), bytes)
                }
                Product::Dropped(..) | Product::Epoch(..) | Product::Picture(_) => continue,
            };
            self.files.insert((rendition, file), bytes);
        }
    }

    /// Every player asks the lists as they stand for what it waits for.
    fn plays(&mut self) {
        let lists = self.packager.lists();
        if let Some(text) =
            self.packager.multivariant("b").filter(|_| self.exchanges.is_empty() && !lists.is_empty())
        {
            let url = "http://host/live/c/hls.m3u8";
            self.exchanges.push(answer(url, self.now.0, self.now.0, LIST, "public, max-age=1", text.into()));
        }
        for (name, list) in lists {
            let mut seat = self.seats.remove(&name).unwrap();
            if seat.version != list.version() {
                self.seat(name, &mut seat, &list);
            }
            self.seats.insert(name, seat);
        }
    }

    fn seat(&mut self, name: RenditionName, seat: &mut Seat, list: &LiveList) {
        let now = self.now.0;
        if seat.asked_us == 0 {
            if !self.asks(name, "", (now, now), list) {
                return;
            }
            seat.edge = edge(list);
        } else {
            let skip = ["", "&_HLS_skip=YES", "&_HLS_skip=v2"][usize::try_from(seat.turn % 3).unwrap()];
            let query = format!("?_HLS_msn={}&_HLS_part={}{skip}", seat.edge.0, seat.edge.1);
            self.hinted(name, seat, list);
            if !self.asks(name, &query, (seat.asked_us, now), list) {
                return;
            }
        }
        seat.version = list.version();
        seat.turn += 1;
        seat.asked_us = now;
        seat.edge = edge(list);
        self.follows(name, seat, list);
        if now >= seat.next_plain_us && !list.ended() {
            seat.next_plain_us = now + 2_000_000;
            self.strays(name, seat, list);
        }
        if list.ended() && !seat.ended {
            seat.ended = true;
            for query in ["?_HLS_msn=3", "?_HLS_msn=1&_HLS_part=1", "?_HLS_msn=999&_HLS_skip=YES"] {
                self.asks(name, query, (now + 100_000, now + 101_000), list);
            }
        }
    }

    /// A request for the list; false when it still waits.
    fn asks(
        &mut self,
        name: RenditionName,
        query: &str,
        (started, finished): (i64, i64),
        list: &LiveList,
    ) -> bool {
        let url = format!("{BASE}/{name}.m3u8{query}");
        let cached = if query.contains("_HLS_msn=") { "public, max-age=6" } else { "public, max-age=1" };
        let reload = Reload::parse(query.trim_start_matches('?'), Moment(started));
        let exchange = match list.reload(&reload, Moment(finished)) {
            Answer::Now(variant) => {
                answer(&url, started, finished, LIST, cached, list.text(variant).to_vec())
            }
            Answer::Wait { .. } => return false,
            Answer::Refuse(_) => refusal(&url, started, finished, 400),
        };
        self.exchanges.push(exchange);
        true
    }

    fn gets(
        &mut self,
        name: RenditionName,
        file: LiveFile,
        (started, finished): (i64, i64),
        list: &LiveList,
    ) {
        let url = format!("{BASE}/{name}/{file}");
        let exchange = match list.fetch(file, Moment(started), Moment(finished)) {
            Fetch::Ready => {
                let body = self.files[&(name, file)].to_vec();
                answer(&url, started, finished, MEDIA, "public, max-age=31536000, immutable", body)
            }
            Fetch::Wait { .. } => return,
            Fetch::Refuse(_) => refusal(&url, started, finished, 404),
        };
        self.exchanges.push(exchange);
    }

    /// The request for the hinted part, which was sent when the hint came.
    fn hinted(&mut self, name: RenditionName, seat: &Seat, list: &LiveList) {
        let file = LiveFile::Part(seat.edge.0, u32::try_from(seat.edge.1).unwrap());
        if !list.ended() && edge(list) > seat.edge {
            self.gets(name, file, (seat.asked_us, self.now.0 - 1), list);
        }
    }

    /// What a new list names and was not hinted: headers and whole segments, and of the open segment its first part.
    fn follows(&mut self, name: RenditionName, seat: &mut Seat, list: &LiveList) {
        let at = (self.now.0 + 1_000, self.now.0 + 2_000);
        while self.files.contains_key(&(name, LiveFile::Init(seat.headers))) {
            self.gets(name, LiveFile::Init(seat.headers), at, list);
            seat.headers += 1;
        }
        let text = text(list);
        let named = |file: LiveFile| text.contains(&format!("{name}/{file}"));
        while named(LiveFile::Segment(seat.segments)) {
            let msn = seat.segments;
            for part in (0..).take_while(|part| named(LiveFile::Part(msn, *part))) {
                self.gets(name, LiveFile::Part(msn, part), at, list);
            }
            self.gets(name, LiveFile::Segment(msn), at, list);
            seat.segments += 1;
        }
    }

    /// Every two seconds: the list as it stands, what must be refused, what left the list, what came before.
    fn strays(&mut self, name: RenditionName, seat: &Seat, list: &LiveList) {
        let (now, open) = (self.now.0, seat.edge.0);
        let at = (now + 3_000, now + 4_000);
        for query in [
            "",
            "?_HLS_part=3",
            &format!("?_HLS_msn={}", open + 40),
            "?_HLS_msn=0",
            "?_HLS_msn=0&_HLS_part=2",
            &format!("?_HLS_msn={}&_HLS_part=99", open - 1),
        ] {
            self.asks(name, query, at, list);
        }
        self.gets(name, LiveFile::Part(open + 30, 2), at, list);
        for msn in [open.saturating_sub(4), open.saturating_sub(10)] {
            self.gets(name, LiveFile::Segment(msn), at, list);
        }
        self.gets(name, LiveFile::Part(open.saturating_sub(4), 1), at, list);
    }
}

pub fn text(list: &LiveList) -> String {
    String::from_utf8(list.text(media::live::window::Variant::Full).to_vec()).unwrap()
}

/// The segment that grows and its parts, by the hint at what is next.
fn edge(list: &LiveList) -> (u64, u64) {
    let text = text(list);
    let hint = text.lines().find_map(|line| line.strip_prefix("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\""));
    let file = hint.and_then(|hint| hint.rsplit('/').next()?.strip_suffix('"')?.parse().ok());
    match file {
        Some(LiveFile::Part(msn, part)) => (msn, u64::from(part)),
        _ => (u64::MAX, 0),
    }
}

/// An answer as the server gives it.
pub fn answer(url: &str, started: i64, finished: i64, media: &str, cached: &str, body: Vec<u8>) -> Exchange {
    let mut exchange = bare(url, started, finished);
    exchange.status = 200;
    exchange.headers.push(("content-type".to_owned(), media.to_owned()));
    exchange.headers.push(("cache-control".to_owned(), cached.to_owned()));
    if media == LIST {
        exchange.headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
        exchange.headers.push(("vary".to_owned(), "accept-encoding".to_owned()));
    }
    fill(&mut exchange, body);
    exchange
}

pub fn refusal(url: &str, started: i64, finished: i64, status: u16) -> Exchange {
    let mut exchange = bare(url, started, finished);
    exchange.status = status;
    exchange.headers.push(("content-type".to_owned(), "application/problem+json".to_owned()));
    exchange.headers.push(("cache-control".to_owned(), "public, max-age=1".to_owned()));
    exchange
}

fn bare(url: &str, started_us: i64, finished_us: i64) -> Exchange {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Exchange {
        method: "GET".to_owned(),
        url: url.to_owned(),
        asked: vec![pair("accept-encoding", "gzip"), pair("origin", "https://page.example")],
        http: 1,
        headers: vec![pair("access-control-allow-origin", "*")],
        started_us,
        finished_us,
        ..Exchange::default()
    }
}

/// Gives an answer another body.
pub fn fill(exchange: &mut Exchange, body: Vec<u8>) {
    exchange.transferred = body.len() as u64;
    exchange.headers.retain(|(name, _)| name != "content-length");
    exchange.headers.push(("content-length".to_owned(), body.len().to_string()));
    exchange.body = body;
}
