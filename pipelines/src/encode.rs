//! x264 encoders of rungs, each into CMAF fragments of one GOP.

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video::{VideoColorimetry, VideoFormat, VideoInfo, VideoInterlaceMode};
use pipeline_wire::{Grid, RungSpec, VideoSpec};

use crate::failure::{GraphError, Result};
use crate::feed::Feed;
use crate::fragments::{self, End, Fragments, Timeline};
use crate::graph::Graph;
use crate::grid::Slots;
use crate::ladder::Rung;
use crate::parameter_sets;

/// Pictures that may wait before an encoder: as many as [`WAITING_BYTES`] hold. The more wait, the less often
/// threads wake each other.
const WAITING: std::ops::RangeInclusive<u64> = 4..=12;
const WAITING_BYTES: u64 = 8 << 20;
/// A track's timescale has at least this many ticks per second, and a frame a whole number of them.
const TIMESCALE_MIN: u32 = 10_000;
const PRESETS: [&str; 10] = [
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
];
/// What `x264enc` takes at most for its VBV buffer, in milliseconds at the maximum rate.
const BUFFER_MS_MAX: u64 = 10_000;

/// Adds one rung's encoder to `graph`.
///
/// # Errors
/// When an element is missing or `rung` asks for what x264 does not do.
pub fn add_rung(
    graph: &Graph,
    spec: &VideoSpec,
    rung: &RungSpec,
    colour: &VideoColorimetry,
    fragments: Fragments,
) -> Result<Rung> {
    let info = picture_info(rung, (spec.grid.fps_num, spec.grid.fps_den), colour)?;
    let feed = Feed::new(&format!("pictures-{}", rung.track), &info.to_caps()?, waiting_max(&info))?;
    let [encoder, profile, parse] = x264(rung, Pace::Chunk { gop_frames: spec.gop_frames })?;
    let muxer = muxer(spec)?;
    let sink = fragments.into_sink(graph)?;
    graph.chain(&[feed.element(), &encoder, &profile, &parse, &muxer, sink.upcast_ref()])?;
    Rung::new(info, feed)
}

/// What an encoder may wait for, and who decides on key pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Every `gop_frames`-th picture is an IDR picture and no other; an encoder looks ahead as its preset says.
    Chunk {
        /// Pictures in a closed group.
        gop_frames: u32,
    },
    /// Every `gop_frames`-th picture is an IDR picture, none is reordered, and each leaves the encoder before the next
    /// comes in.
    Camera {
        /// Pictures in a closed group.
        gop_frames: u32,
    },
    /// The first picture and those that are asked for are IDR pictures. None is reordered, and each leaves the encoder
    /// when `lookahead` more have come in.
    Live {
        /// Pictures.
        lookahead: u32,
    },
}

impl Pace {
    /// Largest distance of IDR pictures, and x264's options.
    fn options(self) -> (u32, String) {
        /// x264's own word for "never" (`X264_KEYINT_MAX_INFINITE`).
        const NEVER: u32 = 1 << 30;
        match self {
            Self::Chunk { gop_frames } => {
                (gop_frames, format!("scenecut=0:min-keyint={gop_frames}:open-gop=0"))
            }
            Self::Camera { gop_frames } => (
                gop_frames,
                format!(
                    "scenecut=0:min-keyint={gop_frames}:open-gop=0:bframes=0:sliced-threads=0:{}",
                    look_ahead(0)
                ),
            ),
            Self::Live { lookahead } => {
                let ahead = look_ahead(lookahead);
                (NEVER, format!("scenecut=0:min-keyint=1:open-gop=0:bframes=0:sliced-threads=0:{ahead}"))
            }
        }
    }
}

/// x264's options for looking `pictures` ahead, and its macroblock tree, which needs that, only then.
fn look_ahead(pictures: u32) -> String {
    format!("rc-lookahead={pictures}:sync-lookahead=0:mbtree={}", u8::from(pictures > 0))
}

/// How many pictures of `info` may wait.
fn waiting_max(info: &VideoInfo) -> u64 {
    let size = u64::try_from(info.size()).unwrap_or(u64::MAX).max(1);
    (WAITING_BYTES / size).clamp(*WAITING.start(), *WAITING.end())
}

/// What `rung` encodes at `rate` pictures (numerator and denominator) a second: square pixels, progressive, 4:2:0 in 8
/// bits.
///
/// # Errors
/// When size or rate are out of range.
pub fn picture_info(rung: &RungSpec, rate: (u32, u32), colour: &VideoColorimetry) -> Result<VideoInfo> {
    let part = |part: u32| i32::try_from(part).map_err(GraphError::internal);
    let info = VideoInfo::builder(VideoFormat::I420, rung.width, rung.height)
        .fps(gst::Fraction::new(part(rate.0)?, part(rate.1)?))
        .par(gst::Fraction::new(1, 1))
        .interlace_mode(VideoInterlaceMode::Progressive)
        .colorimetry(colour)
        .build()?;
    Ok(info)
}

