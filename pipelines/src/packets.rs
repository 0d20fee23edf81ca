//! One pass over every packet of a source, demuxed and parsed but not decoded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video::VideoBufferFlags;
use gstreamer_video::prelude::VideoBufferExt;
use pipeline_wire::{FailureKind, MediaClock, ProbeSpec};

use crate::failure::{GraphError, Result};
use crate::graph::LOOK;
use crate::link::Link;
use crate::source::source_element;

/// Packets of one stream whose times are kept: twelve hours at 120 frames a second and then some.
pub const PACKETS_MAX: usize = 6_000_000;
/// Streams looked at.
const STREAMS_MAX: usize = 64;
/// Time between two progress messages, in nanoseconds.
const PROGRESS_EVERY_NS: u64 = 500_000_000;
/// Looks at a graph at rest before it is given up.
const IDLE_LOOKS: u32 = 5;
/// Characters kept of a title.
const TITLE_MAX: usize = 200;

/// What one stream's packets said.
#[derive(Debug, Default)]
pub struct StreamLog {
    /// Stream id.
    pub id: String,
    /// What the container says it is.
    pub kind: Option<gst::StreamType>,
    /// The last caps seen.
    pub caps: Option<gst::Caps>,
    /// Start of every packet in arrival order, on the source's clock, in nanoseconds.
    pub starts: Vec<i64>,
    /// The furthest end of a packet; as `starts`.
    pub end: i64,
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
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
}

/// What the pass found.
#[derive(Debug)]
pub struct Packets {
    /// Container as a caps name.
    pub container: String,
    /// Which clock the times are on.
    pub clock: MediaClock,
    /// One for every stream, in container order; empty for one that never delivered.
    pub logs: Vec<StreamLog>,
    /// Title of the whole.
    pub title: Option<String>,
}

/// Shared by the pads of one pass.
struct Pass {
    link: Link,
    duration_max_ns: u64,
    dimension_max: u32,
    clock: Mutex<MediaClock>,
    logs: Mutex<Vec<Arc<Mutex<StreamLog>>>>,
    title: Mutex<Option<String>>,
    refused: Mutex<Option<GraphError>>,
    progress: Mutex<(u64, u64)>,
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the source to its end.
///
/// # Errors
/// When it is no media, is damaged, exceeds a limit, or cannot be read.
pub fn read(spec: &ProbeSpec, link: &Link) -> Result<Packets> {
    let pipeline = gst::Pipeline::new();
    let source = source_element(link, spec.source.bytes);
    let parsebin = gst::ElementFactory::make("parsebin").build()?;
    pipeline.add_many([&source, &parsebin])?;
    source.link(&parsebin)?;
    let pass = Arc::new(Pass {
        link: link.clone(),
        duration_max_ns: spec.duration_max_ns,
        dimension_max: spec.dimension_max,
        clock: Mutex::new(MediaClock::Raw),
        logs: Mutex::default(),
        title: Mutex::default(),
        refused: Mutex::default(),
        progress: Mutex::new((gst::get_timestamp().nseconds(), 0)),
        pipeline: pipeline.downgrade(),
    });
    let container = watch_container(&parsebin, &pass);
    parsebin.connect_pad_added({
        let pass = pass.clone();
        move |_, pad| pass.open(pad)
    });
    let listed = drive(&pipeline, &pass)?;
    let container = lock(&container).clone();
    let clock = *lock(&pass.clock);
    let logs = std::mem::take(&mut *lock(&pass.logs));
    let logs = logs.iter().map(|log| std::mem::take(&mut *lock(log))).collect();
    let title = lock(&pass.title).take();
    Ok(Packets { container, clock, logs: arrange(&listed, logs), title })
}

/// Puts the logs in the container's order. Streams it does not list (elementary streams) come last.
fn arrange(listed: &[gst::Stream], mut logs: Vec<StreamLog>) -> Vec<StreamLog> {
    let mut arranged = Vec::with_capacity(logs.len());
    for stream in listed {
        let id = stream.stream_id().unwrap_or_default().to_string();
        let log = match logs.iter().position(|log| log.id == id) {
            Some(at) => logs.remove(at),
            None => StreamLog { id, ..StreamLog::default() },
        };
        arranged.push(StreamLog { kind: Some(stream.stream_type()), ..log });
    }
    arranged.extend(logs);
    arranged
}

/// Notes the container and its clock as soon as the type finder inside parsebin knows.
fn watch_container(parsebin: &gst::Element, pass: &Arc<Pass>) -> Arc<Mutex<String>> {
    let container = Arc::new(Mutex::new(String::new()));
    let Some(finder) = parsebin.downcast_ref::<gst::Bin>().and_then(|bin| bin.by_name("typefind")) else {
        return container;
    };
    let (found, pass) = (container.clone(), pass.clone());
    finder.connect("have-type", false, move |values| {
        let caps = values[2].get::<gst::Caps>().ok()?;
        let name = caps.structure(0)?.name().to_string();
        *lock(&pass.clock) = clock_of(&name);
        *lock(&found) = name;
        None
    });
    container
}

/// Containers with edit lists are read on stream time; the rest keep their own timestamps.
fn clock_of(container: &str) -> MediaClock {
    match container {
        "video/quicktime" | "audio/x-m4a" | "application/x-3gp" | "video/mj2" => MediaClock::StreamTime,
        _ => MediaClock::Raw,
    }
}

fn drive(pipeline: &gst::Pipeline, pass: &Pass) -> Result<Vec<gst::Stream>> {
    let bus = pipeline.bus().ok_or_else(|| GraphError::internal("a pipeline without a bus"))?;
    let outcome = match pipeline.set_state(gst::State::Playing) {
        Ok(_) => listen(&bus, pass),
        Err(error) => Err(first_error(&bus).unwrap_or_else(|| error.into())),
    };
    pipeline.set_state(gst::State::Null)?;
    outcome
}

fn first_error(bus: &gst::Bus) -> Option<GraphError> {
    match bus.pop_filtered(&[gst::MessageType::Error])?.view() {
        gst::MessageView::Error(error) => Some(error.into()),
        _ => None,
    }
}

fn listen(bus: &gst::Bus, pass: &Pass) -> Result<Vec<gst::Stream>> {
    let (mut listed, mut idle) = (Vec::new(), 0);
    while idle < IDLE_LOOKS {
        let Some(message) = bus.timed_pop(LOOK) else {
            idle = if pass.is_idle() { idle + 1 } else { 0 };
            continue;
        };
        match message.view() {
            gst::MessageView::Eos(_) => return Ok(listed),
            gst::MessageView::StreamCollection(message) => {
                listed = message.stream_collection().iter().take(STREAMS_MAX).collect();
            }
            gst::MessageView::Error(error) => {
                return Err(lock(&pass.refused).take().unwrap_or_else(|| error.into()));
            }
            gst::MessageView::Application(_) => {
                return Err(lock(&pass.refused).take().unwrap_or_else(|| GraphError::internal("stopped")));
            }
            _ => {}
        }
    }
    Err(GraphError::damaged("the demuxer gave up without a word"))
}

impl Pass {
    /// Whether no element has anything left to do. parsebin swallows an error that a demuxer posts while it is
    /// being plugged; what remains is a graph at rest.
    fn is_idle(&self) -> bool {
        let runs = |pad: &gst::Pad| pad.task_state() == gst::TaskState::Started;
        let Some(pipeline) = self.pipeline.upgrade() else { return true };
        !pipeline.iterate_recurse().into_iter().flatten().any(|element| element.pads().iter().any(runs))
    }

