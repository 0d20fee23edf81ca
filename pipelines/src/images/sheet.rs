//! A grid of equally sized pictures in one frame, and that frame as a JPEG.

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};
use gstreamer_video::prelude::*;
use gstreamer_video::{VideoColorRange, VideoColorimetry, VideoFormat, VideoFrameRef, VideoInfo};

use crate::failure::{GraphError, Result};
use crate::graph::{Graph, LOOK};
use crate::link::Link;
use crate::scale::{Plane, PlaneMut, Scaler, Size};

const JPEG_QUALITY: i32 = 82;
/// JPEG pictures are full-range BT.601 (JFIF 1.02).
const JPEG_COLORIMETRY: &str = "1:4:0:0";

/// An I420 frame of `columns` × `rows` tiles, black until placed.
pub struct Sheet {
    tile: Size,
    columns: u32,
    rows: u32,
    info: VideoInfo,
    data: Vec<u8>,
    scaler: Option<Scaler>,
}

impl Sheet {
    /// An empty sheet of tiles of `tile` pixels (both even), for pictures of `colour`.
    ///
    /// # Errors
    /// When the sheet would have no pixels or too many.
    pub fn new(tile: Size, (columns, rows): (u32, u32), colour: &VideoColorimetry) -> Result<Self> {
        let (width, height) = (tile.0.saturating_mul(columns), tile.1.saturating_mul(rows));
        let info = VideoInfo::builder(VideoFormat::I420, width, height)
            .fps(gst::Fraction::new(0, 1))
            .colorimetry(colour)
            .build()?;
        let mut data = vec![128; info.size()];
        let luma = info.offset()[1].min(data.len());
        data[..luma].fill(16);
        Ok(Self { tile, columns, rows, info, data, scaler: None })
    }

    /// Scales a picture into tile `index`, counted along rows.
    ///
    /// # Errors
    /// When the tile is outside the sheet or the picture is not as its format says.
    pub fn place(&mut self, index: u32, picture: &gst::Buffer, format: &VideoInfo) -> Result<()> {
        let (column, row) = (index % self.columns.max(1), index / self.columns.max(1));
        if row >= self.rows {
            return Err(GraphError::internal(format!("tile {index} of {} by {}", self.columns, self.rows)));
        }
        let frame = VideoFrameRef::from_buffer_ref_readable(picture, format)?;
        let from = [plane(&frame, 0)?, plane(&frame, 1)?, plane(&frame, 2)?];
        let size = (format.width(), format.height());
        if self.scaler.as_ref().is_none_or(|scaler| scaler.from() != size) {
            self.scaler = Some(Scaler::new(size, self.tile).map_err(GraphError::internal)?);
        }
        let to = planes_at(&mut self.data, &self.info, (column * self.tile.0, row * self.tile.1))?;
        match &mut self.scaler {
            Some(scaler) => scaler.scale(from, to).map_err(GraphError::internal),
            None => Ok(()),
        }
    }

    /// The sheet as a JPEG.
    ///
    /// # Errors
    /// What an element reported.
    pub fn jpeg(&self, link: &Link) -> Result<Bytes> {
        let graph = Graph::new("jpeg", link)?;
        let (caps, mut buffer) = self.full_range()?;
        let source = AppSrc::builder().caps(&caps).format(gst::Format::Time).build();
        let convert = gst::ElementFactory::make("videoconvert").build()?;
        let target = gst::Caps::builder("video/x-raw")
            .field("format", VideoFormat::I420.to_str())
            .field("colorimetry", JPEG_COLORIMETRY)
            .build();
        let gate = gst::ElementFactory::make("capsfilter").property("caps", &target).build()?;
        let encoder = gst::ElementFactory::make("jpegenc").property("quality", JPEG_QUALITY).build()?;
        let sink = AppSink::builder().sync(false).build();
        graph.chain(&[source.upcast_ref(), &convert, &gate, &encoder, sink.upcast_ref()])?;
        graph.set_state(gst::State::Playing)?;
        buffer.make_mut().set_pts(gst::ClockTime::ZERO);
        source.push_buffer(buffer)?;
        source.end_of_stream()?;
        loop {
            if let Some(sample) = sink.try_pull_sample(LOOK) {
                let buffer =
                    sample.buffer().ok_or_else(|| GraphError::internal("a sample without a buffer"))?;
                return Ok(Bytes::copy_from_slice(&buffer.map_readable()?));
            }
            graph.check()?;
            if sink.is_eos() {
                return Err(GraphError::internal("no JPEG came out"));
            }
        }
    }

    /// The frame in full range, its matrix unchanged: between pictures that differ in nothing but their range,
    /// `videoconvert` only copies.
    fn full_range(&self) -> Result<(gst::Caps, gst::Buffer)> {
        let limited = self.info.colorimetry();
        let full = VideoColorimetry::new(
            VideoColorRange::Range0_255,
            limited.matrix(),
            limited.transfer(),
            limited.primaries(),
        );
        let info = VideoInfo::builder(VideoFormat::I420, self.info.width(), self.info.height())
            .fps(gst::Fraction::new(0, 1))
            .colorimetry(&full)
            .build()?;
        let mut data = self.data.clone();
        let (luma, chroma) = data.split_at_mut(self.info.offset()[1].min(self.data.len()));
        let (luma_map, chroma_map) = (widening(16, 219, 0), widening(128, 224, 128));
        luma.iter_mut().for_each(|sample| *sample = luma_map[usize::from(*sample)]);
        chroma.iter_mut().for_each(|sample| *sample = chroma_map[usize::from(*sample)]);
        Ok((info.to_caps()?, gst::Buffer::from_slice(data)))
    }
}

