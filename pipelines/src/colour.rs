//! Which colours a film is encoded in.
//!
//! A film in limited-range BT.601 or BT.709 keeps its matrix on every rung, and every rung says so; nothing
//! is converted. Anything else (full range, RGB) becomes limited-range BT.709; BT.2020 and high dynamic ranges go
//! through `tone.rs` to get there, full-range BT.709 through `levels.rs`. A film that says nothing is
//! taken for BT.601 up to 576 lines and for BT.709 above, which is what players assume.

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video::{
    VideoColorMatrix, VideoColorPrimaries, VideoColorRange, VideoColorimetry, VideoFormat, VideoInfo,
    VideoTransferFunction,
};

use pipeline_wire::{WideColour, WideTransfer};

use crate::failure::{GraphError, Result};
use crate::levels;

/// The brightest light of a film that does not say, in nits: what most are made on.
const PEAK_NITS: u32 = 1_000;

/// Whether pictures of `info` can be encoded as they are.
fn is_plain(info: &VideoInfo) -> bool {
    info.format() == VideoFormat::I420 && is_kept(&info.colorimetry())
}

fn is_kept(colour: &VideoColorimetry) -> bool {
    let limited = colour.range() != VideoColorRange::Range0_255;
    limited && matches!(colour.matrix(), VideoColorMatrix::Bt601 | VideoColorMatrix::Bt709)
}

/// What an encoder is told about pictures of `info`: every part named, none left unknown.
#[must_use]
pub fn of_output(info: &VideoInfo) -> VideoColorimetry {
    let colour = info.colorimetry();
    if !is_kept(&colour) {
        return bt709();
    }
    let whole = if colour.matrix() == VideoColorMatrix::Bt601 { bt601() } else { bt709() };
    let known = |part: VideoColorPrimaries| part != VideoColorPrimaries::Unknown;
    let primaries = Some(colour.primaries()).filter(|part| known(*part)).unwrap_or(whole.primaries());
    let transfer = Some(colour.transfer())
        .filter(|part| *part != VideoTransferFunction::Unknown)
        .unwrap_or(whole.transfer());
    VideoColorimetry::new(VideoColorRange::Range16_235, colour.matrix(), transfer, primaries)
}

/// Limited-range BT.709.
#[must_use]
pub fn bt709() -> VideoColorimetry {
    VideoColorimetry::new(
        VideoColorRange::Range16_235,
        VideoColorMatrix::Bt709,
        VideoTransferFunction::Bt709,
        VideoColorPrimaries::Bt709,
    )
}

/// SMPTE 170M: what standard definition of both line counts is close to.
fn bt601() -> VideoColorimetry {
    VideoColorimetry::new(
        VideoColorRange::Range16_235,
        VideoColorMatrix::Bt601,
        VideoTransferFunction::Bt601,
        VideoColorPrimaries::Smpte170m,
    )
}

/// The colours of pictures of `info` when they are beyond BT.709; `told` are the caps of the stream before it is
/// decoded, which may say how bright it is.
#[must_use]
pub fn beyond(info: &VideoInfo, told: Option<&gst::Caps>) -> Option<WideColour> {
    let colour = info.colorimetry();
    let transfer = match colour.transfer() {
        VideoTransferFunction::Smpte2084 => WideTransfer::Pq,
        VideoTransferFunction::AribStdB67 => WideTransfer::Hlg,
        _ if colour.primaries() == VideoColorPrimaries::Bt2020 => WideTransfer::Gamma,
        _ => return None,
    };
    let peak_nits = told.and_then(peak_nits).unwrap_or(PEAK_NITS).clamp(100, 10_000);
    Some(WideColour { transfer, peak_nits })
}

/// The brightest light that the stream's caps speak of: of the film (CTA-861.3 MaxCLL), else of the screen it was made
/// on (SMPTE ST 2086).
fn peak_nits(caps: &gst::Caps) -> Option<u32> {
    let structure = caps.structure(0)?;
    let parts = |field: &str| {
        let text = structure.get::<String>(field).ok()?;
        text.split(':').map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>()
    };
    let film = parts("content-light-level").and_then(|parts| parts.first().copied());
    let screen = || parts("mastering-display-info")?.get(8).map(|steps| steps / 10_000);
    film.filter(|nits| *nits > 0).or_else(screen).filter(|nits| *nits > 0)
}

