//! `nexus film`: a synthetic film whose every frame says which it is, for trying things out and measuring them.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use pipeline_wire::{FromChild, GraphSpec, TestFilmSpec};
use sandbox::{NoSource, Options, Sandbox};
use settings::Settings;

/// What the command line says.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  nexus film film.mp4\n  nexus film ntsc.mp4 --size 640x360 --rate 30000/1001 --seconds 6 --silent"
)]
pub struct FilmArgs {
    /// The file to write (MP4: H.264 and AAC).
    out: PathBuf,
    /// Length in seconds.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=36_000))]
    seconds: u32,
    /// Width and height in pixels, even.
    #[arg(long, default_value = "1280x720")]
    size: String,
    /// Frames per second, such as 25 or 30000/1001.
    #[arg(long, default_value = "25")]
    rate: String,
    /// Leave the sound away.
    #[arg(long)]
    silent: bool,
    /// Words to draw into the picture.
    #[arg(long, default_value = "Nexus")]
    title: String,
}

impl FilmArgs {
    /// The demonstration film.
    pub fn demonstration(out: PathBuf) -> Self {
        Self {
            out,
            seconds: 20,
            size: "1280x720".into(),
            rate: "30".into(),
            silent: false,
            title: "Nexus demonstration".into(),
        }
    }

    fn spec(&self) -> Result<TestFilmSpec> {
        let ((width, height), (fps_num, fps_den)) = (size(&self.size)?, rate(&self.rate)?);
        Ok(TestFilmSpec {
            width,
            height,
            fps_num,
            fps_den,
            frames: u64::from(self.seconds) * u64::from(fps_num) / u64::from(fps_den),
            audio: !self.silent,
            title: self.title.clone(),
            epoch_ms: u64::try_from(lifecycle::system().now().millis()).unwrap_or(0),
        })
    }
}

/// Width and height of `--size`, in pixels.
///
/// # Errors
/// When it is none, or out of range.
pub fn size(text: &str) -> Result<(u32, u32)> {
    let (width, height) = pair(text, 'x').with_context(|| format!("--size {text:?}: such as 1280x720"))?;
    if width < 320 || height < 180 || width % 2 + height % 2 > 0 || width > 7680 || height > 4320 {
        bail!("--size {text}: even numbers from 320x180 to 7680x4320 are expected");
    }
    Ok((width, height))
}

/// Numerator and denominator of `--rate`, in frames per second.
///
/// # Errors
/// When it is none, or out of range.
pub fn rate(text: &str) -> Result<(u32, u32)> {
    let fraction = if text.contains('/') { text.to_owned() } else { format!("{text}/1") };
    let (num, den) =
        pair(&fraction, '/').with_context(|| format!("--rate {text:?}: such as 25 or 30000/1001"))?;
    if num == 0 || den == 0 || u64::from(num) > 240 * u64::from(den) {
        bail!("--rate {text}: more than 0 and at most 240 frames a second are expected");
    }
    Ok((num, den))
}

fn pair(text: &str, between: char) -> Option<(u32, u32)> {
    let (first, second) = text.split_once(between)?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

/// Makes the film.
///
/// # Errors
/// When the command line cannot be followed, the child fails, or the file cannot be written.
pub async fn run(args: &FilmArgs, settings: &Settings) -> Result<ExitCode> {
    crate::stores::data_folder(settings)?;
    let registry = std::path::absolute(settings.data.join("gst-registry.bin"))?;
    let sandbox = Sandbox::new(Options::new(&settings.transcode, registry))?;
    sandbox.warm_registry().await?;
    make(&sandbox, &args.spec()?, &args.out).await?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the film beside its name first, so that a file of that name is always whole.
async fn make(sandbox: &Sandbox, spec: &TestFilmSpec, out: &Path) -> Result<()> {
    let bar = ProgressBar::new(spec.frames).with_message("making the film");
    if let Ok(style) = ProgressStyle::with_template("{msg:24!} {bar:32} {pos}/{len} frames {eta}") {
        bar.set_style(style);
    }
    let part = out.with_extension("part");
    let mut file = std::fs::File::create(&part).with_context(|| format!("writing {}", part.display()))?;
    let mut child = sandbox.start(&GraphSpec::TestFilm(spec.clone()), NoSource).await?;
    while let Some(frame) = child.next().await? {
        match frame {
            FromChild::File(bytes) => file.write_all(&bytes)?,
            FromChild::Progress { done, .. } => bar.set_position(done),
            _ => {}
        }
    }
    file.sync_all()?;
    std::fs::rename(&part, out)?;
    bar.finish_and_clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(size: &str, rate: &str) -> FilmArgs {
        FilmArgs {
            size: size.into(),
            rate: rate.into(),
            seconds: 2,
            ..FilmArgs::demonstration("x.mp4".into())
        }
    }

    #[test]
    fn sizes_and_rates_are_read() {
        let spec = args("640x360", "30000/1001").spec().expect("fits");
        assert_eq!((spec.width, spec.height, spec.frames), (640, 360, 59));
        assert_eq!(args("640x360", "25").spec().expect("fits").frames, 50);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (size, rate, word) in [
            ("640", "25", "--size"),
            ("641x360", "25", "--size"),
            ("640x360", "0", "--rate"),
            ("640x360", "x", "--rate"),
        ] {
            let error = args(size, rate).spec().expect_err("refused").to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
