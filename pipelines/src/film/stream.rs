//! The film as a camera: pictures and sound made and encoded as their time comes, access unit by access unit.
//!
//! A picture's barcode says the wall clock at which its time came, so everything behind that counts as latency. Times
//! sent are microseconds since the first picture. What comes too late to be painted is left out, as cameras do.

use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks};
use gstreamer_video::VideoColorimetry;
use media::barcode::Mark;
use pipeline_wire::{FromChild, Grid, MediaClock, Medium, RungSpec, TestStreamSpec, Unit};

use crate::aac::{self, Format};
use crate::encode::{self, Pace};
use crate::failure::{GraphError, Result};
use crate::feed::Feed;
use crate::fragments::End;
use crate::graph::{Fault, Graph};
use crate::grid::Slots;
use crate::link::Link;

use super::scene::{Moment, Scene};
use super::sound::{self, Beat};
use super::{packed, time};

/// Pictures that may wait before the encoder.
const WAITING_MAX: u64 = 4;
const BITRATE_AUDIO: u32 = 128_000;
const CRF: f32 = 23.0;
/// Of the pictures, by H.264's table A-1: 1080p at 60 pictures a second.
const LEVEL: u8 = 42;
/// A picture that is later than this is not painted any more.
const LATE_MAX_US: i64 = 500_000;

/// Makes pictures and sound until `spec.frames` are over, or for ever.
///
/// # Errors
/// When the spec is out of range, an element is missing or fails, or the parent goes away.
pub fn run(spec: &TestStreamSpec, link: &Link) -> Result<()> {
    let slots = checked(spec)?;
    let graph = Graph::new("test-stream", link)?;
    let mut pictures = pictures(spec, &graph, link)?;
    let mut sound = spec.audio.then(|| soundtrack(&graph, link)).transpose()?;
    graph.set_state(gst::State::Playing)?;
    let mut scene = Scene::new(spec.width as usize, spec.height as usize, &spec.title);
    let beat = Beat::new((spec.fps_num, spec.fps_den));
    let shutter = Shutter::open(slots);
    let frames = if spec.frames == 0 { u64::from(u32::MAX) } else { spec.frames };
    for frame in 0..frames {
        let epoch_ms = shutter.wait(frame);
        if let Some(sound) = &mut sound {
            sound.push(super::sound_of(beat, slots, frame), &graph)?;
        }
        if let Some(epoch_ms) = epoch_ms {
            let number = u32::try_from(frame).map_err(GraphError::internal)?;
            let mark = Mark { frame: number, epoch_ms };
            let moment = Moment { mark, time_ns: slots.start_ns(frame), flash: beat.is_lit(frame) };
            let mut buffer = gst::Buffer::from_slice(packed(scene.paint(moment)));
            time(buffer.make_mut(), slots, frame);
            pictures.push(buffer, &graph)?;
        }
        link.progress(frame + 1, spec.frames)?;
    }
    pictures.end()?;
    sound.map_or(Ok(()), |sound| sound.end())?;
    graph.wait_end()
}

fn checked(spec: &TestStreamSpec) -> Result<Slots> {
    let (fps_num, fps_den) = (spec.fps_num, spec.fps_den);
    if fps_num == 0 || fps_den == 0 || fps_num / fps_den > 240 || spec.maxrate_kbps == 0 {
        return Err(GraphError::internal(format!("no stream of {fps_num}/{fps_den} pictures a second")));
    }
    super::checked_size(spec.width, spec.height)?;
    Slots::new(Grid { fps_num, fps_den, origin_ns: 0, clock: MediaClock::Raw }).map_err(GraphError::internal)
}

/// When pictures are taken.
struct Shutter {
    slots: Slots,
    /// Of the monotonic clock, in microseconds.
    opened_us: i64,
}

impl Shutter {
    fn open(slots: Slots) -> Self {
        Self { slots, opened_us: gst::glib::monotonic_time() }
    }

    /// Waits for a frame's time: the wall clock then, in milliseconds; nothing when it is over long since.
    fn wait(&self, frame: u64) -> Option<u64> {
        let due_us = self.opened_us + i64::try_from(self.slots.start_ns(frame) / 1_000).unwrap_or(i64::MAX);
        let early_us = due_us - gst::glib::monotonic_time();
        if let Ok(early) = u64::try_from(early_us) {
            std::thread::sleep(Duration::from_micros(early));
        }
        let late_us = gst::glib::monotonic_time() - due_us;
        let epoch_us = gst::glib::real_time() - late_us;
        (late_us <= LATE_MAX_US).then(|| u64::try_from(epoch_us / 1_000).unwrap_or(0))
    }
}

fn pictures(spec: &TestStreamSpec, graph: &Graph, link: &Link) -> Result<Feed> {
    let rung = RungSpec {
        track: Medium::Video.track(),
        width: spec.width,
        height: spec.height,
        crf: CRF,
        maxrate_kbps: spec.maxrate_kbps,
        bufsize_kbit: spec.maxrate_kbps,
        preset: "veryfast".into(),
        level_idc: LEVEL,
    };
    let colour: VideoColorimetry = crate::colour::bt709();
    let info = encode::picture_info(&rung, (spec.fps_num, spec.fps_den), &colour)?;
    let feed = Feed::new("pictures", &info.to_caps()?, WAITING_MAX)?;
    let pace = Pace::Camera { gop_frames: spec.gop_frames.max(1) };
    let [encoder, profile, parse] = encode::x264(&rung, pace)?;
    let sink = sink(Medium::Video, graph.fault(), link);
    graph.chain(&[feed.element(), &encoder, &profile, &parse, sink.upcast_ref()])?;
    Ok(feed)
}

