//! More channels than two into two, or one.
//!
//! Centre, surrounds and everything above or behind at `1/√2` (Recommendation ITU-R BS.775-4 annex 4), low
//! frequencies left out, and the whole scaled by one over the larger sum of a side's gains, so that nothing clips:
//! 5.1 by `1 / (1 + 2/√2)`, 7.1 by `1 / (1 + 3/√2)`.

use std::f32::consts::FRAC_1_SQRT_2;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_audio::{AudioChannelPosition as At, AudioInfo};

use crate::failure::{GraphError, Result};

/// Gains of one channel, left and right.
type Gains = [f32; 2];

/// Where channels are that do not say so, by how many there are: the order of WAVE files.
const USUAL: [At; 8] = [
    At::FrontLeft,
    At::FrontRight,
    At::FrontCenter,
    At::Lfe1,
    At::RearLeft,
    At::RearRight,
    At::SideLeft,
    At::SideRight,
];

/// Sets the mix of `convert`, an `audioconvert`, whenever it is known what comes in; `channels` go out.
///
/// # Errors
/// When it has no sink pad.
pub fn mix_as_told(convert: &gst::Element, channels: u32) -> Result<()> {
    let pad = convert.static_pad("sink").ok_or_else(|| GraphError::internal("audioconvert without a pad"))?;
    let convert = convert.downgrade();
    let mut mixes = false;
    let watch = std::sync::Mutex::new(move |caps: &gst::CapsRef| {
        let (Ok(info), Some(convert)) = (AudioInfo::from_caps(caps), convert.upgrade()) else { return };
        // Once it has a matrix, it needs one for everything.
        mixes |= info.channels() > 2;
        if mixes {
            let positions = info.positions().map(<[At]>::to_vec);
            let gains = gains(&positions.unwrap_or_else(|| usual(info.channels())));
            convert.set_property("mix-matrix", rows(&gains, channels));
        }
    });
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view())
            && let Ok(mut watch) = watch.lock()
        {
            watch(event.caps());
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

fn usual(channels: u32) -> Vec<At> {
    let without = |left_out: &[At]| USUAL.into_iter().filter(|at| !left_out.contains(at)).collect::<Vec<_>>();
    match channels {
        1 => vec![At::Mono],
        4 => without(&[At::FrontCenter, At::Lfe1]),
        5 => without(&[At::Lfe1]),
        _ => (0..channels as usize).map(|at| USUAL.get(at).copied().unwrap_or(At::None)).collect(),
    }
}

fn gains_of(at: At) -> Gains {
    const SOME: f32 = FRAC_1_SQRT_2;
    match at {
        At::FrontLeft => [1.0, 0.0],
        At::FrontRight => [0.0, 1.0],
        At::Lfe1 | At::Lfe2 => [0.0, 0.0],
        At::Mono => [1.0, 1.0],
        At::RearLeft
        | At::SideLeft
        | At::FrontLeftOfCenter
        | At::TopFrontLeft
        | At::TopRearLeft
        | At::TopSideLeft
        | At::BottomFrontLeft
        | At::WideLeft
        | At::SurroundLeft => [SOME, 0.0],
        At::RearRight
        | At::SideRight
        | At::FrontRightOfCenter
        | At::TopFrontRight
        | At::TopRearRight
        | At::TopSideRight
        | At::BottomFrontRight
        | At::WideRight
        | At::SurroundRight => [0.0, SOME],
        At::RearCenter | At::TopRearCenter => [0.5, 0.5],
        _ => [SOME, SOME],
    }
}

fn gains(positions: &[At]) -> Vec<Gains> {
    let raw: Vec<Gains> = positions.iter().map(|at| gains_of(*at)).collect();
    let sum = |side: usize| raw.iter().map(|gains| gains[side]).sum::<f32>();
    let scale = 1.0 / sum(0).max(sum(1)).max(1.0);
    raw.into_iter().map(|gains| gains.map(|gain| gain * scale)).collect()
}

/// The matrix as the element takes it: a row for each channel that goes out.
fn rows(gains: &[Gains], channels: u32) -> gst::Array {
    let row = |of: &dyn Fn(&Gains) -> f32| gst::Array::new(gains.iter().map(of));
    match channels {
        1 => gst::Array::new([row(&|gains| (gains[0] + gains[1]) / 2.0)]),
        _ => gst::Array::new([row(&|gains| gains[0]), row(&|gains| gains[1])]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_never_adds_up_to_more_than_one() {
        for channels in 1..=16 {
            let gains = gains(&usual(channels));
            for side in 0..2 {
                let sum: f32 = gains.iter().map(|gains| gains[side]).sum();
                assert!(sum <= 1.0 + 1e-6, "{channels} channels: {sum}");
            }
        }
    }

    #[test]
    fn five_one_has_the_stated_gains() {
        let whole = 1.0 + 2.0 * FRAC_1_SQRT_2;
        let gains = gains(&usual(6));
        assert_eq!(gains[0], [1.0 / whole, 0.0]);
        assert_eq!(gains[2], [FRAC_1_SQRT_2 / whole; 2]);
        assert_eq!(gains[3], [0.0, 0.0]);
        assert_eq!(gains[5], [0.0, FRAC_1_SQRT_2 / whole]);
    }
}
