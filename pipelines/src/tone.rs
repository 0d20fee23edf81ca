//! Colours beyond BT.709 onto a BT.709 screen: BT.2020 primaries, PQ and HLG.
//!
//! In linear light, where 1 is diffuse white (203 nits, Report ITU-R BT.2408 table 1):
//!
//! 1. PQ (SMPTE ST 2084) is light as it is. HLG becomes light on a screen of 1000 nits: inverse OETF and the OOTF of
//!    gamma 1.2 (Recommendation ITU-R BT.2100 table 5). A standard range is BT.1886, gamma 2.4.
//! 2. What is brighter than white is rolled off by the EETF of Report ITU-R BT.2390 section 5.4.1 (black at zero),
//!    from the film's brightest light to white. It is applied to the largest of R, G and B; all three are scaled
//!    alike, so that hues stay.
//! 3. BT.2020 primaries become BT.709's (Report ITU-R BT.2087 annex 2). A colour outside is moved towards the grey of
//!    its own luminance until it is inside.
//! 4. BT.1886 backwards, BT.709 matrix, 8 bits.

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video::prelude::*;
use gstreamer_video::{VideoBufferPool, VideoColorRange, VideoFormat, VideoFrameRef, VideoInfo};
use pipeline_wire::{WideColour, WideTransfer};

use crate::colour;
use crate::failure::{GraphError, Result};

/// Diffuse white in nits.
const WHITE_NITS: f64 = 203.0;
/// The screen that HLG is shown on, in nits.
const HLG_NITS: f64 = 1000.0;
/// The exponent of BT.1886.
const GAMMA: f64 = 2.4;
/// Steps of every table.
const STEPS: usize = 4096;

/// Maps pictures of one film.
pub struct Tone {
    curves: Curves,
    plan: Option<Plan>,
}

/// A function from 0 to 1, sampled.
struct Table(Vec<f32>);

impl Table {
    fn new(of: impl Fn(f64) -> f64) -> Self {
        Self((0..STEPS).map(|step| of(step as f64 / (STEPS - 1) as f64) as f32).collect())
    }

    fn at(&self, place: f32) -> f32 {
        self.0[((place * (STEPS - 1) as f32 + 0.5) as usize).min(STEPS - 1)]
    }
}

/// The film's functions.
struct Curves {
    transfer: WideTransfer,
    /// Code value to light; of HLG to light of the scene.
    light: Table,
    /// Square root of the scene's luminance to the gain that makes it the screen's. HLG alone.
    system: Table,
    /// The brightest light.
    top: f32,
    /// Square root of a light over `top` to the gain that keeps it under white.
    gain: Table,
    /// Square root of light to code value.
    code: Table,
}

/// What depends on the format of the pictures.
struct Plan {
    caps: gst::Caps,
    from: VideoInfo,
    matrix: Matrix,
    to: VideoInfo,
    to_caps: gst::Caps,
    pool: gst::BufferPool,
}

/// Y'CbCr in 10 bits to R'G'B'.
struct Matrix {
    black: f32,
    luma: f32,
    chroma: f32,
    red: f32,
    green: [f32; 2],
    blue: f32,
}

fn pq_of(nits: f64) -> f64 {
    let y = (nits / 10_000.0).powf(2610.0 / 16384.0);
    ((3424.0 / 4096.0 + 2413.0 / 128.0 * y) / (1.0 + 2392.0 / 128.0 * y)).powf(2523.0 / 32.0)
}

fn nits_of(pq: f64) -> f64 {
    let e = pq.powf(32.0 / 2523.0);
    let y = (e - 3424.0 / 4096.0).max(0.0) / (2413.0 / 128.0 - 2392.0 / 128.0 * e);
    10_000.0 * y.powf(16384.0 / 2610.0)
}

fn scene_of_hlg(code: f64) -> f64 {
    let (a, b, c) = (0.178_832_77, 0.284_668_92, 0.559_910_73);
    if code <= 0.5 { code * code / 3.0 } else { (((code - c) / a).exp() + b) / 12.0 }
}

