//! What the packets of one stream say.

use gstreamer as gst;
use gstreamer_video::VideoBufferFlags;
use gstreamer_video::prelude::VideoBufferExt;
use pipeline_wire::MediaClock;

use super::cues::{Cues, Dialect};
use super::too_large;
use crate::failure::Result;
use crate::streams;

/// Pictures of one stream whose times are kept: twelve hours at 120 a second and then some.
pub const PACKETS_MAX: usize = 6_000_000;

/// Changes of shape that are kept; the first that matters ends the film.
const SHAPES_MAX: usize = 64;

/// What one stream's packets said.
#[derive(Debug, Default)]
pub struct StreamLog {
    /// Stream id.
    pub id: String,
    /// What the container says it is.
    pub kind: Option<gst::StreamType>,
    /// The last caps seen.
    pub caps: Option<gst::Caps>,
    /// Start of every picture in arrival order, on the source's clock, in nanoseconds; empty for sound.
    pub starts: Vec<i64>,
    /// The earliest start and the furthest end of a packet, as `starts`.
    pub span: Option<(i64, i64)>,
    /// Packets, timed or not.
    pub packets: u64,
    /// Packets without a presentation time: old containers give one to a group of pictures.
    pub untimed: u64,
    /// Bytes of all packets.
    pub bytes: u64,
    /// Whether a packet was marked interlaced.
    pub interlaced: bool,
    /// Clockwise rotation in degrees.
    pub rotation: u16,
    /// ISO 639 language code.
    pub language: Option<String>,
    /// Name for people.
    pub title: Option<String>,
    /// Whether the container marks the stream as one to play unless another is chosen.
    pub default: bool,
    /// What its packets say, if they are text.
    pub cues: Cues,
    /// The most channels its sound has.
    pub channels: u32,
    /// Shapes of its pictures and the time from which each holds, on the source's clock in nanoseconds.
    pub shapes: Vec<(i64, Shape)>,
    /// How its packets hold text, if they do.
    pub dialect: Option<Dialect>,
    /// The shape of the pictures that follow, until one comes.
    pub next_shape: Option<Shape>,
    /// Where the stream's times lie.
    pub segment: Option<gst::FormattedSegment<gst::ClockTime>>,
}

/// How a picture is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Pixels in a row.
    pub width: i32,
    /// Rows.
    pub height: i32,
    /// Width of a pixel over its height.
    pub pixel: (i32, i32),
}

impl Shape {
    fn of(caps: &gst::CapsRef) -> Option<Self> {
        let structure = caps.structure(0)?;
        let pixel = structure
            .get::<gst::Fraction>("pixel-aspect-ratio")
            .map_or((1, 1), |par| (par.numer(), par.denom()));
        Some(Self { width: structure.get("width").ok()?, height: structure.get("height").ok()?, pixel })
    }

    /// Whether pictures of both fill the same frame, but for rounding to whole pixels.
    #[must_use]
    pub fn fits(&self, other: &Self) -> bool {
        let aspect = |of: &Self| {
            f64::from(of.width) * f64::from(of.pixel.0) / (f64::from(of.height) * f64::from(of.pixel.1))
        };
        let ratio = aspect(self) / aspect(other);
        !ratio.is_finite() || (0.98..=1.02).contains(&ratio)
    }
}

impl StreamLog {
    /// Takes note of what follows being of these caps.
    pub fn caps(&mut self, caps: &gst::CapsRef) {
        let channels = caps.structure(0).and_then(|structure| structure.get::<i32>("channels").ok());
        self.channels = self.channels.max(channels.and_then(|count| u32::try_from(count).ok()).unwrap_or(0));
        self.dialect = Dialect::of(caps);
        self.next_shape = Shape::of(caps);
        self.caps = Some(caps.to_owned());
    }

    /// The codec as a caps name; empty when nothing arrived.
    pub fn codec(&self) -> String {
        self.caps
            .as_ref()
            .and_then(|caps| caps.structure(0))
            .map(|s| s.name().to_string())
            .unwrap_or_default()
    }

    /// Whether these are pictures, as `is_audio`.
    pub fn is_video(&self) -> bool {
        match self.kind {
            Some(kind) => kind.contains(gst::StreamType::VIDEO),
            None => self.codec().starts_with("video/"),
        }
    }

    /// Whether this is text that can be read.
    pub const fn is_text(&self) -> bool {
        self.dialect.is_some()
    }

    /// Whether there is more than one picture, at more than one time.
    pub fn is_moving(&self) -> bool {
        self.starts.first() != self.starts.last()
    }

    /// Whether this is sound, by the container's word or by its caps.
    pub fn is_audio(&self) -> bool {
        match self.kind {
            Some(kind) => kind.contains(gst::StreamType::AUDIO),
            None => self.codec().starts_with("audio/"),
        }
    }

    /// Takes note of a packet.
    ///
    /// # Errors
    /// When there are more pictures than are kept.
    pub fn packet(&mut self, buffer: &gst::BufferRef, clock: MediaClock) -> Result<()> {
        self.packets += 1;
        self.bytes += buffer.size() as u64;
        self.interlaced |= buffer.video_flags().contains(VideoBufferFlags::INTERLACED);
        self.untimed += u64::from(buffer.pts().is_none());
        let Some((start, end)) = self.place(buffer, clock) else { return Ok(()) };
        let (first, last) = self.span.unwrap_or((start, end));
        self.span = Some((first.min(start), last.max(end)));
        if let Some(dialect) = self.dialect
            && let Ok(bytes) = buffer.map_readable()
        {
            self.cues.packet(dialect, &bytes, start, end);
        }
        if self.has_pictures() {
            if self.starts.len() == PACKETS_MAX {
                return Err(too_large("The file has too many frames.".into()));
            }
            self.starts.push(start);
            self.note_shape(start);
        }
        Ok(())
    }

