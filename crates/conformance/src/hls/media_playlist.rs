//! Media playlists and I-frame playlists (RFC 8216bis sections 4.4.3 and 4.4.4).

use super::{
    OnLine,
    attributes::Attributes,
    decimal_float, decimal_integer,
    lines::{Item, Line},
    read_version,
    variables::{Scope, Variables},
};
use crate::finding::Faults;

/// A media playlist.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MediaPlaylist {
    /// EXT-X-VERSION.
    pub version: Option<OnLine<u64>>,
    /// EXT-X-TARGETDURATION, seconds.
    pub target: Option<OnLine<u64>>,
    /// EXT-X-PLAYLIST-TYPE.
    pub kind: Option<OnLine<PlaylistType>>,
    /// Line of EXT-X-I-FRAMES-ONLY.
    pub i_frames_only: Option<u32>,
    /// Line of EXT-X-ENDLIST.
    pub ended: Option<u32>,
    /// Whether EXT-X-INDEPENDENT-SEGMENTS is there.
    pub independent_segments: bool,
    /// EXT-X-MEDIA-SEQUENCE; 0 when absent.
    pub media_sequence: u64,
    /// EXT-X-MAP, in order.
    pub maps: Vec<Map>,
    /// Segments, in order.
    pub segments: Vec<Listed>,
    /// The highest protocol version that something in it asks for.
    pub requires: Option<Requirement>,
}

/// EXT-X-PLAYLIST-TYPE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaylistType {
    /// The list never changes.
    Vod,
    /// The list only grows.
    Event,
}

/// EXT-X-MAP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Line of the tag.
    pub line: u32,
    /// The header it names, as written.
    pub uri: String,
    /// First byte and the byte after the last.
    pub range: Option<(u64, u64)>,
}

/// A segment of a playlist.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Line of its EXTINF, or of its URI when it has none.
    pub line: u32,
    /// Line of its URI.
    pub uri_line: u32,
    /// Line of its EXT-X-BYTERANGE.
    pub range_line: Option<u32>,
    /// EXTINF, seconds.
    pub duration: f64,
    /// As written.
    pub uri: String,
    /// First byte and the byte after the last.
    pub range: Option<(u64, u64)>,
    /// The EXT-X-MAP in force, by index.
    pub map: Option<usize>,
    /// Whether EXT-X-DISCONTINUITY stands before it.
    pub discontinuity: bool,
    /// Whether EXT-X-GAP says that it is absent.
    pub gap: bool,
    /// Whether the whole segment is encrypted, so that its boxes cannot be read.
    pub sealed: bool,
}

/// A use that asks for a protocol version (RFC 8216bis section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Line of the use.
    pub line: u32,
    /// Lowest version that allows it.
    pub version: u64,
    /// What it is.
    pub what: &'static str,
}

impl Requirement {
    /// Keeps the higher of the two; the earlier on a tie.
    pub(super) fn raise(self, highest: &mut Option<Self>) {
        if highest.is_none_or(|known| known.version < self.version) {
            *highest = Some(self);
        }
    }
}

impl MediaPlaylist {
    /// Seconds that the segments claim together.
    #[must_use]
    pub fn duration(&self) -> f64 {
        self.segments.iter().map(|segment| segment.duration).sum()
    }
}