/// The EETF of BT.2390: nits in, nits out, from a screen of `peak` nits to one of [`WHITE_NITS`].
fn rolled_off(nits: f64, peak: f64) -> f64 {
    let (top, max) = (pq_of(peak), pq_of(WHITE_NITS) / pq_of(peak));
    let knee = 1.5 * max - 0.5;
    let signal = pq_of(nits) / top;
    if max >= 1.0 || signal <= knee {
        return nits;
    }
    let t = (signal - knee) / (1.0 - knee);
    let (t2, t3) = (t * t, t * t * t);
    let rolled =
        (2.0 * t3 - 3.0 * t2 + 1.0) * knee + (t3 - 2.0 * t2 + t) * (1.0 - knee) + (3.0 * t2 - 2.0 * t3) * max;
    nits_of(rolled * top)
}

impl Curves {
    fn new(colour: WideColour) -> Self {
        let peak = match colour.transfer {
            WideTransfer::Gamma => WHITE_NITS,
            WideTransfer::Pq => f64::from(colour.peak_nits).max(WHITE_NITS),
            WideTransfer::Hlg => HLG_NITS,
        };
        let top = peak / WHITE_NITS;
        let light = match colour.transfer {
            WideTransfer::Gamma => Table::new(|code| code.powf(GAMMA)),
            // Nothing is brighter than the film says.
            WideTransfer::Pq => Table::new(|code| nits_of(code).min(peak) / WHITE_NITS),
            WideTransfer::Hlg => Table::new(scene_of_hlg),
        };
        let gain = |root: f64| {
            let nits = root * root * peak;
            if nits > 0.0 { rolled_off(nits, peak) / nits } else { 1.0 }
        };
        Self {
            transfer: colour.transfer,
            light,
            system: Table::new(|root| (root * root).max(1e-9).powf(0.2) * HLG_NITS / WHITE_NITS),
            top: top as f32,
            gain: Table::new(gain),
            code: Table::new(|root| root.powf(2.0 / GAMMA)),
        }
    }

    /// BT.2020 code values to BT.709's.
    fn mapped(&self, code: [f32; 3]) -> [f32; 3] {
        let mut light = code.map(|part| self.light.at(part.clamp(0.0, 1.0)));
        if self.transfer == WideTransfer::Hlg {
            let luminance = 0.2627 * light[0] + 0.6780 * light[1] + 0.0593 * light[2];
            let gain = self.system.at(luminance.sqrt());
            light = light.map(|part| part * gain);
        }
        let largest = light[0].max(light[1]).max(light[2]);
        let gain = self.gain.at((largest / self.top).sqrt());
        inside(narrowed(light.map(|part| part * gain))).map(|part| self.code.at(part.sqrt()))
    }
}

fn narrowed([r, g, b]: [f32; 3]) -> [f32; 3] {
    [
        1.6605 * r - 0.5876 * g - 0.0728 * b,
        -0.1246 * r + 1.1329 * g - 0.0083 * b,
        -0.0182 * r - 0.1006 * g + 1.1187 * b,
    ]
}

/// The colour nearest to `rgb` on the way to the grey of its luminance that has all parts from 0 to 1.
fn inside(rgb: [f32; 3]) -> [f32; 3] {
    let [r, g, b] = rgb;
    let (low, high) = (r.min(g).min(b), r.max(g).max(b));
    if low >= 0.0 && high <= 1.0 {
        return rgb;
    }
    let grey = (0.2126 * r + 0.7152 * g + 0.0722 * b).clamp(0.0, 1.0);
    let under = if low < 0.0 { grey / (grey - low) } else { 1.0 };
    let over = if high > 1.0 { (1.0 - grey) / (high - grey) } else { 1.0 };
    let keep = under.min(over);
    rgb.map(|part| (grey + keep * (part - grey)).clamp(0.0, 1.0))
}

