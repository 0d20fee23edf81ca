//! Lines: tags, URIs, and what is neither.

use std::borrow::Cow;

use crate::finding::Faults;

/// A line that means something; blank lines and comments are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// From 1.
    pub number: u32,
    pub item: Item<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// `#EXT…`, with what follows the colon.
    Tag { name: &'a str, value: &'a str },
    /// A URI line.
    Uri(&'a str),
}

/// The text of a playlist: UTF-8 without a byte order mark or control characters (RFC 8216bis section 4.1).
pub(crate) fn decode<'a>(bytes: &'a [u8], faults: &mut Faults) -> Cow<'a, str> {
    let bytes = match bytes.strip_prefix(b"\xEF\xBB\xBF") {
        Some(rest) => {
            faults.line(1, "the playlist begins with a byte order mark");
            rest
        }
        None => bytes,
    };
    if let Err(error) = std::str::from_utf8(bytes) {
        let line = line_of(bytes, error.valid_up_to());
        faults.line(line, "the playlist is not UTF-8");
    }
    String::from_utf8_lossy(bytes)
}

/// The line of a byte offset, from 1.
fn line_of(bytes: &[u8], offset: usize) -> u32 {
    let breaks = bytes.iter().take(offset).filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks).unwrap_or(u32::MAX).saturating_add(1)
}

/// The lines of a playlist, which begins with EXTM3U (RFC 8216bis section 4.4.1.1).
pub(crate) fn split<'a>(text: &'a str, faults: &mut Faults) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    for (number, line) in (1_u32..).zip(text.split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.chars().any(char::is_control) {
            faults.line(number, "the line holds a control character");
        }
        lines.extend(item(line).map(|item| Line { number, item }));
    }
    let first = text.split('\n').next().unwrap_or_default();
    if first.trim_end_matches('\r') != "#EXTM3U" {
        faults.line(1, "the first line is not #EXTM3U");
    }
    lines
}

fn item(line: &str) -> Option<Item<'_>> {
    if let Some(tag) = line.strip_prefix('#') {
        if !tag.starts_with("EXT") {
            return None;
        }
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        return Some(Item::Tag { name, value });
    }
    (!line.trim().is_empty()).then_some(Item::Uri(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers_past_blanks_and_comments() {
        let mut faults = Faults::default();
        let text = "#EXTM3U\r\n\r\n# comment\r\n#EXTINF:6,a:b\r\nx y.m4s\r\n";
        let lines = split(text, &mut faults);
        let extinf = Item::Tag { name: "EXTINF", value: "6,a:b" };
        assert_eq!(lines[1], Line { number: 4, item: extinf });
        assert_eq!(lines[2], Line { number: 5, item: Item::Uri("x y.m4s") });
        assert!(faults.is_empty());
    }

    #[test]
    fn what_is_not_plain_utf8_is_named_by_line() {
        let mut faults = Faults::default();
        let text = decode(b"\xEF\xBB\xBF#EXTM3U\nab\xFFc\n\x01\n", &mut faults);
        split(&text, &mut faults);
        let lines: Vec<_> = faults.all().map(|fault| fault.at).collect();
        assert_eq!(lines, [crate::At::Line(1), crate::At::Line(2), crate::At::Line(3)]);
    }

    #[test]
    fn extm3u_comes_first() {
        for text in ["", "\n#EXTM3U\n", "#EXTM3U8\n", " #EXTM3U\n"] {
            let mut faults = Faults::default();
            split(text, &mut faults);
            assert!(!faults.is_empty(), "{text:?}");
        }
    }
}
