//! Synthetic films and streams: fixtures whose every frame says which it is, and a picture pleasant enough to show.

mod canvas;
mod lettering;
mod scene;
mod sound;
pub mod stream;

use bytes::BytesMut;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks};
use gstreamer_video::{VideoFormat, VideoInfo};
use media::barcode::Mark;
use pipeline_wire::{FromChild, Grid, MediaClock, TestFilmSpec};

use crate::aac::{self, Format};
use crate::failure::{GraphError, Result};
use crate::feed::Feed;
use crate::fragments::End;
use crate::graph::Graph;
use crate::grid::Slots;
use crate::link::Link;
use crate::repeatable;
use canvas::Canvas;
use scene::{Moment, Scene};
use sound::Beat;

/// Pictures that may wait before the encoder.
const WAITING_MAX: u64 = 4;
/// Length of a fragment and of a GOP.
const FRAGMENT_NS: u64 = 2_000_000_000;
const BITRATE: u32 = 128_000;
/// x264 quality: the film is a source, so well above what a rung will have.
const CRF: u32 = 18;

/// Makes the film and sends it as a fragmented MP4, in file order.
///
/// # Errors
/// When the spec is out of range, an element is missing or fails, or the parent goes away.
pub fn run(spec: &TestFilmSpec, link: &Link) -> Result<()> {
    repeatable::zero_new_memory();
    let slots = checked(spec)?;
    let graph = Graph::new("film", link)?;
    let muxer = gst::ElementFactory::make("isofmp4mux")
        .property("fragment-duration", gst::ClockTime::from_nseconds(FRAGMENT_NS))
        .property("write-mfra", true)
        .build()?;
    let sink = sink(&graph, link);
    graph.chain(&[&muxer, sink.upcast_ref()])?;
    let mut pictures = pictures(spec, &graph, &muxer)?;
    let mut sound = spec.audio.then(|| soundtrack(&graph, &muxer)).transpose()?;
    graph.set_state(gst::State::Playing)?;
    let mut scene = Scene::new(spec.width as usize, spec.height as usize, &spec.title);
    for frame in 0..spec.frames {
        pictures.push(picture(&mut scene, spec, slots, frame)?, &graph)?;
        if let Some(sound) = &mut sound {
            sound.push(sound_of(beat_of(spec), slots, frame), &graph)?;
        }
        link.progress(frame + 1, spec.frames)?;
    }
    pictures.end()?;
    sound.map_or(Ok(()), |sound| sound.end())?;
    graph.wait_end()
}

fn checked(spec: &TestFilmSpec) -> Result<Slots> {
    let grid = Grid { fps_num: spec.fps_num, fps_den: spec.fps_den, origin_ns: 0, clock: MediaClock::Raw };
    checked_size(spec.width, spec.height)?;
    if spec.frames == 0 || spec.frames > u64::from(u32::MAX) {
        return Err(GraphError::internal(format!("no film of {} frames", spec.frames)));
    }
    Slots::new(grid).map_err(GraphError::internal)
}

fn checked_size(width: u32, height: u32) -> Result<()> {
    let even = |side: u32| side.is_multiple_of(2) && side <= 8192;
    let fits = even(width) && even(height) && width >= 320 && height >= 180;
    if fits { Ok(()) } else { Err(GraphError::internal(format!("no pictures of {width}x{height}"))) }
}

fn beat_of(spec: &TestFilmSpec) -> Beat {
    Beat::new((spec.fps_num, spec.fps_den))
}

/// Sends whatever the muxer writes.
fn sink(graph: &Graph, link: &Link) -> AppSink {
    let (link, fault) = (link.clone(), graph.fault());
    let callbacks = AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            send(&sample, &link).map(|()| gst::FlowSuccess::Ok).map_err(|error| {
                fault.set(error);
                gst::FlowError::Error
            })
        })
        .build();
    AppSink::builder().buffer_list(true).sync(false).async_(false).callbacks(callbacks).build()
}

fn send(sample: &gst::Sample, link: &Link) -> Result<()> {
    let mut bytes = BytesMut::new();
    let mut append = |buffer: &gst::BufferRef| -> Result<()> {
        bytes.extend_from_slice(&buffer.map_readable()?);
        Ok(())
    };
    match sample.buffer_list() {
        Some(list) => list.iter().try_for_each(&mut append)?,
        None => sample.buffer().map_or(Ok(()), &mut append)?,
    }
    Ok(link.send(&FromChild::File(bytes.freeze()))?)
}

