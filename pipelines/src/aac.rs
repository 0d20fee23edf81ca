//! An AAC-LC encoder whose packets start where their sound does.
//!
//! `avenc_aac` emits one packet of priming first and does not say so: everything after it would sound 1024
//! samples late. The packet is dropped and packet `k` gets the time of sample `(k - 1) * 1024`.

use std::sync::atomic::{AtomicU64, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::failure::{GraphError, Result};
use crate::feed::Feed;
use crate::fragments::End;
use crate::pcm;

/// Samples per packet.
pub const PACKET_SAMPLES: u64 = 1024;
/// Buffers of sound that may wait before the encoder.
const WAITING_MAX: u64 = 16;

/// Rate, channels and bit rate of the output.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Samples per second.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u32,
    /// Bit/s.
    pub bitrate: u32,
}

impl Format {
    /// What the encoder takes: interleaved 32-bit floats.
    ///
    /// # Errors
    /// When rate or channels are out of range.
    pub fn caps(&self) -> Result<gst::Caps> {
        let part = |part: u32| i32::try_from(part).map_err(GraphError::internal);
        if !matches!(self.channels, 1 | 2) || !(7_350..=96_000).contains(&self.sample_rate) {
            return Err(GraphError::internal(format!("the spec asks for {self:?}")));
        }
        Ok(gst::Caps::builder("audio/x-raw")
            .field("format", "F32LE")
            .field("layout", "interleaved")
            .field("rate", part(self.sample_rate)?)
            .field("channels", part(self.channels)?)
            .build())
    }

    /// Bytes of one sample of all channels.
    #[must_use]
    pub const fn sample_bytes(&self) -> usize {
        4 * self.channels as usize
    }
}

/// A feed and the elements behind it, ending in timed packets; `cut(packet, pad)` is called before each.
///
/// Packets that start at or past `end`, once that is known, are dropped, and the one before them is shortened
/// to it.
///
/// # Errors
/// When an element is missing.
pub fn encoder(
    format: Format,
    end: End,
    cut: impl Fn(u64, &gst::Pad) + Send + Sync + 'static,
) -> Result<(Feed, Vec<gst::Element>)> {
    let feed = Feed::new("sound", &format.caps()?, WAITING_MAX)?;
    let [encoder, parse] = elements(format)?;
    let pad = parse.static_pad("src").ok_or_else(|| GraphError::internal("aacparse without a pad"))?;
    let seen = AtomicU64::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some(packet) = seen.fetch_add(1, Ordering::AcqRel).checked_sub(1) else {
            return gst::PadProbeReturn::Handled;
        };
        let Some(buffer) = info.buffer_mut() else { return gst::PadProbeReturn::Ok };
        let first = packet * PACKET_SAMPLES;
        let last = end.get().map_or(first + PACKET_SAMPLES, |end| end.min(first + PACKET_SAMPLES));
        if last <= first {
            return gst::PadProbeReturn::Handled;
        }
        time(buffer.make_mut(), first..last, format.sample_rate);
        cut(packet, pad);
        gst::PadProbeReturn::Ok
    });
    Ok((feed, vec![encoder, parse]))
}

/// The encoder and its parser, to be linked in a row. The first packet that leaves them is the priming.
///
/// # Errors
/// When an element is missing.
pub fn elements(format: Format) -> Result<[gst::Element; 2]> {
    let encoder = gst::ElementFactory::make("avenc_aac")
        .property_from_str("bitrate", &format.bitrate.to_string())
        // The element's default forces mid/side coding, which smears what sounds on one side alone over both.
        .property("aac-ms", false)
        .build()?;
    Ok([encoder, gst::ElementFactory::make("aacparse").build()?])
}

fn time(packet: &mut gst::BufferRef, samples: std::ops::Range<u64>, rate: u32) {
    let start = pcm::start_ns(samples.start, rate);
    packet.set_pts(gst::ClockTime::from_nseconds(start));
    packet.set_dts(gst::ClockTime::from_nseconds(start));
    packet.set_duration(gst::ClockTime::from_nseconds(pcm::start_ns(samples.end, rate) - start));
}