pub(super) fn read(lines: &[Line<'_>], given: &Variables, faults: &mut Faults) -> MediaPlaylist {
    let mut reader = Reader::default();
    for line in lines {
        match line.item {
            Item::Tag { name, value } => reader.tag(line.number, name, value, given, faults),
            Item::Uri(uri) => reader.uri(line.number, uri, faults),
        }
    }
    reader.finish(faults)
}

#[derive(Default)]
struct Reader {
    playlist: MediaPlaylist,
    scope: Scope,
    /// What the tags since the last URI said of the next segment.
    next: Pending,
    /// The whole-segment encryption in force.
    sealed: bool,
    /// Resource and end of the last byte range, from which one without offset goes on.
    range_end: Option<(String, u64)>,
}

#[derive(Default)]
struct Pending {
    extinf: Option<OnLine<f64>>,
    range: Option<OnLine<(u64, Option<u64>)>>,
    discontinuity: bool,
    gap: bool,
}

impl Reader {
    fn tag(&mut self, line: u32, name: &str, value: &str, given: &Variables, faults: &mut Faults) {
        match name {
            "EXT-X-VERSION" => read_version(&mut self.playlist.version, line, value, faults),
            "EXT-X-TARGETDURATION" => self.target(line, value, faults),
            "EXT-X-PLAYLIST-TYPE" => self.kind(line, value, faults),
            "EXT-X-MEDIA-SEQUENCE" => self.media_sequence(line, value, faults),
            "EXT-X-ENDLIST" => self.playlist.ended = Some(line),
            "EXT-X-INDEPENDENT-SEGMENTS" => self.playlist.independent_segments = true,
            "EXT-X-I-FRAMES-ONLY" => {
                self.require(line, 4, "EXT-X-I-FRAMES-ONLY");
                self.playlist.i_frames_only = Some(line);
            }
            "EXT-X-DEFINE" => {
                self.require(line, 8, "EXT-X-DEFINE");
                self.scope.define(line, value, given, faults);
            }
            "EXTINF" => self.extinf(line, value, faults),
            "EXT-X-BYTERANGE" => self.byte_range(line, value, faults),
            "EXT-X-DISCONTINUITY" => self.next.discontinuity = true,
            "EXT-X-GAP" => self.next.gap = true,
            "EXT-X-KEY" => self.key(line, value, faults),
            "EXT-X-MAP" => self.map(line, value, faults),
            _ => {}
        }
    }

    fn require(&mut self, line: u32, version: u64, what: &'static str) {
        Requirement { line, version, what }.raise(&mut self.playlist.requires);
    }

    fn target(&mut self, line: u32, value: &str, faults: &mut Faults) {
        match decimal_integer(value) {
            Some(value) => self.playlist.target = Some(OnLine { line, value }),
            None => faults.line(line, format!("EXT-X-TARGETDURATION `{value}` is not a decimal integer")),
        }
    }

    fn media_sequence(&mut self, line: u32, value: &str, faults: &mut Faults) {
        match decimal_integer(value) {
            Some(value) => self.playlist.media_sequence = value,
            None => faults.line(line, format!("EXT-X-MEDIA-SEQUENCE `{value}` is not a decimal integer")),
        }
    }

    fn kind(&mut self, line: u32, value: &str, faults: &mut Faults) {
        let kind = match value {
            "VOD" => PlaylistType::Vod,
            "EVENT" => PlaylistType::Event,
            other => {
                faults.line(line, format!("EXT-X-PLAYLIST-TYPE `{other}` is neither VOD nor EVENT"));
                return;
            }
        };
        self.playlist.kind = Some(OnLine { line, value: kind });
    }

    fn extinf(&mut self, line: u32, value: &str, faults: &mut Faults) {
        let text = value.split_once(',').map_or_else(
            || {
                faults.line(line, "EXTINF has no comma after its duration");
                value
            },
            |(duration, _title)| duration,
        );
        if text.contains('.') {
            self.require(line, 3, "an EXTINF with a fraction");
        }
        let Some(value) = decimal_float(text) else {
            faults.line(line, format!("EXTINF `{text}` is not a duration in seconds"));
            return;
        };
        self.next.extinf = Some(OnLine { line, value });
    }

    fn byte_range(&mut self, line: u32, value: &str, faults: &mut Faults) {
        self.require(line, 4, "EXT-X-BYTERANGE");
        match byte_range(value) {
            Some(value) => self.next.range = Some(OnLine { line, value }),
            None => faults.line(line, format!("EXT-X-BYTERANGE `{value}` is not a length and an offset")),
        }
    }

    fn key(&mut self, line: u32, value: &str, faults: &mut Faults) {
        let tag = Attributes::read("EXT-X-KEY", line, value, &self.scope, faults);
        tag.require("METHOD", faults);
        let method = tag.plain("METHOD", faults).unwrap_or_default();
        self.sealed = matches!(method.as_str(), "AES-128" | "AES-256" | "AES-256-GCM");
    }

    fn map(&mut self, line: u32, value: &str, faults: &mut Faults) {
        let tag = Attributes::read("EXT-X-MAP", line, value, &self.scope, faults);
        tag.require("URI", faults);
        let Some(uri) = tag.quoted("URI", faults) else { return };
        let text = tag.quoted("BYTERANGE", faults);
        let range = text.and_then(|text| {
            let range = byte_range(&text).and_then(|(length, offset)| end_of(offset.unwrap_or(0), length));
            if range.is_none() {
                faults.line(line, format!("EXT-X-MAP: BYTERANGE `{text}` is not a length and an offset"));
            }
            range
        });
        self.playlist.maps.push(Map { line, uri, range });
    }

    fn uri(&mut self, line: u32, uri: &str, faults: &mut Faults) {
        let next = std::mem::take(&mut self.next);
        if next.extinf.is_none() {
            faults.line(line, "a segment without an EXTINF before it");
        }
        let uri = self.scope.expand(uri, line, faults);
        let range = next.range.and_then(|range| self.resolve_range(&uri, range, faults));
        let extinf = next.extinf.unwrap_or(OnLine { line, value: 0.0 });
        self.playlist.segments.push(Listed {
            line: extinf.line,
            uri_line: line,
            range_line: next.range.map(|range| range.line),
            duration: extinf.value,
            uri,
            range,
            map: self.playlist.maps.len().checked_sub(1),
            discontinuity: next.discontinuity,
            gap: next.gap,
            sealed: self.sealed,
        });
    }

    /// A range without an offset begins where the last one in the same resource ended
    /// (RFC 8216bis section 4.4.4.2).
    fn resolve_range(
        &mut self,
        uri: &str,
        range: OnLine<(u64, Option<u64>)>,
        faults: &mut Faults,
    ) -> Option<(u64, u64)> {
        let (length, offset) = range.value;
        let before = self.range_end.take().filter(|(resource, _)| resource == uri).map(|(_, end)| end);
        let resolved = offset.or(before).and_then(|start| end_of(start, length));
        match resolved {
            Some((_, end)) => self.range_end = Some((uri.to_owned(), end)),
            None => faults
                .line(range.line, "EXT-X-BYTERANGE has no offset, and no range of this resource precedes it"),
        }
        resolved
    }

    fn finish(mut self, faults: &mut Faults) -> MediaPlaylist {
        if let Some(extinf) = self.next.extinf {
            faults.line(extinf.line, "EXTINF is not followed by a URI line");
        }
        if self.playlist.target.is_none() {
            faults.add(crate::At::Whole, "EXT-X-TARGETDURATION is missing");
        }
        if let Some(map) = self.playlist.maps.first() {
            let version = if self.playlist.i_frames_only.is_some() { 5 } else { 6 };
            self.require(map.line, version, "EXT-X-MAP");
        }
        self.playlist
    }
}

/// `<length>[@<offset>]`.
fn byte_range(text: &str) -> Option<(u64, Option<u64>)> {
    match text.split_once('@') {
        None => Some((decimal_integer(text)?, None)),
        Some((length, offset)) => Some((decimal_integer(length)?, Some(decimal_integer(offset)?))),
    }
}

fn end_of(start: u64, length: u64) -> Option<(u64, u64)> {
    Some((start, start.checked_add(length)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        At,
        hls::{Playlist, read},
    };

    fn playlist(body: &str) -> (MediaPlaylist, Vec<crate::Fault>) {
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n{body}");
        match read(text.as_bytes(), &Variables::default()) {
            (Playlist::Media(playlist), faults) => (playlist, faults),
            (Playlist::Multivariant(_), _) => panic!("read as a multivariant playlist"),
        }
    }

    #[test]
    fn byte_ranges_go_on_from_one_another() {
        let (list, faults) = playlist(
            "#EXT-X-MAP:URI=\"a.mp4\",BYTERANGE=\"800@0\"\n#EXTINF:6,\n#EXT-X-BYTERANGE:100@800\na.mp4\n\
             #EXTINF:6,\n#EXT-X-BYTERANGE:50\na.mp4\n#EXTINF:6,\n#EXT-X-BYTERANGE:50\nb.mp4\n",
        );
        let ranges: Vec<_> = list.segments.iter().map(|segment| segment.range).collect();
        assert_eq!(ranges, [Some((800, 900)), Some((900, 950)), None]);
        assert_eq!(list.maps[0].range, Some((0, 800)));
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].at, At::Line(11));
    }

    #[test]
    fn the_highest_version_asked_for_is_kept_with_its_line() {
        let asked = |body: &str| playlist(body).0.requires.map(|r| (r.version, r.line));
        assert_eq!(asked("#EXTINF:6,\na\n"), None);
        assert_eq!(asked("#EXTINF:6.0,\na\n"), Some((3, 3)));
        assert_eq!(asked("#EXT-X-MAP:URI=\"i\"\n#EXTINF:6.0,\na\n"), Some((6, 3)));
        assert_eq!(asked("#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP:URI=\"i\"\n"), Some((5, 4)));
        assert_eq!(asked("#EXT-X-MAP:URI=\"i\"\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"\n"), Some((8, 4)));
    }

    #[test]
    fn slips_are_faults_with_lines() {
        let (_, faults) = playlist(
            "#EXTINF:x,\n#EXTINF:6\na\n#EXT-X-BYTERANGE:1-2\nb\n#EXT-X-PLAYLIST-TYPE:LIVE\n#EXT-X-KEY:URI=\"k\"\n#EXTINF:1,\n",
        );
        let lines: Vec<At> = faults.iter().map(|fault| fault.at).collect();
        assert_eq!(lines, [3, 4, 6, 7, 8, 9, 10].map(At::Line));
    }

    #[test]
    fn keys_maps_gaps_and_discontinuities_hold_for_what_follows() {
        let (list, faults) = playlist(
            "#EXT-X-MAP:URI=\"i\"\n#EXTINF:6,\na\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-DISCONTINUITY\n\
             #EXT-X-MAP:URI=\"j\"\n#EXTINF:6,\nb\n#EXT-X-GAP\n#EXTINF:6,\nc\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:6,\nd\n",
        );
        assert_eq!(faults, []);
        let told: Vec<_> = list.segments.iter().map(|s| (s.map, s.sealed, s.discontinuity, s.gap)).collect();
        assert_eq!(
            told,
            [
                (Some(0), false, false, false),
                (Some(1), true, true, false),
                (Some(1), true, false, true),
                (Some(1), false, false, false)
            ]
        );
        assert_eq!(list.duration(), 24.0);
    }
}
