//! A small software painter on I420: shapes are given by how much of a pixel they cover.

/// A colour in limited-range BT.709.
#[derive(Clone, Copy, Debug)]
pub struct Colour {
    y: f32,
    u: f32,
    v: f32,
}

impl Colour {
    /// From sRGB components, each 0 to 1.
    pub fn rgb(r: f32, g: f32, b: f32) -> Self {
        let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        Self { y: 16.0 + 219.0 * y, u: 128.0 + 224.0 * (b - y) / 1.8556, v: 128.0 + 224.0 * (r - y) / 1.5748 }
    }

    /// This colour, `share` (0 to 1) of the way to `other`.
    pub fn mix(self, other: Self, share: f32) -> Self {
        let lerp = |a: f32, b: f32| a + (b - a) * share;
        Self { y: lerp(self.y, other.y), u: lerp(self.u, other.u), v: lerp(self.v, other.v) }
    }

    /// This colour, `luma` levels lighter.
    pub fn lighter(self, luma: f32) -> Self {
        Self { y: self.y + luma, ..self }
    }
}

/// A point in pixels, from the left upper corner.
pub type Point = (f32, f32);

/// Left, top, right and bottom of what a shape may cover, in pixels.
type Bounds = (f32, f32, f32, f32);

/// A picture being painted. Sizes are even.
pub struct Canvas {
    width: usize,
    height: usize,
    luma: Vec<u8>,
    /// U, then V, each a quarter of the luma.
    chroma: [Vec<u8>; 2],
}

fn blend(level: &mut u8, to: f32, cover: f32) {
    let from = f32::from(*level);
    *level = (from + (to - from) * cover + 0.5) as u8;
}

fn clip(from: f32, to: f32, end: usize) -> std::ops::Range<usize> {
    (from.max(0.0) as usize).min(end)..(to.max(0.0).ceil() as usize).min(end)
}

impl Canvas {
    pub fn new(width: usize, height: usize) -> Self {
        let quarter = || vec![128; width / 2 * (height / 2)];
        Self { width, height, luma: vec![16; width * height], chroma: [quarter(), quarter()] }
    }

    pub const fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    pub fn luma_mut(&mut self) -> &mut [u8] {
        &mut self.luma
    }

    /// Y, U and V with the lengths of their rows.
    pub fn planes(&self) -> [(&[u8], usize); 3] {
        let [u, v] = &self.chroma;
        [(&self.luma, self.width), (u, self.width / 2), (v, self.width / 2)]
    }

    /// Blends `colour(x, y)` in by `cover(x, y)`, 0 to 1, within `bounds`.
    fn paint(
        &mut self,
        bounds: Bounds,
        colour: impl Fn(f32, f32) -> Colour,
        cover: impl Fn(f32, f32) -> f32,
    ) {
        let (columns, rows) = (clip(bounds.0, bounds.2, self.width), clip(bounds.1, bounds.3, self.height));
        for row in rows.clone() {
            let line = &mut self.luma[row * self.width..][..self.width];
            for column in columns.clone() {
                let (x, y) = (column as f32 + 0.5, row as f32 + 0.5);
                let cover = cover(x, y);
                if cover > 0.0 {
                    blend(&mut line[column], colour(x, y).y, cover);
                }
            }
        }
        self.paint_chroma(columns, rows, colour, cover);
    }

    fn paint_chroma(
        &mut self,
        columns: std::ops::Range<usize>,
        rows: std::ops::Range<usize>,
        colour: impl Fn(f32, f32) -> Colour,
        cover: impl Fn(f32, f32) -> f32,
    ) {
        let stride = self.width / 2;
        let [u, v] = &mut self.chroma;
        for row in rows.start / 2..rows.end.div_ceil(2) {
            for column in columns.start / 2..columns.end.div_ceil(2) {
                let (x, y) = (column as f32 * 2.0 + 1.0, row as f32 * 2.0 + 1.0);
                let cover = cover(x, y);
                if cover > 0.0 {
                    let colour = colour(x, y);
                    blend(&mut u[row * stride + column], colour.u, cover);
                    blend(&mut v[row * stride + column], colour.v, cover);
                }
            }
        }
    }

