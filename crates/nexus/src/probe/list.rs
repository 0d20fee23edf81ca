//! A low-latency media playlist as far as a measurement needs it (draft-pantos-hls-rfc8216bis-22).

use anyhow::{Result, bail, ensure};
use media::live::window::Moment;

/// A part at its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its segment's media sequence number, and its index in the segment.
    pub place: (u64, u64),
    /// Its address, as the list has it.
    pub uri: String,
    /// In microseconds.
    pub length_us: i64,
    /// The date of its first sample, if the list has dates.
    pub date: Option<Moment>,
}

/// A media playlist.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// In microseconds.
    pub part_target_us: i64,
    /// In order. Those that are gaps are left out.
    pub parts: Vec<Part>,
    /// Where the next part will stand.
    pub next: (u64, u64),
    /// Whether nothing follows.
    pub ended: bool,
}

/// The addresses of a multivariant playlist's media playlists, each once; none for a media playlist.
pub fn renditions(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut variant = false;
    for line in text.lines() {
        let uri = match line.split_once(':') {
            Some(("#EXT-X-MEDIA", attributes)) => attribute(attributes, "URI"),
            Some(("#EXT-X-STREAM-INF", _)) => {
                variant = true;
                None
            }
            _ if variant && !line.starts_with('#') && !line.is_empty() => {
                variant = false;
                Some(line.trim())
            }
            _ => None,
        };
        if let Some(uri) = uri.filter(|uri| !found.iter().any(|known| known == uri)) {
            found.push(uri.to_owned());
        }
    }
    found
}

/// An attribute of a tag's list, without its quotes. Commas may stand within quotes.
fn attribute<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = list;
    loop {
        let (key, value) = rest.split_once('=')?;
        let quoted = value.strip_prefix('"').and_then(|value| value.split_once('"'));
        let (value, after) = quoted.unwrap_or_else(|| value.split_at(value.find(',').unwrap_or(value.len())));
        if key.trim() == name {
            return Some(value);
        }
        rest = after.strip_prefix(',')?;
    }
}

/// Seconds as HLS writes them, in microseconds.
fn micros(text: &str) -> Option<i64> {
    let seconds: f64 = text.trim().parse().ok()?;
    (0.0..1e9).contains(&seconds).then_some((seconds * 1e6).round() as i64)
}

/// What is known while a list is read.
#[derive(Default)]
struct Reading {
    list: List,
    msn: u64,
    index: u64,
    date: Option<Moment>,
    /// The length of the segment whose address comes next.
    segment_us: i64,
    /// What of that its parts have.
    parts_us: i64,
    blocks: bool,
}

impl List {
    /// Reads one.
    ///
    /// # Errors
    /// When it is no playlist, has no parts, or its server does not hold requests back until there are more.
    pub fn read(text: &str) -> Result<Self> {
        ensure!(text.starts_with("#EXTM3U"), "this is no HLS playlist");
        let mut reading = Reading::default();
        for line in text.lines() {
            reading.line(line)?;
        }
        let Reading { mut list, msn, index, blocks, .. } = reading;
        ensure!(list.part_target_us > 0, "this is no low-latency playlist: it has no EXT-X-PART-INF");
        ensure!(blocks, "its server does not block reloads: EXT-X-SERVER-CONTROL lacks CAN-BLOCK-RELOAD=YES");
        list.next = (msn, index);
        Ok(list)
    }
}

