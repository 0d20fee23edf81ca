//! Full-range pictures of BT.709 onto the limited range: `videoconvert` changes matrices, but between two ranges of
//! one matrix it changes nothing.

use gstreamer as gst;
use gstreamer_video::{VideoColorMatrix, VideoColorRange, VideoFormat, VideoFrameRef, VideoInfo};

use crate::colour;
use crate::failure::{GraphError, Result};

/// Whether pictures of `info` have the matrix that is wanted and only the range is not.
#[must_use]
pub fn is_only_full(info: &VideoInfo) -> bool {
    let colour = info.colorimetry();
    colour.range() == VideoColorRange::Range0_255 && colour.matrix() == VideoColorMatrix::Bt709
}

/// Maps the pictures of one film; those that need nothing pass.
pub struct Levels {
    luma: [u8; 256],
    chroma: [u8; 256],
    plan: Option<Plan>,
}

/// What depends on the format of the pictures.
struct Plan {
    caps: gst::Caps,
    /// How they come and what they become; nothing for pictures that need nothing.
    change: Option<(VideoInfo, gst::Caps)>,
}

impl Plan {
    fn new(caps: &gst::Caps) -> Result<Self> {
        let info = VideoInfo::from_caps(caps)?;
        if info.format() != VideoFormat::I420 || !is_only_full(&info) {
            return Ok(Self { caps: caps.clone(), change: None });
        }
        let mut limited = caps.clone();
        limited.make_mut().set("colorimetry", colour::bt709().to_string());
        Ok(Self { caps: caps.clone(), change: Some((info, limited)) })
    }
}

/// A code value of the full range in the limited one (ITU-T H.273 equations 26 to 31 at 8 bits), to the nearest:
/// `steps` of 255 from `zero`, which stands at `from` in the full range.
fn limited(code: usize, from: f64, zero: f64, steps: f64) -> u8 {
    (zero + (code as f64 - from) * steps / 255.0).round() as u8
}

impl Default for Levels {
    fn default() -> Self {
        Self {
            luma: std::array::from_fn(|code| limited(code, 0.0, 16.0, 219.0)),
            chroma: std::array::from_fn(|code| limited(code, 128.0, 128.0, 224.0)),
            plan: None,
        }
    }
}

impl Levels {
    /// The picture in the limited range, and its caps.
    ///
    /// # Errors
    /// When `caps` are no raw video, or the picture cannot be written to.
    pub fn map(&mut self, mut picture: gst::Buffer, caps: gst::Caps) -> Result<(gst::Buffer, gst::Caps)> {
        let plan = match self.plan.take().filter(|plan| plan.caps == caps) {
            Some(plan) => plan,
            None => Plan::new(&caps)?,
        };
        let Some((info, limited)) = &self.plan.insert(plan).change else { return Ok((picture, caps)) };
        let mut frame = VideoFrameRef::from_buffer_ref_writable(picture.make_mut(), info)
            .map_err(GraphError::internal)?;
        for (plane, table) in (0..).zip([&self.luma, &self.chroma, &self.chroma]) {
            let bytes = frame.plane_data_mut(plane).map_err(GraphError::internal)?;
            bytes.iter_mut().for_each(|code| *code = table[usize::from(*code)]);
        }
        drop(frame);
        Ok((picture, limited.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(colour: &str) -> ([u8; 3], String) {
        gst::init().expect("gstreamer");
        let caps: gst::Caps =
            format!("video/x-raw,format=I420,width=16,height=16,framerate=25/1,colorimetry={colour}")
                .parse()
                .expect("caps");
        let picture = gst::Buffer::from_mut_slice([vec![255u8; 256], vec![0; 64], vec![128; 64]].concat());
        let (made, caps) = Levels::default().map(picture, caps).expect("mapped");
        let bytes = made.map_readable().expect("readable");
        let colour = VideoInfo::from_caps(&caps).expect("video").colorimetry().to_string();
        ([bytes[0], bytes[256], bytes[320]], colour)
    }

    #[test]
    fn white_and_the_ends_of_chroma_become_limited() {
        assert_eq!(mapped("1:3:5:1"), ([235, 16, 128], "bt709".to_owned()));
    }

    #[test]
    fn what_is_limited_already_passes() {
        assert_eq!(mapped("bt709"), ([255, 0, 128], "bt709".to_owned()));
    }

    #[test]
    fn another_matrix_is_left_to_the_converter() {
        assert_eq!(mapped("1:4:0:0").0, [255, 0, 128]);
    }
}
