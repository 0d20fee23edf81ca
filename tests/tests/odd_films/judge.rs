//! What viewers get of a film, measured.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use media::barcode;
use serde_json::Value;
use testkit::{barcode as reading, ffmpeg};
use tests::{
    Client, binary,
    hls::{attribute, download, join},
};

use super::{
    colour::{self, Rgb},
    master::BARS_FROM,
};

/// The largest rung, measured.
#[derive(Debug, Default)]
pub struct Pictures {
    pub size: (usize, usize),
    /// Sizes of all rungs, largest first.
    pub rungs: Vec<String>,
    pub rate: String,
    /// Frame numbers in the order they are shown; a picture whose barcode cannot be read has none.
    pub numbers: Vec<Option<u32>>,
    /// When flashes light, in seconds.
    pub flashes: Vec<f64>,
    /// The bars of a picture in the middle.
    pub bars: Vec<Rgb>,
    /// Matrix, transfer, primaries and range as the bitstream has them.
    pub colour: String,
}

/// An audio rendition as the multivariant playlist names it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendition {
    pub name: String,
    pub language: String,
    pub default: bool,
    pub channels: String,
    pub url: String,
}

/// Everything that was measured.
#[derive(Debug, Default)]
pub struct Seen {
    pub pictures: Option<Pictures>,
    pub audio: Vec<Rendition>,
    /// When the beeps of the first rendition begin, in seconds.
    pub beeps: Vec<f64>,
    /// The first rendition, as a file.
    pub sound: Option<PathBuf>,
}

/// Downloads and measures a film that is ready, in `folder`.
pub async fn look(client: &Client, asset: &Value, folder: &Path) -> Result<Seen> {
    ensure!(asset["findings"].as_array().is_some_and(Vec::is_empty), "the gate found: {}", asset["findings"]);
    let hls = asset["hls"].as_str().context("no address of HLS")?;
    let list = client.get(hls).await.text();
    let mut seen = Seen { audio: renditions(hls, &list), ..Seen::default() };
    let variants = variants(hls, &list);
    let sound = match (seen.audio.first(), variants.first()) {
        (Some(first), _) => Some(first.url.clone()),
        (None, Some((line, url))) if !line.contains("RESOLUTION") => Some(url.clone()),
        _ => None,
    };
    if let Some(url) = sound {
        let file = folder.join("sound.mp4");
        download(client, &url, &file).await;
        seen.sound = Some(file);
    }
    if let Some((_, url)) = variants.iter().find(|(line, _)| line.contains("RESOLUTION")) {
        let file = folder.join("pictures.mp4");
        download(client, url, &file).await;
        let rungs = variants.iter().filter_map(|(line, _)| resolution(line)).collect();
        seen.pictures = Some(Pictures { rungs, ..Pictures::default() });
    }
    let urls = [hls.to_owned(), asset["dash"].as_str().context("no address of DASH")?.to_owned()];
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || {
        urls.iter().try_for_each(|url| check(url))?;
        measure(seen, &folder)
    })
    .await?
}

fn measure(mut seen: Seen, folder: &Path) -> Result<Seen> {
    if let Some(pictures) = &mut seen.pictures {
        let rungs = std::mem::take(&mut pictures.rungs);
        *pictures = Pictures { rungs, ..pictures_of(&folder.join("pictures.mp4"))? };
    }
    if let Some(sound) = &seen.sound {
        seen.beeps = reading::beeps(sound)?;
    }
    Ok(seen)
}

