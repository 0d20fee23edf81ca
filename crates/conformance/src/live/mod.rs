//! The obligations of low-latency HLS (draft-pantos-hls-rfc8216bis-22) over live sessions: [`Watch`] is fed with every
//! request and answer of one player or of many, and says what the server did wrong.
//!
//! It fetches nothing and knows no clock: exchanges bring their times. It knows what players saw, and judges only what
//! follows from that: a list that a cache may have kept proves nothing of the moment at which it was asked for.

mod alone;
mod evolve;
mod exchange;
mod group;
mod known;
mod ledger;
mod list;
mod media;
mod ranges;
mod reload;
mod rules;
mod text;
mod transport;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
};

use alone::Page;
pub use exchange::Exchange;
use group::joined;
use known::Rendition;
use ledger::Ledger;
use list::List;
use media::{Files, Kind};
use rules::Of;
pub use rules::{LIVE_RULES, LiveRule};
use transport::About;

use crate::{
    At, Finding,
    hls::{self, Playlist, Variables},
};

/// Addresses remembered; media behind later ones is not judged.
const ADDRESSES_MAX: usize = 2_000_000;

/// What a watch is to allow for.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// How much later than due something may be seen, in microseconds: network, machine and encoder.
    pub jitter_us: i64,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { jitter_us: 1_000_000 }
    }
}

/// What was watched, by kind: a watch that saw nothing found nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Lists that came whole.
    pub lists: u64,
    /// Lists that came as delta updates.
    pub deltas: u64,
    /// Lists that were asked for with `_HLS_msn`.
    pub blocked: u64,
    /// Parts.
    pub parts: u64,
    /// Parts that were asked for before a list named them.
    pub hinted: u64,
    /// Whole segments.
    pub segments: u64,
    /// Headers.
    pub headers: u64,
    /// Refusals: answers of 400 and above.
    pub refused: u64,
}

/// Watches one broadcast.
#[derive(Debug, Default)]
pub struct Watch {
    allowance: Allowance,
    ledger: Ledger,
    watched: Watched,
    renditions: BTreeMap<String, Rendition>,
    files: BTreeMap<String, Files>,
    /// Lists that the multivariant playlist names.
    named: BTreeSet<String>,
    /// Rendition, what it is and when it was first named, of addresses of media.
    addresses: HashMap<String, Address>,
    steering: BTreeSet<String>,
    bodies: HashMap<String, (u64, usize)>,
    /// Answers for addresses that no list had named, by address: when asked for.
    unnamed: BTreeMap<String, i64>,
    /// Hinted addresses that got 404.
    refused: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Address {
    rendition: String,
    kind: Kind,
    named_us: i64,
    listed: bool,
    gap: bool,
}

impl Watch {
    /// A watch that allows for so much.
    #[must_use]
    pub fn new(allowance: Allowance) -> Self {
        Self { allowance, ..Self::default() }
    }

    /// Takes the next exchange, in the order in which answers were complete.
    pub fn take(&mut self, exchange: &Exchange) {
        if exchange.status == 0 {
            self.ledger.whole(Of::Answered, &exchange.url, "no whole answer came");
            return;
        }
        self.watched.refused += u64::from(exchange.status >= 400);
        let place = exchange.place().to_owned();
        let is_list = exchange.body.starts_with(b"#EXTM3U") || self.renditions.contains_key(&place);
        let about = if is_list || place.ends_with(".m3u8") {
            About::List
        } else if self.steering.contains(&place) {
            About::Other
        } else {
            About::Media
        };
        let target_us = self.renditions.values().find_map(|known| known.target_us);
        let mut page = Page { url: &exchange.url, ledger: &mut self.ledger };
        transport::judge(exchange, about, target_us, &mut page);
        match about {
            About::List => self.list(&place, exchange),
            About::Media => self.media(&place, exchange),
            About::Other => ranges::manifest(exchange, &mut page),
        }
    }

    /// What was seen.
    #[must_use]
    pub const fn watched(&self) -> Watched {
        self.watched
    }

    /// All findings, when nothing more comes.
    #[must_use]
    pub fn finish(mut self) -> Vec<Finding> {
        for (url, asked_us) in std::mem::take(&mut self.unnamed) {
            let named = self.addresses.get(&url).map(|address| address.named_us);
            if named.is_none_or(|named| named.saturating_sub(asked_us) > self.allowance.jitter_us) {
                let message = "neither listed nor hinted when it was asked for, and it came";
                self.ledger.whole(Of::Unhinted, &url, message);
            }
        }
        let mut page = Page { url: "", ledger: &mut self.ledger };
        group::aligned(&self.files, &mut page);
        ranges::same(&self.renditions, &mut page);
        self.ledger.all()
    }

