//! The MPD reader: elements and attributes with the line they stand on.

use quick_xml::{
    Reader as Xml, XmlVersion,
    events::{BytesStart, Event},
};

use super::{AdaptationSet, Mpd, Period, Representation, SegmentTemplate, Span, duration};
use crate::{Fault, finding::Faults};

/// Deepest nesting followed.
const DEPTH_MAX: usize = 32;
/// Most elements read; an MPD of hours with one `S` per segment has tens of thousands.
const ELEMENTS_MAX: usize = 1_000_000;

/// Reads an MPD. External entities and DTDs are never followed; quick-xml has no means to.
#[must_use]
pub fn read(bytes: &[u8]) -> (Mpd, Vec<Fault>) {
    let mut faults = Faults::default();
    let text = String::from_utf8_lossy(bytes);
    if std::str::from_utf8(bytes).is_err() {
        faults.add(crate::At::Whole, "the MPD is not UTF-8");
    }
    let mut builder = Builder { mpd: Mpd::default(), path: Vec::new(), base_known: false, faults };
    builder.run(&text);
    if builder.mpd.line == 0 {
        builder.faults.add(crate::At::Whole, "there is no MPD element");
    }
    (builder.mpd, builder.faults.all().collect())
}

/// Lines of ever later byte offsets, found by counting on from the last.
struct Lines<'a> {
    text: &'a str,
    offset: usize,
    line: u32,
}

impl Lines<'_> {
    fn at(&mut self, offset: u64) -> u32 {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).clamp(self.offset, self.text.len());
        let passed = &self.text.as_bytes()[self.offset..offset];
        let breaks = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        self.offset = offset;
        self.line
    }
}

struct Builder {
    mpd: Mpd,
    /// Names of the open elements.
    path: Vec<String>,
    /// Whether the open BaseURL is a further one of its level; the first counts.
    base_known: bool,
    faults: Faults,
}

/// The attributes of one element.
struct Element {
    name: String,
    line: u32,
    attributes: Vec<(String, String)>,
}

impl Element {
    fn get(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// A number; one that is none is a fault.
    fn number<T: std::str::FromStr>(&self, name: &str, faults: &mut Faults) -> Option<T> {
        let value = self.get(name)?;
        let number = value.trim().parse().ok();
        if number.is_none() {
            faults.line(self.line, format!("{}: @{name} `{value}` is not a number in range", self.name));
        }
        number
    }

    fn duration(&self, name: &str, faults: &mut Faults) -> Option<f64> {
        let value = self.get(name)?;
        let seconds = duration::seconds(&value);
        if seconds.is_none() {
            faults.line(self.line, format!("{}: @{name} `{value}` is not a duration", self.name));
        }
        seconds
    }
}

impl Builder {
    fn run(&mut self, text: &str) {
        let mut xml = Xml::from_str(text);
        let mut lines = Lines { text, offset: 0, line: 1 };
        for _ in 0..ELEMENTS_MAX {
            let begins = xml.buffer_position();
            let event = match xml.read_event() {
                Ok(event) => event,
                Err(error) => {
                    let line = lines.at(xml.error_position());
                    self.faults.line(line, format!("the XML is not well-formed: {error}"));
                    return;
                }
            };
            let done = matches!(event, Event::Eof);
            if let Err(problem) = self.event(event, || lines.at(begins)) {
                self.faults.line(lines.at(begins), problem);
                return;
            }
            if done {
                return;
            }
        }
        self.faults.add(crate::At::Whole, format!("more than {ELEMENTS_MAX} XML events"));
    }

    fn event(&mut self, event: Event<'_>, line: impl FnOnce() -> u32) -> Result<(), String> {
        match event {
            Event::Start(start) => {
                if self.path.len() == DEPTH_MAX {
                    return Err(format!("elements nest deeper than {DEPTH_MAX}"));
                }
                let element = self.element(&start, line());
                self.open(&element);
                self.path.push(element.name);
            }
            Event::Empty(start) => {
                let element = self.element(&start, line());
                self.open(&element);
            }
            Event::End(_) => {
                self.path.pop();
            }
            Event::Text(text) => self.text(&text.into_inner()),
            Event::GeneralRef(reference) => self.text(&resolved(&reference)),
            Event::Eof if !self.path.is_empty() => {
                return Err(format!("the MPD ends inside {}", self.path.join("/")));
            }
            _ => {}
        }
        Ok(())
    }

