//! The pads of one pass, and what they share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;
use pipeline_wire::{MediaClock, ProbeSpec};

use super::log::StreamLog;
use super::{STREAMS_MAX, too_large};
use crate::failure::{GraphError, Result};
use crate::link::Link;

/// Time between two progress messages, in nanoseconds.
const PROGRESS_EVERY_NS: u64 = 500_000_000;

/// Shared by the pads of one pass.
pub struct Pass {
    link: Link,
    duration_max_ns: u64,
    dimension_max: u32,
    /// Container as a caps name, and which clock its times are on.
    pub container: Mutex<(String, MediaClock)>,
    /// One per stream, in order of appearance.
    pub logs: Mutex<Vec<Arc<Mutex<StreamLog>>>>,
    /// Title of the whole.
    pub title: Mutex<Option<String>>,
    /// Why the pass was ended from inside.
    pub refused: Mutex<Option<GraphError>>,
    progress: Mutex<(u64, u64)>,
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
}

/// A lock that a panic elsewhere does not take away.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pass {
    /// A pass of `pipeline` under the limits of `spec`.
    pub fn new(spec: &ProbeSpec, link: &Link, pipeline: &gst::Pipeline) -> Arc<Self> {
        Arc::new(Self {
            link: link.clone(),
            duration_max_ns: spec.duration_max_ns,
            dimension_max: spec.dimension_max,
            container: Mutex::new((String::new(), MediaClock::Raw)),
            logs: Mutex::default(),
            title: Mutex::default(),
            refused: Mutex::default(),
            progress: Mutex::new((gst::get_timestamp().nseconds(), 0)),
            pipeline: pipeline.downgrade(),
        })
    }

    /// Whether no element has anything left to do. parsebin swallows an error that a demuxer posts while it is
    /// being plugged; what remains is a graph at rest.
    pub fn is_idle(&self) -> bool {
        let runs = |pad: &gst::Pad| pad.task_state() == gst::TaskState::Started;
        let Some(pipeline) = self.pipeline.upgrade() else { return true };
        !pipeline.iterate_recurse().into_iter().flatten().any(|element| element.pads().iter().any(runs))
    }

    /// Takes over a new pad.
    pub fn open(self: &Arc<Self>, pad: &gst::Pad) {
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
        let seen =
            gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST | gst::PadProbeType::EVENT_DOWNSTREAM;
        end.add_probe(seen, move |_, info| {
            let outcome = match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => pass.packet(&log, buffer),
                Some(gst::PadProbeData::BufferList(list)) => {
                    list.iter().try_for_each(|buffer| pass.packet(&log, buffer))
                }
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
            gst::EventView::StreamStart(event) => {
                let mut log = lock(log);
                log.id = event.stream_id().to_owned();
                log.default = event.stream_flags().contains(gst::StreamFlags::SELECT);
            }
            gst::EventView::Caps(event) => {
                self.check_caps(event.caps())?;
                lock(log).caps(event.caps());
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
        lock(log).tags(tags);
        if tags.scope() == gst::TagScope::Global
            && let Some(title) = tags.get::<gst::tags::Title>()
        {
            *lock(&self.title) = super::title_of(title.get());
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
        let clock = lock(&self.container).1;
        let length_ns = {
            let mut log = lock(log);
            log.packet(buffer, clock)?;
            log.length_ns()
        };
        if length_ns > self.duration_max_ns {
            return Err(GraphError::too_long(self.duration_max_ns));
        }
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