    /// Rows from `top` to `bottom` in the colour `at(0..1)`, from top to bottom.
    pub fn gradient(&mut self, (top, bottom): (f32, f32), at: impl Fn(f32) -> Colour) {
        let bounds = (0.0, top, self.width as f32, bottom);
        let share = |y: f32| ((y - top) / (bottom - top)).clamp(0.0, 1.0);
        let rows: Vec<Colour> = (0..self.height).map(|row| at(share(row as f32 + 0.5))).collect();
        self.paint(bounds, |_, y| rows[y as usize], |_, _| 1.0);
    }

    /// Everything below `ridge(column)`, in pixels from the top, down to `bottom`.
    pub fn land(&mut self, ridge: &[f32], bottom: f32, colour: impl Fn(f32, f32) -> Colour) {
        let top = ridge.iter().copied().fold(f32::INFINITY, f32::min);
        let bounds = (0.0, top - 1.0, self.width as f32, bottom);
        self.paint(bounds, colour, |x, y| (y - ridge[x as usize] + 0.5).clamp(0.0, 1.0));
    }

    /// A disc.
    pub fn disc(&mut self, (cx, cy): Point, radius: f32, colour: impl Fn(f32, f32) -> Colour) {
        let bounds = (cx - radius - 1.0, cy - radius - 1.0, cx + radius + 1.0, cy + radius + 1.0);
        self.paint(bounds, colour, |x, y| (radius - (x - cx).hypot(y - cy) + 0.5).clamp(0.0, 1.0));
    }

    /// A glow that fades to nothing at `radius`; `strength` is its cover in the middle, 0 to 1.
    pub fn glow(&mut self, (cx, cy): Point, radius: f32, colour: Colour, strength: f32) {
        let bounds = (cx - radius, cy - radius, cx + radius, cy + radius);
        self.paint(
            bounds,
            |_, _| colour,
            |x, y| {
                let share = ((x - cx).powi(2) + (y - cy).powi(2)) / (radius * radius);
                strength * (1.0 - share).max(0.0).powi(3)
            },
        );
    }

    /// A ring, `width` pixels wide.
    pub fn ring(&mut self, (cx, cy): Point, radius: f32, width: f32, colour: Colour, cover: f32) {
        let reach = radius + width;
        let bounds = (cx - reach, cy - reach, cx + reach, cy + reach);
        self.paint(
            bounds,
            |_, _| colour,
            |x, y| {
                let off = ((x - cx).hypot(y - cy) - radius).abs();
                cover * (width / 2.0 - off + 0.5).clamp(0.0, 1.0)
            },
        );
    }

    /// A line with round ends, `width` pixels wide.
    pub fn line(&mut self, from: Point, to: Point, width: f32, colour: Colour) {
        let reach = width / 2.0 + 1.0;
        let bounds = (
            from.0.min(to.0) - reach,
            from.1.min(to.1) - reach,
            from.0.max(to.0) + reach,
            from.1.max(to.1) + reach,
        );
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = (dx * dx + dy * dy).max(1e-6);
        self.paint(
            bounds,
            |_, _| colour,
            |x, y| {
                let along = (((x - from.0) * dx + (y - from.1) * dy) / length).clamp(0.0, 1.0);
                let off = (x - from.0 - along * dx).hypot(y - from.1 - along * dy);
                (width / 2.0 - off + 0.5).clamp(0.0, 1.0)
            },
        );
    }

    /// A plain rectangle: left, top, right, bottom.
    pub fn rect(&mut self, bounds: Bounds, colour: Colour, cover: f32) {
        self.paint(bounds, |_, _| colour, |_, _| cover);
    }
}
