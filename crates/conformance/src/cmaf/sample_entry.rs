//! Sample entries (ISO/IEC 14496-12 section 8.5.2).

use super::{
    boxes::{self, Cut, Found, FourCc},
    codec,
    fields::Fields,
};
use crate::finding::Faults;

/// How the samples of a track are coded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleEntry {
    /// Offset of the box.
    pub at: u64,
    /// `avc1`, `mp4a` …; of an encrypted entry the original format.
    pub format: FourCc,
    /// RFC 6381 string, from the decoder configuration; `None` for formats this reader does not know.
    pub codec: Option<String>,
    /// Of pictures.
    pub video: Option<Video>,
    /// Of sound.
    pub audio: Option<Audio>,
}

/// Picture properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Video {
    /// Width in pixels.
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
    /// Transfer characteristics of `colr` (ISO/IEC 23091-2): 16 is PQ, 18 is HLG.
    pub transfer: Option<u16>,
    /// Whether pixels are square (`pasp` absent or equal).
    pub square_pixels: bool,
    /// Bytes of the length before each NAL unit (`avcC`), 1 to 4.
    pub nal_length_bytes: Option<u8>,
}

/// Sound properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audio {
    /// Channels, when the decoder configuration says them beyond doubt.
    pub channels: Option<u32>,
}

/// Bytes of a VisualSampleEntry before its boxes.
const VISUAL_HEAD: usize = 78;
/// Bytes of an AudioSampleEntry before its boxes.
const AUDIO_HEAD: usize = 28;
/// Bytes of any SampleEntry.
const ENTRY_HEAD: usize = 8;

/// Reads one entry of a track whose handler is `handler`.
pub(super) fn read(entry: &Found<'_>, handler: FourCc, faults: &mut Faults) -> SampleEntry {
    let head = match &handler.0 {
        b"vide" => VISUAL_HEAD,
        b"soun" => AUDIO_HEAD,
        _ => ENTRY_HEAD,
    };
    if entry.body.len() < head {
        faults.byte(entry.at, format!("the sample entry {} is too short", entry.kind));
    }
    // A text or timed metadata entry holds strings before its boxes, so only known heads are looked into.
    let children = if head == ENTRY_HEAD { Vec::new() } else { entry.children(head, faults) };
    let format = original_format(entry.kind, &children);
    let sound = (handler.0 == *b"soun").then(|| codec_of_sound(format, &children));
    SampleEntry {
        at: entry.at,
        format,
        codec: match &sound {
            Some((codec, _)) => codec.clone(),
            None => codec_of_pictures_or_text(format, &children),
        },
        video: (handler.0 == *b"vide").then(|| video(entry.body, &children)).flatten(),
        audio: sound.map(|(_, channels)| Audio { channels }),
    }
}

fn child<'a>(children: &[Found<'a>], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children.iter().find(|child| child.is(kind)).map(|child| child.body)
}

/// `encv` and `enca` keep the format in `sinf/frma` (ISO/IEC 14496-12 section 8.12).
fn original_format(kind: FourCc, children: &[Found<'_>]) -> FourCc {
    if !matches!(&kind.0, b"encv" | b"enca") {
        return kind;
    }
    let inner = |sinf: &[u8]| {
        let boxes = boxes::list(sinf, 0, Cut::Expected, &mut Faults::default());
        child(&boxes, b"frma").and_then(|body| Fields::new(body).four_cc())
    };
    child(children, b"sinf").and_then(inner).map_or(kind, FourCc)
}

fn video(body: &[u8], children: &[Found<'_>]) -> Option<Video> {
    let mut fields = Fields::new(body);
    fields.skip(24)?;
    let (width, height) = (fields.u16()?, fields.u16()?);
    let transfer = child(children, b"colr").and_then(|colr| {
        let mut fields = Fields::new(colr);
        let kind = fields.four_cc()?;
        fields.skip(2)?;
        (kind == *b"nclx").then(|| fields.u16()).flatten()
    });
    let spacing = child(children, b"pasp").and_then(|pasp| {
        let mut fields = Fields::new(pasp);
        Some((fields.u32()?, fields.u32()?))
    });
    let square_pixels = spacing.is_none_or(|(horizontal, vertical)| horizontal == vertical);
    // lengthSizeMinusOne (ISO/IEC 14496-15 section 5.3.3.1.2).
    let nal_length_bytes = child(children, b"avcC").and_then(|avcc| Some((avcc.get(4)? & 3) + 1));
    Some(Video { width, height, transfer, square_pixels, nal_length_bytes })
}

fn codec_of_pictures_or_text(format: FourCc, children: &[Found<'_>]) -> Option<String> {
    let name = std::str::from_utf8(&format.0).ok()?;
    match name {
        "avc1" | "avc3" => codec::avc(name, child(children, b"avcC")?),
        "hvc1" | "hev1" => codec::hevc(name, child(children, b"hvcC")?),
        "dvh1" | "dvhe" => {
            codec::dolby_vision(name, child(children, b"dvcC").or_else(|| child(children, b"dvvC"))?)
        }
        "av01" => codec::av1(child(children, b"av1C")?),
        "vp09" => codec::vp9(child(children, b"vpcC")?),
        "wvtt" | "stpp" => Some(name.to_owned()),
        _ => None,
    }
}

fn codec_of_sound(format: FourCc, children: &[Found<'_>]) -> (Option<String>, Option<u32>) {
    if format.0 == *b"mp4a" {
        let esds = child(children, b"esds").and_then(codec::mpeg4_audio);
        let channels = esds.as_ref().and_then(|esds| esds.channels);
        return (esds.map(|esds| esds.codec), channels);
    }
    let codec = match &format.0 {
        b"ac-3" => "ac-3",
        b"ec-3" => "ec-3",
        b"fLaC" => "fLaC",
        b"Opus" => "Opus",
        b"alac" => "alac",
        _ => return (None, None),
    };
    (Some(codec.to_owned()), None)
}