impl Reading {
    fn line(&mut self, line: &str) -> Result<()> {
        let (tag, value) = line.split_once(':').unwrap_or((line, ""));
        let wrong = || anyhow::anyhow!("{line:?} cannot be read");
        match tag {
            "#EXT-X-PART-INF" => {
                self.list.part_target_us =
                    attribute(value, "PART-TARGET").and_then(micros).ok_or_else(wrong)?;
            }
            "#EXT-X-SERVER-CONTROL" => self.blocks = attribute(value, "CAN-BLOCK-RELOAD") == Some("YES"),
            "#EXT-X-MEDIA-SEQUENCE" => self.msn = value.trim().parse().map_err(|_| wrong())?,
            "#EXT-X-SKIP" => bail!("a delta update was not asked for"),
            "#EXT-X-PROGRAM-DATE-TIME" => self.date = Some(value.parse().map_err(|_| wrong())?),
            "#EXT-X-PART" => self.part(value).ok_or_else(wrong)?,
            "#EXTINF" => {
                let length = value.split(',').next().and_then(micros);
                self.segment_us = length.ok_or_else(wrong)?;
            }
            "#EXT-X-ENDLIST" => self.list.ended = true,
            _ if !line.starts_with('#') && !line.trim().is_empty() => self.segment_over(),
            _ => {}
        }
        Ok(())
    }

    fn part(&mut self, attributes: &str) -> Option<()> {
        let length_us = micros(attribute(attributes, "DURATION")?)?;
        let uri = attribute(attributes, "URI")?.to_owned();
        if attribute(attributes, "GAP") != Some("YES") {
            self.list.parts.push(Part { place: (self.msn, self.index), uri, length_us, date: self.date });
        }
        self.index += 1;
        self.parts_us += length_us;
        self.date = self.date.map(|date| Moment(date.0 + length_us));
        Some(())
    }

    fn segment_over(&mut self) {
        // The next segment's date follows from this one where it has none of its own.
        self.date = self.date.map(|date| Moment(date.0 + self.segment_us - self.parts_us));
        (self.msn, self.index, self.segment_us, self.parts_us) = (self.msn + 1, 0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-PART-INF:PART-TARGET=0.5\n\
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5\n#EXT-X-MEDIA-SEQUENCE:7\n";

    #[test]
    fn parts_have_places_and_dates() {
        let text = format!(
            "{HEAD}#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:10Z\n#EXTINF:4.0,\n7.m4s\n\
             #EXT-X-PART:DURATION=0.5,URI=\"8.0.m4s\",INDEPENDENT=YES\n#EXT-X-PART:DURATION=0.4,URI=\"8.1.m4s\"\n\
             #EXTINF:0.9,\n8.m4s\n#EXT-X-PART:DURATION=0.5,URI=\"9,0.m4s\"\n\
             #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"9.1.m4s\"\n"
        );
        let list = List::read(&text).expect("a list");
        let seen: Vec<_> = list
            .parts
            .iter()
            .map(|part| (part.place, part.uri.as_str(), part.date.expect("dated").0))
            .collect();
        assert_eq!(
            seen,
            [
                ((8, 0), "8.0.m4s", 14_000_000),
                ((8, 1), "8.1.m4s", 14_500_000),
                ((9, 0), "9,0.m4s", 14_900_000)
            ]
        );
        assert_eq!((list.next, list.ended, list.part_target_us), ((9, 1), false, 500_000));
    }

    #[test]
    fn lists_of_other_kinds_are_refused_with_the_reason() {
        let told = |text: &str| List::read(text).expect_err("refused").to_string();
        assert!(told("<html>").contains("no HLS playlist"));
        assert!(told("#EXTM3U\n#EXTINF:4,\na.ts\n").contains("EXT-X-PART-INF"));
        assert!(told(&HEAD.replace("YES", "NO")).contains("CAN-BLOCK-RELOAD"));
        assert!(told(&format!("{HEAD}#EXT-X-PART:URI=\"a\"\n")).contains("EXT-X-PART:URI"));
    }

    #[test]
    fn renditions_are_found_once_each() {
        let text = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,NAME=\"a,b\",URI=\"b/audio.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1\nb/source.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\n#odd\nb/source.m3u8\n";
        assert_eq!(renditions(text), ["b/audio.m3u8", "b/source.m3u8"]);
        assert!(renditions(HEAD).is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: String, lines in prop::collection::vec("#EXT-X-PART:[A-Z=\",0-9.]{0,40}", 0..5)) {
            let _ = (List::read(&text), renditions(&text));
            let _ = List::read(&format!("{HEAD}{}\n{text}", lines.join("\n")));
        }
    }
}