    fn open(self: &Arc<Self>, pad: &gst::Pad) {
        let log = Arc::<Mutex<StreamLog>>::default();
        {
            let mut logs = lock(&self.logs);
            if logs.len() == STREAMS_MAX {
                return self.refuse(too_large(format!("The file has more than {STREAMS_MAX} tracks.")));
            }
            logs.push(log.clone());
        }
        if let Err(error) = self.attach(pad, log) {
            self.refuse(error);
        }
    }

    fn attach(self: &Arc<Self>, pad: &gst::Pad, log: Arc<Mutex<StreamLog>>) -> Result<()> {
        let pipeline = self.pipeline.upgrade().ok_or_else(|| GraphError::internal("no pipeline"))?;
        // Not asynchronous: one thread feeds all sinks, so none may wait for the others to preroll.
        let sink =
            gst::ElementFactory::make("fakesink").property("async", false).property("sync", false).build()?;
        let end = sink.static_pad("sink").ok_or_else(|| GraphError::internal("a sink without a pad"))?;
        let pass = self.clone();
        end.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            let outcome = match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => pass.packet(&log, buffer),
                Some(gst::PadProbeData::Event(event)) => pass.event(&log, event),
                _ => Ok(()),
            };
            if let Err(error) = outcome {
                pass.refuse(error);
            }
            gst::PadProbeReturn::Ok
        });
        pipeline.add(&sink)?;
        sink.sync_state_with_parent()?;
        pad.link(&end)?;
        Ok(())
    }

    /// Ends the pass with this failure, or with an earlier one.
    fn refuse(&self, error: GraphError) {
        lock(&self.refused).get_or_insert(error);
        if let Some(pipeline) = self.pipeline.upgrade() {
            let stop =
                gst::message::Application::builder(gst::Structure::new_empty("stop")).src(&pipeline).build();
            // Fails only on a bus that is flushing, when the pass is over anyway.
            let _ = pipeline.post_message(stop);
        }
    }

    fn event(&self, log: &Mutex<StreamLog>, event: &gst::Event) -> Result<()> {
        match event.view() {
            gst::EventView::StreamStart(event) => lock(log).id = event.stream_id().to_owned(),
            gst::EventView::Caps(event) => {
                self.check_caps(event.caps())?;
                lock(log).caps = Some(event.caps_owned());
            }
            gst::EventView::Segment(event) => {
                lock(log).segment = event.segment().downcast_ref::<gst::ClockTime>().cloned();
            }
            gst::EventView::Tag(event) => self.tags(log, event.tag()),
            _ => {}
        }
        Ok(())
    }

    fn check_caps(&self, caps: &gst::CapsRef) -> Result<()> {
        let Some(structure) = caps.structure(0) else { return Ok(()) };
        if matches!(structure.name().as_str(), "application/x-cenc" | "application/x-webm-enc") {
            return Err(GraphError::encrypted(caps));
        }
        let max = self.dimension_max;
        let beyond = |field| structure.get::<i32>(field).is_ok_and(|size| size > max.cast_signed());
        if beyond("width") || beyond("height") {
            return Err(too_large(format!("The picture is larger than {max} pixels on a side.")));
        }
        Ok(())
    }

    fn tags(&self, log: &Mutex<StreamLog>, tags: &gst::TagListRef) {
        let mut log = lock(log);
        if let Some(rotation) = crate::streams::rotation_of(tags) {
            log.rotation = rotation;
        }
        if let Some(language) = tags.get::<gst::tags::LanguageCode>() {
            log.language = language_of(language.get());
        }
        if tags.scope() == gst::TagScope::Global
            && let Some(title) = tags.get::<gst::tags::Title>()
        {
            *lock(&self.title) = title_of(title.get());
        }
    }

    fn packet(&self, log: &Mutex<StreamLog>, buffer: &gst::BufferRef) -> Result<()> {
        // Codec headers that a container stores as packets of their own.
        if buffer.flags().contains(gst::BufferFlags::HEADER)
            && buffer.pts().is_none()
            && buffer.dts().is_none()
        {
            return Ok(());
        }
        let clock = *lock(&self.clock);
        let mut log = lock(log);
        log.packets += 1;
        log.bytes += buffer.size() as u64;
        log.interlaced |= buffer.video_flags().contains(VideoBufferFlags::INTERLACED);
        if log.starts.len() == PACKETS_MAX {
            return Err(too_large("The file has too many frames.".into()));
        }
        log.untimed += u64::from(buffer.pts().is_none());
        if let Some((start, end)) = log.place(buffer, clock) {
            log.end = if log.starts.is_empty() { end } else { log.end.max(end) };
            log.starts.push(start);
            let first = *log.starts.first().unwrap_or(&start);
            if log.end.saturating_sub(first) > i64::try_from(self.duration_max_ns).unwrap_or(i64::MAX) {
                return Err(GraphError::too_long(self.duration_max_ns));
            }
        }
        drop(log);
        self.tell_progress()
    }

    fn tell_progress(&self) -> Result<()> {
        let mut progress = lock(&self.progress);
        progress.1 += 1;
        let now = gst::get_timestamp().nseconds();
        if now.saturating_sub(progress.0) < PROGRESS_EVERY_NS {
            return Ok(());
        }
        progress.0 = now;
        Ok(self.link.progress(progress.1, 0)?)
    }
}

