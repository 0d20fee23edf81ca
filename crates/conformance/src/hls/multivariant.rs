//! Multivariant playlists (RFC 8216bis section 4.4.6).

use std::{collections::BTreeMap, fmt};

use super::{
    OnLine,
    attributes::Attributes,
    decimal_integer,
    lines::{Item, Line},
    read_version,
    variables::{Scope, Variables},
};
use crate::finding::Faults;

/// A multivariant playlist.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Multivariant {
    /// EXT-X-VERSION.
    pub version: Option<OnLine<u64>>,
    /// Whether EXT-X-INDEPENDENT-SEGMENTS speaks for all playlists.
    pub independent_segments: bool,
    /// EXT-X-STREAM-INF, in order.
    pub variants: Vec<StreamInf>,
    /// EXT-X-I-FRAME-STREAM-INF, in order.
    pub i_frames: Vec<StreamInf>,
    /// EXT-X-MEDIA, in order.
    pub media: Vec<Media>,
    /// The highest protocol version that something in it asks for.
    pub requires: Option<super::Requirement>,
    /// Variables its media playlists may import.
    pub variables: BTreeMap<String, String>,
}

/// EXT-X-STREAM-INF or EXT-X-I-FRAME-STREAM-INF.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamInf {
    /// Line of the tag.
    pub line: u32,
    /// The playlist it names, as written.
    pub uri: Option<OnLine<String>>,
    /// Peak bits per second.
    pub bandwidth: Option<u64>,
    /// Average bits per second.
    pub average_bandwidth: Option<u64>,
    /// RFC 6381 formats.
    pub codecs: Option<Vec<String>>,
    /// Picture size.
    pub resolution: Option<Resolution>,
    /// Frames per second.
    pub frame_rate: Option<f64>,
    /// SDR, HLG or PQ.
    pub video_range: Option<String>,
    /// Group of audio renditions.
    pub audio: Option<String>,
    /// Group of video renditions.
    pub video: Option<String>,
    /// Group of subtitle renditions.
    pub subtitles: Option<String>,
    /// Group of closed captions; `NONE` is no group.
    pub closed_captions: Option<String>,
}

/// A picture size in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// Width.
    pub width: u64,
    /// Height.
    pub height: u64,
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// What an EXT-X-MEDIA renders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MediaType {
    /// AUDIO.
    Audio,
    /// VIDEO.
    Video,
    /// SUBTITLES.
    Subtitles,
    /// CLOSED-CAPTIONS.
    ClosedCaptions,
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Audio => "AUDIO",
            Self::Video => "VIDEO",
            Self::Subtitles => "SUBTITLES",
            Self::ClosedCaptions => "CLOSED-CAPTIONS",
        })
    }
}

/// EXT-X-MEDIA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Line of the tag.
    pub line: u32,
    /// TYPE.
    pub kind: MediaType,
    /// GROUP-ID.
    pub group: String,
    /// NAME.
    pub name: String,
    /// The playlist it names, as written.
    pub uri: Option<String>,
    /// LANGUAGE.
    pub language: Option<String>,
    /// DEFAULT.
    pub default: bool,
    /// AUTOSELECT, when stated.
    pub autoselect: Option<bool>,
    /// CHANNELS, as written.
    pub channels: Option<String>,
}

impl StreamInf {
    /// The groups it refers to, with the type each must be of.
    pub fn groups(&self) -> impl Iterator<Item = (MediaType, &str)> {
        let captions = self.closed_captions.as_deref().filter(|group| *group != "NONE");
        [
            (MediaType::Audio, self.audio.as_deref()),
            (MediaType::Video, self.video.as_deref()),
            (MediaType::Subtitles, self.subtitles.as_deref()),
            (MediaType::ClosedCaptions, captions),
        ]
        .into_iter()
        .filter_map(|(kind, group)| Some((kind, group?)))
    }
}

/// Variants, and renditions, read from one playlist; real ones have dozens.
const ENTRIES_MAX: usize = 1000;