    fn element(&mut self, start: &BytesStart<'_>, line: u32) -> Element {
        let name = start.local_name().into_inner().to_owned();
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let value = attribute.map_err(|error| error.to_string()).and_then(|attribute| {
                let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|e| e.to_string())?;
                Ok((attribute.key.local_name().into_inner().to_owned(), value.into_owned()))
            });
            match value {
                Ok(attribute) => attributes.push(attribute),
                Err(error) => self.faults.line(line, format!("{name}: {error}")),
            }
        }
        Element { name, line, attributes }
    }

    fn inside(&self, name: &str) -> bool {
        self.path.iter().any(|open| open == name)
    }

    fn open(&mut self, element: &Element) {
        match element.name.as_str() {
            "MPD" if self.path.is_empty() => self.open_mpd(element),
            "Period" if self.mpd.line > 0 => {
                let duration = element.duration("duration", &mut self.faults);
                self.mpd.periods.push(Period { line: element.line, duration, ..Period::default() });
            }
            "AdaptationSet" => self.open_set(element),
            "Representation" => self.open_representation(element),
            "SegmentTemplate" => self.open_template(element),
            "SegmentBase" | "SegmentList" if self.inside("Representation") => {
                if let Some(representation) = self.representation() {
                    representation.other_addressing = true;
                }
            }
            "SegmentTimeline" => {
                if let Some(template) = self.template() {
                    template.timeline = Some(Vec::new());
                }
            }
            "S" => self.open_span(element),
            "BaseURL" => self.base_known = self.base_slot().is_none_or(|slot| slot.is_some()),
            _ => {}
        }
    }

    fn open_mpd(&mut self, element: &Element) {
        let faults = &mut self.faults;
        self.mpd.line = element.line;
        self.mpd.dynamic = element.get("type").as_deref() == Some("dynamic");
        self.mpd.profiles = element.get("profiles");
        self.mpd.min_buffer_time = element.duration("minBufferTime", faults);
        self.mpd.duration = element.duration("mediaPresentationDuration", faults);
    }

    fn open_set(&mut self, element: &Element) {
        let Some(period) = self.mpd.periods.last_mut() else { return };
        period.sets.push(AdaptationSet {
            line: element.line,
            segment_alignment: element.get("segmentAlignment"),
            start_with_sap: element.get("startWithSAP"),
            codecs: element.get("codecs"),
            ..AdaptationSet::default()
        });
    }

    fn open_representation(&mut self, element: &Element) {
        let bandwidth = element.number("bandwidth", &mut self.faults);
        let Some(set) = self.mpd.periods.last_mut().and_then(|period| period.sets.last_mut()) else { return };
        for required in ["id", "bandwidth"] {
            if element.get(required).is_none() {
                self.faults.line(element.line, format!("Representation: @{required} is missing"));
            }
        }
        set.representations.push(Representation {
            line: element.line,
            id: element.get("id"),
            bandwidth,
            codecs: element.get("codecs"),
            start_with_sap: element.get("startWithSAP"),
            ..Representation::default()
        });
    }

    fn open_template(&mut self, element: &Element) {
        let faults = &mut self.faults;
        let template = SegmentTemplate {
            line: element.line,
            timescale: element.number("timescale", faults),
            initialization: element.get("initialization"),
            media: element.get("media"),
            start_number: element.number("startNumber", faults),
            duration: element.number("duration", faults),
            timeline: None,
        };
        if let Some(slot) = self.template_slot() {
            *slot = Some(template);
        }
    }

    fn open_span(&mut self, element: &Element) {
        let faults = &mut self.faults;
        let d = element.number("d", faults);
        if d.is_none() {
            faults.line(element.line, "S: @d is missing");
        }
        let span = Span {
            line: element.line,
            t: element.number("t", faults),
            d: d.unwrap_or(0),
            r: element.number("r", faults).unwrap_or(0),
        };
        if let Some(timeline) = self.template().and_then(|template| template.timeline.as_mut()) {
            timeline.push(span);
        }
    }

    fn representation(&mut self) -> Option<&mut Representation> {
        self.mpd.periods.last_mut()?.sets.last_mut()?.representations.last_mut()
    }

    /// Where a template of the innermost open element belongs.
    fn template_slot(&mut self) -> Option<&mut Option<SegmentTemplate>> {
        let (in_set, in_representation) = (self.inside("AdaptationSet"), self.inside("Representation"));
        let period = self.mpd.periods.last_mut()?;
        if !in_set {
            return Some(&mut period.template);
        }
        let set = period.sets.last_mut()?;
        if !in_representation {
            return Some(&mut set.template);
        }
        set.representations.last_mut().map(|representation| &mut representation.template)
    }

    fn template(&mut self) -> Option<&mut SegmentTemplate> {
        self.template_slot()?.as_mut()
    }

    /// Where a BaseURL of the innermost open element belongs.
    fn base_slot(&mut self) -> Option<&mut Option<String>> {
        let (in_set, in_representation) = (self.inside("AdaptationSet"), self.inside("Representation"));
        if !self.inside("Period") {
            return Some(&mut self.mpd.base_url);
        }
        let period = self.mpd.periods.last_mut()?;
        if !in_set {
            return Some(&mut period.base_url);
        }
        let set = period.sets.last_mut()?;
        if !in_representation {
            return Some(&mut set.base_url);
        }
        set.representations.last_mut().map(|representation| &mut representation.base_url)
    }

    /// Character data, which only a BaseURL has.
    fn text(&mut self, text: &str) {
        let in_base = self.path.last().is_some_and(|open| open == "BaseURL");
        if !in_base || self.base_known || text.trim().is_empty() {
            return;
        }
        if let Some(slot) = self.base_slot() {
            slot.get_or_insert_default().push_str(text.trim());
        }
    }
}

