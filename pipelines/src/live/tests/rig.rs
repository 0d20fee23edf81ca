//! A parent around the live graph: clips' access units in, as an encoder would send them; what comes out into files.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};
use pipeline_wire::{
    FromChild, KeyRule, LiveAudioSpec, LiveCodec, LiveEvent, LiveSpec, LiveStats, LiveVideoSpec, Medium,
    RungSpec, ToChild, Unit, frame,
};
use testkit::barcode;

use crate::clips::Studio;
use crate::failure::Result;
use crate::link::Link;

pub const AUDIO: u8 = 9;

/// One track of a source, on an exact grid.
#[derive(Clone, Debug, Default)]
pub struct Track {
    pub config: Vec<u8>,
    pub units: Vec<Unit>,
}

/// A clip's tracks as a parent hands them on.
pub struct Source {
    pub video: Track,
    pub audio: Track,
    rate: (u32, u32),
    sample_rate: u32,
}

/// The samples of a Matroska file's stream, with their times in nanoseconds.
fn samples(file: &Path, pad: &str) -> (Vec<u8>, Vec<(i64, bool, Bytes)>) {
    let location = file.display();
    let line = format!(
        "filesrc location={location} ! matroskademux name=d d.{pad} ! queue ! appsink name=s sync=false"
    );
    let pipeline =
        gst::parse::launch(&line).expect("a pipeline").downcast::<gst::Pipeline>().expect("a pipeline");
    let sink = pipeline.by_name("s").and_downcast::<AppSink>().expect("a sink");
    pipeline.set_state(gst::State::Playing).expect("playing");
    let (mut config, mut found) = (Vec::new(), Vec::new());
    while let Ok(sample) = sink.pull_sample() {
        let structure = sample.caps().and_then(|caps| caps.structure(0)).expect("caps");
        config = structure
            .get::<gst::Buffer>("codec_data")
            .expect("config")
            .map_readable()
            .expect("bytes")
            .to_vec();
        let buffer = sample.buffer().expect("a buffer");
        let time = buffer.pts().expect("a time").nseconds().cast_signed();
        let key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        found.push((time, key, Bytes::copy_from_slice(&buffer.map_readable().expect("bytes"))));
    }
    pipeline.set_state(gst::State::Null).expect("stopped");
    (config, found)
}

impl Source {
    /// Reads `clip`; video tick zero is its first picture.
    pub fn read(clip: &Path, rate: (u32, u32), sample_rate: u32) -> Self {
        let (config, pictures) = samples(clip, "video_0");
        let zero = pictures.iter().map(|(time, _, _)| *time).min().expect("pictures");
        let slot = |time: i64| {
            let unit = 1_000_000_000 * i64::from(rate.1);
            ((time - zero) * i64::from(rate.0) + unit / 2).div_euclid(unit) * i64::from(rate.1)
        };
        let frame = i64::from(rate.1);
        let late = pictures.iter().zip(0..).map(|((time, _, _), place)| place * frame - slot(*time)).max();
        let units = pictures.into_iter().zip(0..).map(|((time, key, bytes), place)| Unit {
            dts: place * frame - late.unwrap_or(0),
            pts: slot(time),
            key,
            bytes,
        });
        let video = Track { config, units: units.collect() };
        let (config, sounds) = samples(clip, "audio_0");
        let first =
            sounds.first().map_or(0, |(time, _, _)| (time - zero) * i64::from(sample_rate) / 1_000_000_000);
        let units = sounds.into_iter().zip(0..).map(|((_, _, bytes), place)| {
            let pts = first + place * 1024;
            Unit { dts: pts, pts, key: true, bytes }
        });
        let audio = Track { config, units: units.collect() };
        Self { video, audio, rate, sample_rate }
    }

    pub fn spec(&self, keys: KeyRule) -> LiveSpec {
        let rung = |track, width, height| RungSpec {
            track,
            width,
            height,
            crf: 28.0,
            maxrate_kbps: 800,
            bufsize_kbit: 800,
            preset: "veryfast".into(),
            level_idc: 30,
        };
        let video = LiveVideoSpec {
            codec: LiveCodec::H264,
            config: self.video.config.clone(),
            timescale: self.rate.0,
            frame_ticks: self.rate.1,
            keys,
            lookahead_frames: 0,
            rungs: vec![rung(1, 416, 234), rung(2, 320, 180)],
        };
        let audio = LiveAudioSpec {
            config: self.audio.config.clone(),
            timescale: self.sample_rate,
            track: AUDIO,
            sample_rate: 48_000,
            channels: 2,
            bitrate: 128_000,
        };
        LiveSpec { video: Some(video), audio: Some(audio) }
    }

    pub fn pictures(&self) -> Vec<ToChild> {
        self.video
            .units
            .iter()
            .map(|unit| ToChild::Unit { medium: Medium::Video, unit: unit.clone() })
            .collect()
    }

    /// Pictures and sound, one after the other as time goes.
    pub fn messages(&self) -> Vec<ToChild> {
        let video = self
            .video
            .units
            .iter()
            .map(|unit| (unit.dts as f64 / f64::from(self.rate.0), Medium::Video, unit));
        let audio = self
            .audio
            .units
            .iter()
            .map(|unit| (unit.dts as f64 / f64::from(self.sample_rate), Medium::Audio, unit));
        let mut all: Vec<_> = video.chain(audio).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        all.into_iter().map(|(_, medium, unit)| ToChild::Unit { medium, unit: unit.clone() }).collect()
    }