impl Matrix {
    fn of(info: &VideoInfo) -> Result<Self> {
        let colours = info.colorimetry();
        let (kr, kb) = colours.matrix().kr_kb()?;
        let full = colours.range() == VideoColorRange::Range0_255;
        let (black, luma, chroma) = if full { (0.0, 1023.0, 1023.0) } else { (64.0, 876.0, 896.0) };
        let kg = 1.0 - kr - kb;
        let part = |value: f64| value as f32;
        Ok(Self {
            black,
            luma: 1.0 / luma,
            chroma: 1.0 / chroma,
            red: part(2.0 * (1.0 - kr)),
            green: [part(-2.0 * kb * (1.0 - kb) / kg), part(-2.0 * kr * (1.0 - kr) / kg)],
            blue: part(2.0 * (1.0 - kb)),
        })
    }

    fn rgb(&self, y: u16, u: u16, v: u16) -> [f32; 3] {
        let y = (f32::from(y) - self.black) * self.luma;
        let (cb, cr) = ((f32::from(u) - 512.0) * self.chroma, (f32::from(v) - 512.0) * self.chroma);
        [y + self.red * cr, y + self.green[0] * cb + self.green[1] * cr, y + self.blue * cb]
    }
}

impl Plan {
    fn new(caps: &gst::Caps) -> Result<Self> {
        let from = VideoInfo::from_caps(caps)?;
        let to = VideoInfo::builder(VideoFormat::I420, from.width(), from.height())
            .fps(from.fps())
            .par(from.par())
            .colorimetry(&colour::bt709())
            .build()?;
        let to_caps = to.to_caps()?;
        let pool: gst::BufferPool = VideoBufferPool::new().upcast();
        let mut config = pool.config();
        config.set_params(Some(&to_caps), u32::try_from(to.size()).map_err(GraphError::internal)?, 0, 0);
        pool.set_config(config)?;
        pool.set_active(true)?;
        Ok(Self { caps: caps.clone(), matrix: Matrix::of(&from)?, from, to, to_caps, pool })
    }
}

impl Tone {
    /// The mapping of a film of these colours.
    #[must_use]
    pub fn new(colour: WideColour) -> Self {
        Self { curves: Curves::new(colour), plan: None }
    }

    /// The caps of pictures that [`Tone::map`] takes: planar 4:2:0 in 10 bits.
    #[must_use]
    pub fn caps() -> gst::Caps {
        gstreamer_video::VideoCapsBuilder::new().format(VideoFormat::I42010le).build()
    }

    /// The picture in limited-range 8-bit BT.709, and its caps.
    ///
    /// # Errors
    /// When it is not of [`Tone::caps`].
    pub fn map(&mut self, picture: &gst::Buffer, caps: &gst::Caps) -> Result<(gst::Buffer, gst::Caps)> {
        let plan = match self.plan.take().filter(|plan| &plan.caps == caps) {
            Some(plan) => plan,
            None => Plan::new(caps)?,
        };
        let plan = self.plan.insert(plan);
        let mut made = plan.pool.acquire_buffer(None)?;
        let target = made.get_mut().ok_or_else(|| GraphError::internal("a pooled buffer is shared"))?;
        picture.copy_into(target, gst::BufferCopyFlags::TIMESTAMPS, ..)?;
        let from = VideoFrameRef::from_buffer_ref_readable(picture.as_ref(), &plan.from)?;
        let mut to = VideoFrameRef::from_buffer_ref_writable(target, &plan.to)?;
        convert(&self.curves, &plan.matrix, &from, &mut to)?;
        drop(to);
        Ok((made, plan.to_caps.clone()))
    }
}

fn sample(row: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([row[2 * at], row[2 * at + 1]])
}

/// Bytes from one row of each plane to the next.
fn strides(of: &[i32]) -> Result<[usize; 3]> {
    let one = |plane: usize| usize::try_from(of[plane]).map_err(GraphError::internal);
    Ok([one(0)?, one(1)?, one(2)?])
}