fn soundtrack(graph: &Graph, link: &Link) -> Result<Feed> {
    let format =
        Format { sample_rate: sound::SAMPLE_RATE, channels: sound::CHANNELS as u32, bitrate: BITRATE_AUDIO };
    let (feed, elements) = aac::encoder(format, End::default(), |_, _| {})?;
    let sink = sink(Medium::Audio, graph.fault(), link);
    let chain: Vec<&gst::Element> =
        std::iter::once(feed.element()).chain(&elements).chain([sink.upcast_ref()]).collect();
    graph.chain(&chain)?;
    Ok(feed)
}

/// Sends a track's configuration and units.
fn sink(medium: Medium, fault: Fault, link: &Link) -> AppSink {
    let (link, mut told) = (link.clone(), None);
    let callbacks = AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            send(medium, &sample, &mut told, &link).map(|()| gst::FlowSuccess::Ok).map_err(|error| {
                fault.set(error);
                gst::FlowError::Error
            })
        })
        .build();
    AppSink::builder().sync(false).async_(false).enable_last_sample(false).callbacks(callbacks).build()
}

fn send(medium: Medium, sample: &gst::Sample, told: &mut Option<gst::Caps>, link: &Link) -> Result<()> {
    let missing = |what| GraphError::internal(format!("an encoder sent no {what}"));
    let (caps, buffer) = sample.caps().zip(sample.buffer()).ok_or_else(|| missing("caps or no buffer"))?;
    let track = medium.track();
    if told.as_deref() != Some(caps) {
        let config = caps.structure(0).and_then(|structure| structure.get::<gst::Buffer>("codec_data").ok());
        let config = config.ok_or_else(|| missing("configuration"))?;
        let bytes = Bytes::copy_from_slice(&config.map_readable()?);
        *told = Some(caps.to_owned());
        link.send(&FromChild::Config { track, bytes })?;
    }
    // x264enc moves times by 1000 hours and says so in the segment.
    let segment = sample.segment().and_then(|segment| segment.downcast_ref::<gst::ClockTime>());
    let time = segment.and_then(|segment| segment.to_running_time(buffer.pts()));
    let time = time.ok_or_else(|| missing("time"))?;
    let pts = i64::try_from(time.useconds()).map_err(GraphError::internal)?;
    let key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
    let bytes = Bytes::copy_from_slice(&buffer.map_readable()?);
    // Nothing is reordered, so both times are one.
    Ok(link.send(&FromChild::Unit { track, unit: Unit { dts: pts, pts, key, bytes } })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Parent;

    fn spec(audio: bool) -> TestStreamSpec {
        TestStreamSpec {
            width: 320,
            height: 180,
            fps_num: 30,
            fps_den: 1,
            frames: 30,
            gop_frames: 12,
            maxrate_kbps: 500,
            audio,
            title: "On air".into(),
        }
    }

    fn sent(spec: &TestStreamSpec) -> (Vec<FromChild>, i64) {
        gst::init().expect("GStreamer");
        let (link, parent) = Parent::start(Bytes::new());
        let since = gst::glib::monotonic_time();
        run(spec, &link).expect("a stream");
        let took_us = gst::glib::monotonic_time() - since;
        drop(link);
        (parent.frames(), took_us)
    }

    fn units(frames: &[FromChild], medium: Medium) -> Vec<&Unit> {
        let of = |frame| match frame {
            &FromChild::Unit { track, ref unit } if track == medium.track() => Some(unit),
            _ => None,
        };
        frames.iter().filter_map(of).collect()
    }

    #[test]
    fn a_second_takes_a_second_and_is_described_before_it_comes() {
        let (frames, took_us) = sent(&spec(true));
        assert!(took_us >= 29 * 1_000_000 / 30, "{took_us} µs");
        for (medium, count, step_us) in [(Medium::Video, 30, 33_333_i64), (Medium::Audio, 46, 21_333)] {
            let units = units(&frames, medium);
            // A busy machine is late, and then pictures are left out.
            assert!((count / 2..=count + 1).contains(&units.len()), "{} units of {medium:?}", units.len());
            let described = frames.iter().position(
                |frame| matches!(frame, FromChild::Config { track, .. } if *track == medium.track()),
            );
            let first = frames
                .iter()
                .position(|frame| matches!(frame, FromChild::Unit { track, .. } if *track == medium.track()));
            assert!(described.is_some() && described < first);
            assert!(units.iter().all(|unit| unit.dts == unit.pts && !unit.bytes.is_empty()));
            assert_eq!(units[0].pts, 0);
            let steps = units.windows(2).map(|pair| pair[1].pts - pair[0].pts);
            assert!(steps.into_iter().all(|step| step > 0 && (step + 2) % step_us <= 4));
        }
    }

    #[test]
    fn key_pictures_are_where_they_were_wanted_and_silence_has_no_track() {
        let (frames, _) = sent(&spec(false));
        let pictures = units(&frames, Medium::Video);
        let keys: Vec<usize> = (0..pictures.len()).filter(|index| pictures[*index].key).collect();
        assert_eq!(keys, (0..pictures.len()).step_by(12).collect::<Vec<_>>());
        assert!(units(&frames, Medium::Audio).is_empty());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for wrong in [
            TestStreamSpec { fps_den: 0, ..spec(true) },
            TestStreamSpec { width: 321, ..spec(true) },
            TestStreamSpec { maxrate_kbps: 0, ..spec(true) },
        ] {
            assert!(checked(&wrong).is_err(), "{wrong:?}");
        }
    }
}