fn check(url: &str) -> Result<()> {
    let output = Command::new(binary()).args(["check", url]).output()?;
    ensure!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

fn resolution(line: &str) -> Option<String> {
    let rest = line.split_once("RESOLUTION=")?.1;
    Some(rest.split(',').next().unwrap_or(rest).to_owned())
}

/// Variants with their addresses, the largest picture first.
fn variants(hls: &str, list: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = list.lines().collect();
    let pairs = lines.windows(2).filter(|pair| pair[0].starts_with("#EXT-X-STREAM-INF"));
    let mut found: Vec<_> = pairs.map(|pair| (pair[0].to_owned(), join(hls, pair[1]))).collect();
    let pixels = |line: &str| {
        let size = resolution(line)?;
        let (width, height) = size.split_once('x')?;
        Some(width.parse::<u64>().ok()? * height.parse::<u64>().ok()?)
    };
    found.sort_by_key(|(line, _)| std::cmp::Reverse(pixels(line)));
    found
}

fn renditions(hls: &str, list: &str) -> Vec<Rendition> {
    let lines = list.lines().filter(|line| line.starts_with("#EXT-X-MEDIA:TYPE=AUDIO"));
    let read = |line: &str| Rendition {
        name: attribute(line, "NAME").unwrap_or_default(),
        language: attribute(line, "LANGUAGE").unwrap_or_else(|| "und".into()),
        default: line.contains("DEFAULT=YES"),
        channels: attribute(line, "CHANNELS").unwrap_or_default(),
        url: join(hls, &attribute(line, "URI").unwrap_or_default()),
    };
    lines.map(read).collect()
}

fn pictures_of(file: &Path) -> Result<Pictures> {
    let entries = "stream=width,height,color_range,color_space,color_transfer,color_primaries,r_frame_rate";
    let told =
        ffmpeg::probe(&["-select_streams", "v:0", "-show_entries", entries, "-of", "default=nw=1"], file)?;
    let field = |name: &str| {
        let found = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        found.with_context(|| format!("no {name} in {told}"))
    };
    let size = (field("width")?.parse()?, field("height")?.parse()?);
    let matrix = field("color_space")?;
    let parts = [matrix, field("color_transfer")?, field("color_primaries")?, field("color_range")?];
    let times = reading::picture_times(file)?;
    let planes = decoded(file, size)?;
    ensure!(planes.len() == times.len(), "{} pictures but {} times", planes.len(), times.len());
    let lit = |luma: &[u8]| barcode::read_flash(luma, size.0, size.0, size.1).unwrap_or(false);
    let states: Vec<bool> = planes.iter().map(|picture| lit(picture)).collect();
    let lights = |at: &usize| states[*at] && (*at == 0 || !states[*at - 1]);
    let weights = colour::luma_weights(matrix).with_context(|| format!("a matrix of {matrix}"))?;
    Ok(Pictures {
        size,
        rungs: Vec::new(),
        rate: field("r_frame_rate")?.to_owned(),
        numbers: planes
            .iter()
            .map(|luma| barcode::read(luma, size.0, size.0, size.1).map(|mark| mark.frame))
            .collect(),
        flashes: (0..states.len()).filter(lights).map(|at| times[at]).collect(),
        bars: (0..8)
            .map(|bar| colour::rgb_of(bar_of(&planes[planes.len() / 2], size, bar), weights))
            .collect(),
        colour: parts.join(" "),
    })
}

/// All pictures of a file as planar 4:2:0.
fn decoded(file: &Path, (width, height): (usize, usize)) -> Result<Vec<Vec<u8>>> {
    let before = ["-i"].map(OsStr::new);
    let after = ["-map", "0:v:0", "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"];
    let args: Vec<&OsStr> =
        before.into_iter().chain([file.as_os_str()]).chain(after.iter().map(OsStr::new)).collect();
    ffmpeg::streamed(&args, |out| {
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes)?;
        let size = width * height * 3 / 2;
        ensure!(bytes.len().is_multiple_of(size), "half a picture");
        Ok(bytes.chunks_exact(size).map(<[u8]>::to_vec).collect())
    })
}

/// Mean Y, U and V of the middle of a bar.
fn bar_of(picture: &[u8], (width, height): (usize, usize), bar: usize) -> [f64; 3] {
    let (chroma_width, chroma_height) = (width / 2, height / 2);
    let plane = |offset: usize, (width, height): (usize, usize)| {
        let (left, right) = (bar * width / 8, (bar + 1) * width / 8);
        let (top, bottom) = (BARS_FROM * height / 24, height);
        let (dx, dy) = ((right - left) / 4, (bottom - top) / 4);
        let rows = (top + dy..bottom - dy).map(|y| offset + y * width);
        let pixels = rows.flat_map(|row| &picture[row + left + dx..row + right - dx]);
        let (sum, count) =
            pixels.fold((0.0, 0.0), |(sum, count), level| (sum + f64::from(*level), count + 1.0));
        sum / count
    };
    let (luma, chroma) = (width * height, chroma_width * chroma_height);
    [
        plane(0, (width, height)),
        plane(luma, (chroma_width, chroma_height)),
        plane(luma + chroma, (chroma_width, chroma_height)),
    ]
}

/// How much each flash is late against the beep nearest to it, in milliseconds, for the first and the last beep.
pub fn offsets(flashes: &[f64], beeps: &[f64]) -> Result<[f64; 2]> {
    let nearest = |beep: f64| {
        let late = flashes.iter().map(|flash| (flash - beep) * 1_000.0);
        late.min_by(|a, b| a.abs().total_cmp(&b.abs()))
    };
    match (beeps.first(), beeps.last()) {
        (Some(first), Some(last)) if beeps.len() > 1 => {
            Ok([nearest(*first).context("no flashes")?, nearest(*last).context("no flashes")?])
        }
        _ => bail!("{} beeps", beeps.len()),
    }
}

/// The same of a whole film.
pub fn offsets_of(film: &Path) -> Result<[f64; 2]> {
    offsets(&reading::flashes(film)?, &reading::beeps(film)?)
}

/// Loudness (root mean square) of both channels of a stereo file in each `window` of seconds.
pub fn levels(file: &Path, window: f64) -> Result<Vec<[f64; 2]>> {
    let before = ["-i"].map(OsStr::new);
    let after = ["-map", "0:a:0", "-ac", "2", "-ar", "48000", "-f", "f32le", "-"];
    let args: Vec<&OsStr> =
        before.into_iter().chain([file.as_os_str()]).chain(after.iter().map(OsStr::new)).collect();
    let bytes = ffmpeg::output(&args)?;
    let level = |bytes: &[u8]| f64::from(f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let windows = bytes.chunks_exact(8 * (window * 48_000.0) as usize);
    let power = |bytes: &[u8], channel: usize| {
        let levels = bytes.chunks_exact(8).map(|frame| level(&frame[4 * channel..]).powi(2));
        (levels.sum::<f64>() / (bytes.len() / 8) as f64).sqrt()
    };
    Ok(windows.map(|bytes| [power(bytes, 0), power(bytes, 1)]).collect())
}
