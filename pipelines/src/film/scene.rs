//! What a synthetic film shows: a lake at sunset in motion, the test signals along the top, a title.

use std::f32::consts::TAU;

use media::barcode::{self, Area, Mark};

use super::canvas::{Canvas, Colour, Point};
use super::lettering;

/// One frame's moment.
#[derive(Clone, Copy)]
pub struct Moment {
    /// What the barcode says.
    pub mark: Mark,
    /// Output time in nanoseconds.
    pub time_ns: u64,
    /// Whether the flash is lit.
    pub flash: bool,
}

/// Paints frames of one film.
pub struct Scene {
    canvas: Canvas,
    title: String,
}

const HORIZON: f32 = 0.72;

fn rgb(hex: u32) -> Colour {
    let part = |shift: u32| ((hex >> shift) & 0xff) as f32 / 255.0;
    Colour::rgb(part(16), part(8), part(0))
}

/// A repeatable value from -1 to 1 for a place, for texture.
fn grain(x: i32, y: i32) -> f32 {
    let mut hash = (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77);
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
    ((hash >> 16) & 0xff) as f32 / 127.5 - 1.0
}

fn three(low: Colour, middle: Colour, high: Colour, share: f32) -> Colour {
    if share < 0.5 { low.mix(middle, share * 2.0) } else { middle.mix(high, share * 2.0 - 1.0) }
}

impl Scene {
    /// A scene of `width`×`height` pixels, both even.
    pub fn new(width: usize, height: usize, title: &str) -> Self {
        Self { canvas: Canvas::new(width, height), title: title.to_owned() }
    }

    /// Paints one frame over the last.
    pub fn paint(&mut self, moment: Moment) -> &Canvas {
        let seconds = moment.time_ns as f32 / 1e9;
        self.sky(seconds);
        self.sun(seconds);
        self.mountains(seconds);
        self.lake(seconds);
        self.balloon(seconds, (0.25, 0.36), 0.055, 0xd94f3d);
        self.balloon(seconds + 7.0, (0.78, 0.30), 0.038, 0x2f8f9d);
        self.birds(seconds);
        self.dial(moment.time_ns);
        self.headline();
        self.signals(moment);
        &self.canvas
    }

    fn at(&self, (x, y): Point) -> Point {
        let (width, height) = self.canvas.size();
        (x * width as f32, y * height as f32)
    }

    fn unit(&self) -> f32 {
        self.canvas.size().1 as f32
    }

    fn sky(&mut self, seconds: f32) {
        let evening = 0.5 - 0.5 * (seconds * TAU / 60.0).cos();
        let high = rgb(0x1f2a5c).mix(rgb(0x0d1233), evening);
        let middle = rgb(0xb0588f).mix(rgb(0x6c3a86), evening);
        let low = rgb(0xffb56b).mix(rgb(0xf0766a), evening);
        let bottom = self.unit() * HORIZON;
        self.canvas.gradient((0.0, bottom), |share| three(high, middle, low, share));
    }

    fn sun(&mut self, seconds: f32) {
        let swing = (seconds * TAU / 60.0).sin();
        let centre = self.at((0.5 + 0.06 * swing, 0.55 + 0.03 * (seconds * TAU / 45.0).cos()));
        let radius = self.unit() * 0.085;
        self.canvas.glow(centre, radius * 5.0, rgb(0xffd9a0), 0.75);
        self.canvas.disc(centre, radius, |_, y| {
            rgb(0xfff3cf).mix(rgb(0xff9d5c), ((y - centre.1) / radius).max(0.0))
        });
    }

    fn mountains(&mut self, seconds: f32) {
        let layers = [
            (0.10, 0.50, 0.10, rgb(0x7a4a86), 3.1),
            (0.22, 0.58, 0.08, rgb(0x4d3273), 1.7),
            (0.48, 0.66, 0.05, rgb(0x261d4d), 0.4),
        ];
        for (speed, base, swing, colour, phase) in layers {
            self.range(seconds * speed * 0.2, (base, swing), colour, phase);
        }
    }

    /// One mountain range, moved `shift` picture heights to the left.
    fn range(&mut self, shift: f32, (base, swing): (f32, f32), colour: Colour, phase: f32) {
        let unit = self.unit();
        let ridge: Vec<f32> = (0..self.canvas.size().0)
            .map(|column| {
                let x = column as f32 / unit + shift;
                let wave =
                    (x * 3.1 + phase).sin() + 0.5 * (x * 7.3 + phase * 2.0).sin() + 0.22 * (x * 17.9).sin();
                (base - swing * wave * 0.6) * unit
            })
            .collect();
        let moved = (shift * unit) as i32;
        let bottom = unit * HORIZON + 1.0;
        self.canvas.land(&ridge, bottom, |x, y| {
            let depth = (y - ridge[x as usize]) / unit;
            colour.lighter(grain((x as i32 + moved) / 2, y as i32 / 2) * 7.0 - depth * 40.0)
        });
    }

    fn lake(&mut self, seconds: f32) {
        let unit = self.unit();
        let (near, far) = (rgb(0x14163a), rgb(0xd9848a));
        self.canvas.gradient((unit * HORIZON, unit), |share| far.mix(near, share.sqrt()));
        for glint in 0..48 {
            self.glint(seconds, glint);
        }
    }

    fn glint(&mut self, seconds: f32, glint: i32) {
        let unit = self.unit();
        let near = (glint as f32 + 1.0) / 48.0;
        let wave = (seconds * (0.7 + near) + glint as f32 * 1.7).sin();
        let centre =
            self.at((0.5 + 0.42 * grain(glint, 3) * near + 0.03 * wave, HORIZON + 0.01 + near * 0.26));
        let half = unit * (0.012 + 0.05 * near) * (0.6 + 0.4 * wave);
        let colour = rgb(0xffd9a8).mix(rgb(0x8d5f95), near);
        self.canvas.line((centre.0 - half, centre.1), (centre.0 + half, centre.1), unit * 0.004, colour);
    }

