//! Decoded pictures to every rung's encoder: scaled in cascade, timed as they are told.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video::prelude::*;
use gstreamer_video::{VideoBufferPool, VideoFrameRef, VideoInfo};

use crate::failure::{GraphError, Result};
use crate::feed::Feed;
use crate::graph::Graph;
use crate::scale::{Plane, PlaneMut, Scaler};

/// A decoded picture with its format.
#[derive(Clone)]
pub struct Picture {
    /// The picture.
    pub buffer: gst::Buffer,
    /// How to read it.
    pub info: Arc<VideoInfo>,
}

/// When a picture is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From here.
    pub start: gst::ClockTime,
    /// For so long.
    pub lasts: gst::ClockTime,
}

/// One rung's way to its encoder.
pub struct Rung {
    info: Arc<VideoInfo>,
    pool: gst::BufferPool,
    scaler: Option<Scaler>,
    feed: Feed,
}

impl Rung {
    /// A rung of pictures of `info` into `feed`.
    ///
    /// # Errors
    /// When no pool can be set up.
    pub fn new(info: VideoInfo, feed: Feed) -> Result<Self> {
        let pool: gst::BufferPool = VideoBufferPool::new().upcast();
        let mut config = pool.config();
        let size = u32::try_from(info.size()).map_err(GraphError::internal)?;
        // No upper limit: the encoder keeps as many pictures as it looks ahead, and the feed bounds the rest.
        config.set_params(Some(&info.to_caps()?), size, 0, 0);
        pool.set_config(config)?;
        pool.set_active(true)?;
        Ok(Self { info: Arc::new(info), pool, scaler: None, feed })
    }

    /// `above` in this rung's size; the same picture when it already is.
    fn render(&mut self, above: &Picture) -> Result<Picture> {
        let size = (above.info.width(), above.info.height());
        if size == (self.info.width(), self.info.height()) {
            return Ok(above.clone());
        }
        let to = (self.info.width(), self.info.height());
        let scaler = match self.scaler.take().filter(|scaler| scaler.from() == size) {
            Some(scaler) => scaler,
            None => Scaler::new(size, to).map_err(GraphError::internal)?,
        };
        let scaler = self.scaler.insert(scaler);
        let mut buffer = self.pool.acquire_buffer(None)?;
        let target = buffer.get_mut().ok_or_else(|| GraphError::internal("a pooled buffer is shared"))?;
        scale(scaler, above, target, &self.info)?;
        Ok(Picture { buffer, info: self.info.clone() })
    }
}

fn scale(scaler: &mut Scaler, from: &Picture, to: &mut gst::BufferRef, info: &VideoInfo) -> Result<()> {
    let from = VideoFrameRef::from_buffer_ref_readable(from.buffer.as_ref(), &from.info)?;
    let mut to = VideoFrameRef::from_buffer_ref_writable(to, info)?;
    let stride = |strides: &[i32], plane: usize| usize::try_from(strides[plane]).unwrap_or(0);
    let strides: [usize; 3] = std::array::from_fn(|plane| stride(to.plane_stride(), plane));
    let read = std::array::from_fn(|plane| Plane {
        data: from.planes_data()[plane],
        stride: stride(from.plane_stride(), plane),
    });
    let [y, u, v, _] = to.planes_data_mut();
    let write =
        [(y, strides[0]), (u, strides[1]), (v, strides[2])].map(|(data, stride)| PlaneMut { data, stride });
    scaler.scale(read, write).map_err(GraphError::internal)
}

/// All rungs, largest first.
pub struct Ladder {
    rungs: Vec<Rung>,
    rendered: Vec<Picture>,
}

impl Ladder {
    /// A ladder of `rungs`.
    #[must_use]
    pub fn new(rungs: Vec<Rung>) -> Self {
        Self { rendered: Vec::with_capacity(rungs.len()), rungs }
    }

    /// Shows `picture` at each of `spans`, in order, on every rung.
    ///
    /// # Errors
    /// When a picture cannot be scaled, or an encoder of `graph` has failed.
    pub fn show(
        &mut self,
        picture: Picture,
        spans: impl DoubleEndedIterator<Item = Span> + Clone,
        graph: &Graph,
    ) -> Result<()> {
        self.rendered.clear();
        for rung in &mut self.rungs {
            let rendered = rung.render(self.rendered.last().unwrap_or(&picture))?;
            self.rendered.push(rendered);
        }
        // The buffers are timed in place when nobody else holds them.
        drop(picture);
        for (rung, rendered) in self.rungs.iter_mut().zip(self.rendered.drain(..)) {
            let mut spans = spans.clone();
            let Some(last) = spans.next_back() else { continue };
            for span in spans {
                rung.feed.push(timed(rendered.buffer.copy(), span), graph)?;
            }
            rung.feed.push(timed(rendered.buffer, last), graph)?;
        }
        Ok(())
    }

    /// Says that no picture follows.
    ///
    /// # Errors
    /// When the graph is being torn down.
    pub fn end(&self) -> Result<()> {
        self.rungs.iter().try_for_each(|rung| rung.feed.end())
    }
}

/// The buffer with the time of `span`; a shared one is copied, but not its pixels.
fn timed(mut buffer: gst::Buffer, span: Span) -> gst::Buffer {
    let timed = buffer.make_mut();
    timed.set_pts(span.start);
    timed.set_dts(gst::ClockTime::NONE);
    timed.set_duration(span.lasts);
    buffer
}
