//! `nexus probe-latency`: how late the parts of a low-latency HLS stream arrive here, measured from outside.

mod figures;
mod follow;
mod list;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::Args;
use futures_util::future::join_all;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use url::Url;

use figures::Figures;
use follow::Follower;

/// Largest playlist read, in bytes.
const LIST_BYTES_MAX: u64 = 4 << 20;
/// Some rendition could not be measured.
const INCOMPLETE: u8 = 1;

/// What to measure.
#[derive(Args, Debug)]
#[command(
    after_help = "Each rendition is followed as players do, by blocking reloads. A part is as late as its last byte comes \
after its first sample reached the server, which the part states (`prft`), or else EXT-X-PROGRAM-DATE-TIME. Drift is how that changes; the \
encoder's clock is how dates move against arrival. Both machines must agree on the time of day, but for drift.\n\n\
Exit codes:\n  0  every rendition was measured\n  1  one or all could not be\n  2  the command line is wrong\n\n\
Examples:\n  \
nexus probe-latency http://127.0.0.1:8080/live/CHANNEL/hls.m3u8\n  \
nexus probe-latency https://video.example/live/CHANNEL/hls.m3u8 --seconds 600 --json | jq '.renditions[].late_ms.p95'"
)]
pub struct ProbeArgs {
    /// A multivariant playlist, or one of its media playlists.
    #[arg(value_name = "URL")]
    url: Url,
    /// How long to measure.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// PEM file of the server's certificate, or of those it comes from, where no public authority vouches for it.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// A rendition and what was found.
struct Measured {
    name: String,
    url: Url,
    outcome: Result<Figures>,
}

/// Measures and prints.
///
/// # Errors
/// When the address cannot be read as a live playlist at all.
pub async fn run(args: ProbeArgs) -> Result<ExitCode> {
    let follower = Follower::new(crate::client::trusting(args.ca.as_deref())?, lifecycle::system());
    let renditions = renditions(&follower, &args.url).await?;
    let bar = progress(args.seconds);
    let length = Duration::from_secs(args.seconds.into());
    let (following, seen) = (&follower, || bar.inc(1));
    let measured = join_all(renditions.into_iter().map(|(name, url)| async move {
        let outcome = following.follow(&url, length, seen).await;
        Measured { name, url, outcome }
    }))
    .await;
    bar.finish_and_clear();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&document(&args.url, &measured))?);
    } else {
        measured.iter().for_each(print);
    }
    let complete = measured.iter().all(|one| one.outcome.is_ok());
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}

/// The media playlists behind an address, with their names.
async fn renditions(follower: &Follower, url: &Url) -> Result<Vec<(String, Url)>> {
    let text = follower.text(url).await?;
    ensure!(text.starts_with("#EXTM3U"), "{url} is no HLS playlist");
    let uris = list::renditions(&text);
    if uris.is_empty() {
        return Ok(vec![(name(url), url.clone())]);
    }
    let joined = uris.iter().map(|uri| {
        let joined = url.join(uri).with_context(|| format!("{url} names the address {uri:?}"))?;
        Ok((name(&joined), joined))
    });
    joined.collect()
}

/// The last segment of an address's path without its ending.
fn name(url: &Url) -> String {
    let last = url.path().rsplit('/').next().unwrap_or_default();
    last.strip_suffix(".m3u8").unwrap_or(last).to_owned()
}

fn progress(seconds: u32) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(format!("measuring for {seconds} s"));
    if let Ok(style) = ProgressStyle::with_template("{msg}: {pos} parts, {elapsed}") {
        bar.set_style(style);
    }
    bar
}

fn document(url: &Url, measured: &[Measured]) -> serde_json::Value {
    let renditions = measured.iter().map(|one| match &one.outcome {
        Ok(figures) => figures.json(&one.name, &one.url),
        Err(error) => json!({"name": one.name, "url": one.url.as_str(), "error": format!("{error:#}")}),
    });
    json!({"url": url.as_str(), "renditions": renditions.collect::<Vec<_>>()})
}

fn print(one: &Measured) {
    match &one.outcome {
        Ok(figures) => println!("{:12} {figures}", one.name),
        Err(error) => println!("{:12} not measured: {error:#}", one.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renditions_are_named_by_their_lists() {
        assert_eq!(name(&"http://h/live/c/b/source.m3u8?x=1".parse().expect("a URL")), "source");
        assert_eq!(name(&"http://h/".parse().expect("a URL")), "");
    }
}