/// A character or predefined entity reference as text; anything else stays away.
fn resolved(reference: &quick_xml::events::BytesRef<'_>) -> String {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => character.to_string(),
        _ => match &**reference {
            "amp" => "&".to_owned(),
            "lt" => "<".to_owned(),
            "gt" => ">".to_owned(),
            "quot" => "\"".to_owned(),
            "apos" => "'".to_owned(),
            _ => String::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{At, dash::Template};

    const TEXT: &str = r#"<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="p" minBufferTime="PT2S"
     mediaPresentationDuration="PT9S">
  <BaseURL>https://cdn/a?x=1&amp;y=2</BaseURL>
  <Period>
    <AdaptationSet segmentAlignment="true" startWithSAP="1">
      <SegmentTemplate timescale="10" initialization="$RepresentationID$/i" media="$Number$">
        <SegmentTimeline><S t="0" d="30" r="2"/></SegmentTimeline>
      </SegmentTemplate>
      <Representation id="v" bandwidth="9" codecs="avc1.64001F"><BaseURL>v/</BaseURL></Representation>
      <Representation id="w" bandwidth="9"><SegmentTemplate startNumber="0"/></Representation>
    </AdaptationSet>
  </Period>
</MPD>"#;

    #[test]
    fn elements_keep_their_lines_and_places() {
        let (mpd, faults) = read(TEXT.as_bytes());
        assert_eq!(faults, []);
        assert_eq!((mpd.line, mpd.duration, mpd.min_buffer_time), (2, Some(9.0), Some(2.0)));
        assert_eq!(mpd.base_url.as_deref(), Some("https://cdn/a?x=1&y=2"));
        let set = &mpd.periods[0].sets[0];
        let template = set.template.as_ref().unwrap();
        assert_eq!(template.timeline.as_deref().unwrap(), [Span { line: 8, t: Some(0), d: 30, r: 2 }]);
        assert_eq!(set.representations[0].base_url.as_deref(), Some("v/"));
        let second = &set.representations[1];
        let inner = Template::joined([&second.template, &set.template, &mpd.periods[0].template]).unwrap();
        let (segments, more) = inner.segments(None, 9);
        let uris: Vec<_> = (0..).zip(&segments).map(|(index, s)| inner.segment(second, index, s)).collect();
        assert_eq!((uris.join(" ").as_str(), more), ("0 1 2", false));
        assert_eq!(inner.header(second).as_deref(), Some("w/i"));
    }

    #[test]
    fn what_is_not_an_mpd_is_a_fault() {
        for (text, line) in [
            ("<MPD>\n<Period>\n</MPD>", At::Line(3)),
            ("<html></html>", At::Whole),
            ("<MPD mediaPresentationDuration=\"soon\"/>", At::Line(1)),
            ("<MPD>\n", At::Line(2)),
        ] {
            let (_, faults) = read(text.as_bytes());
            assert_eq!(faults.first().map(|fault| fault.at), Some(line), "{text}");
        }
    }

    #[test]
    fn entities_are_not_expanded() {
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><MPD profiles=\"&b;\"/>";
        let (mpd, faults) = read(bomb.as_bytes());
        assert_eq!(mpd.profiles, None);
        assert!(!faults.is_empty());
    }
}
