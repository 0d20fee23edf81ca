//! Live sound: decoded, made continuous, and encoded as AAC-LC in frames that start at multiples of 1024 samples from
//! tick zero, so that what another child makes later fits behind what this one made.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use gstreamer_audio::AudioInfo;
use pipeline_wire::LiveAudioSpec;

use crate::aac::{self, Format, PACKET_SAMPLES};
use crate::downmix;
use crate::failure::{GraphError, Result};
use crate::feed::Feed;
use crate::graph::Graph;
use crate::pcm::{self, Piece, Placer};

use super::clock::{self, Clock};
use super::intake::{self, Inlet};
use super::outlet;
use super::session::Session;

const SECOND_NS: i128 = 1_000_000_000;
/// Decoded buffers that may wait to be placed.
const DECODED_MAX: u32 = 8;
/// Buffers of sound that may wait before the encoder.
const PLACED_MAX: u64 = 8;
/// Samples of silence in one buffer.
const SILENCE_MAX: u64 = 4096;
/// A gap longer than this is left open, in nanoseconds.
const GAP_MAX_NS: i64 = 2_000_000_000;

/// A running decoder of sound.
pub struct Decoder {
    graph: Graph,
    sink: AppSink,
}

impl Decoder {
    /// A decoder for `spec`, running, and the way in.
    ///
    /// # Errors
    /// When an element is missing.
    pub fn start(spec: &LiveAudioSpec, session: &Session) -> Result<(Self, Inlet)> {
        let graph = session.graph("live-sound")?;
        let format = gst::Caps::builder("audio/mpeg")
            .field("mpegversion", 4i32)
            .field("stream-format", "raw")
            .field("framed", true)
            .build();
        let inlet = Inlet::new("units", format, &spec.config, Clock::new(spec.timescale)?)?;
        let decoder = gst::ElementFactory::make("avdec_aac").property("max-errors", -1i32).build()?;
        let convert = gst::ElementFactory::make("audioconvert").build()?;
        downmix::mix_as_told(&convert, spec.channels)?;
        let caps = gst::Caps::builder("audio/x-raw")
            .field("format", "F32LE")
            .field("layout", "interleaved")
            .field("channels", i32::try_from(spec.channels).map_err(GraphError::internal)?)
            .build();
        let sink = AppSink::builder()
            .caps(&caps)
            .sync(false)
            .max_buffers(DECODED_MAX)
            .enable_last_sample(false)
            .build();
        graph.chain(&[inlet.element(), &decoder, &convert, sink.upcast_ref()])?;
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
    pub fn run(&self, spec: &LiveAudioSpec, session: &Session) -> Result<()> {
        let mut sound = Sound { spec, session, next: Arc::new(AtomicI64::new(i64::MIN)), encoder: None };
        while let Some(sample) = intake::next(&self.sink, &self.graph)? {
            sound.take(&sample)?;
        }
        sound.encoder.map_or(Ok(()), Encoder::finish)
    }
}

/// Decoded sound on its way to an encoder.
struct Sound<'a> {
    spec: &'a LiveAudioSpec,
    session: &'a Session,
    /// The frame behind the last one sent, counted from tick zero.
    next: Arc<AtomicI64>,
    encoder: Option<Encoder>,
}

impl Sound<'_> {
    fn take(&mut self, sample: &gst::Sample) -> Result<()> {
        let (buffer, caps) = intake::parts(sample)?;
        let Some(time_ns) = buffer.pts().map(clock::since_zero) else { return Ok(()) };
        let rate = AudioInfo::from_caps(&caps)?.rate();
        let fits = |encoder: &Encoder| encoder.rate == rate && !encoder.is_far_before(time_ns);
        let encoder = match self.encoder.take() {
            Some(encoder) if fits(&encoder) => encoder,
            other => {
                other.map_or(Ok(()), Encoder::finish)?;
                self.start(rate, time_ns)?
            }
        };
        self.encoder.insert(encoder).take(&buffer, time_ns, self.session)
    }

    /// An encoder of sound at `rate` that begins with the first whole frame at or past `time_ns`.
    fn start(&self, rate: u32, time_ns: i64) -> Result<Encoder> {
        let first = first_frame(time_ns, self.spec.sample_rate).max(self.next.load(Ordering::Acquire));
        Encoder::start(self.spec, self.session, rate, first, self.next.clone())
    }
}

/// The first frame that starts at or past `time_ns`, to the nearest sample, at `rate` samples a second.
fn first_frame(time_ns: i64, rate: u32) -> i64 {
    let sample = (i128::from(time_ns) * i128::from(rate) * 2 + SECOND_NS).div_euclid(2 * SECOND_NS);
    let frame = -(-sample).div_euclid(i128::from(PACKET_SAMPLES));
    i64::try_from(frame).unwrap_or(i64::MAX)
}

/// When `frame` starts, in nanoseconds from tick zero, to the nearest.
fn frame_ns(frame: i64, rate: u32) -> i64 {
    let doubled = i128::from(frame) * i128::from(PACKET_SAMPLES) * SECOND_NS * 2;
    let rate = i128::from(rate.max(1));
    i64::try_from((doubled + rate).div_euclid(2 * rate)).unwrap_or(i64::MAX)
}