fn convert(
    curves: &Curves,
    matrix: &Matrix,
    from: &VideoFrameRef<&gst::BufferRef>,
    to: &mut VideoFrameRef<&mut gst::BufferRef>,
) -> Result<()> {
    let (width, height) = (from.width() as usize, from.height() as usize);
    let ([ys, us, vs], [yd, ud, vd]) = (strides(from.plane_stride())?, strides(to.plane_stride())?);
    let planes = from.planes_data();
    let [luma, blue, red, _] = to.planes_data_mut();
    for row in 0..height.div_ceil(2) {
        let (u_row, v_row) = (&planes[1][row * us..], &planes[2][row * vs..]);
        for column in 0..width.div_ceil(2) {
            let (u, v) = (sample(u_row, column), sample(v_row, column));
            let (mut sum, mut count) = ([0.0; 3], 0.0);
            for y in [2 * row, 2 * row + 1].into_iter().filter(|y| *y < height) {
                for x in [2 * column, 2 * column + 1].into_iter().filter(|x| *x < width) {
                    let rgb = curves.mapped(matrix.rgb(sample(&planes[0][y * ys..], x), u, v));
                    luma[y * yd + x] = (16.5 + 219.0 * luma_of(rgb)) as u8;
                    sum = [sum[0] + rgb[0], sum[1] + rgb[1], sum[2] + rgb[2]];
                    count += 1.0;
                }
            }
            let mean = sum.map(|part| part / count);
            let grey = luma_of(mean);
            blue[row * ud + column] = (128.5 + 224.0 * (mean[2] - grey) / 1.8556) as u8;
            red[row * vd + column] = (128.5 + 224.0 * (mean[0] - grey) / 1.5748) as u8;
        }
    }
    Ok(())
}

fn luma_of([r, g, b]: [f32; 3]) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curves(transfer: WideTransfer, peak_nits: u32) -> Curves {
        Curves::new(WideColour { transfer, peak_nits })
    }

    #[test]
    fn what_is_dark_stays_and_the_brightest_light_is_white() {
        assert!((rolled_off(26.0, 1000.0) - 26.0).abs() < 1e-9);
        assert!((rolled_off(1000.0, 1000.0) - WHITE_NITS).abs() < 0.1);
        assert!((rolled_off(4000.0, 4000.0) - WHITE_NITS).abs() < 0.1);
        assert!((rolled_off(150.0, WHITE_NITS) - 150.0).abs() < 1e-9);
    }

    #[test]
    fn greys_of_every_transfer_are_the_same_greys() {
        // A third of diffuse white, 67.7 nits, under the knee of both.
        let nits = WHITE_NITS / 3.0;
        let meant = (1.0f64 / 3.0).powf(1.0 / GAMMA) as f32;
        let hlg = {
            let scene = (nits / HLG_NITS).powf(1.0 / 1.2);
            0.178_832_77 * (12.0 * scene - 0.284_668_92).ln() + 0.559_910_73
        };
        let gamma = (1.0f64 / 3.0).powf(1.0 / GAMMA);
        for (transfer, code) in
            [(WideTransfer::Pq, pq_of(nits)), (WideTransfer::Hlg, hlg), (WideTransfer::Gamma, gamma)]
        {
            let made = curves(transfer, 1000).mapped([code as f32; 3]);
            assert!(made.iter().all(|part| (part - meant).abs() < 0.004), "{transfer:?}: {made:?}");
        }
    }

    #[test]
    fn colours_outside_keep_their_luminance() {
        let green = narrowed([0.0, 0.5, 0.0]);
        let moved = inside(green);
        assert!((luma_of(green) - luma_of(moved)).abs() < 1e-3 && moved.iter().all(|part| *part >= 0.0));
    }

    proptest! {
        #[test]
        fn brighter_never_becomes_darker(peak in 100u32..10_000, low in 0.0f64..1.0, more in 0.0f64..1.0) {
            let curves = curves(WideTransfer::Pq, peak);
            let at = |code: f64| curves.mapped([code as f32; 3])[1];
            prop_assert!(at((low + more).min(1.0)) >= at(low) - 0.002);
        }

        #[test]
        fn every_code_value_has_a_colour(code: [u16; 3], peak: u32, hlg: bool) {
            let transfer = if hlg { WideTransfer::Hlg } else { WideTransfer::Pq };
            let made = curves(transfer, peak).mapped(code.map(|part| f32::from(part) / 40_000.0 - 0.3));
            prop_assert!(made.iter().all(|part| (0.0..=1.0).contains(part)), "{made:?}");
        }
    }
}