    fn list(&mut self, place: &str, exchange: &Exchange) {
        let brought = exchange.status == 200 && exchange.method == "GET";
        if brought {
            let (playlist, faults) = hls::read(&exchange.body, &Variables::default());
            for fault in faults {
                self.ledger.find(Of::Syntax, &exchange.url, fault.at, fault.message);
            }
            if let Playlist::Multivariant(multivariant) = playlist {
                self.multivariant(place, exchange, &multivariant);
                return;
            }
        } else if exchange.status == 404 && self.named.contains(place) {
            self.ledger.whole(Of::Listed, &exchange.url, "a list of the multivariant playlist is not there");
            return;
        }
        let (list, faults) = if brought { List::read(&exchange.body) } else { (List::default(), Vec::new()) };
        for fault in faults.into_iter().filter(|fault| fault.at != At::Line(1)) {
            self.ledger.find(Of::Syntax, &exchange.url, fault.at, fault.message);
        }
        self.media_list(place, brought.then_some(&list), exchange);
    }

    fn media_list(&mut self, place: &str, list: Option<&List>, exchange: &Exchange) {
        let jitter_us = self.allowance.jitter_us;
        let mut page = Page { url: &exchange.url, ledger: &mut self.ledger };
        let known = self.renditions.entry(place.to_owned()).or_insert_with(|| Rendition::of(place));
        reload::judge(known, list, exchange, jitter_us, &mut page);
        let Some(list) = list else { return };
        self.watched.lists += u64::from(list.skip.is_none());
        self.watched.deltas += u64::from(list.skip.is_some());
        self.watched.blocked += u64::from(exchange.directives().blocks());
        alone::judge(list, &mut page);
        if !evolve::take(known, list, exchange, jitter_us, &mut page) {
            return;
        }
        group::claims(known, list, exchange, &mut page);
        ranges::judge(known, list, &mut page);
        group::judge(place, list, &self.renditions, &self.named, &mut page);
        group::reports(place, list, exchange, jitter_us, &mut self.renditions, &mut page);
        self.maps(place, list, &exchange.url);
        self.addresses(place, list, exchange.finished_us);
        self.settle(place);
    }

    /// A header changes where the stream does.
    fn maps(&mut self, place: &str, list: &List, url: &str) {
        let segments: Vec<_> = list.numbered().collect();
        for pair in segments.windows(2) {
            let ((_, before), (msn, now)) = (pair[0], pair[1]);
            let both = before.map.is_some() && now.map.is_some();
            if both
                && before.map != now.map
                && now.discontinuities == 0
                && self.renditions.contains_key(place)
            {
                let message = format!("segment {msn} has another header and no discontinuity");
                self.ledger.line(Of::MapChange, url, now.line, message);
            }
        }
    }

    /// Remembers what a list names.
    fn addresses(&mut self, place: &str, list: &List, now_us: i64) {
        for (msn, segment) in list.numbered() {
            let (gap, map) = (segment.gap, segment.map.as_deref());
            self.name(place, map.unwrap_or(""), Kind::Header, now_us, (true, false));
            self.name(place, &segment.uri, Kind::Segment(msn), now_us, (true, gap));
            for (index, part) in (0..).zip(&segment.parts) {
                self.name(place, &part.uri, Kind::Part(msn, index), now_us, (true, part.gap));
            }
        }
        let (msn, index) = list.edge();
        for hint in &list.hints {
            let kind = if hint.kind == "MAP" { Kind::Header } else { Kind::Part(msn, index) };
            self.name(place, &hint.uri, kind, now_us, (false, false));
        }
    }

    fn name(&mut self, place: &str, uri: &str, kind: Kind, now_us: i64, (listed, gap): (bool, bool)) {
        let Some(url) = joined(place, uri).filter(|_| !uri.is_empty()) else { return };
        if let Some(address) = self.addresses.get_mut(&url) {
            address.gap |= gap;
            if listed && !address.listed {
                address.listed = true;
                if self.refused.remove(&url) && !address.gap {
                    self.ledger.whole(Of::HintWhole, &url, "refused while it was hinted, and listed then");
                }
            }
        } else if self.addresses.len() < ADDRESSES_MAX {
            let address = Address { rendition: place.to_owned(), kind, named_us: now_us, listed, gap };
            self.addresses.insert(url, address);
        }
    }