pub(super) fn read(lines: &[Line<'_>], given: &Variables, faults: &mut Faults) -> Multivariant {
    let mut reader = Reader { playlist: Multivariant::default(), scope: Scope::default(), open: None };
    for line in lines {
        match line.item {
            Item::Tag { name, value } => reader.tag(line.number, name, value, given, faults),
            Item::Uri(uri) => reader.uri(line.number, uri, faults),
        }
    }
    reader.close(faults);
    reader.playlist.variables = reader.scope.into_known();
    reader.playlist
}

struct Reader {
    playlist: Multivariant,
    scope: Scope,
    /// The EXT-X-STREAM-INF whose URI line is still to come.
    open: Option<StreamInf>,
}

impl Reader {
    fn tag(&mut self, line: u32, name: &str, value: &str, given: &Variables, faults: &mut Faults) {
        match name {
            "EXT-X-VERSION" => read_version(&mut self.playlist.version, line, value, faults),
            "EXT-X-INDEPENDENT-SEGMENTS" => self.playlist.independent_segments = true,
            "EXT-X-DEFINE" => {
                self.require(line, 8, "EXT-X-DEFINE");
                self.scope.define(line, value, given, faults);
            }
            "EXT-X-STREAM-INF" | "EXT-X-I-FRAME-STREAM-INF" | "EXT-X-MEDIA" if self.is_full() => {
                self.close(faults);
                faults.line(
                    line,
                    format!("more than {ENTRIES_MAX} variants or renditions; this one is not read"),
                );
            }
            "EXT-X-STREAM-INF" => {
                self.close(faults);
                self.open = Some(self.stream_inf(line, name, value, faults));
            }
            "EXT-X-I-FRAME-STREAM-INF" => {
                let stream = self.stream_inf(line, name, value, faults);
                self.playlist.i_frames.push(stream);
            }
            "EXT-X-MEDIA" => self.media(line, value, faults),
            _ => {}
        }
    }

    fn is_full(&self) -> bool {
        let Multivariant { variants, i_frames, media, .. } = &self.playlist;
        variants.len().max(i_frames.len()).max(media.len()) >= ENTRIES_MAX
    }

    fn require(&mut self, line: u32, version: u64, what: &'static str) {
        super::Requirement { line, version, what }.raise(&mut self.playlist.requires);
    }

    fn uri(&mut self, line: u32, uri: &str, faults: &mut Faults) {
        let Some(mut variant) = self.open.take() else {
            faults.line(line, "a URI without an EXT-X-STREAM-INF before it");
            return;
        };
        let value = self.scope.expand(uri, line, faults);
        variant.uri = Some(OnLine { line, value });
        self.playlist.variants.push(variant);
    }

    /// An EXT-X-STREAM-INF that no URI line followed.
    fn close(&mut self, faults: &mut Faults) {
        if let Some(variant) = self.open.take() {
            faults.line(variant.line, "EXT-X-STREAM-INF is not followed by a URI line");
            self.playlist.variants.push(variant);
        }
    }

    fn stream_inf(&self, line: u32, name: &str, value: &str, faults: &mut Faults) -> StreamInf {
        let tag = Attributes::read(name, line, value, &self.scope, faults);
        tag.require("BANDWIDTH", faults);
        let i_frames = name == "EXT-X-I-FRAME-STREAM-INF";
        if i_frames {
            tag.require("URI", faults);
        }
        let uri = if i_frames { tag.quoted("URI", faults) } else { None };
        StreamInf {
            line,
            uri: uri.map(|value| OnLine { line, value }),
            bandwidth: tag.integer("BANDWIDTH", faults),
            average_bandwidth: tag.integer("AVERAGE-BANDWIDTH", faults),
            codecs: tag.quoted("CODECS", faults).map(|list| split_codecs(&list)),
            resolution: tag.number("RESOLUTION", "a size such as 1280x720", resolution, faults),
            frame_rate: tag.float("FRAME-RATE", faults),
            video_range: tag.plain("VIDEO-RANGE", faults),
            audio: tag.quoted("AUDIO", faults),
            video: tag.quoted("VIDEO", faults),
            subtitles: tag.quoted("SUBTITLES", faults),
            closed_captions: closed_captions(&tag, faults),
        }
    }

    fn media(&mut self, line: u32, value: &str, faults: &mut Faults) {
        let tag = Attributes::read("EXT-X-MEDIA", line, value, &self.scope, faults);
        for required in ["TYPE", "GROUP-ID", "NAME"] {
            tag.require(required, faults);
        }
        if tag.quoted("INSTREAM-ID", faults).is_some_and(|id| id.starts_with("SERVICE")) {
            self.require(line, 7, "an INSTREAM-ID of a SERVICE");
        }
        let Some(kind) = media_type(&tag, line, faults) else { return };
        self.playlist.media.push(Media {
            line,
            kind,
            group: tag.quoted("GROUP-ID", faults).unwrap_or_default(),
            name: tag.quoted("NAME", faults).unwrap_or_default(),
            uri: tag.quoted("URI", faults),
            language: tag.quoted("LANGUAGE", faults),
            default: tag.yes("DEFAULT", faults),
            autoselect: tag.has("AUTOSELECT").then(|| tag.yes("AUTOSELECT", faults)),
            channels: tag.quoted("CHANNELS", faults),
        });
    }
}

/// `NONE` stands without quotes, a group with them.
fn closed_captions(tag: &Attributes, faults: &mut Faults) -> Option<String> {
    let mut ignored = Faults::default();
    if tag.plain("CLOSED-CAPTIONS", &mut ignored).as_deref() == Some("NONE") {
        return Some("NONE".to_owned());
    }
    tag.quoted("CLOSED-CAPTIONS", faults)
}

fn media_type(tag: &Attributes, line: u32, faults: &mut Faults) -> Option<MediaType> {
    let text = tag.plain("TYPE", faults)?;
    let kind = match text.as_str() {
        "AUDIO" => MediaType::Audio,
        "VIDEO" => MediaType::Video,
        "SUBTITLES" => MediaType::Subtitles,
        "CLOSED-CAPTIONS" => MediaType::ClosedCaptions,
        other => {
            faults.line(line, format!("EXT-X-MEDIA: TYPE `{other}` is not known"));
            return None;
        }
    };
    Some(kind)
}

fn split_codecs(list: &str) -> Vec<String> {
    list.split(',').map(|codec| codec.trim().to_owned()).filter(|codec| !codec.is_empty()).collect()
}

fn resolution(text: &str) -> Option<Resolution> {
    let (width, height) = text.split_once('x')?;
    Some(Resolution { width: decimal_integer(width)?, height: decimal_integer(height)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        At,
        hls::{Playlist, read},
    };

    fn playlist(text: &str) -> (Multivariant, Vec<crate::Fault>) {
        match read(text.as_bytes(), &Variables::default()) {
            (Playlist::Multivariant(playlist), faults) => (playlist, faults),
            (Playlist::Media(_), _) => panic!("read as a media playlist"),
        }
    }

    const TEXT: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"a.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"avc1.64001F, mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=25.000,\
        AUDIO=\"a\",CLOSED-CAPTIONS=NONE\nv.m3u8\n\
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=3,URI=\"i.m3u8\"\n";

    #[test]
    fn every_attribute_is_read_with_its_line() {
        let (list, faults) = playlist(TEXT);
        assert_eq!(faults, []);
        let variant = &list.variants[0];
        assert_eq!((variant.line, variant.uri.as_ref().unwrap().line), (5, 6));
        assert_eq!(variant.codecs.as_deref().unwrap(), ["avc1.64001F", "mp4a.40.2"]);
        assert_eq!(variant.resolution, Some(Resolution { width: 1280, height: 720 }));
        assert_eq!(variant.groups().collect::<Vec<_>>(), [(MediaType::Audio, "a")]);
        assert_eq!(list.i_frames[0].uri.as_ref().unwrap().value, "i.m3u8");
        assert_eq!(list.media[0].channels.as_deref(), Some("2"));
    }

    #[test]
    fn a_stream_inf_needs_a_uri_and_a_bandwidth() {
        let (list, faults) =
            playlist("#EXTM3U\n#EXT-X-STREAM-INF:CODECS=\"x\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n");
        assert_eq!(list.variants.len(), 2);
        let lines: Vec<At> = faults.iter().map(|fault| fault.at).collect();
        assert_eq!(lines, [At::Line(2), At::Line(2), At::Line(3)]);
    }
}
