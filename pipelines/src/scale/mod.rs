//! Scaling of planar 4:2:0 pictures, one thread, no allocation once set up.
//!
//! Rungs are scaled in cascade, each from the one above it, which costs a fraction of scaling each from the
//! source. The kernel is Lanczos with three lobes: at the price of a bicubic one it keeps the detail that a
//! cascade would otherwise wear off. What shrinks to no less than half, as the rungs of a ladder do, is scaled by
//! kernels of our own; the rest, thumbnails above all, by a library (docs/decisions/scaling.md).

mod columns;
mod lanczos;
mod lanes;
mod rows;

use std::borrow::Cow;
use std::sync::Arc;

use pic_scale::{
    BufferStore, ImageSize, ImageStore, ImageStoreMut, PicScaleError, Resampling, ResamplingFunction,
    WorkloadStrategy,
};

use columns::Columns;
use rows::Rows;

/// One plane to read: bytes and the distance of its rows.
#[derive(Clone, Copy)]
pub struct Plane<'a> {
    /// At least `stride * (height - 1) + width` bytes.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// One plane to write.
pub struct PlaneMut<'a> {
    /// At least `stride * (height - 1) + width` bytes.
    pub data: &'a mut [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// Width and height in pixels.
pub type Size = (u32, u32);

/// Scales I420 pictures of one size to another.
pub struct Scaler {
    from: Size,
    luma: PlaneScaler,
    chroma: PlaneScaler,
}

impl Scaler {
    /// A scaler from `from` to `to`.
    ///
    /// # Errors
    /// When a size is zero or too large to address.
    pub fn new(from: Size, to: Size) -> Result<Self, PicScaleError> {
        if [from.0, from.1, to.0, to.1].contains(&0) {
            return Err(PicScaleError::ZeroImageDimensions);
        }
        let chroma = |(width, height): Size| (width.div_ceil(2), height.div_ceil(2));
        Ok(Self {
            from,
            luma: PlaneScaler::new(from, to)?,
            chroma: PlaneScaler::new(chroma(from), chroma(to))?,
        })
    }

    /// The size this reads.
    #[must_use]
    pub const fn from(&self) -> Size {
        self.from
    }

    /// Scales Y, U and V.
    ///
    /// # Errors
    /// When a plane is shorter than its size and stride ask for.
    pub fn scale(&mut self, from: [Plane<'_>; 3], to: [PlaneMut<'_>; 3]) -> Result<(), PicScaleError> {
        let [y, u, v] = to;
        self.luma.scale(from[0], y)?;
        self.chroma.scale(from[1], u)?;
        self.chroma.scale(from[2], v)
    }
}

/// How planes of one size become planes of another.
enum PlaneScaler {
    /// By the library.
    Whole(Kernel),
    /// By our own kernels, row by row.
    ByRow { rows: Rows, row: Vec<u8>, columns: Columns, height: usize },
}

impl PlaneScaler {
    fn new(from: Size, to: Size) -> Result<Self, PicScaleError> {
        let ((from_width, from_height), (width, height)) = (pixels(from), pixels(to));
        let kernels = Rows::new(from_width, from_height, height).zip(Columns::new(from_width, width));
        let Some((rows, columns)) = kernels else { return Kernel::new(from, to).map(Self::Whole) };
        Ok(Self::ByRow { rows, row: vec![0; columns.padded()], columns, height })
    }

    fn scale(&mut self, from: Plane<'_>, to: PlaneMut<'_>) -> Result<(), PicScaleError> {
        match self {
            Self::Whole(kernel) => kernel.scale(from, to),
            Self::ByRow { rows, row, columns, height } => {
                let short = || PicScaleError::Generic("a plane shorter than its rows".to_owned());
                let mut outs = to.data.chunks_mut(to.stride.max(1));
                for y in 0..*height {
                    let out = outs.next().and_then(|out| out.get_mut(..columns.to())).ok_or_else(short)?;
                    rows.scale(y, from, &mut row[columns.before()..]).ok_or_else(short)?;
                    columns.scale(row, out);
                }
                Ok(())
            }
        }
    }
}

fn pixels((width, height): Size) -> (usize, usize) {
    (width as usize, height as usize)
}

/// The library's plan for planes of one size into another.
struct Kernel {
    plan: Arc<Resampling<u8, 1>>,
    scratch: Vec<u8>,
}

