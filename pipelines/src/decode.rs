//! Source to raw pictures or sound: one stream of a source, decoded into an `appsink`.
//!
//! Decoding and encoding are two pipelines, because a pipeline with an encoder's sinks in it refuses to seek
//! before they have all received something.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use gstreamer_base::BaseTransform;
use gstreamer_base::prelude::*;
use gstreamer_video::{self as gst_video, VideoFormat, VideoInfo, VideoOrientationMethod};
use pipeline_wire::{MediaClock, SourceSpec, WideColour};

use crate::colour;
use crate::failure::{GraphError, Result};
use crate::graph::{Graph, LOOK};
use crate::levels::Levels;
use crate::link::Link;
use crate::picture_times;
use crate::said_colours;
use crate::source::source_element;
use crate::streams;
use crate::tone::Tone;

/// Decoded buffers that may wait to be taken.
const WAITING_MAX: u32 = 4;
/// Pixels above which a decoder gets a second thread: one thread decodes 1080p faster than x264 encodes it.
const ONE_THREAD_PIXELS: i64 = 1920 * 1088;

/// A decoded buffer with what is needed to read it.
#[derive(Clone)]
pub struct Decoded {
    /// The picture or the sound.
    pub buffer: gst::Buffer,
    /// Its format.
    pub caps: gst::Caps,
    /// Presentation time in nanoseconds on the clock that was asked for.
    pub time_ns: i64,
}

/// Which of a source's streams is decoded, and what it is turned into.
pub struct Wanted {
    /// Chooses the stream.
    pub choose: fn(&gst::StreamCollection, u32) -> Option<gst::Stream>,
    /// Passed to `choose`: the index among streams of its kind.
    pub index: u32,
    /// Elements between decoder and sink, in order.
    pub filters: Vec<gst::Element>,
    /// What arrives at the sink.
    pub caps: gst::Caps,
    /// What is done to pictures from there.
    pub recolour: Option<Recolour>,
}

/// What is done to the colours of decoded pictures.
pub enum Recolour {
    /// Wide colours become BT.709's.
    Tone(Box<Tone>),
    /// A full range becomes a limited one.
    Levels(Box<Levels>),
}

impl Recolour {
    fn map(&mut self, picture: gst::Buffer, caps: gst::Caps) -> Result<(gst::Buffer, gst::Caps)> {
        match self {
            Self::Tone(tone) => tone.map(&picture, &caps),
            Self::Levels(levels) => levels.map(picture, caps),
        }
    }
}

/// A running decoder.
pub struct Decoder {
    graph: Graph,
    sink: AppSink,
    recolour: Option<Recolour>,
    clock: MediaClock,
    /// Start of the last buffer and how long it lasts, for buffers that come without a time.
    last: Option<(i64, u64)>,
    /// How far stream time is ahead of the clock, from the first buffer on.
    shift: Option<i64>,
}

impl Wanted {
    /// Upright, progressive 8-bit I420 pictures of the film's video stream, in colours that are encoded; `colour` says
    /// which it has if they are beyond those.
    ///
    /// # Errors
    /// When an element is missing.
    pub fn pictures(colour: Option<WideColour>) -> Result<Self> {
        let make = gst::ElementFactory::make;
        let convert = make("videoconvert").property("n-threads", 1u32).build()?;
        let format = make("capsfilter").build()?;
        match colour {
            None => colour::convert_only_when_needed(&convert, &format)?,
            Some(_) => colour::keep(&convert, &format, &Tone::caps())?,
        }
        // Both fields become pictures; the grid keeps the one whose time is nearest. Of the adaptive methods in
        // GStreamer 1.22 this is the one that is right: `greedyh` and `tomsmocomp` spoil widths that are no
        // multiple of 8, `yadif` gives the first picture the time of the second.
        let progressive = make("deinterlace")
            .property_from_str("mode", "auto")
            .property_from_str("fields", "all")
            .property_from_str("method", "greedyl")
            .build()?;
        let upright = make("videoflip").build()?;
        turn_as_tagged(&upright)?;
        Ok(Self {
            choose: |collection, _| streams::video_of(collection),
            index: 0,
            filters: vec![convert, format, progressive, upright],
            caps: match colour {
                None => gst_video::VideoCapsBuilder::new().format(VideoFormat::I420).build(),
                Some(_) => Tone::caps(),
            },
            recolour: Some(match colour {
                None => Recolour::Levels(Box::default()),
                Some(colour) => Recolour::Tone(Box::new(Tone::new(colour))),
            }),
        })
    }
}

