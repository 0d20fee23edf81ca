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
    count: Mutex<Count>,
    changed: Condvar,
}

#[derive(Default)]
struct Count {
    taken: u64,
    /// The count that the pushing side waits for.
    awaited: u64,
}

impl Taken {
    fn one(&self) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.taken += 1;
        if count.taken == count.awaited {
            self.changed.notify_one();
        }
    }

    fn now(&self) -> u64 {
        self.count.lock().unwrap_or_else(PoisonError::into_inner).taken
    }

    /// Waits a little until `awaited` have been taken; whether they have.
    fn wait(&self, awaited: u64) -> bool {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.awaited = awaited;
        let look = Duration::from_nanos(crate::graph::LOOK.nseconds());
        let fewer = |count: &mut Count| count.taken < count.awaited;
        let waited = self.changed.wait_timeout_while(count, look, fewer);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
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
            count.one();
            gst::PadProbeReturn::Ok
        });
        Ok(Self { source, taken, pushed: 0, ahead_max })
    }

    /// The element to link from.
    #[must_use]
    pub fn element(&self) -> &gst::Element {
        self.source.upcast_ref()
    }

    /// Says that the buffers behind those queued are of `caps`.
    pub fn set_caps(&self, caps: &gst::Caps) {
        self.source.set_caps(Some(caps));
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

    /// Waits a little for room. Once the queue is full, half of it: threads that wake each other for every picture
    /// spend more on that than on anything else outside the encoder.
    fn has_room(&self) -> bool {
        let full = self.pushed.saturating_sub(self.taken.now()) >= self.ahead_max;
        !full || self.taken.wait(self.pushed - self.ahead_max / 2)
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
