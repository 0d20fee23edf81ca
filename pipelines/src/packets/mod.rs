//! One pass over every packet of a source, demuxed and parsed but not decoded.

mod log;
mod pass;

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use pipeline_wire::{FailureKind, MediaClock, ProbeSpec};

use crate::failure::{GraphError, Result};
use crate::graph::LOOK;
use crate::link::Link;
use crate::picture_times;
use crate::said_colours;
use crate::source::source_element;
pub use log::{PACKETS_MAX, Shape, StreamLog};
use pass::{Pass, lock};

/// Streams looked at.
const STREAMS_MAX: usize = 64;
/// Characters kept of a title.
const TITLE_MAX: usize = 200;
/// Looks at a graph at rest before it is given up.
const IDLE_LOOKS: u32 = 5;

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
    pipeline.connect_deep_element_added(|_, _, element| {
        picture_times::complete(element);
        said_colours::prefer_bitstream(element);
    });
    let pass = Pass::new(spec, link, &pipeline);
    watch_container(&parsebin, &pass);
    parsebin.connect_pad_added({
        let pass = pass.clone();
        move |_, pad| pass.open(pad)
    });
    let listed = drive(&pipeline, &pass)?;
    let logs = std::mem::take(&mut *lock(&pass.logs));
    let logs = logs.iter().map(|log| std::mem::take(&mut *lock(log))).collect();
    let (container, clock) = lock(&pass.container).clone();
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
fn watch_container(parsebin: &gst::Element, pass: &Arc<Pass>) {
    let finder = parsebin.downcast_ref::<gst::Bin>().and_then(|bin| bin.by_name("typefind"));
    let Some(finder) = finder else { return };
    let pass = pass.clone();
    finder.connect("have-type", false, move |values| {
        let caps = values[2].get::<gst::Caps>().ok()?;
        let name = caps.structure(0)?.name().to_string();
        let clock = clock_of(&name);
        *lock(&pass.container) = (name, clock);
        None
    });
}

/// Containers with edit lists, and those whose tracks have clocks of their own, are read on stream time; the rest keep
/// their own timestamps.
fn clock_of(container: &str) -> MediaClock {
    match container {
        "video/quicktime" | "audio/x-m4a" | "application/x-3gp" | "video/mj2" => MediaClock::StreamTime,
        // Pictures that follow others out of order are moved, and their segment with them.
        "application/mxf" => MediaClock::StreamTime,
        _ => MediaClock::Raw,
    }
}

fn drive(pipeline: &gst::Pipeline, pass: &Pass) -> Result<Vec<gst::Stream>> {
    let bus = pipeline.bus().ok_or_else(|| GraphError::internal("a pipeline without a bus"))?;
    let outcome = match pipeline.set_state(gst::State::Playing) {
        Ok(_) => listen(&bus, pass),
        Err(error) => Err(first_error(&bus).unwrap_or_else(|| error.into())),
    };
    match outcome {
        Ok(_) => _ = pipeline.set_state(gst::State::Null)?,
        // A graph that failed may hang on its way down. The process ends with its verdict, and this with it.
        Err(_) => std::mem::forget(pipeline.clone()),
    }
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

fn too_large(reason: String) -> GraphError {
    GraphError::new(FailureKind::TooLarge, reason.clone(), reason)
}

/// A title without control characters, of bounded length; nothing where nothing is left.
fn title_of(raw: &str) -> Option<String> {
    let title: String = raw.chars().filter(|c| !c.is_control()).take(TITLE_MAX).collect();
    let title = title.trim();
    (!title.is_empty()).then(|| title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_bounded_and_clean() {
        assert_eq!(title_of(" a\u{0}b\n ").as_deref(), Some("ab"));
        assert_eq!(title_of("\n"), None);
        assert_eq!(title_of(&"x".repeat(500)).map(|t| t.len()), Some(TITLE_MAX));
    }
}