/// The encoding side of one unbroken stretch of sound.
struct Encoder {
    graph: Graph,
    feed: Feed,
    placer: Placer,
    /// Samples per second of what comes in.
    rate: u32,
    channels: u32,
    origin_ns: i64,
    fed: u64,
}

impl Encoder {
    fn start(
        spec: &LiveAudioSpec,
        session: &Session,
        rate: u32,
        first: i64,
        next: Arc<AtomicI64>,
    ) -> Result<Self> {
        let format = |sample_rate| Format { sample_rate, channels: spec.channels, bitrate: spec.bitrate };
        let graph = session.graph("live-encode-sound")?;
        let feed = Feed::new("sound", &format(rate).caps()?, PLACED_MAX)?;
        let resample = gst::ElementFactory::make("audioresample").build()?;
        let output = format(spec.sample_rate);
        let plain = gst::ElementFactory::make("capsfilter").property("caps", output.caps()?).build()?;
        let [encoder, parse] = aac::elements(output)?;
        // The priming comes first.
        let mut frame = first.saturating_sub(1);
        let sink = outlet::sink(session, spec.track, move |_| {
            let this = frame;
            frame = frame.saturating_add(1);
            if this < first {
                return Ok(None);
            }
            next.store(frame, Ordering::Release);
            Ok(Some(this.saturating_mul(PACKET_SAMPLES.cast_signed())))
        });
        graph.chain(&[feed.element(), &resample, &plain, &encoder, &parse, sink.upcast_ref()])?;
        graph.set_state(gst::State::Playing)?;
        let origin_ns = frame_ns(first, spec.sample_rate);
        let placer = Placer::new(rate, origin_ns, None);
        Ok(Self { graph, feed, placer, rate, channels: spec.channels, origin_ns, fed: 0 })
    }

    /// Whether sound from `time_ns` on would leave too long a gap behind what was placed.
    fn is_far_before(&self, time_ns: i64) -> bool {
        let placed_ns = i64::try_from(pcm::start_ns(self.placer.placed(), self.rate)).unwrap_or(i64::MAX);
        time_ns.saturating_sub(self.origin_ns.saturating_add(placed_ns)) > GAP_MAX_NS
    }

    fn take(&mut self, buffer: &gst::Buffer, time_ns: i64, session: &Session) -> Result<()> {
        let samples = (buffer.size() / self.sample_bytes()) as u64;
        for piece in self.placer.place(time_ns, samples).into_iter().flatten() {
            match piece {
                Piece::Sound(range) => self.push(buffer, range)?,
                Piece::Silence(samples) => {
                    session.counts.silence.add(samples);
                    self.be_silent(samples)?;
                }
            }
        }
        Ok(())
    }

    fn be_silent(&mut self, mut samples: u64) -> Result<()> {
        let silence = gst::Buffer::from_slice(vec![0u8; SILENCE_MAX as usize * self.sample_bytes()]);
        while samples > 0 {
            let part = samples.min(SILENCE_MAX);
            self.push(&silence, 0..part)?;
            samples -= part;
        }
        Ok(())
    }

    /// Queues samples `range` of `buffer` behind what was queued.
    fn push(&mut self, buffer: &gst::Buffer, range: std::ops::Range<u64>) -> Result<()> {
        let size = self.sample_bytes();
        let bytes = range.start as usize * size..range.end as usize * size;
        let mut part = buffer.copy_region(gst::BufferCopyFlags::MEMORY, bytes)?;
        let start = pcm::start_ns(self.fed, self.rate);
        self.fed += range.end - range.start;
        let lasts = pcm::start_ns(self.fed, self.rate) - start;
        let timed = part.make_mut();
        timed.set_pts(clock::at(self.origin_ns) + gst::ClockTime::from_nseconds(start));
        timed.set_duration(gst::ClockTime::from_nseconds(lasts));
        self.feed.push(part, &self.graph)
    }

    const fn sample_bytes(&self) -> usize {
        4 * self.channels as usize
    }

    fn finish(self) -> Result<()> {
        self.feed.end()?;
        self.graph.wait_end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_that_starts_there_is_the_first() {
        for frame in [-3, 0, 1, 2, 1_000_000] {
            let ns = frame_ns(frame, 48_000);
            assert_eq!(first_frame(ns, 48_000), frame);
            assert_eq!(first_frame(ns + 30_000, 48_000), frame + 1);
        }
    }

    proptest! {
        #[test]
        fn the_first_frame_is_less_than_one_away(ns in -1_000_000_000i64..1_000_000_000_000, rate in 8_000u32..96_000) {
            let start = frame_ns(first_frame(ns, rate), rate);
            let lasts = frame_ns(1, rate) + 1;
            let sample = 1_000_000_000 / i64::from(rate) + 1;
            prop_assert!(start >= ns - sample && start - ns < lasts + sample);
        }
    }
}