impl Decoder {
    /// Builds a decoder of `source`; nothing runs yet.
    ///
    /// # Errors
    /// When an element is missing.
    pub fn new(source: &SourceSpec, clock: MediaClock, wanted: Wanted, link: &Link) -> Result<Self> {
        let graph = Graph::new("decode", link)?;
        let sink = AppSink::builder()
            .caps(&wanted.caps)
            .sync(false)
            .max_buffers(WAITING_MAX)
            .enable_last_sample(false)
            .build();
        accept_strides(&sink)?;
        let chain: Vec<&gst::Element> = wanted.filters.iter().chain([sink.upcast_ref()]).collect();
        graph.chain(&chain)?;
        let decodebin = gst::ElementFactory::make("decodebin3").build()?;
        let (choose, index) = (wanted.choose, wanted.index);
        streams::select_only(&decodebin, move |collection| choose(collection, index));
        link_when_ready(&decodebin, chain[0])?;
        graph.pipeline().connect_deep_element_added(|_, _, element| {
            set_threads(element);
            picture_times::complete(element);
            said_colours::prefer_bitstream(element);
        });
        graph.chain(&[&source_element(link, source.bytes), &decodebin])?;
        Ok(Self { graph, sink, recolour: wanted.recolour, clock, last: None, shift: None })
    }

    /// Runs from the start of the source.
    ///
    /// # Errors
    /// What an element reported.
    pub fn play(&self) -> Result<()> {
        self.graph.set_state(gst::State::Playing)
    }

    /// Runs from the key frame at or before `time_ns` on the clock, and returns the time of the first buffer
    /// from there; `None` when there is none. May be called again to seek elsewhere, but not once
    /// [`Decoder::next`] has been.
    ///
    /// # Errors
    /// What an element reported.
    pub fn cue(&mut self, time_ns: i64) -> Result<Option<i64>> {
        self.graph.set_state(gst::State::Paused)?;
        let Some(first) = self.preroll()? else { return Ok(None) };
        self.learn_shift(&first);
        if !self.seek(time_ns)? {
            return Err(GraphError::internal(format!("the source refuses to seek to {time_ns} ns")));
        }
        Ok(self.preroll()?.and_then(|sample| self.time_of(&sample)))
    }

    /// The first buffer, which stays in the sink.
    fn preroll(&self) -> Result<Option<gst::Sample>> {
        loop {
            if let Some(sample) = self.sink.try_pull_preroll(LOOK) {
                return Ok(Some(sample));
            }
            self.graph.check()?;
            if self.sink.is_eos() {
                return Ok(None);
            }
        }
    }

    /// The next buffer; `None` at the end of the source.
    ///
    /// # Errors
    /// What an element reported.
    pub fn next(&mut self) -> Result<Option<Decoded>> {
        loop {
            if let Some(sample) = self.sink.try_pull_sample(LOOK) {
                return self.decoded(&sample).map(Some);
            }
            self.graph.check()?;
            if self.sink.is_eos() {
                return Ok(None);
            }
        }
    }

    /// Goes on from the key frame at or before `time_ns` on the clock, as near as the container knows. To be
    /// called once a first buffer has been seen. False when the source cannot seek.
    ///
    /// # Errors
    /// What an element reported.
    pub fn seek(&mut self, time_ns: i64) -> Result<bool> {
        self.graph.check()?;
        self.last = None;
        let stream_time = time_ns.saturating_add(self.shift.unwrap_or(0));
        let target = gst::ClockTime::from_nseconds(u64::try_from(stream_time).unwrap_or(0));
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT | gst::SeekFlags::SNAP_BEFORE;
        Ok(self.graph.pipeline().seek_simple(flags, target).is_ok())
    }

    fn decoded(&mut self, sample: &gst::Sample) -> Result<Decoded> {
        let follows = self.last.map(|(start, lasts)| start.saturating_add_unsigned(lasts));
        let time_ns = self
            .time_of(sample)
            .or(follows)
            .ok_or_else(|| GraphError::damaged("the first picture or sound has no time"))?;
        let buffer =
            sample.buffer_owned().ok_or_else(|| GraphError::internal("a sample without a buffer"))?;
        let caps = sample.caps_owned().ok_or_else(|| GraphError::internal("a sample without caps"))?;
        self.last = Some((time_ns, buffer.duration().map_or(0, gst::ClockTime::nseconds)));
        self.learn_shift(sample);
        let (buffer, caps) = match &mut self.recolour {
            Some(recolour) => recolour.map(buffer, caps)?,
            None => (buffer, caps),
        };
        Ok(Decoded { buffer, caps, time_ns })
    }

    /// Only from the first buffer: later segments may count anew (Matroska's do after a seek).
    fn learn_shift(&mut self, first: &gst::Sample) {
        let of = |first| Some(stream_time_of(first)?.saturating_sub(self.time_of(first)?));
        self.shift = self.shift.or_else(|| of(first));
    }

    fn time_of(&self, sample: &gst::Sample) -> Option<i64> {
        match self.clock {
            MediaClock::Raw => i64::try_from(sample.buffer()?.pts()?.nseconds()).ok(),
            MediaClock::StreamTime => stream_time_of(sample),
        }
    }
}

