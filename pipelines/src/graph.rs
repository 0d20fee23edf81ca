//! A running GStreamer pipeline that cannot hang its caller: every wait looks at the bus and at the link.

use std::sync::{Arc, Mutex, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::failure::{GraphError, Result};
use crate::link::{Link, LinkError};

/// The longest a wait goes on before it looks around again.
pub const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// What a callback on a streaming thread could not do. The first fault is kept: those behind it follow from it.
#[derive(Clone, Default)]
pub struct Fault(Arc<Mutex<Option<GraphError>>>);

impl Fault {
    /// Keeps `error` unless there is one already.
    pub fn set(&self, error: GraphError) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    fn get(&self) -> Option<GraphError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A pipeline with its bus. Dropping it stops it.
pub struct Graph {
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    fault: Fault,
    link: Link,
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
        let pipeline = gst::Pipeline::with_name(name);
        let bus = pipeline.bus().ok_or_else(|| GraphError::internal("a pipeline without a bus"))?;
        Ok(Self { pipeline, bus, fault: Fault::default(), link: link.clone() })
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
        if let Some(error) = self.fault.get() {
            return Err(error);
        }
        if self.link.gone() {
            return Err(LinkError::Gone.into());
        }
        match self.bus.pop_filtered(&[gst::MessageType::Error]) {
            Some(message) => Err(self.error_of(&message)),
            None => Ok(()),
        }
    }

    /// Waits until every sink has reached the end.
    ///
    /// # Errors
    /// As [`Graph::check`].
    pub fn wait_end(&self) -> Result<()> {
        self.wait(gst::MessageType::Eos)
    }

    /// Waits until a state change or a seek has reached the sinks.
    ///
    /// # Errors
    /// As [`Graph::check`].
    pub fn wait_settled(&self) -> Result<()> {
        self.wait(gst::MessageType::AsyncDone)
    }

    fn wait(&self, wanted: gst::MessageType) -> Result<()> {
        loop {
            let message = self.bus.timed_pop_filtered(LOOK, &[wanted, gst::MessageType::Error]);
            match message {
                Some(message) if message.type_() == wanted => return self.check(),
                Some(message) => return Err(self.error_of(&message)),
                None => self.check()?,
            }
        }
    }

    /// A callback's fault explains the error that its refusal provoked.
    fn error_of(&self, message: &gst::Message) -> GraphError {
        match (self.fault.get(), message.view()) {
            (Some(fault), _) => fault,
            (None, gst::MessageView::Error(error)) => error.into(),
            (None, _) => GraphError::internal("an unexpected message on the bus"),
        }
    }
}