    fn balloon(&mut self, seconds: f32, place: Point, size: f32, colour: u32) {
        let drift = ((seconds * 0.021 + place.0 + 0.1) % 1.3) - 0.15;
        let (x, y) = self.at((drift, place.1 + 0.02 * (seconds * 0.9).sin()));
        let radius = self.unit() * size;
        let (light, dark) = (rgb(0xffe8c7), rgb(colour));
        let basket = y + radius * 1.75;
        self.canvas.line((x - radius * 0.55, y + radius * 0.8), (x - radius * 0.16, basket), 1.5, dark);
        self.canvas.line((x + radius * 0.55, y + radius * 0.8), (x + radius * 0.16, basket), 1.5, dark);
        self.canvas.disc((x, y), radius, |px, _| {
            let stripe = (((px - x) / radius).clamp(-1.0, 1.0).asin() * 3.0 + seconds * 0.5).sin();
            dark.mix(light, (stripe * 4.0 + 0.5).clamp(0.0, 1.0)).lighter((x - px) / radius * 18.0)
        });
        self.canvas.line(
            (x - radius * 0.12, basket),
            (x + radius * 0.12, basket),
            radius * 0.26,
            rgb(0x5b3a26),
        );
    }

    fn birds(&mut self, seconds: f32) {
        for bird in 0..5 {
            let place = bird as f32;
            let x = 1.15 - (seconds * 0.06 + place * 0.045) % 1.3;
            let (x, y) =
                self.at((x, 0.24 + 0.03 * (place - 2.0).abs() + 0.01 * (seconds * 1.3 + place).sin()));
            let span = self.unit() * 0.018;
            let lift = span * 0.7 * (seconds * 7.0 + place * 0.9).sin();
            for side in [-1.0, 1.0] {
                self.canvas.line((x, y), (x + side * span, y - lift), span * 0.22, rgb(0x1b1436));
            }
        }
    }

    /// A dial whose hand goes round once a second.
    fn dial(&mut self, time_ns: u64) {
        let turn = (time_ns % 1_000_000_000) as f32 / 1e9 * TAU;
        let radius = self.unit() * 0.06;
        let (width, height) = self.canvas.size();
        let centre = (width as f32 - radius * 1.7, height as f32 - radius * 1.7);
        let white = rgb(0xffffff);
        self.canvas.ring(centre, radius, radius * 0.12, white, 0.55);
        let tip = (centre.0 + radius * 0.8 * turn.sin(), centre.1 - radius * 0.8 * turn.cos());
        self.canvas.line(centre, tip, radius * 0.16, white);
    }

    fn headline(&mut self) {
        let (width, height) = self.canvas.size();
        let room = width as f32 * 0.8;
        let letters = (height as f32 * 0.085).min(room / lettering::width(&self.title, 1.0).max(1.0));
        let left = (width as f32 - lettering::width(&self.title, letters)) / 2.0;
        let top = height as f32 * 0.80;
        let shadow = letters * 0.05;
        let title = self.title.clone();
        let weight = letters * 0.13;
        lettering::write(
            &mut self.canvas,
            &title,
            (left + shadow, top + shadow),
            letters,
            weight,
            rgb(0x0c0a24),
        );
        lettering::write(&mut self.canvas, &title, (left, top), letters, weight, rgb(0xfff6e6));
        let size = format!("{width}/{height}");
        let small = letters * 0.42;
        let middle = (width as f32 - lettering::width(&size, small)) / 2.0;
        lettering::write(
            &mut self.canvas,
            &size,
            (middle, top + letters * 1.5),
            small,
            small * 0.13,
            rgb(0xf3c9a6),
        );
    }

    fn signals(&mut self, moment: Moment) {
        let size = self.canvas.size();
        let strip = barcode::area((0, 0), (barcode::CODE_ROWS, barcode::COLUMNS), size);
        let Area { x0, y0, x1, y1 } = strip;
        self.canvas.rect((x0 as f32, y0 as f32, x1 as f32, (y1 + y1 % 2) as f32), rgb(0x000000), 1.0);
        self.numbers(moment);
        barcode::draw(self.canvas.luma_mut(), size.0, size, moment.mark, moment.flash);
    }

    /// Frame number and time of day (UTC) between the barcode and the flash panel.
    fn numbers(&mut self, moment: Moment) {
        let size = self.canvas.size();
        let text =
            barcode::area((0, barcode::CODE_COLUMNS), (barcode::CODE_ROWS, barcode::FLASH_COLUMN), size);
        let day_ms = moment.mark.epoch_ms % 86_400_000;
        let (minutes, ms) = (day_ms / 60_000, day_ms % 60_000);
        let clock = format!("{:02}:{:02}:{:02}.{:03}", minutes / 60, minutes % 60, ms / 1000, ms % 1000);
        let lines = [(format!("{:07}", moment.mark.frame), 0.12), (clock, 0.60)];
        let room = (text.x1 - text.x0) as f32;
        let high = (text.y1 - text.y0) as f32;
        for (line, top) in lines {
            let letters = (high * 0.28).min(room * 0.9 / lettering::width(&line, 1.0));
            let at = (text.x0 as f32 + room * 0.05, text.y0 as f32 + high * top);
            lettering::write(&mut self.canvas, &line, at, letters, (letters * 0.14).max(1.0), rgb(0xffffff));
        }
    }
}
