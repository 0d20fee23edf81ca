//! A media list with its low-latency tags.

use std::collections::BTreeMap;

use super::text::{date, micros};
use crate::{
    Fault,
    finding::Faults,
    hls::{
        attributes::Attributes,
        lines::{self, Item},
        variables::Scope,
    },
};

/// A media list as one answer shows it.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    pub version: Option<u64>,
    /// Microseconds.
    pub target_us: Option<u64>,
    pub control: Option<Control>,
    pub part_target_us: Option<u64>,
    pub has_type: Option<u32>,
    pub i_frames: bool,
    pub msn: u64,
    pub dsn: u64,
    pub skip: Option<Skip>,
    pub segments: Vec<Listed>,
    /// The parts after the last whole segment.
    pub open: Option<Listed>,
    pub hints: Vec<Hint>,
    pub reports: Vec<Report>,
    pub ranges: Vec<Range>,
    pub ended: bool,
    /// Lines of EXT-X-DEFINE that say none or several of its three.
    pub bad_defines: Vec<u32>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Control {
    pub line: u32,
    pub text: String,
    pub block: bool,
    pub skip_until_us: Option<u64>,
    pub skip_dates: bool,
    pub hold_back_us: Option<u64>,
    pub part_hold_back_us: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Skip {
    pub line: u32,
    pub count: u64,
    pub dates: bool,
}

/// A segment, or the beginning of one.
#[derive(Clone, Debug, Default)]
pub(super) struct Listed {
    pub line: u32,
    /// Empty while it has parts alone.
    pub uri: String,
    pub us: u64,
    pub discontinuities: u32,
    /// The header in force; `None` where a delta update does not say it.
    pub map: Option<String>,
    pub date_us: Option<i64>,
    pub gap: bool,
    pub parts: Vec<Part>,
    /// A line of a tag of its own behind its first part.
    pub late_tag: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub line: u32,
    pub uri: String,
    pub us: u64,
    pub independent: bool,
    pub gap: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Hint {
    pub line: u32,
    pub kind: String,
    pub uri: String,
}

#[derive(Clone, Debug)]
pub(super) struct Report {
    pub line: u32,
    pub uri: Option<String>,
    pub msn: Option<u64>,
    pub part: Option<u64>,
}

/// An EXT-X-DATERANGE.
#[derive(Clone, Debug)]
pub(super) struct Range {
    pub line: u32,
    pub id: String,
    pub attributes: BTreeMap<String, String>,
}

impl List {
    /// Reads a list; what cannot be read is a fault.
    pub fn read(bytes: &[u8]) -> (Self, Vec<Fault>) {
        let mut faults = Faults::default();
        let text = lines::decode(bytes, &mut faults);
        let mut reader = Reader::default();
        for line in lines::split(&text, &mut faults) {
            match line.item {
                Item::Tag { name, value } => reader.tag(line.number, name, value, &mut faults),
                Item::Uri(uri) => reader.uri(line.number, uri),
            }
        }
        let next = reader.next;
        if !next.parts.is_empty() {
            reader.list.open = Some(Listed { map: reader.map, ..next });
        }
        (reader.list, faults.all().collect())
    }

    /// The number of the first segment that it names.
    pub fn first(&self) -> u64 {
        self.msn.saturating_add(self.skip.map_or(0, |skip| skip.count))
    }

    /// The number of the segment after the last whole one, and how many parts of it there are.
    pub fn edge(&self) -> (u64, u64) {
        let open = self.first().saturating_add(self.segments.len() as u64);
        (open, self.open.as_ref().map_or(0, |open| open.parts.len() as u64))
    }

    /// Segments with their numbers, the open one last.
    pub fn numbered(&self) -> impl Iterator<Item = (u64, &Listed)> {
        (self.first()..).zip(self.segments.iter().chain(&self.open))
    }
}

#[derive(Default)]
struct Reader {
    list: List,
    next: Listed,
    map: Option<String>,
    scope: Scope,
}

impl Reader {
    fn tag(&mut self, line: u32, name: &str, value: &str, faults: &mut Faults) {
        match name {
            "EXT-X-VERSION" => self.list.version = value.parse().ok(),
            "EXT-X-TARGETDURATION" => self.list.target_us = micros(value),
            "EXT-X-MEDIA-SEQUENCE" => self.list.msn = value.parse().unwrap_or(0),
            "EXT-X-DISCONTINUITY-SEQUENCE" => match value.parse() {
                Ok(value) => self.list.dsn = value,
                Err(_) => faults.line(line, "EXT-X-DISCONTINUITY-SEQUENCE is not a decimal integer"),
            },
            "EXT-X-PLAYLIST-TYPE" => self.list.has_type = Some(line),
            "EXT-X-I-FRAMES-ONLY" => self.list.i_frames = true,
            "EXT-X-ENDLIST" => self.list.ended = true,
            "EXTINF" => self.next.us = micros(value.split(',').next().unwrap_or("")).unwrap_or(0),
            "EXT-X-GAP" => self.next.gap = true,
            "EXT-X-DISCONTINUITY" | "EXT-X-PROGRAM-DATE-TIME" | "EXT-X-MAP" | "EXT-X-KEY" => {
                self.of_segment(line, name, value, faults);
            }
            "EXT-X-DEFINE" => self.define(line, value, faults),
            _ => self.low_latency(line, name, value, faults),
        }
    }

    fn of_segment(&mut self, line: u32, name: &str, value: &str, faults: &mut Faults) {
        if !self.next.parts.is_empty() {
            self.next.late_tag = Some(line);
        }
        match name {
            "EXT-X-DISCONTINUITY" => self.next.discontinuities += 1,
            "EXT-X-PROGRAM-DATE-TIME" => {
                self.next.date_us = date(value);
                if self.next.date_us.is_none() {
                    faults.line(line, format!("`{value}` is not a date"));
                }
            }
            "EXT-X-MAP" => {
                let tag = Attributes::read(name, line, value, &self.scope, faults);
                self.map = tag.quoted("URI", faults);
            }
            _ => {}
        }
    }

    fn low_latency(&mut self, line: u32, name: &str, value: &str, faults: &mut Faults) {
        let known = [
            "EXT-X-SERVER-CONTROL",
            "EXT-X-PART-INF",
            "EXT-X-PART",
            "EXT-X-PRELOAD-HINT",
            "EXT-X-RENDITION-REPORT",
            "EXT-X-SKIP",
            "EXT-X-DATERANGE",
        ];
        if !known.contains(&name) {
            return;
        }
        let tag = Attributes::read(name, line, value, &self.scope, faults);
        match name {
            "EXT-X-SERVER-CONTROL" => self.list.control = Some(control(&tag, line, value, faults)),
            "EXT-X-PART-INF" => {
                tag.require("PART-TARGET", faults);
                self.list.part_target_us = tag.number("PART-TARGET", "a duration", micros, faults);
            }
            "EXT-X-PART" => self.part(&tag, line, faults),
            "EXT-X-PRELOAD-HINT" => {
                let kind = tag.plain("TYPE", faults).unwrap_or_default();
                let uri = tag.quoted("URI", faults).unwrap_or_default();
                self.list.hints.push(Hint { line, kind, uri });
            }
            "EXT-X-RENDITION-REPORT" => self.list.reports.push(Report {
                line,
                uri: tag.quoted("URI", faults),
                msn: tag.integer("LAST-MSN", faults),
                part: tag.integer("LAST-PART", faults),
            }),
            "EXT-X-SKIP" => {
                tag.require("SKIPPED-SEGMENTS", faults);
                let count = tag.integer("SKIPPED-SEGMENTS", faults).unwrap_or(0);
                let dates = tag.has("RECENTLY-REMOVED-DATERANGES");
                self.list.skip = Some(Skip { line, count, dates });
            }
            _ => self.range(&tag, line, faults),
        }
    }

    fn part(&mut self, tag: &Attributes, line: u32, faults: &mut Faults) {
        tag.require("URI", faults);
        tag.require("DURATION", faults);
        self.next.line = line;
        self.next.parts.push(Part {
            line,
            uri: tag.quoted("URI", faults).unwrap_or_default(),
            us: tag.number("DURATION", "a duration", micros, faults).unwrap_or(0),
            independent: tag.yes("INDEPENDENT", faults),
            gap: tag.yes("GAP", faults),
        });
    }

    fn range(&mut self, tag: &Attributes, line: u32, faults: &mut Faults) {
        tag.require("ID", faults);
        let id = tag.quoted("ID", faults).unwrap_or_default();
        let attributes = tag.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.list.ranges.push(Range { line, id, attributes });
    }

    fn define(&mut self, line: u32, value: &str, faults: &mut Faults) {
        let tag = Attributes::read("EXT-X-DEFINE", line, value, &self.scope, faults);
        let said = ["NAME", "IMPORT", "QUERYPARAM"].iter().filter(|name| tag.has(name)).count();
        if said != 1 {
            self.list.bad_defines.push(line);
        }
    }

    fn uri(&mut self, line: u32, uri: &str) {
        let next = std::mem::take(&mut self.next);
        let map = self.map.clone();
        self.list.segments.push(Listed { line, uri: uri.to_owned(), map, ..next });
    }
}

fn control(tag: &Attributes, line: u32, text: &str, faults: &mut Faults) -> Control {
    let mut seconds = |name: &str| tag.number(name, "a duration", micros, faults);
    let skip_until_us = seconds("CAN-SKIP-UNTIL");
    let (hold_back_us, part_hold_back_us) = (seconds("HOLD-BACK"), seconds("PART-HOLD-BACK"));
    Control {
        line,
        text: text.to_owned(),
        block: tag.yes("CAN-BLOCK-RELOAD", faults),
        skip_until_us,
        skip_dates: tag.yes("CAN-SKIP-DATERANGES", faults),
        hold_back_us,
        part_hold_back_us,
    }
}
