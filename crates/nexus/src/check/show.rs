//! The report, for people and for programs.

use std::{
    fmt::Write as _,
    io::{ErrorKind, Write as _},
};

use anyhow::{Context, Result};
use conformance::{Counts, Finding, Report};
use serde::Serialize;

/// The report as one JSON document.
pub(super) fn json(target: &str, report: &Report) -> Result<String> {
    #[derive(Serialize)]
    struct Document<'a> {
        target: &'a str,
        #[serde(flatten)]
        report: &'a Report,
    }
    let mut text = serde_json::to_string(&Document { target, report }).context("writing the report")?;
    text.push('\n');
    Ok(text)
}

/// Findings by resource, what could not be judged, and how much was read.
pub(super) fn text(report: &Report) -> String {
    let mut text = String::new();
    for findings in report.findings.chunk_by(|a, b| a.resource == b.resource) {
        resource(&mut text, findings);
    }
    if !report.not_judged.is_empty() {
        line(&mut text, "not judged");
        for unjudged in &report.not_judged {
            line(&mut text, &format!("  {} of {}: {}", unjudged.rule, unjudged.resource, unjudged.reason));
        }
        text.push('\n');
    }
    summary(&mut text, &report.counts);
    if !report.complete {
        line(&mut text, "the check is not complete: see READ-LIMIT");
    }
    text
}

fn resource(text: &mut String, findings: &[Finding]) {
    let Some(first) = findings.first() else { return };
    line(text, &first.resource);
    for finding in findings {
        line(text, &format!("  {finding}"));
    }
    text.push('\n');
}

fn summary(text: &mut String, counts: &Counts) {
    let Counts { playlists, headers, segments_listed, segments_read, bytes, must, should } = counts;
    let read = format!(
        "read {playlists} playlists, {headers} headers, {segments_read} of {segments_listed} segments, {bytes} bytes"
    );
    line(text, &read);
    line(text, &format!("{must} must, {should} should"));
}

/// One line, with everything that could move a terminal's cursor made visible: texts come from strangers.
fn line(text: &mut String, content: &str) {
    for character in content.chars() {
        if character.is_control() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}", character.escape_default());
        } else {
            text.push(character);
        }
    }
    text.push('\n');
}

/// To standard output; a reader that has gone away is no error.
pub(super) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("writing the report"),
    }
}

#[cfg(test)]
mod tests {
    use conformance::{Check, Failure};

    use super::*;

    fn report() -> Report {
        let mut check = Check::new("https://host/hls.m3u8").unwrap();
        let list = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:\u{1b}[2J\n#EXTINF:2,\na.m4s\n";
        while let Some(fetch) = check.next_fetch() {
            match fetch.uri() {
                "https://host/hls.m3u8" => check.feed(&fetch, list.as_bytes(), None),
                _ => check.fail(&fetch, Failure::Unreadable("404 Not Found".to_owned())),
            }
        }
        check.finish()
    }

    #[test]
    fn people_read_findings_by_resource_and_no_control_characters() {
        let text = text(&report());
        assert!(text.starts_with("https://host/hls.m3u8\n  line 3: must HLS-SYNTAX: "), "{text}");
        assert!(text.contains("\\u{1b}[2J") && !text.contains('\u{1b}'), "{text}");
        assert!(
            text.contains("line 5: must READ-FETCH: https://host/a.m4s could not be read: 404 Not Found")
        );
        assert!(
            text.ends_with("read 1 playlists, 0 headers, 0 of 1 segments, 75 bytes\n3 must, 0 should\n"),
            "{text}"
        );
    }

    #[test]
    fn programs_read_one_document() {
        let document: serde_json::Value =
            serde_json::from_str(&json("https://host/hls.m3u8", &report()).unwrap()).unwrap();
        assert_eq!(document["target"], "https://host/hls.m3u8");
        assert_eq!(document["counts"]["must"], 3);
        assert_eq!(document["findings"][0]["at"]["line"], 3);
        assert_eq!(document["complete"], true);
    }
}
