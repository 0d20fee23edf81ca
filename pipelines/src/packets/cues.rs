//! Text packets of containers as WebVTT cues.

use gstreamer as gst;
use pipeline_wire::Cue;

/// Bytes of text that are kept of one track; a film of three hours has about two hundred thousand.
const BYTES_MAX: usize = 512 << 10;
/// How long a cue stays that does not say, unless the next one comes before.
const LASTS_NS: i64 = 5_000_000_000;

/// How the packets of a track hold their text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Text as it is (`tx3g`).
    Plain,
    /// Text with tags and entities (SubRip).
    Markup,
    /// Lines of SubStation Alpha, with their fields.
    Ssa,
    /// WebVTT, as Matroska or WebM have it.
    Vtt,
}

impl Dialect {
    /// The dialect of a track of these caps; none for pictures and what nobody knows.
    #[must_use]
    pub fn of(caps: &gst::CapsRef) -> Option<Self> {
        let structure = caps.structure(0)?;
        match structure.name().as_str() {
            "text/x-raw" => {
                let markup = structure.get::<&str>("format").is_ok_and(|format| format == "pango-markup");
                Some(if markup { Self::Markup } else { Self::Plain })
            }
            "application/x-ssa" | "application/x-ass" => Some(Self::Ssa),
            // matroskademux of GStreamer 1.22 knows neither of the two names of WebVTT; text that it does not know is that.
            "application/x-subtitle-unknown" => Some(Self::Vtt),
            _ => None,
        }
    }

    fn payload(self, text: &str) -> String {
        match self {
            Self::Plain => payload(&escaped(text)),
            Self::Markup => payload(&tagged(text)),
            Self::Ssa => payload(&of_ssa(text)),
            Self::Vtt => payload(&tagged(of_vtt(text))),
        }
    }
}

/// The cues of one track.
#[derive(Clone, Debug, Default)]
pub struct Cues {
    cues: Vec<Cue>,
    bytes: usize,
}

impl Cues {
    /// Takes a packet shown from `start` to `end`; an end at its start is none.
    pub fn packet(&mut self, dialect: Dialect, bytes: &[u8], start: i64, end: i64) {
        // Zeros end texts in some containers.
        let text = String::from_utf8_lossy(bytes);
        let text = dialect.payload(text.trim_matches('\0'));
        self.bytes = self.bytes.saturating_add(text.len());
        if !text.is_empty() && !self.is_cut() {
            self.cues.push(Cue { start_ns: start, end_ns: end, text });
        }
    }

    /// Whether there was more than is kept.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.bytes > BYTES_MAX
    }

    /// The cues in order, each with an end.
    #[must_use]
    pub fn finish(mut self) -> Vec<Cue> {
        self.cues.sort_by_key(|cue| cue.start_ns);
        let mut next = i64::MAX;
        for cue in self.cues.iter_mut().rev() {
            if cue.end_ns <= cue.start_ns {
                cue.end_ns = cue.start_ns.saturating_add(LASTS_NS).min(next);
            }
            next = cue.start_ns;
        }
        self.cues
    }
}

/// Lines without empty ones and without what WebVTT takes for a cue's times.
fn payload(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n").replace("-->", "--&gt;")
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, character| {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' => out.push('\n'),
            other if other.is_control() => {}
            other => out.push(other),
        }
        out
    })
}

/// Text with tags and entities: italics, bold and underlining stay, other tags go, entities become characters.
fn tagged(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&escaped(&rest[..at]));
        let (before, tail) = (rest.as_bytes()[at], &rest[at + 1..]);
        let end = tail.find(if before == b'<' { '>' } else { ';' });
        rest = match (before, end) {
            (b'<', Some(end)) => {
                let name = tail[..end].trim().to_ascii_lowercase();
                if matches!(name.as_str(), "i" | "/i" | "b" | "/b" | "u" | "/u") {
                    out.push('<');
                    out.push_str(&name);
                    out.push('>');
                }
                &tail[end + 1..]
            }
            (b'&', Some(end)) if character(&tail[..end]).is_some() => {
                out.extend(character(&tail[..end]).map(|found| escaped(&found.to_string())));
                &tail[end + 1..]
            }
            (special, _) => {
                out.push_str(if special == b'<' { "&lt;" } else { "&amp;" });
                tail
            }
        };
    }
    out.push_str(&escaped(rest));
    out
}

