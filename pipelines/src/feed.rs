//! Pushes buffers into a graph, a bounded number ahead.
//!
//! `appsrc`'s own blocking push never returns once the graph behind it has failed; this one looks around.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;

use crate::failure::{GraphError, Result};
use crate::graph::Graph;

/// Buffers that have left the queue towards the graph.
#[derive(Default)]
struct Taken {
    count: Mutex<u64>,
    changed: Condvar,
}

/// A bounded queue in front of a graph.
pub struct Feed {
    source: AppSrc,
    taken: Arc<Taken>,
    pushed: u64,
    ahead_max: u64,
}

impl Feed {
    /// A source of buffers of `caps` with running times, at most `ahead_max` of them waiting.
    ///
    /// # Errors
    /// When the element has no pad to watch.
    pub fn new(name: &str, caps: &gst::Caps, ahead_max: u64) -> Result<Self> {
        let source = AppSrc::builder()
            .name(name)
            .caps(caps)
            .format(gst::Format::Time)
            .max_bytes(0)
            .is_live(false)
            .build();
        let taken = Arc::new(Taken::default());
        let count = taken.clone();
        let pad = source.static_pad("src").ok_or_else(|| GraphError::internal("appsrc without a pad"))?;
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            *count.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            count.changed.notify_one();
            gst::PadProbeReturn::Ok
        });
        Ok(Self { source, taken, pushed: 0, ahead_max })
    }

    /// The element to link from.
    #[must_use]
    pub fn element(&self) -> &gst::Element {
        self.source.upcast_ref()
    }

    /// Queues `buffer` when there is room.
    ///
    /// # Errors
    /// When `graph` has failed.
    pub fn push(&mut self, buffer: gst::Buffer, graph: &Graph) -> Result<()> {
        while !self.has_room() {
            graph.check()?;
        }
        self.pushed += 1;
        match self.source.push_buffer(buffer) {
            Ok(_) => Ok(()),
            Err(error) => graph.check().and(Err(error.into())),
        }
    }

    /// Waits a little for room.
    fn has_room(&self) -> bool {
        let taken = self.taken.count.lock().unwrap_or_else(PoisonError::into_inner);
        let look = Duration::from_nanos(crate::graph::LOOK.nseconds());
        let full = |taken: &mut u64| self.pushed - *taken >= self.ahead_max;
        let waited = self.taken.changed.wait_timeout_while(taken, look, full);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Says that nothing follows.
    ///
    /// # Errors
    /// When the graph is being torn down.
    pub fn end(&self) -> Result<()> {
        self.source.end_of_stream()?;
        Ok(())
    }
}
