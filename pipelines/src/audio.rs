//! One audio stream, whole: decoded, put on the output timeline, encoded as AAC in CMAF fragments.

use std::sync::atomic::{AtomicU64, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use media::SegmentGrid;
use pipeline_wire::AudioSpec;

use crate::aac::{self, Format, PACKET_SAMPLES};
use crate::decode::{Decoded, Decoder, Wanted};
use crate::downmix;
use crate::failure::{GraphError, Result};
use crate::feed::Feed;
use crate::fragments::{self, End, Fragments, Reached, Timeline};
use crate::graph::Graph;
use crate::link::Link;
use crate::pcm::{self, Piece, Placer};
use crate::repeatable;
use crate::streams;

/// Samples of silence in one buffer.
const SILENCE_MAX: u64 = 4096;
/// Decoded buffers between two words to the parent.
const PROGRESS_BUFFERS: u64 = 50;

/// Encodes the stream; fragments go out over `link` as they are finished.
///
/// # Errors
/// When the source does not decode, the encoder fails, or the parent goes away.
pub fn run(spec: &AudioSpec, link: &Link) -> Result<()> {
    repeatable::zero_new_memory();
    let mut decoder = Decoder::new(&spec.source, spec.clock, wanted(spec)?, link)?;
    let mut encoder = Encoder::start(spec, link)?;
    decoder.play()?;
    while !encoder.placer.is_full() {
        match decoder.next()? {
            Some(decoded) => encoder.take(&decoded)?,
            None => break,
        }
    }
    drop(decoder);
    encoder.finish()
}

const fn format(spec: &AudioSpec) -> Format {
    Format { sample_rate: spec.sample_rate, channels: spec.channels, bitrate: spec.bitrate }
}

fn wanted(spec: &AudioSpec) -> Result<Wanted> {
    let make = gst::ElementFactory::make;
    let convert = make("audioconvert").build()?;
    downmix::mix_as_told(&convert, spec.channels)?;
    Ok(Wanted {
        choose: streams::audio_of,
        index: spec.stream,
        filters: vec![convert, make("audioresample").build()?],
        caps: format(spec).caps()?,
        recolour: None,
    })
}

/// Tells the muxer to begin a fragment before the first packet of each segment.
fn cut_at_segments(spec: &AudioSpec) -> Result<impl Fn(u64, &gst::Pad) + Send + Sync + 'static> {
    let rate = spec.sample_rate;
    let grid = SegmentGrid::new(spec.segment_num, spec.segment_den)
        .ok_or_else(|| GraphError::internal("the spec asks for segments without length"))?;
    let current = AtomicU64::new(0);
    Ok(move |packet: u64, pad: &gst::Pad| {
        let segment = grid.index_of(packet * PACKET_SAMPLES, PACKET_SAMPLES, rate);
        if current.swap(segment, Ordering::AcqRel) != segment {
            let split = gst::Structure::builder("FMP4MuxSplitNow").field("chunk", false).build();
            pad.push_event(gst::event::CustomDownstream::new(split));
        }
    })
}

struct Encoder<'a> {
    spec: &'a AudioSpec,
    graph: Graph,
    feed: Feed,
    placer: Placer,
    end: End,
    reached: Reached,
    link: Link,
    silence: gst::Buffer,
    fed: u64,
    seen: u64,
}

impl<'a> Encoder<'a> {
    fn start(spec: &'a AudioSpec, link: &Link) -> Result<Self> {
        let graph = Graph::new("encode", link)?;
        let end = End::at(spec.samples);
        let (feed, middle) = aac::encoder(format(spec), end.clone(), cut_at_segments(spec)?)?;
        let muxer = gst::ElementFactory::make("cmafmux")
            .property("manual-split", true)
            .property_from_str("write-edts-mode", "never")
            .build()?;
        fragments::entry_without_tags(&muxer)?;
        let timeline = Timeline {
            first: 0,
            end: end.clone(),
            ticks_per_unit: 1,
            units_per_sample: PACKET_SAMPLES as u32,
            reordered: false,
            last: true,
        };
        let fragments = Fragments::new(link, spec.track, timeline);
        let reached = fragments.reached();
        let sink = fragments.into_sink(&graph)?;
        let chain: Vec<&gst::Element> =
            std::iter::once(feed.element()).chain(&middle).chain([&muxer, sink.upcast_ref()]).collect();
        graph.chain(&chain)?;
        graph.set_state(gst::State::Playing)?;
        let placer = Placer::new(spec.sample_rate, spec.origin_ns, end.get());
        let silence = gst::Buffer::from_slice(vec![0u8; SILENCE_MAX as usize * format(spec).sample_bytes()]);
        Ok(Self { spec, graph, feed, placer, end, reached, link: link.clone(), silence, fed: 0, seen: 0 })
    }

    fn take(&mut self, decoded: &Decoded) -> Result<()> {
        self.seen += 1;
        if self.seen.is_multiple_of(PROGRESS_BUFFERS) {
            self.link.progress(self.placer.placed(), self.spec.samples)?;
        }
        let samples = (decoded.buffer.size() / format(self.spec).sample_bytes()) as u64;
        for piece in self.placer.place(decoded.time_ns, samples).into_iter().flatten() {
            self.append(piece, &decoded.buffer)?;
        }
        Ok(())
    }

    fn append(&mut self, piece: Piece, sound: &gst::Buffer) -> Result<()> {
        match piece {
            Piece::Sound(range) => self.push(&sound.clone(), range),
            Piece::Silence(samples) => self.be_silent(samples),
        }
    }

    fn be_silent(&mut self, mut samples: u64) -> Result<()> {
        let silence = self.silence.clone();
        while samples > 0 {
            let part = samples.min(SILENCE_MAX);
            self.push(&silence, 0..part)?;
            samples -= part;
        }
        Ok(())
    }

    /// Queues samples `range` of `buffer` behind what was queued.
    fn push(&mut self, buffer: &gst::Buffer, range: std::ops::Range<u64>) -> Result<()> {
        let size = format(self.spec).sample_bytes();
        let bytes = range.start as usize * size..range.end as usize * size;
        let mut part = buffer.copy_region(gst::BufferCopyFlags::MEMORY, bytes)?;
        let start = pcm::start_ns(self.fed, self.spec.sample_rate);
        self.fed += range.end - range.start;
        let timed = part.make_mut();
        timed.set_pts(gst::ClockTime::from_nseconds(start));
        timed.set_duration(gst::ClockTime::from_nseconds(
            pcm::start_ns(self.fed, self.spec.sample_rate) - start,
        ));
        self.feed.push(part, &self.graph)
    }

    fn finish(mut self) -> Result<()> {
        if let Some(Piece::Silence(samples)) = self.placer.finish() {
            self.be_silent(samples)?;
        }
        if self.fed == 0 {
            return Err(GraphError::damaged("no sound decodes"));
        }
        self.end.set(self.fed);
        self.feed.end()?;
        self.graph.wait_end()?;
        Fragments::complete(&self.reached, self.fed)?;
        Ok(self.link.progress(self.fed, self.fed)?)
    }
}
