//! `nexus check`: the conformance rules over anybody's stream, or a folder of files.

mod find;
mod read;
mod show;

use std::{num::NonZeroUsize, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, builder::RangedU64ValueParser};
use conformance::{Check, Limits, Options, Report, Segments};
use futures_util::{StreamExt, stream::FuturesUnordered};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use read::Reader;

/// Nothing is wrong, or nothing but recommendations.
const CLEAN: u8 = 0;
/// A `must` is violated.
const VIOLATED: u8 = 1;
/// The stream, or a part of it, could not be read, so it could not be judged.
const UNREAD: u8 = 3;

/// What to check, and how.
#[derive(Args, Debug)]
#[command(after_help = "Exit codes:\n  \
    0  nothing is wrong, or nothing but recommendations (should)\n  \
    1  a requirement (must) is violated\n  \
    2  the command line is wrong\n  \
    3  it could not be read, or not as far as a judgement needs\n\n\
    Examples:\n  \
    nexus check https://example.org/film/hls.m3u8\n  \
    nexus check https://example.org/film/dash.mpd --sample 20\n  \
    nexus check ./packaged --json | jq '.findings[].rule'\n\n\
    docs/CONFORMANCE.md lists the rules.")]
pub struct CheckArgs {
    /// URL or file of a multivariant playlist, media playlist or MPD, or a folder that holds them.
    #[arg(value_name = "URL|FILE|DIR")]
    target: String,
    /// Print the report as one JSON document.
    #[arg(long)]
    json: bool,
    /// Read about N segments of each track instead of all; bit rates are then not judged.
    #[arg(long, value_name = "N")]
    sample: Option<NonZeroUsize>,
    /// PEM file of the server's certificate, or of those it comes from, where no public authority vouches for it.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Requests at once.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = RangedU64ValueParser::<usize>::new().range(1..=64))]
    parallel: usize,
}

/// Checks, prints the report to standard output, and gives the exit code described in `--help`.
///
/// # Errors
/// When the report cannot be printed.
pub async fn run(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let report = match check(&args).await {
        Ok(report) => report,
        Err(error) => {
            eprintln!("error: {error:#}");
            return Ok(ExitCode::from(UNREAD));
        }
    };
    let text = if args.json { show::json(&args.target, &report)? } else { show::text(&report) };
    show::print(&text)?;
    Ok(ExitCode::from(exit_code(&report)))
}

fn exit_code(report: &Report) -> u8 {
    if !report.readable {
        return UNREAD;
    }
    match (report.counts.must, report.complete) {
        (1.., _) => VIOLATED,
        (0, false) => UNREAD,
        (0, true) => CLEAN,
    }
}

async fn check(args: &CheckArgs) -> anyhow::Result<Report> {
    let target = find::target(&args.target).await?;
    let segments = args.sample.map_or(Segments::All, Segments::Sample);
    let options = Options { segments, limits: Limits::default() };
    let mut entries = target.entries.iter();
    let first = entries.next().map_or(args.target.as_str(), String::as_str);
    let mut check = Check::new(first)?.with(options);
    for entry in entries {
        check.add_entry(entry)?;
    }
    Ok(walk(check, &Reader::new(crate::client::trusting(args.ca.as_deref())?, target.root), args.parallel)
        .await)
}

/// Answers the check's questions, several at once.
async fn walk(mut check: Check, reader: &Reader, parallel: usize) -> Report {
    let bar = progress_bar();
    let mut under_way = FuturesUnordered::new();
    loop {
        while under_way.len() < parallel {
            let Some(fetch) = check.next_fetch() else { break };
            under_way.push(async move {
                let answer = reader.read(&fetch).await;
                (fetch, answer)
            });
        }
        let Some((fetch, answer)) = under_way.next().await else { break };
        match answer {
            Ok(read) => check.feed(&fetch, &read.bytes, read.delivery.as_ref()),
            Err(failure) => check.fail(&fetch, failure),
        }
        let progress = check.progress();
        bar.set_length(progress.known);
        bar.set_position(progress.done);
    }
    bar.finish_and_clear();
    check.finish()
}

/// On standard error, and only when that is a terminal.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} resources, {elapsed}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: CheckArgs,
    }

    fn args(line: &[&str]) -> CheckArgs {
        Line::parse_from([&["check"], line].concat()).args
    }

    /// A film of two seconds that breaks one rule that binds and is otherwise unreadable as media.
    fn folder(playlist: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("index.m3u8"), playlist).unwrap();
        folder
    }

    const TEXT: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n\
        #EXTINF:2.0,\na.vtt\n#EXT-X-ENDLIST\n";

    async fn code(folder: &std::path::Path, more: &[&str]) -> (u8, Option<Report>) {
        let target = folder.to_str().unwrap();
        match check(&args(&[&[target], more].concat())).await {
            Ok(report) => (exit_code(&report), Some(report)),
            Err(_) => (UNREAD, None),
        }
    }

    #[tokio::test]
    async fn exit_codes_tell_clean_violated_and_unread_apart() {
        let clean = folder(TEXT);
        std::fs::write(clean.path().join("a.vtt"), "WEBVTT\n").unwrap();
        assert_eq!(code(clean.path(), &[]).await.0, CLEAN);
        assert_eq!(code(&clean.path().join("index.m3u8"), &["--sample", "1"]).await.0, CLEAN);

        let violated = folder(&TEXT.replace("DURATION:2", "DURATION:1"));
        std::fs::write(violated.path().join("a.vtt"), "WEBVTT\n").unwrap();
        assert_eq!(code(violated.path(), &[]).await.0, VIOLATED);

        let empty = tempfile::tempdir().unwrap();
        assert_eq!(code(empty.path(), &[]).await.0, UNREAD);
        assert_eq!(code(&empty.path().join("none.m3u8"), &[]).await.0, UNREAD);
    }

    #[tokio::test]
    async fn a_missing_segment_is_a_violation_of_its_playlist() {
        let (code, report) = code(folder(TEXT).path(), &[]).await;
        let report = report.unwrap();
        assert_eq!((code, report.counts.must), (VIOLATED, 1));
        assert_eq!(report.findings[0].rule, "READ-FETCH");
    }
}
