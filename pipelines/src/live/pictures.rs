//! Live pictures: decoded once, scaled in cascade, encoded for every rung under their own times.

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use gstreamer_video::{self as gst_video, VideoFormat, VideoInfo};
use pipeline_wire::{FromChild, LiveCodec, LiveEvent, LiveVideoSpec, RungSpec};

use crate::colour;
use crate::decode::{self, FormatOf};
use crate::encode::{self, Pace};
use crate::failure::{GraphError, Result};
use crate::feed::Feed;
use crate::graph::Graph;
use crate::ladder::{Ladder, Picture, Rung, Span};
use crate::levels::Levels;

use super::clock::Clock;
use super::intake::{self, Inlet};
use super::keys::Keys;
use super::outlet;
use super::session::Session;

/// Decoded pictures that may wait to be scaled.
const DECODED_MAX: u32 = 4;
/// Scaled pictures that may wait before an encoder.
const SCALED_MAX: u64 = 4;

/// A running decoder of pictures.
pub struct Decoder {
    graph: Graph,
    sink: AppSink,
}

impl Decoder {
    /// A decoder for `spec`, running, and the way in.
    ///
    /// # Errors
    /// When an element is missing.
    pub fn start(spec: &LiveVideoSpec, session: &Session) -> Result<(Self, Inlet)> {
        let graph = session.graph("live-pictures")?;
        let inlet = Inlet::new("units", format(spec)?, &spec.config, Clock::new(spec.timescale)?)?;
        let make = gst::ElementFactory::make;
        let convert = make("videoconvert").property("n-threads", 1u32).build()?;
        let plain = make("capsfilter").build()?;
        colour::convert_only_when_needed(&convert, &plain)?;
        let caps = gst_video::VideoCapsBuilder::new().format(VideoFormat::I420).build();
        let sink = AppSink::builder()
            .caps(&caps)
            .sync(false)
            .max_buffers(DECODED_MAX)
            .enable_last_sample(false)
            .build();
        decode::accept_strides(&sink)?;
        graph.chain(&[inlet.element(), &decoder(spec.codec)?, &convert, &plain, sink.upcast_ref()])?;
        graph.set_state(gst::State::Playing)?;
        Ok((Self { graph, sink }, inlet))
    }

    /// What the way in belongs to.
    #[must_use]
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Encodes what comes out until the end.
    ///
    /// # Errors
    /// When an element fails, the parent goes away, or something else ended the session.
    pub fn run(&self, spec: &LiveVideoSpec, session: &Session) -> Result<()> {
        let mut pictures = Pictures::new(spec, session)?;
        while let Some(sample) = intake::next(&self.sink, &self.graph)? {
            pictures.take(&sample)?;
        }
        pictures.finish()
    }
}

/// The format of the units that come in, but for its configuration.
fn format(spec: &LiveVideoSpec) -> Result<gst::Caps> {
    let part = |part: u32| i32::try_from(part).map_err(GraphError::internal);
    let (name, form) = match spec.codec {
        LiveCodec::H264 => ("video/x-h264", "avc"),
        LiveCodec::Hevc => ("video/x-h265", "hvc1"),
    };
    Ok(gst::Caps::builder(name)
        .field("stream-format", form)
        .field("alignment", "au")
        .field("framerate", gst::Fraction::new(part(spec.timescale)?, part(spec.frame_ticks)?))
        .build())
}

/// One thread; damaged units are no errors, however many. By the letter of the standard, a decoder holds as many
/// pictures back as the level allows where the stream does not say how many it reorders (`bitstream_restriction_flag`,
/// ITU-T H.264 §E.2.1): half a second and more. Beside the letter it learns the number, at the price of the pictures
/// by which it learns.
fn decoder(codec: LiveCodec) -> Result<gst::Element> {
    let name = match codec {
        LiveCodec::H264 => "avdec_h264",
        LiveCodec::Hevc => "avdec_h265",
    };
    let decoder = gst::ElementFactory::make(name)
        .property("max-threads", 1i32)
        .property("max-errors", -1i32)
        .property_from_str("std-compliance", "normal")
        .build()?;
    Ok(decoder)
}

/// Decoded pictures on their way to the encoders, which start with the first.
struct Pictures<'a> {
    spec: &'a LiveVideoSpec,
    session: &'a Session,
    clock: Clock,
    keys: Keys,
    formats: FormatOf,
    levels: Levels,
    size: Option<(u32, u32)>,
    encoders: Option<Encoders>,
}

impl<'a> Pictures<'a> {
    fn new(spec: &'a LiveVideoSpec, session: &'a Session) -> Result<Self> {
        Ok(Self {
            spec,
            session,
            clock: Clock::new(spec.timescale)?,
            keys: Keys::new(spec.keys, spec.frame_ticks)?,
            formats: FormatOf::default(),
            levels: Levels::default(),
            size: None,
            encoders: None,
        })
    }

