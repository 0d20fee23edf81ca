//! Reads the test signals of fixture films back from what was encoded: which frame each picture is, when the
//! flashes light and when the beeps sound. The layout is [`media::barcode`]'s.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use media::barcode::{self, Mark};

use crate::ffmpeg;

/// Samples per second that sound is decoded to.
const SAMPLE_RATE: usize = 48_000;
/// Loudness is measured over this many samples: one period of the beep.
const WINDOW: usize = SAMPLE_RATE / 1000;
/// A beep is at least this loud (root mean square; full scale is 1).
const LOUD_MIN: f32 = 0.1;
/// Windows of silence that end a beep.
const SILENT_WINDOWS: usize = 100;

/// One decoded picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// What its barcode says, if it can be read.
    pub mark: Option<Mark>,
    /// Whether the flash is lit.
    pub flash: bool,
}

/// A flash and the beep that goes with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beat {
    /// When the flash lights, in seconds of presentation time.
    pub flash: f64,
    /// When the beep begins, in seconds of presentation time.
    pub beep: f64,
}

impl Beat {
    /// How much the flash is late against the beep, in milliseconds; negative when it is early.
    #[must_use]
    pub fn offset_ms(&self) -> f64 {
        (self.flash - self.beep) * 1000.0
    }
}

/// All pictures of a file's first video stream, in presentation order, none repeated or dropped to fit a rate.
///
/// # Errors
/// When ffmpeg cannot decode it without complaint.
pub fn pictures(file: &Path) -> Result<Vec<Seen>> {
    let before = ["-i"].map(OsStr::new);
    let after =
        ["-map", "0:v:0", "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", "-"]
            .map(OsStr::new);
    let args: Vec<&OsStr> = before.into_iter().chain([file.as_os_str()]).chain(after).collect();
    ffmpeg::streamed(&args, read_pictures)
}

fn read_pictures(out: &mut dyn Read) -> Result<Vec<Seen>> {
    let mut out = BufReader::with_capacity(1 << 20, out);
    let mut line = Vec::new();
    out.read_until(b'\n', &mut line)?;
    let (width, height) = size_of(&String::from_utf8_lossy(&line))?;
    let mut picture = vec![0; width * height + 2 * width.div_ceil(2) * height.div_ceil(2)];
    let mut seen = Vec::new();
    loop {
        line.clear();
        if out.read_until(b'\n', &mut line)? == 0 {
            return Ok(seen);
        }
        ensure!(line.starts_with(b"FRAME"), "not a frame of YUV4MPEG2");
        out.read_exact(&mut picture)?;
        let luma = &picture[..width * height];
        let flash = barcode::read_flash(luma, width, width, height).unwrap_or(false);
        seen.push(Seen { mark: barcode::read(luma, width, width, height), flash });
    }
}

/// Width and height of a YUV4MPEG2 header.
fn size_of(header: &str) -> Result<(usize, usize)> {
    let field = |tag: char| {
        let value = header.split_ascii_whitespace().find_map(|field| field.strip_prefix(tag));
        value.and_then(|value| value.parse().ok()).with_context(|| format!("no {tag} in {header:?}"))
    };
    ensure!(header.starts_with("YUV4MPEG2 "), "not YUV4MPEG2: {header:?}");
    Ok((field('W')?, field('H')?))
}

/// Frame numbers of all pictures.
///
/// # Errors
/// When a barcode cannot be read, or as [`pictures`].
pub fn frame_numbers(file: &Path) -> Result<Vec<u32>> {
    let number = |(place, seen): (usize, &Seen)| {
        seen.mark.map(|mark| mark.frame).with_context(|| format!("picture {place} has no readable barcode"))
    };
    pictures(file)?.iter().enumerate().map(number).collect()
}