impl Kernel {
    fn new(from: Size, to: Size) -> Result<Self, PicScaleError> {
        let size = |size: Size| ImageSize::new(pixels(size).0, pixels(size).1);
        let mut kernel = pic_scale::Scaler::new(ResamplingFunction::Lanczos3);
        kernel.set_workload_strategy(WorkloadStrategy::PreferQuality);
        let plan = kernel.plan_planar_resampling(size(from), size(to))?;
        let scratch = plan.alloc_scratch();
        Ok(Self { plan, scratch })
    }

    fn scale(&mut self, from: Plane<'_>, to: PlaneMut<'_>) -> Result<(), PicScaleError> {
        let (source, target) = (self.plan.source_size(), self.plan.target_size());
        let from = ImageStore::<u8, 1> {
            buffer: Cow::Borrowed(from.data),
            channels: 1,
            width: source.width,
            height: source.height,
            stride: from.stride,
            bit_depth: 8,
        };
        let mut to = ImageStoreMut::<u8, 1> {
            buffer: BufferStore::Borrowed(to.data),
            channels: 1,
            width: target.width,
            height: target.height,
            stride: to.stride,
            bit_depth: 8,
        };
        self.plan.resample_with_scratch(&from, &mut to, &mut self.scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Picture {
        planes: [Vec<u8>; 3],
        stride: usize,
    }

    impl Picture {
        /// Fills the visible pixels by `level(x, y)` in units of the picture's size, the rest with `0xee`.
        fn new((width, height): (usize, usize), padding: usize, level: impl Fn(f32, f32) -> u8) -> Self {
            let stride = width + padding;
            let plane = |width: usize, height: usize| {
                let mut plane = vec![0xee; stride * height];
                for y in 0..height {
                    for x in 0..width {
                        plane[y * stride + x] =
                            level((x as f32 + 0.5) / width as f32, (y as f32 + 0.5) / height as f32);
                    }
                }
                plane
            };
            let chroma = |()| plane(width.div_ceil(2), height.div_ceil(2));
            Self { planes: [plane(width, height), chroma(()), chroma(())], stride }
        }

        fn planes(&self) -> [Plane<'_>; 3] {
            self.planes.each_ref().map(|data| Plane { data, stride: self.stride })
        }

        fn planes_mut(&mut self) -> [PlaneMut<'_>; 3] {
            let stride = self.stride;
            self.planes.each_mut().map(|data| PlaneMut { data, stride })
        }
    }

    fn ramp(x: f32, y: f32) -> u8 {
        (20.0 + 150.0 * x + 60.0 * y) as u8
    }

    fn check(from: (usize, usize), to: (usize, usize), padding: usize) {
        let source = Picture::new(from, padding, ramp);
        let mut scaled = Picture::new(to, 16, |_, _| 0);
        let expected = Picture::new(to, 16, ramp);
        let size = |(width, height): (usize, usize)| (width as u32, height as u32);
        let mut scaler = Scaler::new(size(from), size(to)).expect("a scaler");
        scaler.scale(source.planes(), scaled.planes_mut()).expect("scaled");
        for (scaled, expected) in scaled.planes.iter().zip(&expected.planes) {
            let worst = scaled.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst <= Some(3), "{from:?} to {to:?}: off by {worst:?}");
        }
    }

    #[test]
    fn a_ramp_stays_a_ramp_and_padding_stays_untouched() {
        check((1280, 720), (854, 480), 0);
        check((854, 480), (640, 360), 10);
        check((640, 360), (416, 234), 32);
        check((853, 479), (426, 240), 11);
        check((320, 180), (640, 360), 5);
        check((720, 576), (1024, 576), 16);
    }

    #[test]
    fn short_planes_and_empty_sizes_are_refused() {
        assert!(Scaler::new((0, 10), (10, 10)).is_err());
        assert!(Scaler::new((16, 16), (0, 8)).is_err());
        let mut scaler = Scaler::new((64, 64), (32, 32)).expect("a scaler");
        let short = Plane { data: &[0; 100], stride: 64 };
        let mut out = Picture::new((32, 32), 0, |_, _| 0);
        assert!(scaler.scale([short; 3], out.planes_mut()).is_err());
        let source = Picture::new((64, 64), 0, |_, _| 0);
        let mut short = [[0; 1000], [0; 1000], [0; 1000]];
        let out = short.each_mut().map(|data| PlaneMut { data, stride: 32 });
        assert!(scaler.scale(source.planes(), out).is_err());
    }
}