fn pictures(spec: &TestFilmSpec, graph: &Graph, muxer: &gst::Element) -> Result<Feed> {
    let part = |part: u32| i32::try_from(part).map_err(GraphError::internal);
    let info = VideoInfo::builder(VideoFormat::I420, spec.width, spec.height)
        .fps(gst::Fraction::new(part(spec.fps_num)?, part(spec.fps_den)?))
        .par(gst::Fraction::new(1, 1))
        .colorimetry(&crate::colour::bt709())
        .build()?;
    let feed = Feed::new("pictures", &info.to_caps()?, WAITING_MAX)?;
    let slots_per_gop =
        (u64::from(spec.fps_num) * FRAGMENT_NS / 1_000_000_000 / u64::from(spec.fps_den)).max(1);
    let encoder = gst::ElementFactory::make("x264enc")
        .property("threads", 1u32)
        .property("key-int-max", u32::try_from(slots_per_gop).map_err(GraphError::internal)?)
        .property("quantizer", CRF)
        // Without B-frames there are no composition offsets for demuxers to disagree about.
        .property("option-string", "bframes=0")
        .property("vbv-buf-capacity", 0u32)
        .property_from_str("pass", "qual")
        .property_from_str("speed-preset", "veryfast")
        .build()?;
    let parse = gst::ElementFactory::make("h264parse").build()?;
    graph.chain(&[feed.element(), &encoder, &parse])?;
    join(&parse, muxer)?;
    Ok(feed)
}

fn soundtrack(graph: &Graph, muxer: &gst::Element) -> Result<Feed> {
    let format =
        Format { sample_rate: sound::SAMPLE_RATE, channels: sound::CHANNELS as u32, bitrate: BITRATE };
    let (feed, elements) = aac::encoder(format, End::default(), |_, _| {})?;
    let chain: Vec<&gst::Element> = std::iter::once(feed.element()).chain(&elements).collect();
    graph.chain(&chain)?;
    join(&elements[elements.len() - 1], muxer)?;
    Ok(feed)
}

/// Links through a queue that takes what the other branch's encoder holds back while it looks ahead.
fn join(element: &gst::Element, muxer: &gst::Element) -> Result<()> {
    let queue = gst::ElementFactory::make("queue")
        .property("max-size-buffers", 0u32)
        .property("max-size-time", 0u64)
        .property("max-size-bytes", 64u32 << 20)
        .build()?;
    if let Some(bin) = muxer.parent().and_downcast::<gst::Bin>() {
        bin.add(&queue)?;
    }
    Ok(gst::Element::link_many([element, &queue, muxer])?)
}

fn picture(scene: &mut Scene, spec: &TestFilmSpec, slots: Slots, frame: u64) -> Result<gst::Buffer> {
    let time_ns = slots.start_ns(frame);
    let number = u32::try_from(frame).map_err(GraphError::internal)?;
    let mark = Mark { frame: number, epoch_ms: spec.epoch_ms + time_ns / 1_000_000 };
    let canvas = scene.paint(Moment { mark, time_ns, flash: beat_of(spec).is_lit(frame) });
    let mut buffer = gst::Buffer::from_slice(packed(canvas));
    time(buffer.make_mut(), slots, frame);
    Ok(buffer)
}

/// Planes behind each other, rows as long as I420 has them by default: rounded up to four bytes.
fn packed(canvas: &Canvas) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (plane, width) in canvas.planes() {
        for row in plane.chunks(width) {
            bytes.extend_from_slice(row);
            bytes.resize(bytes.len() + width.next_multiple_of(4) - width, 0);
        }
    }
    bytes
}

fn sound_of(beat: Beat, slots: Slots, frame: u64) -> gst::Buffer {
    let bytes: Vec<u8> = beat.sound_of(frame).into_iter().flat_map(f32::to_le_bytes).collect();
    let mut buffer = gst::Buffer::from_slice(bytes);
    time(buffer.make_mut(), slots, frame);
    buffer
}

fn time(buffer: &mut gst::BufferRef, slots: Slots, frame: u64) {
    buffer.set_pts(gst::ClockTime::from_nseconds(slots.start_ns(frame)));
    buffer.set_duration(gst::ClockTime::from_nseconds(slots.duration_ns(frame)));
}
