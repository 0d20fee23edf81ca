//! Takes CMAF headers and fragments off a muxer and sends them to the parent, checked against the timeline.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks};
use pipeline_wire::FromChild;

use crate::boxes;
use crate::failure::{GraphError, Result};
use crate::graph::{Fault, Graph};
use crate::link::Link;
use crate::retime;

/// Fragments that may wait to be sent.
const WAITING_MAX: u32 = 2;

/// One past a track's last unit; set once when it becomes known, which is before the last fragment is made.
#[derive(Clone, Debug, Default)]
pub struct End(Arc<AtomicU64>);

impl End {
    /// An end known from the start.
    #[must_use]
    pub fn at(unit: u64) -> Self {
        let end = Self::default();
        end.set(unit);
        end
    }

    /// Makes the end known; at least 1.
    pub fn set(&self, unit: u64) {
        self.0.store(unit, Ordering::Release);
    }

    /// The end, if it is known.
    #[must_use]
    pub fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Acquire)).filter(|end| *end > 0)
    }
}

/// What a track's fragments must add up to, in units of slots or audio samples.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// First unit of the first fragment.
    pub first: u64,
    /// One past the last unit of the last fragment.
    pub end: End,
    /// Ticks of the track's timescale per unit.
    pub ticks_per_unit: u64,
    /// Units per media sample: 1 for pictures, 1024 for AAC.
    pub units_per_sample: u32,
    /// Whether samples are decoded in another order than they are shown.
    pub reordered: bool,
    /// Whether the last fragment is the film's last.
    pub last: bool,
}

/// The pad a track enters `muxer` by. Tags are kept from it: an encoder's would become a `btrt` box that states
/// the cap as the average.
///
/// # Errors
/// When `muxer` has no such pad.
pub fn entry_without_tags(muxer: &gst::Element) -> Result<gst::Pad> {
    let pad = muxer.static_pad("sink").ok_or_else(|| GraphError::internal("cmafmux without a pad"))?;
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| match info.event() {
        Some(event) if event.type_() == gst::EventType::Tag => gst::PadProbeReturn::Handled,
        _ => gst::PadProbeReturn::Ok,
    });
    Ok(pad)
}

/// How far a track is.
#[derive(Clone, Default)]
pub struct Reached(Arc<Mutex<u64>>);

impl Reached {
    /// One past the last unit sent.
    #[must_use]
    pub fn get(&self) -> u64 {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, unit: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = unit;
    }
}

/// The end of one track's branch.
pub struct Fragments {
    link: Link,
    track: u8,
    timeline: Timeline,
    reached: Reached,
}

impl Fragments {
    /// Sends to `link` under `track`.
    #[must_use]
    pub fn new(link: &Link, track: u8, timeline: Timeline) -> Self {
        let reached = Reached::default();
        reached.set(timeline.first);
        Self { link: link.clone(), track, timeline, reached }
    }

    /// How far the track is, to be asked while the graph runs.
    #[must_use]
    pub fn reached(&self) -> Reached {
        self.reached.clone()
    }

    /// The sink to link behind the muxer.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn into_sink(self, graph: &Graph) -> Result<AppSink> {
        let fault = graph.fault();
        let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| self.take(sink, &fault)).build();
        let sink = AppSink::builder()
            .buffer_list(true)
            .sync(false)
            .async_(false)
            .enable_last_sample(false)
            .max_buffers(WAITING_MAX)
            .callbacks(callbacks)
            .build();
        Ok(sink)
    }

    fn take(&self, sink: &AppSink, fault: &Fault) -> std::result::Result<gst::FlowSuccess, gst::FlowError> {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        match sample.buffer_list_owned() {
            Some(list) => self.send(&list).map(|()| gst::FlowSuccess::Ok),
            None => Err(GraphError::internal("cmafmux sent a lone buffer")),
        }
        .map_err(|error| {
            fault.set(error);
            gst::FlowError::Error
        })
    }

    /// A list is one fragment, the first with the header in front.
    fn send(&self, list: &gst::BufferListRef) -> Result<()> {
        let has_header = list.get(0).is_some_and(|first| {
            first.flags().contains(gst::BufferFlags::DISCONT | gst::BufferFlags::HEADER)
        });
        let header = usize::from(has_header);
        if has_header {
            let mut bytes = joined(list, 0..1)?;
            boxes::zero_times(&mut bytes);
            self.link.send(&FromChild::Init { track: self.track, bytes: bytes.freeze() })?;
        }
        let fragment = joined(list, header..list.len())?.freeze();
        if !self.timeline.reordered {
            return self.send_fragment(fragment);
        }
        let retimed = retime::retimed(&fragment);
        self.send_fragment(
            retimed.ok_or_else(|| GraphError::internal("a fragment cannot be decoded in time"))?,
        )
    }

    fn send_fragment(&self, bytes: Bytes) -> Result<()> {
        let first = self.reached.get();
        let count = self.checked(first, &bytes)?;
        let end = first + u64::from(count);
        let keeps_brand = self.timeline.last;
        let bytes = if keeps_brand { bytes } else { boxes::without_last_brand(bytes) };
        self.link.send(&FromChild::Fragment { track: self.track, first, count, bytes })?;
        self.reached.set(end);
        Ok(())
    }

    /// How many units the fragment has, if it follows on what was sent.
    fn checked(&self, first: u64, bytes: &[u8]) -> Result<u32> {
        let found = boxes::contents(bytes).ok_or_else(|| GraphError::internal("cmafmux sent no fragment"))?;
        let room = self.timeline.end.get().map_or(u64::MAX, |end| end.saturating_sub(first));
        let count = u64::from(found.samples.saturating_mul(self.timeline.units_per_sample)).min(room);
        let expected = first * self.timeline.ticks_per_unit;
        if found.decode_time != expected || found.samples == 0 {
            let Self { track, .. } = self;
            let detail = format!("track {track}: {found:?} where decode time {expected} follows");
            return Err(GraphError::internal(detail));
        }
        u32::try_from(count).map_err(GraphError::internal)
    }

    /// Whether all that was to come has been sent.
    ///
    /// # Errors
    /// When less or more was.
    pub fn complete(reached: &Reached, end: u64) -> Result<()> {
        if reached.get() == end {
            return Ok(());
        }
        Err(GraphError::internal(format!("the encoder stopped at {} of {end}", reached.get())))
    }
}

fn joined(list: &gst::BufferListRef, range: std::ops::Range<usize>) -> Result<BytesMut> {
    let parts = || list.iter().skip(range.start).take(range.len());
    let mut out = BytesMut::with_capacity(parts().map(gst::BufferRef::size).sum());
    for part in parts() {
        out.extend_from_slice(&part.map_readable()?);
    }
    Ok(out)
}
