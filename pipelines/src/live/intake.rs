//! The parent's units to the decoders.

use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use pipeline_wire::{Medium, ToChild, Unit};

use crate::failure::{GraphError, Result};
use crate::feed::Feed;
use crate::graph::{Graph, LOOK};
use crate::link::LinkError;

use super::clock::Clock;
use super::session::Session;

/// Units that may wait before a decoder.
const WAITING_MAX: u64 = 4;

/// The way into one decoder.
pub struct Inlet {
    feed: Feed,
    clock: Clock,
    /// The format but for its configuration.
    format: gst::Caps,
    config: Bytes,
}

impl Inlet {
    /// A way in for units of `format`, configured by `config`, in ticks of `clock`.
    ///
    /// # Errors
    /// When its element cannot be made.
    pub fn new(name: &str, format: gst::Caps, config: &[u8], clock: Clock) -> Result<Self> {
        let feed = Feed::new(name, &configured(&format, config), WAITING_MAX)?;
        Ok(Self { feed, clock, format, config: Bytes::copy_from_slice(config) })
    }

    /// The element to link from.
    #[must_use]
    pub fn element(&self) -> &gst::Element {
        self.feed.element()
    }

    fn reconfigure(&mut self, config: Bytes) {
        // Encoders repeat it, and a decoder that is configured begins anew.
        if config != self.config {
            self.feed.set_caps(&configured(&self.format, &config));
            self.config = config;
        }
    }

    /// The unit as a decoder takes it; `None` when it is beyond the graph's clock.
    fn buffer(&self, unit: Unit) -> Option<gst::Buffer> {
        let (pts, dts) = (self.clock.time(unit.pts)?, self.clock.time(unit.dts)?);
        let mut buffer = gst::Buffer::from_slice(unit.bytes);
        let timed = buffer.make_mut();
        timed.set_pts(pts);
        timed.set_dts(dts);
        if !unit.key {
            timed.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
        Some(buffer)
    }
}

fn configured(format: &gst::Caps, config: &[u8]) -> gst::Caps {
    let mut caps = format.clone();
    caps.make_mut().set("codec_data", gst::Buffer::from_slice(config.to_vec()));
    caps
}

/// The ways in that a session has, each with the graph behind it.
pub struct Intake<'a> {
    /// Shared with all other threads.
    pub session: &'a Session,
    /// Pictures.
    pub video: Option<(Inlet, &'a Graph)>,
    /// Sound.
    pub audio: Option<(Inlet, &'a Graph)>,
}

impl Intake<'_> {
    /// Feeds the decoders until the parent says that the stream is over. When a decoder is busy, this waits, and so in
    /// the end does the parent.
    ///
    /// # Errors
    /// When the parent is gone or something else ended the session.
    pub fn run(mut self) -> Result<()> {
        let look = Duration::from_nanos(LOOK.nseconds());
        loop {
            match self.session.link.live_input(look)? {
                Some(ToChild::Unit { medium: Medium::Video, unit }) => self.picture(unit)?,
                Some(ToChild::Unit { medium: Medium::Audio, unit }) => self.sound(unit)?,
                Some(ToChild::Reconfigure { medium, config }) => {
                    let way = if medium == Medium::Video { &mut self.video } else { &mut self.audio };
                    if let Some((inlet, _)) = way {
                        inlet.reconfigure(config);
                    }
                }
                Some(ToChild::EndOfInput) => return self.end(),
                Some(_) => return Err(LinkError::Protocol("not a message of a live stream".into()).into()),
                None => {}
            }
            self.session.check()?;
        }
    }

    fn picture(&mut self, unit: Unit) -> Result<()> {
        let Some((inlet, graph)) = &mut self.video else { return Ok(()) };
        let (pts, key, counts) = (unit.pts, unit.key, &self.session.counts);
        let Some(buffer) = inlet.buffer(unit) else {
            counts.pictures_lost.add(1);
            return Ok(());
        };
        let lost = self.session.roll().taken(pts, key, gst::get_timestamp());
        counts.pictures_lost.add(lost);
        inlet.feed.push(buffer, graph)?;
        counts.video_taken.add(1);
        Ok(())
    }

    fn sound(&mut self, unit: Unit) -> Result<()> {
        let Some((inlet, graph)) = &mut self.audio else { return Ok(()) };
        if let Some(buffer) = inlet.buffer(unit) {
            inlet.feed.push(buffer, graph)?;
        }
        self.session.counts.audio_taken.add(1);
        Ok(())
    }

    fn end(&self) -> Result<()> {
        for (inlet, _) in self.video.iter().chain(&self.audio) {
            inlet.feed.end()?;
        }
        Ok(())
    }
}

/// The next decoded buffer of `sink`; `None` at the end.
///
/// # Errors
/// What an element of `graph` reported, or what ended the session.
pub fn next(sink: &gstreamer_app::AppSink, graph: &Graph) -> Result<Option<gst::Sample>> {
    loop {
        if let Some(sample) = sink.try_pull_sample(LOOK) {
            return Ok(Some(sample));
        }
        graph.check()?;
        if sink.is_eos() {
            return Ok(None);
        }
    }
}

/// What `sample` holds.
///
/// # Errors
/// When something is missing.
pub fn parts(sample: &gst::Sample) -> Result<(gst::Buffer, gst::Caps)> {
    let buffer = sample.buffer_owned().ok_or_else(|| GraphError::internal("a sample without a buffer"))?;
    let caps = sample.caps_owned().ok_or_else(|| GraphError::internal("a sample without caps"))?;
    Ok((buffer, caps))
}
