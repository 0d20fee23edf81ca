//! A running GStreamer pipeline that cannot hang its caller: every wait looks at the bus and at the link.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::failure::{GraphError, Result};
use crate::link::{Link, LinkError};

/// The longest a wait goes on before it looks around again.
pub const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// What is read from the bus. Every read asks for both, because it throws away what it does not ask for.
const TELLING: [gst::MessageType; 2] = [gst::MessageType::Eos, gst::MessageType::Error];

/// What a callback on a streaming thread could not do. The first fault is kept: those behind it follow from it.
#[derive(Clone, Default)]
pub struct Fault(Arc<Mutex<Option<GraphError>>>);

impl Fault {
    /// Keeps `error` unless there is one already.
    pub fn set(&self, error: GraphError) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// The fault, if there is one.
    #[must_use]
    pub fn get(&self) -> Option<GraphError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A pipeline with its bus. Dropping it stops it.
pub struct Graph {
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    fault: Fault,
    link: Link,
    /// Whether the bus has said that every sink has reached the end.
    ended: AtomicBool,
}

impl Drop for Graph {
    fn drop(&mut self) {
        // Nothing is lost if this fails: the process ends with its graph.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Graph {
    /// An empty graph whose results go to `link`.
    ///
    /// # Errors
    /// When the pipeline has no bus.
    pub fn new(name: &str, link: &Link) -> Result<Self> {
        Self::sharing(name, link, Fault::default())
    }

    /// An empty graph that fails with all others that share `fault`.
    ///
    /// # Errors
    /// When the pipeline has no bus.
    pub fn sharing(name: &str, link: &Link, fault: Fault) -> Result<Self> {
        let pipeline = gst::Pipeline::with_name(name);
        let bus = pipeline.bus().ok_or_else(|| GraphError::internal("a pipeline without a bus"))?;
        Ok(Self { pipeline, bus, fault, link: link.clone(), ended: AtomicBool::new(false) })
    }

    /// Where callbacks put what they could not do.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault.clone()
    }

    /// Adds `elements` and links them in a row.
    ///
    /// # Errors
    /// When two of them do not fit.
    pub fn chain(&self, elements: &[&gst::Element]) -> Result<()> {
        self.pipeline.add_many(elements)?;
        Ok(gst::Element::link_many(elements)?)
    }

    /// The pipeline itself.
    #[must_use]
    pub const fn pipeline(&self) -> &gst::Pipeline {
        &self.pipeline
    }

    /// Starts on the way to `state`, without waiting for it.
    ///
    /// # Errors
    /// What an element reported.
    pub fn set_state(&self, state: gst::State) -> Result<()> {
        match self.pipeline.set_state(state) {
            Ok(_) => Ok(()),
            Err(error) => {
                self.check()?;
                Err(error.into())
            }
        }
    }

    /// Whether anything has gone wrong so far.
    ///
    /// # Errors
    /// A callback's fault, an element's error, or the parent's absence.
    pub fn check(&self) -> Result<()> {
        // Not a timed read of zero: that one is late before it has looked.
        self.judge(self.bus.pop_filtered(&TELLING))
    }

    /// Waits until every sink has reached the end.
    ///
    /// # Errors
    /// As [`Graph::check`].
    pub fn wait_end(&self) -> Result<()> {
        while !self.ended.load(Ordering::Acquire) {
            self.judge(self.bus.timed_pop_filtered(LOOK, &TELLING))?;
        }
        self.check()
    }

    fn judge(&self, message: Option<gst::Message>) -> Result<()> {
        if let Some(fault) = self.fault.get() {
            // A callback's fault explains the error that its refusal provoked.
            return Err(fault);
        }
        if self.link.gone() {
            return Err(LinkError::Gone.into());
        }
        match message.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Error(error)) => {
                // Who else looks at this graph finds nothing on the bus any more.
                let error = GraphError::from(error);
                self.fault.set(error.clone());
                Err(error)
            }
            Some(_) => {
                self.ended.store(true, Ordering::Release);
                Ok(())
            }
            None => Ok(()),
        }
    }
}