fn stream_time_of(sample: &gst::Sample) -> Option<i64> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    segment.to_stream_time_full(sample.buffer()?.pts()?).map(Nanoseconds::nseconds_signed)
}

trait Nanoseconds {
    fn nseconds_signed(self) -> i64;
}

impl Nanoseconds for gst::Signed<gst::ClockTime> {
    fn nseconds_signed(self) -> i64 {
        let limit = |time: gst::ClockTime| i64::try_from(time.nseconds()).unwrap_or(i64::MAX);
        match self {
            Self::Positive(time) => limit(time),
            Self::Negative(time) => -limit(time),
        }
    }
}

/// Turns pictures as the stream's tag asks, and lets those of a film without one through: `videoflip` by itself
/// copies them.
fn turn_as_tagged(flip: &gst::Element) -> Result<()> {
    let pad = |name| flip.static_pad(name).ok_or_else(|| GraphError::internal("videoflip without a pad"));
    let of_tags = flip.downgrade();
    pad("sink")?.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let method = info.event().and_then(|event| match event.view() {
            gst::EventView::Tag(tag) => VideoOrientationMethod::from_tag(tag.tag()),
            _ => None,
        });
        if let (Some(method), Some(flip)) = (method, of_tags.upgrade()) {
            flip.set_property("video-direction", method);
        }
        gst::PadProbeReturn::Ok
    });
    // Its own negotiation, which would undo this, is over when it sends its caps on.
    let of_caps = flip.downgrade();
    pad("src")?.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let is_caps = info.event().is_some_and(|event| event.type_() == gst::EventType::Caps);
        if let (true, Some(flip)) = (is_caps, of_caps.upgrade().and_downcast::<BaseTransform>()) {
            let method = flip.property::<VideoOrientationMethod>("video-direction");
            flip.set_passthrough(method == VideoOrientationMethod::Identity);
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// Tells decoders that rows may be padded, so that they hand out their own pictures instead of copies.
///
/// # Errors
/// When the sink has no pad.
pub fn accept_strides(sink: &AppSink) -> Result<()> {
    let pad = sink.static_pad("sink").ok_or_else(|| GraphError::internal("appsink without a pad"))?;
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| {
        match info.query_mut().map(|q| q.view_mut()) {
            Some(gst::QueryViewMut::Allocation(query)) => {
                query.add_allocation_meta::<gst_video::VideoMeta>(None);
                gst::PadProbeReturn::Handled
            }
            _ => gst::PadProbeReturn::Ok,
        }
    });
    Ok(())
}

/// Links the decoder's first pad that fits to `first`.
fn link_when_ready(decodebin: &gst::Element, first: &gst::Element) -> Result<()> {
    let entry = first.static_pad("sink").ok_or_else(|| GraphError::internal("a filter without a pad"))?;
    decodebin.connect_pad_added(move |_, pad| {
        if !entry.is_linked() {
            // A pad of another kind does not fit and stays unlinked.
            let _ = pad.link(&entry);
        }
    });
    Ok(())
}

/// Gives a decoder its threads once the size of the picture is known, which is before it opens.
fn set_threads(element: &gst::Element) {
    if !element.has_property("max-threads") {
        return;
    }
    let decoder = element.downgrade();
    let Some(pad) = element.static_pad("sink") else { return };
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let event = info.event().and_then(|event| match event.view() {
            gst::EventView::Caps(caps) => Some(caps.caps_owned()),
            _ => None,
        });
        if let (Some(caps), Some(decoder)) = (event, decoder.upgrade()) {
            decoder.set_property("max-threads", threads_for(&caps));
        }
        gst::PadProbeReturn::Ok
    });
}

fn threads_for(caps: &gst::Caps) -> i32 {
    let pixels = caps.structure(0).and_then(|structure| {
        let side = |name: &str| structure.get::<i32>(name).ok().map(i64::from);
        Some(side("width")? * side("height")?)
    });
    if pixels.unwrap_or(0) > ONE_THREAD_PIXELS { 2 } else { 1 }
}

/// The format of decoded pictures, kept while their caps stay the same.
#[derive(Default)]
pub struct FormatOf(Option<(gst::Caps, Arc<VideoInfo>)>);

impl FormatOf {
    /// The format that `caps` mean.
    ///
    /// # Errors
    /// When they are no raw video.
    pub fn get(&mut self, caps: &gst::Caps) -> Result<Arc<VideoInfo>> {
        if let Some((_, info)) = self.0.as_ref().filter(|(known, _)| known == caps) {
            return Ok(info.clone());
        }
        let info = Arc::new(VideoInfo::from_caps(caps)?);
        self.0 = Some((caps.clone(), info.clone()));
        Ok(info)
    }
}
