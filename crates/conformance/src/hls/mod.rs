//! HLS playlists, read with the line every value stands on (RFC 8216bis section 4).
//!
//! A reader of our own: players and m3u8 crates forgive and forget line numbers; a checker may do neither.
//! Nothing here fails: what cannot be understood becomes a fault, and reading goes on.

pub(crate) mod attributes;
pub(crate) mod lines;
mod media_playlist;
mod multivariant;
pub(crate) mod variables;

pub use media_playlist::{Listed, Map, MediaPlaylist, PlaylistType, Requirement};
pub use multivariant::{Media, MediaType, Multivariant, StreamInf};
pub use variables::Variables;

use crate::{Fault, finding::Faults};
use lines::{Item, Line};

/// A value and the line it stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnLine<T> {
    /// From 1.
    pub line: u32,
    /// The value.
    pub value: T,
}

/// One of the two kinds of playlist.
#[derive(Clone, Debug, PartialEq)]
pub enum Playlist {
    /// Lists variants and renditions.
    Multivariant(Multivariant),
    /// Lists segments.
    Media(MediaPlaylist),
}

/// Tags that only a multivariant playlist may have (RFC 8216bis section 4.4.6).
const MULTIVARIANT_TAGS: [&str; 6] = [
    "EXT-X-STREAM-INF",
    "EXT-X-I-FRAME-STREAM-INF",
    "EXT-X-MEDIA",
    "EXT-X-SESSION-DATA",
    "EXT-X-SESSION-KEY",
    "EXT-X-CONTENT-STEERING",
];

/// Tags that only a media playlist may have (RFC 8216bis sections 4.4.3 and 4.4.4).
const MEDIA_TAGS: [&str; 8] = [
    "EXTINF",
    "EXT-X-TARGETDURATION",
    "EXT-X-ENDLIST",
    "EXT-X-PLAYLIST-TYPE",
    "EXT-X-I-FRAMES-ONLY",
    "EXT-X-MAP",
    "EXT-X-BYTERANGE",
    "EXT-X-MEDIA-SEQUENCE",
];

/// Reads a playlist. `given` holds the variables it may import and those of its URI's query.
#[must_use]
pub fn read(bytes: &[u8], given: &Variables) -> (Playlist, Vec<Fault>) {
    let mut faults = Faults::default();
    let text = lines::decode(bytes, &mut faults);
    let lines = lines::split(&text, &mut faults);
    let playlist = match kind(&lines, &mut faults) {
        Kind::Multivariant => Playlist::Multivariant(multivariant::read(&lines, given, &mut faults)),
        Kind::Media => Playlist::Media(media_playlist::read(&lines, given, &mut faults)),
    };
    (playlist, faults.all().collect())
}

#[derive(Clone, Copy)]
enum Kind {
    Multivariant,
    Media,
}

/// A playlist is one or the other; the first telling tag decides, and a tag of the other kind is a fault
/// (RFC 8216bis section 4.1).
fn kind(lines: &[Line<'_>], faults: &mut Faults) -> Kind {
    let telling: Vec<(u32, bool, &str)> = lines.iter().filter_map(telling_tag).collect();
    let Some(&(_, multivariant, first)) = telling.first() else {
        faults.add(crate::At::Whole, "the playlist lists neither segments nor variants");
        return Kind::Media;
    };
    if let Some((line, _, other)) = telling.iter().find(|(_, kind, _)| *kind != multivariant) {
        faults.line(*line, format!("{other} does not belong in one playlist with {first}"));
    }
    if multivariant { Kind::Multivariant } else { Kind::Media }
}

fn telling_tag<'a>(line: &Line<'a>) -> Option<(u32, bool, &'a str)> {
    let Item::Tag { name, .. } = line.item else { return None };
    let multivariant = MULTIVARIANT_TAGS.contains(&name);
    (multivariant || MEDIA_TAGS.contains(&name)).then_some((line.number, multivariant, name))
}

/// EXT-X-VERSION, of which there may be one (RFC 8216bis section 4.4.1.2).
fn read_version(seen: &mut Option<OnLine<u64>>, line: u32, value: &str, faults: &mut Faults) {
    if seen.is_some() {
        faults.line(line, "a second EXT-X-VERSION");
        return;
    }
    match decimal_integer(value) {
        Some(value) => *seen = Some(OnLine { line, value }),
        None => faults.line(line, format!("EXT-X-VERSION `{value}` is not a decimal integer")),
    }
}

/// A decimal-integer (RFC 8216bis section 4.2): 1 to 20 digits, at most 2^64 - 1.
fn decimal_integer(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// A decimal-floating-point (RFC 8216bis section 4.2): digits and at most one dot, not negative.
fn decimal_float(text: &str) -> Option<f64> {
    let plain = !text.is_empty() && text.len() <= 40 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value: f64 = if plain { text.parse().ok()? } else { return None };
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(text: &str) -> Vec<Fault> {
        read(text.as_bytes(), &Variables::default()).1
    }

    #[test]
    fn a_playlist_is_one_kind_or_the_other() {
        let mixed = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n";
        let faults = faults_of(mixed);
        assert!(faults.iter().any(|f| f.at == crate::At::Line(3) && f.message.contains("TARGETDURATION")));
        assert!(faults_of("#EXTM3U\n").iter().any(|f| f.message.contains("neither")));
    }

    #[test]
    fn numbers_are_plain_decimals() {
        assert_eq!(decimal_integer("18446744073709551615"), Some(u64::MAX));
        for bad in ["", "+1", "1 ", "-1", "0x1", "18446744073709551616", "1.0"] {
            assert_eq!(decimal_integer(bad), None, "{bad}");
        }
        assert_eq!(decimal_float("6.006"), Some(6.006));
        for bad in ["", "-6", "1e3", "inf", "NaN", "1.2.3", " 6"] {
            assert_eq!(decimal_float(bad), None, "{bad}");
        }
    }
}