/// The character an entity names.
fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// The text of a packet of SubStation Alpha in Matroska (read order, layer, style, name, three margins, effect, text):
/// `\i1` and `\b1` become tags, other overrides go, drawings too.
fn of_ssa(packet: &str) -> String {
    let Some(text) = packet.splitn(9, ',').nth(8) else { return String::new() };
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut drawing) = (text, false);
    while let Some(at) = rest.find('{') {
        let Some(len) = rest[at..].find('}') else { break };
        if !drawing {
            out.push_str(&lines_of_ssa(&rest[..at]));
        }
        for code in rest[at + 1..at + len].split('\\') {
            match code.trim() {
                "i1" => out.push_str("<i>"),
                "i0" => out.push_str("</i>"),
                "b1" => out.push_str("<b>"),
                "b0" => out.push_str("</b>"),
                "p0" => drawing = false,
                other if other.strip_prefix('p').is_some_and(|scale| scale.parse::<u32>().is_ok()) => {
                    drawing = true;
                }
                _ => {}
            }
        }
        rest = &rest[at + len + 1..];
    }
    if !drawing {
        out.push_str(&lines_of_ssa(rest));
    }
    out
}

fn lines_of_ssa(text: &str) -> String {
    escaped(text).replace("\\N", "\n").replace("\\n", "\n").replace("\\h", "\u{a0}")
}

/// The payload of a WebVTT block: alone (`S_TEXT/WEBVTT`, RFC 9559), or behind a line with the cue's name and one with
/// its settings (`D_WEBVTT/SUBTITLES` of WebM), either of which may be empty.
fn of_vtt(block: &str) -> &str {
    let head = block.split_inclusive('\n').take(2);
    let (len, second) = head.fold((0, ""), |(len, _), line| (len + line.len(), line));
    let names = ["vertical:", "line:", "position:", "size:", "align:", "region:"];
    let is_setting = |word: &str| names.iter().any(|name| word.starts_with(name));
    let has_head = block.contains('\n') && second.split_whitespace().all(is_setting);
    if has_head { &block[len..] } else { block }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_that_webvtt_knows_stay() {
        let of = |text| Dialect::Markup.payload(text);
        assert_eq!(of("<I>Hi</I> <font color=\"red\">there</font>"), "<i>Hi</i> there");
        assert_eq!(of("1 &lt; 2 &amp; 3 < 4 & R&D;"), "1 &lt; 2 &amp; 3 &lt; 4 &amp; R&amp;D;");
        assert_eq!(of("one\r\n\r\ntwo --> three"), "one\ntwo --&gt; three");
    }

    #[test]
    fn substation_alpha_loses_its_dress() {
        let of = |text| Dialect::Ssa.payload(text);
        assert_eq!(
            of("4,0,Default,,0,0,0,,{\\an8\\i1}Up, there{\\i0}\\Nand {here"),
            "<i>Up, there</i>\nand {here"
        );
        assert_eq!(of("4,0,Default,,0,0,0,,{\\p1}m 0 0 l 1 1{\\p0}text"), "text");
        assert_eq!(of("nonsense"), "");
    }

    #[test]
    fn a_cue_without_an_end_lasts_to_the_next() {
        let mut cues = Cues::default();
        for second in [0, 2, 20] {
            cues.packet(Dialect::Plain, b"a\0", second * 1_000_000_000, second * 1_000_000_000);
        }
        let ends: Vec<_> = cues.finish().iter().map(|cue| cue.end_ns / 1_000_000_000).collect();
        assert_eq!(ends, [2, 7, 25]);
    }

    #[test]
    fn name_and_settings_of_a_block_are_no_text() {
        let of = |block| Dialect::Vtt.payload(block);
        assert_eq!(of("\n\nHello\nyou"), "Hello\nyou");
        assert_eq!(of("1\nline:0 align:start\n<i>Hello</i>"), "<i>Hello</i>");
        assert_eq!(of("Hello\nyou"), "Hello\nyou");
        assert_eq!(of("Hello"), "Hello");
        assert_eq!(of("\n"), "");
    }

    proptest! {
        #[test]
        fn nothing_breaks_a_cue(text: String, ssa: bool, vtt: bool) {
            let other = if vtt { Dialect::Vtt } else { Dialect::Markup };
            let dialect = if ssa { Dialect::Ssa } else { other };
            let text = if ssa { format!("0,0,a,b,0,0,0,,{text}") } else { text };
            let made = dialect.payload(&text);
            prop_assert!(!made.contains("-->") && !made.contains("\n\n"));
        }
    }
}