/// A table from limited to full range: `from` becomes `to`, and a span of `span` becomes one of 255.
fn widening(from: i32, span: i32, to: i32) -> [u8; 256] {
    let mut table = [0; 256];
    for (sample, wide) in (0..).zip(&mut table) {
        let scaled = (sample - from) * 510 + span * (2 * to + 1);
        *wide = scaled.div_euclid(span * 2).clamp(0, 255) as u8;
    }
    table
}

fn plane<'a>(frame: &'a VideoFrameRef<&gst::BufferRef>, index: u32) -> Result<Plane<'a>> {
    let stride = usize::try_from(frame.plane_stride()[index as usize]).map_err(GraphError::internal)?;
    Ok(Plane { data: frame.plane_data(index)?, stride })
}

/// The planes of a frame from the pixel `(x, y)` on; both even.
fn planes_at<'a>(data: &'a mut [u8], info: &VideoInfo, (x, y): Size) -> Result<[PlaneMut<'a>; 3]> {
    let (luma, chroma) = data.split_at_mut(info.offset()[1]);
    let (u, v) = chroma.split_at_mut(info.offset()[2] - info.offset()[1]);
    let at = |plane: &'a mut [u8], index: usize, x: u32, y: u32| {
        let stride = usize::try_from(info.stride()[index]).map_err(GraphError::internal)?;
        let from = y as usize * stride + x as usize;
        let data = plane.get_mut(from..).ok_or_else(|| GraphError::internal("a tile outside its sheet"))?;
        Ok::<_, GraphError>(PlaneMut { data, stride })
    };
    Ok([at(luma, 0, x, y)?, at(u, 1, x / 2, y / 2)?, at(v, 2, x / 2, y / 2)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour;
    use crate::testing::Parent;

    fn grey(width: u32, height: u32, luma: u8) -> (gst::Buffer, VideoInfo) {
        let info = VideoInfo::builder(VideoFormat::I420, width, height).build().expect("info");
        let mut data = vec![128; info.size()];
        data[..info.offset()[1]].fill(luma);
        (gst::Buffer::from_slice(data), info)
    }

    #[test]
    fn tiles_land_where_they_belong_and_nowhere_else() {
        gst::init().expect("gstreamer");
        let mut sheet = Sheet::new((16, 8), (3, 2), &colour::bt709()).expect("sheet");
        let (picture, format) = grey(64, 32, 200);
        sheet.place(4, &picture, &format).expect("place");
        let stride = usize::try_from(sheet.info.stride()[0]).expect("stride");
        for y in 0..16usize {
            for x in 0..48usize {
                let inside = (16..32).contains(&x) && y >= 8;
                let luma = sheet.data[y * stride + x];
                assert_eq!(luma, if inside { 200 } else { 16 }, "({x}, {y})");
            }
        }
        assert!(sheet.place(6, &picture, &format).is_err(), "there is no seventh tile");
    }

    #[test]
    fn a_sheet_becomes_a_jpeg_of_full_range() {
        gst::init().expect("gstreamer");
        let (link, _parent) = Parent::start(Vec::new());
        let mut sheet = Sheet::new((64, 64), (1, 1), &colour::bt709()).expect("sheet");
        let (picture, format) = grey(64, 64, 235);
        sheet.place(0, &picture, &format).expect("place");
        let jpeg = sheet.jpeg(&link).expect("jpeg");
        assert_eq!(&jpeg[..2], &[0xff, 0xd8]);
        let decoded = decode(&jpeg);
        assert!(decoded.iter().all(|luma| *luma >= 253), "limited white is full white: {}", decoded[0]);
    }

    #[test]
    fn widening_maps_the_ends_and_the_middle() {
        let (luma, chroma) = (widening(16, 219, 0), widening(128, 224, 128));
        assert_eq!((luma[0], luma[16], luma[235], luma[255]), (0, 0, 255, 255));
        assert_eq!((chroma[16], chroma[128], chroma[240]), (1, 128, 255));
    }

    fn decode(jpeg: &[u8]) -> Vec<u8> {
        let pipeline = gst::parse::launch(
            "appsrc name=in ! jpegdec ! video/x-raw,format=I420 ! appsink name=out sync=false",
        )
        .expect("parse")
        .downcast::<gst::Pipeline>()
        .expect("pipeline");
        let input = pipeline.by_name("in").and_then(|e| e.downcast::<AppSrc>().ok()).expect("appsrc");
        input.set_caps(Some(&gst::Caps::new_empty_simple("image/jpeg")));
        let output = pipeline.by_name("out").and_then(|e| e.downcast::<AppSink>().ok()).expect("appsink");
        pipeline.set_state(gst::State::Playing).expect("playing");
        input.push_buffer(gst::Buffer::from_slice(jpeg.to_vec())).expect("push");
        input.end_of_stream().expect("eos");
        let sample = output.pull_sample().expect("picture");
        let luma = sample.buffer().expect("buffer").map_readable().expect("map")[..64 * 64].to_vec();
        pipeline.set_state(gst::State::Null).expect("null");
        luma
    }
}