impl StreamLog {
    /// The codec as a caps name; empty when nothing arrived.
    pub fn codec(&self) -> String {
        self.caps.as_ref().and_then(|caps| caps.structure(0)).map(|s| s.name().to_string()).unwrap_or_default()
    }

    /// Whether these are pictures, as `is_audio`.
    pub fn is_video(&self) -> bool {
        match self.kind {
            Some(kind) => kind.contains(gst::StreamType::VIDEO),
            None => self.codec().starts_with("video/"),
        }
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

fn too_large(reason: String) -> GraphError {
    GraphError::new(FailureKind::TooLarge, reason.clone(), reason)
}

/// A primary language subtag, or nothing for "undetermined" and nonsense.
fn language_of(code: &str) -> Option<String> {
    let code = code.trim().to_ascii_lowercase();
    let plain = matches!(code.len(), 2 | 3) && code.bytes().all(|b| b.is_ascii_lowercase());
    (plain && code != "und").then_some(code)
}

fn title_of(raw: &str) -> Option<String> {
    let title: String = raw.chars().filter(|c| !c.is_control()).take(TITLE_MAX).collect();
    let title = title.trim();
    (!title.is_empty()).then(|| title.to_owned())
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

    #[test]
    fn titles_are_bounded_and_clean() {
        assert_eq!(title_of(" a\u{0}b\n ").as_deref(), Some("ab"));
        assert_eq!(title_of("\n"), None);
        assert_eq!(title_of(&"x".repeat(500)).map(|t| t.len()), Some(TITLE_MAX));
    }
}