    fn note_shape(&mut self, start: i64) {
        let Some(shape) = self.next_shape.take() else { return };
        let known = self.shapes.last().is_some_and(|(_, last)| *last == shape);
        if !known && self.shapes.len() < SHAPES_MAX {
            self.shapes.push((start, shape));
        }
    }

    /// The first picture that does not fill the frame of the first one: its time, and how both are stored.
    #[must_use]
    pub fn misfit(&self) -> Option<(i64, Shape, Shape)> {
        let (_, first) = self.shapes.first()?;
        let (time, other) = self.shapes.iter().find(|(_, shape)| !shape.fits(first))?;
        Some((*time, *first, *other))
    }

    /// Takes note of what the container says about the stream.
    pub fn tags(&mut self, tags: &gst::TagListRef) {
        if let Some(rotation) = streams::rotation_of(tags) {
            self.rotation = rotation;
        }
        if tags.scope() == gst::TagScope::Stream
            && let Some(title) = tags.get::<gst::tags::Title>()
        {
            self.title = super::title_of(title.get());
        }
        if let Some(language) = tags.get::<gst::tags::LanguageCode>() {
            self.language = language_of(language.get());
        }
    }

    /// Length so far, in nanoseconds.
    pub fn length_ns(&self) -> u64 {
        self.span.map_or(0, |(first, last)| last.saturating_sub(first).max(0).cast_unsigned())
    }

    fn has_pictures(&self) -> bool {
        let name = self.codec();
        name.starts_with("video/") || name.starts_with("image/")
    }

    /// Start and end of a packet on the clock, cut to its segment; `None` outside it or without a time.
    fn place(&self, buffer: &gst::BufferRef, clock: MediaClock) -> Option<(i64, i64)> {
        let start = buffer.pts()?;
        let end = start.saturating_add(buffer.duration().unwrap_or_default());
        if clock == MediaClock::Raw {
            return Some((signed(start), signed(end)));
        }
        let segment = self.segment.as_ref()?;
        let from = segment.start().unwrap_or_default();
        let upto = segment.stop().unwrap_or(gst::ClockTime::MAX);
        let outside = start >= upto || (end <= from && start < from);
        let time = |at: gst::ClockTime| segment.to_stream_time(at.clamp(from, upto)).map(signed);
        if outside { None } else { Some((time(start)?, time(end)?)) }
    }
}

fn signed(time: gst::ClockTime) -> i64 {
    i64::try_from(time.nseconds()).unwrap_or(i64::MAX)
}

/// A primary language subtag, or nothing for "undetermined" and nonsense.
fn language_of(code: &str) -> Option<String> {
    let code = code.trim().to_ascii_lowercase();
    let plain = matches!(code.len(), 2 | 3) && code.bytes().all(|b| b.is_ascii_lowercase());
    (plain && code != "und").then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_subtags_or_nothing() {
        assert_eq!(language_of("EN").as_deref(), Some("en"));
        assert_eq!(language_of("deu").as_deref(), Some("deu"));
        for nothing in ["und", "", "english", "e1"] {
            assert_eq!(language_of(nothing), None, "{nothing}");
        }
    }

    fn packet(start_ms: u64, lasts_ms: u64) -> gst::Buffer {
        let mut buffer = gst::Buffer::with_size(10).expect("memory");
        let packet = buffer.make_mut();
        packet.set_pts(gst::ClockTime::from_mseconds(start_ms));
        packet.set_duration(gst::ClockTime::from_mseconds(lasts_ms));
        buffer
    }

    /// A log of pictures whose segment starts at 80 ms, stream time zero, as behind an edit list.
    fn edited() -> StreamLog {
        gst::init().expect("gstreamer");
        let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
        segment.set_start(gst::ClockTime::from_mseconds(80));
        segment.set_time(gst::ClockTime::ZERO);
        let caps = Some(gst::Caps::new_empty_simple("video/x-h264"));
        StreamLog { caps, segment: Some(segment), ..StreamLog::default() }
    }

    #[test]
    fn packets_outside_the_edit_have_no_place() {
        let mut log = edited();
        for start in [0, 40, 80, 120] {
            log.packet(&packet(start, 40), MediaClock::StreamTime).expect("few");
        }
        assert_eq!(log.starts, [0, 40_000_000]);
        assert_eq!((log.packets, log.span, log.bytes), (4, Some((0, 80_000_000)), 40));
    }

    #[test]
    fn a_packet_across_the_start_of_the_edit_is_cut() {
        let mut log = edited();
        log.packet(&packet(60, 40), MediaClock::StreamTime).expect("few");
        assert_eq!(log.span, Some((0, 20_000_000)));
    }

    #[test]
    fn the_raw_clock_knows_no_edits() {
        let mut log = edited();
        log.packet(&packet(60, 40), MediaClock::Raw).expect("few");
        log.packet(&packet(20, 40), MediaClock::Raw).expect("few");
        assert_eq!(log.starts, [60_000_000, 20_000_000]);
        assert_eq!((log.span, log.length_ns()), (Some((20_000_000, 100_000_000)), 80_000_000));
    }

    #[test]
    fn untimed_packets_count() {
        let mut log = edited();
        log.packet(&gst::Buffer::with_size(10).expect("memory"), MediaClock::Raw).expect("few");
        assert_eq!((log.packets, log.untimed, log.span), (1, 1, None));
    }
}