/// An encoder and what brings its pictures into the form of `avc1` samples, to be linked in a row: capped CRF with VBV;
/// one thread, because with more the bytes differ from run to run.
///
/// # Errors
/// When an element is missing or `rung` asks for what x264 does not do.
pub fn x264(rung: &RungSpec, pace: Pace) -> Result<[gst::Element; 3]> {
    let (key_distance_max, options) = pace.options();
    let encoder = gst::ElementFactory::make("x264enc")
        .property("threads", 1u32)
        .property("key-int-max", key_distance_max)
        .property("option-string", format!("{options}:level={}", rung.level_idc))
        .property("aud", false)
        .property("bitrate", rung.maxrate_kbps)
        .property("vbv-buf-capacity", buffer_ms(rung)?)
        .property("quantizer", whole_crf(rung.crf)?)
        .property_from_str("pass", "qual")
        .property_from_str("speed-preset", preset(&rung.preset)?)
        .build()?;
    let profile =
        gst::Caps::builder("video/x-h264").field("profile", "high").field("stream-format", "avc").build();
    let profile = gst::ElementFactory::make("capsfilter").property("caps", profile).build()?;
    let parse = gst::ElementFactory::make("h264parse").build()?;
    parameter_sets::kept_in_header(&parse)?;
    Ok([encoder, profile, parse])
}

fn preset(name: &str) -> Result<&str> {
    PRESETS.into_iter().find(|known| *known == name).ok_or_else(|| refused(format!("x264 preset {name}")))
}

/// `x264enc` takes whole factors only, and rounding would be a silent change of quality.
fn whole_crf(crf: f32) -> Result<u32> {
    let whole = crf.fract() == 0.0 && (0.0..=50.0).contains(&crf);
    whole
        .then_some(crf as u32)
        .ok_or_else(|| refused(format!("CRF {crf}, which is not a whole number from 0 to 50")))
}

/// The VBV buffer as `x264enc` takes it: milliseconds at the maximum rate, rounded to nearest.
fn buffer_ms(rung: &RungSpec) -> Result<u32> {
    let rate = u64::from(rung.maxrate_kbps);
    if rate == 0 {
        return Err(refused("a maximum rate of zero"));
    }
    let ms = (u64::from(rung.bufsize_kbit) * 2000 + rate) / (2 * rate);
    match u32::try_from(ms) {
        Ok(fits @ 1..) if ms <= BUFFER_MS_MAX => Ok(fits),
        _ => Err(refused(format!("a VBV buffer of {ms} ms"))),
    }
}

fn refused(what: impl std::fmt::Display) -> GraphError {
    GraphError::internal(format!("the spec asks for {what}"))
}

/// One fragment per GOP, numbered from one at the film's start; sample times in whole ticks.
fn muxer(spec: &VideoSpec) -> Result<gst::Element> {
    let slots = Slots::new(spec.grid).map_err(GraphError::internal)?;
    let gop = gst::ClockTime::from_nseconds(slots.start_ns(u64::from(spec.gop_frames)));
    let sequence = spec.slot_first / u64::from(spec.gop_frames.max(1)) + 1;
    let muxer = gst::ElementFactory::make("cmafmux")
        .property("fragment-duration", gop)
        .property_from_str("write-edts-mode", "never")
        .property("send-force-keyunit", false)
        .property("start-fragment-sequence-number", u32::try_from(sequence).map_err(GraphError::internal)?)
        .build()?;
    fragments::entry_without_tags(&muxer)?.set_property("trak-timescale", timescale(spec.grid));
    Ok(muxer)
}

/// Ticks per second of a video track: a whole number of them per frame.
fn timescale(grid: Grid) -> u32 {
    if grid.fps_num < TIMESCALE_MIN { grid.fps_num * 100 } else { grid.fps_num }
}

/// Where the fragments of `spec` lie on a track's timeline.
#[must_use]
pub fn timeline(spec: &VideoSpec) -> Timeline {
    let ticks_per_slot =
        u64::from(timescale(spec.grid) / spec.grid.fps_num.max(1)) * u64::from(spec.grid.fps_den);
    Timeline {
        first: spec.slot_first,
        end: End::at(spec.slot_first + spec.slot_count),
        ticks_per_unit: ticks_per_slot,
        units_per_sample: 1,
        reordered: true,
        last: spec.last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(maxrate_kbps: u32, bufsize_kbit: u32) -> RungSpec {
        let preset = "veryfast".into();
        RungSpec {
            track: 0,
            width: 64,
            height: 64,
            crf: 23.0,
            maxrate_kbps,
            bufsize_kbit,
            preset,
            level_idc: 31,
        }
    }

    #[test]
    fn vbv_is_told_in_milliseconds() {
        assert_eq!(buffer_ms(&rung(3000, 4500)).ok(), Some(1500));
        assert_eq!(buffer_ms(&rung(3000, 6001)).ok(), Some(2000));
        assert!(buffer_ms(&rung(0, 4500)).is_err());
        assert!(buffer_ms(&rung(100, 4500)).is_err());
    }

    #[test]
    fn what_x264enc_cannot_do_is_refused() {
        assert_eq!(whole_crf(23.0).ok(), Some(23));
        assert!(whole_crf(23.5).is_err() && whole_crf(-1.0).is_err() && whole_crf(f32::NAN).is_err());
        assert!(preset("veryfast").is_ok() && preset("None").is_err() && preset("").is_err());
    }

    #[test]
    fn a_frame_is_a_whole_number_of_ticks() {
        for (fps_num, fps_den) in [(25, 1), (30_000, 1001), (25, 2), (60, 1), (24_000, 1001), (15, 1)] {
            let grid = Grid { fps_num, fps_den, origin_ns: 0, clock: pipeline_wire::MediaClock::Raw };
            assert_eq!(timescale(grid) % fps_num, 0);
            assert!(timescale(grid) >= 1_000);
        }
    }
}
