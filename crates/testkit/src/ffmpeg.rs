//! Runs Debian's ffmpeg, as the judge of what our encoders make and the maker of odd sources.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

fn start(program: &str, args: &[&OsStr]) -> Result<Child> {
    Command::new(program)
        .args(["-v", "error"])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{program} does not start; apt-get install ffmpeg"))
}

/// Runs `program` and gives its output to `take`, which may read it piece by piece. Anything said on standard
/// error is a failure: `-v error` keeps a healthy run silent.
fn run<T>(program: &str, args: &[&OsStr], take: impl FnOnce(&mut dyn Read) -> Result<T>) -> Result<T> {
    let mut child = start(program, args)?;
    let mut stdout = child.stdout.take().context("no standard output")?;
    let mut stderr = child.stderr.take().context("no standard error")?;
    let said = std::thread::spawn(move || {
        let mut said = String::new();
        stderr.read_to_string(&mut said).map(|_| said)
    });
    let taken = take(&mut stdout);
    drop(stdout);
    let status = child.wait()?;
    let said = said.join().map_err(|_| anyhow::anyhow!("reading standard error panicked"))??;
    ensure!(status.success() && said.trim().is_empty(), "{program} {args:?}: {status}: {said}");
    taken
}

/// The whole output of `ffmpeg ARGS`.
///
/// # Errors
/// When it fails or complains.
pub fn output(args: &[&OsStr]) -> Result<Vec<u8>> {
    streamed(args, |out| {
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes)?;
        Ok(bytes)
    })
}

/// What `take` makes of the output of `ffmpeg ARGS`.
///
/// # Errors
/// When it fails or complains, or `take` fails.
pub fn streamed<T>(args: &[&OsStr], take: impl FnOnce(&mut dyn Read) -> Result<T>) -> Result<T> {
    run("ffmpeg", args, take)
}

/// The output of `ffprobe ARGS FILE`, as text.
///
/// # Errors
/// When it fails or complains.
pub fn probe(args: &[&str], file: &Path) -> Result<String> {
    let args: Vec<&OsStr> = args.iter().map(OsStr::new).chain([file.as_os_str()]).collect();
    run("ffprobe", &args, |out| {
        let mut text = String::new();
        out.read_to_string(&mut text)?;
        Ok(text)
    })
}

/// Makes `to` out of `from`: `ffmpeg BEFORE -i FROM AFTER TO`.
///
/// # Errors
/// When it fails or complains.
pub fn convert(before: &[&str], from: &Path, after: &[&str], to: &Path) -> Result<()> {
    let args: Vec<&OsStr> = ["-y"]
        .iter()
        .chain(before)
        .map(OsStr::new)
        .chain([OsStr::new("-i"), from.as_os_str()])
        .chain(after.iter().map(OsStr::new))
        .chain([to.as_os_str()])
        .collect();
    output(&args).map(|_| ())
}