    fn media(&mut self, place: &str, exchange: &Exchange) {
        let Some(address) = self.addresses.get(place).cloned() else {
            if exchange.status != 404 {
                self.unnamed.insert(place.to_owned(), exchange.started_us);
            }
            return;
        };
        let whole = exchange.status == 200 && exchange.method == "GET";
        if exchange.method == "GET" && exchange.asked("range").is_none() {
            self.obliged(place, &address, exchange);
        }
        if !whole {
            return;
        }
        match address.kind {
            Kind::Header => self.watched.headers += 1,
            Kind::Part(..) if !address.listed => self.watched.hinted += 1,
            Kind::Part(..) => self.watched.parts += 1,
            Kind::Segment(_) => self.watched.segments += 1,
        }
        let mut hasher = DefaultHasher::new();
        exchange.body.hash(&mut hasher);
        let digest = (hasher.finish(), exchange.body.len());
        if let Some(before) = self.bodies.insert(place.to_owned(), digest) {
            if before != digest {
                self.ledger.whole(Of::Immutable, place, "other bytes than before");
            }
            return;
        }
        let mut page = Page { url: place, ledger: &mut self.ledger };
        let files = self.files.entry(address.rendition.clone()).or_default();
        files.take(place, address.kind, exchange.body.clone(), &mut page);
        self.settle(&address.rendition);
    }

    fn settle(&mut self, rendition: &str) {
        let (Some(files), Some(known)) = (self.files.get_mut(rendition), self.renditions.get(rendition))
        else {
            return;
        };
        files.settle(known, &mut Page { url: rendition, ledger: &mut self.ledger });
    }

    /// Whether an address that lists name had to answer.
    fn obliged(&mut self, place: &str, address: &Address, exchange: &Exchange) {
        let Some(known) = self.renditions.get(&address.rendition) else { return };
        let target_us = i64::try_from(known.target_us.unwrap_or(0)).unwrap_or(0);
        let said = format!("got {} after {} us", exchange.status, exchange.took_us());
        let late = exchange.took_us() > target_us * 3 + self.allowance.jitter_us;
        if !address.listed {
            match exchange.status {
                404 => drop(self.refused.insert(place.to_owned())),
                200 | 503 if !late => {}
                _ => self.ledger.whole(Of::HintWhole, &exchange.url, said),
            }
            return;
        }
        if address.gap || (exchange.status == 200 && !late) {
            return;
        }
        // What was asked for as a hint may be listed by the time of the answer.
        if exchange.started_us < address.named_us {
            return;
        }
        let Some((of, until)) = owed(known, address.kind) else { return };
        if exchange.started_us <= until - self.allowance.jitter_us {
            self.ledger.whole(of, &exchange.url, said);
        }
    }

    fn multivariant(&mut self, place: &str, exchange: &Exchange, read: &hls::Multivariant) {
        let variants = read.variants.iter().filter_map(|variant| variant.uri.as_ref().map(|uri| &uri.value));
        let media = read.media.iter().filter_map(|media| media.uri.as_ref());
        let lists: Vec<String> = variants.chain(media).filter_map(|uri| joined(place, uri)).collect();
        self.named.extend(lists);
        let text = String::from_utf8_lossy(&exchange.body);
        let mut page = Page { url: &exchange.url, ledger: &mut self.ledger };
        if let Some(server) = ranges::steering(&text, &mut page)
            && let Some(url) = joined(place, &server)
        {
            self.steering.insert(url.split('?').next().unwrap_or_default().to_owned());
        }
    }
}

/// Until when media has to answer, and the rule that says so.
fn owed(known: &Rendition, kind: Kind) -> Option<(Of, i64)> {
    let last = known.last()?;
    let target_us = i64::try_from(known.target_us.unwrap_or(0)).unwrap_or(0);
    let (of, listed, linger) = match kind {
        Kind::Header => (Of::Listed, last.finished_us, target_us * 3),
        Kind::Part(msn, _) => {
            let of = if last.parts_head <= msn { Of::Listed } else { Of::PartsLinger };
            (of, known.parts_until(msn)?, target_us * 3)
        }
        Kind::Segment(msn) => {
            let own = known.segments.get(&msn).map_or(0, |segment| segment.listed.us);
            let of = if last.head <= msn { Of::Listed } else { Of::SegmentsLinger };
            (of, known.listed_until(msn)?, i64::try_from(own.saturating_add(known.longest_us)).unwrap_or(0))
        }
    };
    Some((of, listed + linger))
}
