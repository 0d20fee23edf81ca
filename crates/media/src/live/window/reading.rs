//! A reader of lists that shares nothing with their writer, for tests: it keeps what a client would know.

use std::collections::HashMap;

/// A part as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReadPart {
    pub(super) uri: String,
    pub(super) us: u64,
    pub(super) independent: bool,
    pub(super) gap: bool,
}

/// A segment as it is listed; the one that grows has no end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReadSegment {
    pub(super) msn: u64,
    /// Its discontinuity sequence number.
    pub(super) sequence: u64,
    pub(super) discontinuities: u64,
    pub(super) map: String,
    pub(super) date: String,
    pub(super) gap: bool,
    pub(super) parts: Vec<ReadPart>,
    /// Length and URI.
    pub(super) end: Option<(u64, String)>,
}

/// A list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReadList {
    pub(super) version: u64,
    pub(super) target_us: u64,
    pub(super) part_target_us: u64,
    pub(super) msn: u64,
    pub(super) discontinuity_sequence: u64,
    pub(super) control: String,
    pub(super) skipped: u64,
    pub(super) segments: Vec<ReadSegment>,
    pub(super) open: ReadSegment,
    /// TYPE and URI.
    pub(super) hints: Vec<(String, String)>,
    pub(super) reports: Vec<String>,
    pub(super) ended: bool,
}

fn us(text: &str) -> u64 {
    let (whole, fraction) = text.split_once('.').unwrap();
    assert_eq!(fraction.len(), 6);
    whole.parse::<u64>().unwrap() * 1_000_000 + fraction.parse::<u64>().unwrap()
}

fn attributes(text: &str) -> HashMap<&str, &str> {
    text.split(',').map(|pair| pair.split_once('=').unwrap()).map(|(k, v)| (k, v.trim_matches('"'))).collect()
}

impl ReadList {
    pub(super) fn read(text: &str) -> Self {
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("#EXTM3U"));
        assert!(text.ends_with('\n'));
        let mut list = Self::default();
        for line in lines {
            match line.strip_prefix('#').map(|tag| tag.split_once(':').unwrap_or((tag, ""))) {
                Some((tag, value)) => list.tag(tag, value),
                None => list.uri(line),
            }
        }
        list
    }

    fn tag(&mut self, tag: &str, value: &str) {
        match tag {
            "EXT-X-VERSION" => self.version = value.parse().unwrap(),
            "EXT-X-TARGETDURATION" => self.target_us = value.parse::<u64>().unwrap() * 1_000_000,
            "EXT-X-SERVER-CONTROL" => self.control = value.to_owned(),
            "EXT-X-PART-INF" => self.part_target_us = us(attributes(value)["PART-TARGET"]),
            "EXT-X-MEDIA-SEQUENCE" => {
                self.msn = value.parse().unwrap();
                self.open.msn = self.msn;
            }
            "EXT-X-DISCONTINUITY-SEQUENCE" => {
                self.discontinuity_sequence = value.parse().unwrap();
                self.open.sequence = self.discontinuity_sequence;
            }
            "EXT-X-SKIP" => {
                assert!(self.segments.is_empty() && self.skipped == 0);
                self.skipped = attributes(value)["SKIPPED-SEGMENTS"].parse().unwrap();
                self.open.msn += self.skipped;
            }
            "EXT-X-PRELOAD-HINT" => {
                let it = attributes(value);
                self.hints.push((it["TYPE"].to_owned(), it["URI"].to_owned()));
            }
            "EXT-X-RENDITION-REPORT" => self.reports.push(value.to_owned()),
            "EXT-X-ENDLIST" => self.ended = true,
            _ => self.open.tag(tag, value),
        }
    }

    fn uri(&mut self, uri: &str) {
        self.open.end.as_mut().unwrap().1 = uri.to_owned();
        let ended = std::mem::take(&mut self.open);
        self.open.msn = ended.msn + 1;
        self.open.sequence = ended.sequence;
        self.open.map.clone_from(&ended.map);
        self.segments.push(ended);
    }

    /// What a client makes of a delta update and the list it had before (section 6.3.7); `None` when it lacks
    /// something that was skipped.
    pub(super) fn merged(mut self, before: &Self) -> Option<Self> {
        let wanted = self.msn..self.msn + self.skipped;
        let old = before.segments.iter().filter(|segment| wanted.contains(&segment.msn)).cloned();
        let mut segments: Vec<ReadSegment> =
            old.map(|segment| ReadSegment { parts: vec![], ..segment }).collect();
        if segments.len() as u64 != self.skipped {
            return None;
        }
        let (mut map, mut sequence) = (String::new(), self.discontinuity_sequence);
        for segment in &segments {
            map.clone_from(&segment.map);
            sequence += segment.discontinuities;
        }
        segments.append(&mut self.segments);
        for segment in segments.iter_mut().skip(self.skipped as usize).chain([&mut self.open]) {
            if segment.map.is_empty() {
                segment.map.clone_from(&map);
            }
            map.clone_from(&segment.map);
            sequence += segment.discontinuities;
            segment.sequence = sequence;
        }
        Some(Self { segments, skipped: 0, version: before.version, ..self })
    }

    /// The place of the last part; an ended list shows none.
    pub(super) fn last_part(&self) -> Option<(u64, u64)> {
        let growing = [&self.open].into_iter().filter(|open| !open.parts.is_empty());
        let last = growing.chain(self.segments.last()).next()?;
        assert_eq!(last.parts.is_empty(), self.ended, "the last segment's parts");
        Some((last.msn, (last.parts.len() as u64).checked_sub(1)?))
    }

    /// Length of whole segments.
    pub(super) fn us(&self) -> u64 {
        self.segments.iter().map(ReadSegment::us).sum()
    }

    /// All of it, the one that grows too.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &ReadSegment> {
        self.segments.iter().chain([&self.open])
    }
}

impl ReadSegment {
    fn tag(&mut self, tag: &str, value: &str) {
        // What applies to a segment stands before its first part.
        let early = self.parts.is_empty() && self.end.is_none();
        match tag {
            "EXT-X-DISCONTINUITY" if early => {
                self.discontinuities += 1;
                self.sequence += 1;
            }
            "EXT-X-MAP" if early => self.map = attributes(value)["URI"].to_owned(),
            "EXT-X-PROGRAM-DATE-TIME" if early => self.date = value.to_owned(),
            "EXT-X-GAP" => self.gap = true,
            "EXT-X-PART" => {
                let it = attributes(value);
                let is = |name: &str| it.get(name) == Some(&"YES");
                let (uri, length) = (it["URI"].to_owned(), us(it["DURATION"]));
                self.parts.push(ReadPart { uri, us: length, independent: is("INDEPENDENT"), gap: is("GAP") });
            }
            "EXTINF" => self.end = Some((us(value.trim_end_matches(',')), String::new())),
            _ => panic!("{tag} out of place"),
        }
    }

    pub(super) fn us(&self) -> u64 {
        self.end.as_ref().map_or_else(|| self.parts.iter().map(|part| part.us).sum(), |end| end.0)
    }

    /// Milliseconds of its date within a day.
    pub(super) fn ms(&self) -> u64 {
        let time = self.date.split_once('T').unwrap().1.trim_end_matches('Z');
        let fields: Vec<u64> = time.split([':', '.']).map(|field| field.parse().unwrap()).collect();
        ((fields[0] * 60 + fields[1]) * 60 + fields[2]) * 1_000 + fields[3]
    }
}
