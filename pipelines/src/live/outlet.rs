//! Encoded units from a graph to the parent.

use bytes::Bytes;
use gstreamer as gst;
use gstreamer_app::{AppSink, AppSinkCallbacks};
use pipeline_wire::{FromChild, Unit};

use crate::failure::{GraphError, Result};

use super::session::Session;

/// Units that may wait to be sent.
const WAITING_MAX: u32 = 4;

/// The end of one track's branch. `time` says when a unit is presented, in ticks, or that it is left out.
pub fn sink(
    session: &Session,
    track: u8,
    time: impl FnMut(&gst::BufferRef) -> Result<Option<i64>> + Send + 'static,
) -> AppSink {
    let mut outlet = Outlet { session: session.clone(), track, told: None, time };
    let callbacks = AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            outlet.send(&sample).map(|()| gst::FlowSuccess::Ok).map_err(|error| {
                outlet.session.fault.set(error);
                gst::FlowError::Error
            })
        })
        .build();
    AppSink::builder()
        .sync(false)
        .async_(false)
        .enable_last_sample(false)
        .max_buffers(WAITING_MAX)
        .callbacks(callbacks)
        .build()
}

struct Outlet<F> {
    session: Session,
    track: u8,
    /// The format that the parent knows.
    told: Option<gst::Caps>,
    time: F,
}

impl<F: FnMut(&gst::BufferRef) -> Result<Option<i64>>> Outlet<F> {
    fn send(&mut self, sample: &gst::Sample) -> Result<()> {
        let buffer = sample.buffer().ok_or_else(|| GraphError::internal("an encoder sent no buffer"))?;
        let Some(pts) = (self.time)(buffer)? else { return Ok(()) };
        self.tell_config(sample)?;
        let key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let bytes = Bytes::copy_from_slice(&buffer.map_readable()?);
        let len = bytes.len();
        // Nothing is reordered, so both times are one.
        let unit = Unit { dts: pts, pts, key, bytes };
        self.session.link.send(&FromChild::Unit { track: self.track, unit })?;
        self.session.counts.sent(self.track, len);
        Ok(())
    }

    fn tell_config(&mut self, sample: &gst::Sample) -> Result<()> {
        let caps = sample.caps().ok_or_else(|| GraphError::internal("an encoder sent no caps"))?;
        if self.told.as_deref() == Some(caps) {
            return Ok(());
        }
        let config = caps.structure(0).and_then(|structure| structure.get::<gst::Buffer>("codec_data").ok());
        let config = config.ok_or_else(|| GraphError::internal("an encoder told no configuration"))?;
        let bytes = Bytes::copy_from_slice(&config.map_readable()?);
        self.told = Some(caps.to_owned());
        Ok(self.session.link.send(&FromChild::Config { track: self.track, bytes })?)
    }
}