    fn take(&mut self, sample: &gst::Sample) -> Result<()> {
        let (buffer, caps) = intake::parts(sample)?;
        let Some(pts) = buffer.pts().map(|time| self.clock.ticks(time)) else { return Ok(()) };
        let shown = self.session.roll().shown(pts);
        let counts = &self.session.counts;
        counts.pictures_lost.add(shown.lost);
        if !shown.due {
            return Ok(());
        }
        counts.pictures.add(1);
        counts.pictures_damaged.add(buffer.flags().contains(gst::BufferFlags::CORRUPTED).into());
        let (buffer, caps) = self.levels.map(buffer, caps)?;
        let info = self.formats.get(&caps)?;
        self.notice_size(&info, pts)?;
        let key = self.keys.is_key(pts, shown.key);
        let span = self.span(pts)?;
        let encoders = match self.encoders.take() {
            Some(encoders) => encoders,
            None => Encoders::start(self.spec, &info, self.session)?,
        };
        self.encoders.insert(encoders).show(Picture { buffer, info }, span, key)
    }

    fn notice_size(&mut self, info: &VideoInfo, pts: i64) -> Result<()> {
        let (width, height) = (info.width(), info.height());
        if self.size.replace((width, height)) == Some((width, height)) {
            return Ok(());
        }
        let event = LiveEvent::PictureSize { width, height, pts };
        Ok(self.session.link.send(&FromChild::LiveEvent(event))?)
    }

    fn span(&self, pts: i64) -> Result<Span> {
        let time =
            |ticks| self.clock.time(ticks).ok_or_else(|| GraphError::internal("a picture beyond all time"));
        let (start, end) = (time(pts)?, time(pts.saturating_add(self.spec.frame_ticks.into()))?);
        Ok(Span { start, lasts: end.saturating_sub(start) })
    }

    fn finish(self) -> Result<()> {
        self.session.counts.pictures_lost.add(self.session.roll().end());
        self.encoders.map_or(Ok(()), Encoders::finish)
    }
}

/// The encoding side.
struct Encoders {
    graph: Graph,
    ladder: Ladder,
    /// Where each encoder is asked for key pictures.
    asked: Vec<gst::Pad>,
}

impl Encoders {
    fn start(spec: &LiveVideoSpec, info: &VideoInfo, session: &Session) -> Result<Self> {
        let graph = session.graph("live-encode")?;
        let (mut rungs, mut asked) = (Vec::new(), Vec::new());
        for (place, rung) in spec.rungs.iter().enumerate() {
            let last = place + 1 == spec.rungs.len();
            let (rung, pad) = add_rung(&graph, spec, rung, info, &sink(spec, rung, last, session)?)?;
            rungs.push(rung);
            asked.push(pad);
        }
        graph.set_state(gst::State::Playing)?;
        Ok(Self { graph, ladder: Ladder::new(rungs), asked })
    }

    fn show(&mut self, picture: Picture, span: Span, key: bool) -> Result<()> {
        if key {
            // Each knows before the picture arrives, and none before it heeds this.
            for pad in &self.asked {
                let ask = gst_video::UpstreamForceKeyUnitEvent::builder().running_time(span.start).build();
                pad.send_event(ask);
            }
        }
        self.ladder.show(picture, std::iter::once(span), &self.graph)
    }

    fn finish(self) -> Result<()> {
        self.ladder.end()?;
        self.graph.wait_end()
    }
}

/// Adds one rung's encoder to `graph`; also where it is asked for key pictures.
fn add_rung(
    graph: &Graph,
    spec: &LiveVideoSpec,
    rung: &RungSpec,
    source: &VideoInfo,
    sink: &AppSink,
) -> Result<(Rung, gst::Pad)> {
    let rate = (spec.timescale, spec.frame_ticks);
    let info = encode::picture_info(rung, rate, &colour::of_output(source))?;
    let feed = Feed::new(&format!("pictures-{}", rung.track), &info.to_caps()?, SCALED_MAX)?;
    let [encoder, profile, parse] = encode::x264(rung, Pace::Live { lookahead: spec.lookahead_frames })?;
    graph.chain(&[feed.element(), &encoder, &profile, &parse, sink.upcast_ref()])?;
    let pad = encoder.static_pad("src").ok_or_else(|| GraphError::internal("x264enc without a pad"))?;
    Ok((Rung::new(info, feed)?, pad))
}

/// The end of one rung's branch; the last one's measures how late pictures are.
fn sink(spec: &LiveVideoSpec, rung: &RungSpec, last: bool, session: &Session) -> Result<AppSink> {
    let clock = Clock::new(spec.timescale)?;
    let measured = session.clone();
    Ok(outlet::sink(session, rung.track, move |buffer| {
        let time =
            buffer.pts().ok_or_else(|| GraphError::internal("x264enc sent a picture without a time"))?;
        let pts = clock.ticks(time);
        if last && let Some(taken) = measured.roll().sent(pts) {
            measured.counts.late(gst::get_timestamp().saturating_sub(taken));
        }
        Ok(Some(pts))
    }))
}
