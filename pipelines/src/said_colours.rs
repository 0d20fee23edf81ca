//! Whose word counts on the colours of H.264 and H.265: the bitstream's where it says something, else the container's.
//!
//! qtdemux of GStreamer 1.22 leaves out the range that an mp4 states (`full_range_flag` of `colr`, ISO/IEC 14496-12
//! §12.1.5), and the parsers believe what a container says before they look for themselves.

use std::sync::{Arc, Mutex, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video::{VideoColorMatrix, VideoColorimetry};

const FIELD: &str = "colorimetry";

/// Makes `element`, if it is a parser of these formats, look into the bitstream first.
pub fn prefer_bitstream(element: &gst::Element) {
    let is_parser =
        element.factory().is_some_and(|factory| matches!(factory.name().as_str(), "h264parse" | "h265parse"));
    let (Some(sink), Some(src)) = (element.static_pad("sink"), element.static_pad("src")) else { return };
    if !is_parser {
        return;
    }
    let said = Arc::<Mutex<Option<String>>>::default();
    on_caps(&sink, {
        let said = said.clone();
        move |caps| {
            let told = caps.structure(0).and_then(|structure| structure.get::<String>(FIELD).ok());
            if told.is_some() {
                caps.make_mut().structure_mut(0)?.remove_field(FIELD);
            }
            *said.lock().unwrap_or_else(PoisonError::into_inner) = told.clone();
            told.map(|_| ())
        }
    });
    on_caps(&src, move |caps| {
        let told = said.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let own = caps.structure(0)?.get::<String>(FIELD).ok().and_then(|text| text.parse().ok());
        let speaks = own.is_some_and(|own: VideoColorimetry| own.matrix() != VideoColorMatrix::Unknown);
        (!speaks).then(|| caps.make_mut().set(FIELD, told))
    });
}

/// Changes caps that pass `pad`, when `change` gives something.
fn on_caps(pad: &gst::Pad, change: impl Fn(&mut gst::Caps) -> Option<()> + Send + Sync + 'static) {
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let event = info.event().and_then(|event| match event.view() {
            gst::EventView::Caps(caps) => Some((caps.caps_owned(), event.seqnum())),
            _ => None,
        });
        if let Some((mut caps, seqnum)) = event
            && change(&mut caps).is_some()
        {
            let changed = gst::event::Caps::builder(&caps).seqnum(seqnum).build();
            info.data = Some(gst::PadProbeData::Event(changed));
        }
        gst::PadProbeReturn::Ok
    });
}