/// Sets `format`, a capsfilter behind `convert`, to `caps` in the colours that come in, whatever they are.
///
/// # Errors
/// When `convert` has no sink pad.
pub fn keep(convert: &gst::Element, format: &gst::Element, caps: &gst::Caps) -> Result<()> {
    format.set_property("caps", caps);
    let caps = caps.clone();
    on_format(convert, format, move |incoming| {
        let mut caps = caps.clone();
        caps.make_mut().set("colorimetry", incoming.colorimetry().to_string());
        caps
    })
}

/// Sets `format`, a capsfilter behind `convert`, as soon as it is known what comes in: pictures that can be
/// encoded as they are pass untouched.
///
/// # Errors
/// When `convert` has no sink pad.
pub fn convert_only_when_needed(convert: &gst::Element, format: &gst::Element) -> Result<()> {
    format.set_property("caps", output_caps(None));
    on_format(convert, format, |incoming| {
        // What remains of these is done behind the sink.
        let wanted =
            if levels::is_only_full(incoming) { incoming.colorimetry() } else { of_output(incoming) };
        output_caps((!is_plain(incoming)).then_some(wanted))
    })
}

/// Sets the caps of `format` to what `caps` says, as soon as it is known what comes into `convert`.
fn on_format(
    convert: &gst::Element,
    format: &gst::Element,
    caps: impl Fn(&VideoInfo) -> gst::Caps + Send + Sync + 'static,
) -> Result<()> {
    let pad = convert.static_pad("sink").ok_or_else(|| GraphError::internal("videoconvert without a pad"))?;
    let format = format.downgrade();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let incoming = info.event().and_then(|event| match event.view() {
            gst::EventView::Caps(caps) => VideoInfo::from_caps(caps.caps()).ok(),
            _ => None,
        });
        if let (Some(incoming), Some(format)) = (incoming, format.upgrade()) {
            format.set_property("caps", caps(&incoming));
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

fn output_caps(colour: Option<VideoColorimetry>) -> gst::Caps {
    let caps = gst::Caps::builder("video/x-raw").field("format", VideoFormat::I420.to_str());
    caps.field_if_some("colorimetry", colour.map(|colour| colour.to_string())).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(caps: &str) -> (bool, String) {
        gst::init().expect("gstreamer");
        let caps: gst::Caps = caps.parse().expect("caps");
        let info = VideoInfo::from_caps(&caps).expect("video caps");
        (is_plain(&info), of_output(&info).to_string())
    }

    const RATE: &str = "width=64,height=64,framerate=25/1";

    #[test]
    fn broadcast_colours_are_kept_and_named() {
        for colour in ["bt709", "bt601"] {
            let caps = format!("video/x-raw,format=I420,{RATE},colorimetry={colour}");
            assert_eq!(told(&caps), (true, colour.to_owned()));
        }
    }

    #[test]
    fn what_a_film_does_not_say_follows_its_height() {
        let caps = |height: u32| format!("video/x-raw,format=I420,width=64,height={height},framerate=25/1");
        assert_eq!(told(&caps(480)), (true, "bt601".to_owned()));
        assert_eq!(told(&caps(720)), (true, "bt709".to_owned()));
    }

    #[test]
    fn the_rest_becomes_limited_bt709_in_eight_bits() {
        let of = |format: &str, colour: &str| {
            told(&format!("video/x-raw,format={format},{RATE},colorimetry={colour}"))
        };
        assert_eq!(of("I420", "1:4:16:4"), (false, "bt709".to_owned()));
        assert_eq!(of("I420_10LE", "bt2020-10"), (false, "bt709".to_owned()));
        assert_eq!(of("I420_10LE", "bt709"), (false, "bt709".to_owned()));
        assert_eq!(of("Y42B", "bt601"), (false, "bt601".to_owned()));
    }

    #[test]
    fn unknown_parts_follow_the_matrix_without_a_conversion() {
        let caps = format!("video/x-raw,format=I420,{RATE},colorimetry=(string)2:3:0:0");
        assert_eq!(told(&caps), (true, "bt709".to_owned()));
    }
}
