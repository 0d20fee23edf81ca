//! H.264 pictures without the parameter sets that their track's header has.
//!
//! `x264enc` repeats them in front of every IDR picture, and `h264parse` lets them through. Samples of an `avc1`
//! entry hold none (ISO/IEC 14496-15 section 5.4.2.1).

use std::ops::Range;

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::failure::{GraphError, Result};

/// Bytes of the length before each NAL unit, as `h264parse` writes it.
const LENGTH_BYTES: usize = 4;

/// Takes parameter sets out of the key pictures that leave `parse`, which speaks `avc`.
///
/// # Errors
/// When the element has no pad to watch.
pub fn kept_in_header(parse: &gst::Element) -> Result<()> {
    let pad = parse.static_pad("src").ok_or_else(|| GraphError::internal("h264parse without a pad"))?;
    pad.add_probe(gst::PadProbeType::BUFFER, |_, info| {
        let key = |picture: &&mut gst::Buffer| !picture.flags().contains(gst::BufferFlags::DELTA_UNIT);
        if let Some(picture) = info.buffer_mut().filter(key) {
            // What cannot be read or is no row of NAL units goes on as it is, for the gate to judge.
            strip(picture);
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// Takes the parameter sets out of one picture; `None` when it has none.
fn strip(picture: &mut gst::Buffer) -> Option<()> {
    let kept: Vec<u8> = {
        let bytes = picture.map_readable().ok()?;
        let sets = parameter_sets(&bytes)?;
        let starts = std::iter::once(0).chain(sets.iter().map(|set| set.end));
        let ends = sets.iter().map(|set| set.start).chain([bytes.len()]);
        starts.zip(ends).flat_map(|(start, end)| &bytes[start..end]).copied().collect()
    };
    picture.make_mut().replace_all_memory(gst::Memory::from_slice(kept));
    Some(())
}

/// Where the parameter sets are, each with its length; `None` when there are none or the bytes are no whole NAL units.
fn parameter_sets(picture: &[u8]) -> Option<Vec<Range<usize>>> {
    /// Sequence and picture parameter sets (ITU-T H.264 table 7-1).
    const TYPES: Range<u8> = 7..9;
    let mut sets = Vec::new();
    let mut at = 0;
    while at < picture.len() {
        let (length, rest) = picture[at..].split_first_chunk::<LENGTH_BYTES>()?;
        let unit = rest.get(..u32::from_be_bytes(*length) as usize)?;
        let end = at + LENGTH_BYTES + unit.len();
        if TYPES.contains(&(unit.first()? & 0x1f)) {
            sets.push(at..end);
        }
        at = end;
    }
    Some(sets).filter(|sets| !sets.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(units: &[&[u8]]) -> Vec<u8> {
        let length = |unit: &[u8]| u32::try_from(unit.len()).expect("short").to_be_bytes();
        units.iter().flat_map(|unit| [&length(unit)[..], unit].concat()).collect()
    }

    fn stripped(bytes: &[u8]) -> Option<Vec<u8>> {
        gst::init().expect("gstreamer");
        let mut picture = gst::Buffer::from_slice(bytes.to_vec());
        picture.make_mut().set_pts(gst::ClockTime::SECOND);
        let done = strip(&mut picture);
        assert_eq!(picture.pts(), Some(gst::ClockTime::SECOND));
        let left = picture.map_readable().expect("readable").to_vec();
        done.map(|()| left)
    }

    #[test]
    fn parameter_sets_go_and_all_else_stays_in_order() {
        let (sps, pps, sei, idr) = (&[0x67, 1, 2][..], &[0x68, 3][..], &[6, 5, 4][..], &[0x65, 9, 9, 9][..]);
        assert_eq!(stripped(&units(&[sps, pps, sei, idr])), Some(units(&[sei, idr])));
        assert_eq!(stripped(&units(&[sei, sps, idr, idr, pps])), Some(units(&[sei, idr, idr])));
        assert_eq!(stripped(&units(&[sei, idr])), None);
    }

    #[test]
    fn what_is_no_row_of_units_stays_as_it_is() {
        let whole = units(&[&[0x67, 1], &[0x65, 2, 3]]);
        for cut in 1..whole.len() {
            let kept = stripped(&whole[..cut]);
            assert!(kept.is_none() || cut == 6, "{cut}: {kept:?}");
        }
        assert_eq!(stripped(&[0, 0, 0, 0]), None);
    }
}
