//! The films that rows are made from: raw pictures with barcode, flash and colour bars, and beeps beside them.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use media::barcode::{self, Mark};
use testkit::ffmpeg;

use super::colour::{BARS, BRIGHT_BARS, GAMMA, Rgb, hlg, pq, to_bt2020};

/// The wall clock of frame zero.
const EPOCH_MS: u64 = 1_700_000_000_000;
/// How long flash and beep last, in seconds.
const BEAT: f64 = 0.08;
pub const SAMPLE_RATE: u32 = 48_000;
/// The bars begin at this row of the barcode's 24.
pub const BARS_FROM: usize = 8;

/// How the bars are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// BT.709 code values.
    Plain,
    /// The same colours, as BT.2020 code values.
    Wide,
    /// [`BRIGHT_BARS`] in BT.2020 and PQ.
    Pq,
    /// As `Pq`, in HLG.
    Hlg,
}

/// Pictures and sound to encode from.
#[derive(Clone)]
pub struct Master {
    pub size: (usize, usize),
    pub rate: (u32, u32),
    pub frames: u32,
    pub paint: Paint,
    /// Zero for a film without sound.
    pub channels: usize,
    pub sample_rate: u32,
}

impl Default for Master {
    fn default() -> Self {
        let (size, rate) = ((320, 180), (25, 1));
        Self { size, rate, frames: 55, paint: Paint::Plain, channels: 2, sample_rate: SAMPLE_RATE }
    }
}

impl Master {
    fn seconds(&self, frame: u32) -> f64 {
        f64::from(frame) * f64::from(self.rate.1) / f64::from(self.rate.0)
    }

    /// Frames that a flash and a beep start with: the first of each second.
    fn beats(&self) -> impl Iterator<Item = u32> + '_ {
        let first_of = |second: u32| (second * self.rate.0).div_ceil(self.rate.1);
        (0..).map(first_of).take_while(|frame| *frame < self.frames)
    }

    fn is_lit(&self, frame: u32) -> bool {
        self.beats().any(|beat| frame >= beat && self.seconds(frame) < self.seconds(beat) + BEAT - 1e-9)
    }

    /// Makes `name` in `folder`: `ffmpeg -i pictures [-i sound] ARGUMENTS name`, the arguments parted by spaces.
    pub fn encode(&self, folder: &Path, name: &str, arguments: &str) -> PathBuf {
        let (pictures, sound) = (folder.join(format!("{name}.rgb")), folder.join(format!("{name}.f32")));
        self.draw(&pictures);
        let (size, rate) =
            (format!("{}x{}", self.size.0, self.size.1), format!("{}/{}", self.rate.0, self.rate.1));
        let before = ["-f", "rawvideo", "-pix_fmt", "rgb48le", "-video_size", &size, "-framerate", &rate];
        let (channels, sampled) = (self.channels.to_string(), self.sample_rate.to_string());
        let sound_text = sound.to_string_lossy();
        let mut after = Vec::new();
        if self.channels > 0 {
            self.beep(&sound);
            after.extend(["-f", "f32le", "-ar", &sampled, "-ac", &channels, "-i", &sound_text]);
        }
        after.extend(arguments.split_ascii_whitespace());
        let made = folder.join(name);
        ffmpeg::convert(&before, &pictures, &after, &made)
            .unwrap_or_else(|error| panic!("{name}: {error:#}"));
        std::fs::remove_file(pictures).expect("removed");
        made
    }

    fn bars(&self) -> [[u16; 3]; 8] {
        let wide = |bar: Rgb| to_bt2020(bar.map(|part| part.powf(GAMMA))).map(|part| part.powf(1.0 / GAMMA));
        let bars = match self.paint {
            Paint::Plain => BARS,
            Paint::Wide => BARS.map(wide),
            Paint::Pq => BRIGHT_BARS.map(|bar| to_bt2020(bar).map(pq)),
            Paint::Hlg => BRIGHT_BARS.map(|bar| hlg(to_bt2020(bar))),
        };
        bars.map(|bar| bar.map(|part| (part.clamp(0.0, 1.0) * 65_535.0).round() as u16))
    }

    /// White of the barcode: what becomes a full white on the screen, or nearly.
    fn white(&self) -> u16 {
        let level = match self.paint {
            Paint::Plain | Paint::Wide => 1.0,
            Paint::Pq => pq(1_000.0),
            Paint::Hlg => 1.0,
        };
        (level * 65_535.0) as u16
    }

    fn draw(&self, to: &Path) {
        let (width, height) = self.size;
        let mut out = BufWriter::new(File::create(to).expect("a file"));
        let (bars, white) = (self.bars(), self.white());
        let from = barcode::area((BARS_FROM, 0), (24, 1), self.size).y0;
        let mut ground = vec![0u8; width * height * 6];
        for (at, pixel) in ground.chunks_exact_mut(6).enumerate() {
            let (x, y) = (at % width, at / width);
            let bar = if y >= from { bars[x * 8 / width] } else { [0; 3] };
            bar.iter()
                .zip(pixel.chunks_exact_mut(2))
                .for_each(|(part, to)| to.copy_from_slice(&part.to_le_bytes()));
        }
        for frame in 0..self.frames {
            let mut luma = vec![0u8; width * height];
            let epoch_ms = EPOCH_MS + (self.seconds(frame) * 1_000.0) as u64;
            barcode::draw(&mut luma, width, self.size, Mark { frame, epoch_ms }, self.is_lit(frame));
            let mut picture = ground.clone();
            let code = barcode::flash_area(width, height).y1;
            for (pixel, level) in picture.chunks_exact_mut(6).zip(&luma).take(width * code) {
                let lit = if *level > 126 { white } else { 0 };
                pixel.chunks_exact_mut(2).for_each(|to| to.copy_from_slice(&lit.to_le_bytes()));
            }
            out.write_all(&picture).expect("written");
        }
        out.flush().expect("written");
    }

    /// A tone on all channels from each beat on, as long as the pictures last.
    fn beep(&self, to: &Path) {
        let rate = f64::from(self.sample_rate);
        let count = (self.seconds(self.frames) * rate) as usize;
        let starts: Vec<f64> = self.beats().map(|frame| self.seconds(frame)).collect();
        let mut out = BufWriter::new(File::create(to).expect("a file"));
        for sample in 0..count {
            let now = sample as f64 / rate;
            let on = starts.iter().any(|start| now >= *start && now < start + BEAT);
            let level = if on { 0.5 * (now * 1_000.0 * std::f64::consts::TAU).sin() } else { 0.0 };
            for _ in 0..self.channels {
                out.write_all(&(level as f32).to_le_bytes()).expect("written");
            }
        }
        out.flush().expect("written");
    }
}

/// The filter that turns the master's R'G'B' into Y'CbCr of `matrix` and `range` in `format`, and says so in the
/// frames: names as zscale has them.
pub fn yuv((matrix, primaries, transfer): (&str, &str, &str), range: &str, format: &str) -> String {
    format!(
        "format=gbrp16le,zscale=min=gbr:rin=full:pin={primaries}:tin={transfer}:m={matrix}:r={range}:p={primaries}:\
         t={transfer}:d=none,format={format}"
    )
}

/// Limited-range BT.709.
pub fn bt709(format: &str) -> String {
    yuv(("709", "709", "709"), "limited", format)
}