/// When each picture is shown, in seconds, in presentation order.
///
/// # Errors
/// When ffprobe cannot decode the file without complaint.
pub fn picture_times(file: &Path) -> Result<Vec<f64>> {
    let entries = "frame=best_effort_timestamp_time";
    let text = ffmpeg::probe(&["-select_streams", "v:0", "-show_entries", entries, "-of", "csv=p=0"], file)?;
    let time =
        |line: &str| line.trim_end_matches(',').parse().with_context(|| format!("no time in {line:?}"));
    text.lines().filter(|line| !line.is_empty()).map(time).collect()
}

/// When flashes light, in seconds.
///
/// # Errors
/// As [`pictures`] and [`picture_times`].
pub fn flashes(file: &Path) -> Result<Vec<f64>> {
    let (seen, times) = (pictures(file)?, picture_times(file)?);
    ensure!(seen.len() == times.len(), "{} pictures but {} times", seen.len(), times.len());
    let before = std::iter::once(false).chain(seen.iter().map(|picture| picture.flash));
    let lit = seen.iter().zip(before).map(|(picture, before)| picture.flash && !before);
    Ok(lit.zip(times).filter_map(|(lit, time)| lit.then_some(time)).collect())
}

/// When beeps begin, in seconds, to the millisecond.
///
/// # Errors
/// When ffmpeg cannot decode the file's first audio stream without complaint.
pub fn beeps(file: &Path) -> Result<Vec<f64>> {
    let before = ["-copyts", "-i"].map(OsStr::new);
    let after =
        ["-map", "0:a:0", "-af", "aresample=48000:async=1:first_pts=0", "-ac", "1", "-f", "f32le", "-"]
            .map(OsStr::new);
    let args: Vec<&OsStr> = before.into_iter().chain([file.as_os_str()]).chain(after).collect();
    let bytes = ffmpeg::output(&args)?;
    let samples: Vec<f32> =
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    Ok(onsets(&samples))
}

fn onsets(samples: &[f32]) -> Vec<f64> {
    let mut silent = SILENT_WINDOWS;
    let mut found = Vec::new();
    for (place, window) in samples.chunks_exact(WINDOW).enumerate() {
        let power = window.iter().map(|level| level * level).sum::<f32>() / WINDOW as f32;
        if power < LOUD_MIN * LOUD_MIN {
            silent += 1;
            continue;
        }
        if silent >= SILENT_WINDOWS {
            found.push((place * WINDOW) as f64 / SAMPLE_RATE as f64);
        }
        silent = 0;
    }
    found
}

/// Every flash of `video` with the beep of `audio` nearest to it.
///
/// # Errors
/// When there are no flashes or not as many beeps, or as [`flashes`] and [`beeps`].
pub fn beats(video: &Path, audio: &Path) -> Result<Vec<Beat>> {
    let (flashes, beeps) = (flashes(video)?, beeps(audio)?);
    if flashes.is_empty() || flashes.len() != beeps.len() {
        bail!("{} flashes and {} beeps", flashes.len(), beeps.len());
    }
    Ok(flashes.into_iter().zip(beeps).map(|(flash, beep)| Beat { flash, beep }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beeps_are_found_where_they_begin() {
        let tone = |sample: usize| (sample as f32 * std::f32::consts::TAU / 48.0).sin() * 0.5;
        let mut samples = vec![0.0; 48_000 * 2];
        for start in [0, 48_000] {
            (start..start + 3840).for_each(|sample| samples[sample] = tone(sample - start));
        }
        assert_eq!(onsets(&samples), [0.0, 1.0]);
    }

    #[test]
    fn pictures_are_read_from_the_pipe_format() {
        let mut luma = vec![16; 96 * 48];
        let mark = Mark { frame: 5, epoch_ms: 6 };
        barcode::draw(&mut luma, 96, (96, 48), mark, true);
        let stream = [&b"YUV4MPEG2 W96 H48 F25:1 C420jpeg\nFRAME\n"[..], &luma, &[128; 48 * 48]].concat();
        assert_eq!(read_pictures(&mut &stream[..]).ok(), Some(vec![Seen { mark: Some(mark), flash: true }]));
        assert!(read_pictures(&mut &b"RIFF"[..]).is_err());
    }
}