    /// Presentation times of all pictures or of key pictures, in order.
    pub fn times(&self, keys_only: bool) -> Vec<i64> {
        let wanted = self.video.units.iter().filter(|unit| unit.key || !keys_only);
        let mut times: Vec<i64> = wanted.map(|unit| unit.pts).collect();
        times.sort_unstable();
        times
    }
}

/// What a graph sent.
#[derive(Default)]
pub struct Made {
    pub tracks: BTreeMap<u8, Track>,
    pub sizes: Vec<(u32, u32)>,
    pub stats: LiveStats,
}

impl Made {
    fn new(frames: Vec<FromChild>) -> Self {
        let mut made = Self::default();
        for frame in frames {
            match frame {
                FromChild::Config { track, bytes } => {
                    made.tracks.entry(track).or_default().config = bytes.to_vec();
                }
                FromChild::Unit { track, unit } => {
                    made.tracks.get_mut(&track).expect("a configuration comes first").units.push(unit);
                }
                FromChild::LiveEvent(LiveEvent::PictureSize { width, height, .. }) => {
                    made.sizes.push((width, height));
                }
                FromChild::LiveStats(stats) => made.stats = stats,
                _ => {}
            }
        }
        made
    }

    pub fn times(&self, track: u8, keys_only: bool) -> Vec<i64> {
        let wanted = self.tracks[&track].units.iter().filter(|unit| unit.key || !keys_only);
        wanted.map(|unit| unit.pts).collect()
    }
}

/// Runs the graph on `messages` and the end of input.
pub fn run(spec: &LiveSpec, messages: Vec<ToChild>) -> (Result<()>, Made) {
    let (ours, theirs) = UnixStream::pair().expect("pair");
    let link = Link::open(ours, || {}).expect("link");
    let reader = std::thread::spawn({
        let theirs = theirs.try_clone().expect("socket");
        move || frames(theirs)
    });
    let writer = std::thread::spawn(move || {
        let all = messages.iter().chain([&ToChild::EndOfInput]);
        all.for_each(|message| drop((&theirs).write_all(&message.encode())));
    });
    let outcome = crate::live::run(spec, &link);
    drop(link);
    writer.join().expect("writer");
    (outcome, Made::new(reader.join().expect("reader")))
}

fn frames(mut socket: UnixStream) -> Vec<FromChild> {
    let (mut buffer, mut piece, mut frames) = (BytesMut::new(), vec![0; 64 << 10], Vec::new());
    loop {
        while let Some((kind, payload)) = frame::split(&mut buffer).expect("a child's frame") {
            frames.push(FromChild::decode(kind, payload).expect("a child's message"));
        }
        match socket.read(&mut piece) {
            Ok(0) | Err(_) => return frames,
            Ok(n) => buffer.extend_from_slice(&piece[..n]),
        }
    }
}

pub fn done(spec: &LiveSpec, messages: Vec<ToChild>) -> Made {
    let (outcome, made) = run(spec, messages);
    outcome.expect("a good end");
    made
}

/// Writes a track from tick zero on into a Matroska file.
pub fn file(studio: &Studio, name: &str, track: &Track, timescale: u32) -> PathBuf {
    let path = studio.file(name, &[]);
    let parse = if name.starts_with("sound") { "aacparse" } else { "h264parse" };
    let line =
        format!("appsrc name=s format=time ! {parse} ! matroskamux ! filesink location={}", path.display());
    let pipeline =
        gst::parse::launch(&line).expect("a pipeline").downcast::<gst::Pipeline>().expect("a pipeline");
    let source = pipeline.by_name("s").and_downcast::<AppSrc>().expect("a source");
    let caps = if parse == "aacparse" {
        gst::Caps::builder("audio/mpeg")
            .field("mpegversion", 4i32)
            .field("stream-format", "raw")
            .field("framed", true)
    } else {
        gst::Caps::builder("video/x-h264").field("stream-format", "avc").field("alignment", "au")
    };
    source.set_caps(Some(&caps.field("codec_data", gst::Buffer::from_slice(track.config.clone())).build()));
    pipeline.set_state(gst::State::Playing).expect("playing");
    for unit in track.units.iter().filter(|unit| unit.pts >= 0) {
        let mut buffer = gst::Buffer::from_slice(unit.bytes.clone());
        let timed = buffer.make_mut();
        timed.set_pts(gst::ClockTime::from_nseconds(
            unit.pts.cast_unsigned() * 1_000_000_000 / u64::from(timescale),
        ));
        timed.set_dts(timed.pts());
        if !unit.key {
            timed.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
        source.push_buffer(buffer).expect("pushed");
    }
    source.end_of_stream().expect("the end");
    let bus = pipeline.bus().expect("a bus");
    let end = bus.timed_pop_filtered(
        gst::ClockTime::from_seconds(60),
        &[gst::MessageType::Eos, gst::MessageType::Error],
    );
    assert_eq!(end.expect("an end").type_(), gst::MessageType::Eos);
    pipeline.set_state(gst::State::Null).expect("stopped");
    path
}

/// Frame numbers that a rung shows.
pub fn shown(studio: &Studio, made: &Made, track: u8, timescale: u32) -> Vec<u32> {
    let path = file(studio, &format!("rung-{track}.mkv"), &made.tracks[&track], timescale);
    barcode::frame_numbers(&path).unwrap_or_else(|error| panic!("rung {track}: {error:#}"))
}
