//! The walk: what is fetched, in which order, and what happens at its edges.

use std::num::NonZeroUsize;

use conformance::{
    At, Check, CheckError, Failure, Limits, Options, Progress, Report, ResourceKind, Segments,
};

use crate::support::{BASE, Site, Spec};

fn site() -> Site {
    Site::of(&Spec::default())
}

fn rules(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| &*finding.rule).collect()
}

/// Serves the check and keeps what it asked for.
fn asked(site: &Site, mut check: Check) -> (Vec<String>, Report) {
    let mut uris = Vec::new();
    while let Some(fetch) = check.next_fetch() {
        let path = fetch.uri().strip_prefix(BASE).unwrap().to_owned();
        match site.files.get(&path) {
            Some(file) => check.feed(&fetch, &file.bytes, None),
            None => check.fail(&fetch, Failure::Unreadable("404".to_owned())),
        }
        uris.push(path);
    }
    (uris, check.finish())
}

#[test]
fn hls_and_dash_entries_share_their_segments() {
    let mut check = Check::new(&format!("{BASE}hls.m3u8")).unwrap();
    check.add_entry(&format!("{BASE}dash.mpd")).unwrap();
    let (uris, report) = asked(&site(), check);
    assert_eq!(rules(&report), Vec::<&str>::new());
    // Two entries, six playlists, four headers, twelve segments; each once, I-frames out of the segments.
    assert_eq!(uris.len(), 24);
    assert_eq!((report.counts.playlists, report.counts.headers), (8, 4));
    assert_eq!((report.counts.segments_listed, report.counts.segments_read), (12, 12));
    let kinds: Vec<ResourceKind> = report.resources.iter().map(|resource| resource.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == ResourceKind::MediaPlaylist).count(), 6);
    assert!(kinds.contains(&ResourceKind::Mpd) && kinds.contains(&ResourceKind::Multivariant));
}

#[test]
fn segments_wait_for_their_headers() {
    let mut check = Check::new(&format!("{BASE}video-720/index.m3u8")).unwrap();
    let site = site();
    let list = check.next_fetch().unwrap();
    assert_eq!(check.next_fetch(), None);
    check.feed(&list, &site.files["video-720/index.m3u8"].bytes, None);
    let header = check.next_fetch().unwrap();
    assert!(header.uri().ends_with("init.mp4"));
    assert_eq!(check.next_fetch(), None);
    assert!(!check.is_done());
    assert_eq!(check.progress(), Progress { done: 1, known: 5 });
    check.feed(&header, &site.files["video-720/init.mp4"].bytes, None);
    let segments: Vec<_> = std::iter::from_fn(|| check.next_fetch()).collect();
    assert_eq!(segments.len(), 3);
    // Answers may come in any order; a stray or repeated one changes nothing.
    for fetch in segments.iter().rev().chain(&segments) {
        let name = fetch.uri().strip_prefix(BASE).unwrap();
        check.feed(fetch, &site.files[name].bytes, None);
    }
    assert!(check.is_done());
    let report = check.finish();
    assert_eq!(report.findings, []);
    assert_eq!(report.counts.segments_read, 3);
}

#[test]
fn a_sample_says_what_it_could_not_judge() {
    let site = site();
    let sample = Segments::Sample(NonZeroUsize::new(2).unwrap());
    let report = site.check("hls.m3u8", Options { segments: sample, ..Options::default() });
    assert_eq!(report.findings, []);
    assert_eq!((report.counts.segments_listed, report.counts.segments_read), (12, 8));
    let unjudged: Vec<&str> = report.not_judged.iter().map(|rule| rule.rule.as_str()).collect();
    for rule in ["HLS-MV-AVERAGE", "HLS-MV-PEAK", "HLS-MV-PEAK-TO-AVERAGE"] {
        assert_eq!(unjudged.iter().filter(|known| **known == rule).count(), 2, "{rule} of both variants");
    }
}

#[test]
fn limits_end_the_check_and_say_so() {
    let limits = |limits| Options { limits, ..Options::default() };
    let few = Limits { resources: 9, ..Limits::default() };
    let small = Limits { bytes: 5000, ..Limits::default() };
    let short = Limits { segments_listed: 2, ..Limits::default() };
    let tight = Limits { resource_bytes: 2000, ..Limits::default() };
    for options in [few, small, short, tight].map(limits) {
        let report = site().check("hls.m3u8", options);
        assert!(rules(&report).contains(&"READ-LIMIT"), "{:?}", report.findings);
        assert!(!report.complete && report.readable);
    }
    let report = site().check("dash.mpd", limits(short));
    assert_eq!(rules(&report), ["READ-LIMIT"]);
}

#[test]
fn an_unfinished_check_is_not_complete() {
    let mut check = Check::new(&format!("{BASE}hls.m3u8")).unwrap();
    let entry = check.next_fetch().unwrap();
    check.feed(&entry, &site().files["hls.m3u8"].bytes, None);
    let report = check.finish();
    assert!(!report.complete);
    assert_eq!(rules(&report), ["READ-LIMIT"]);
    assert!(report.findings[0].message.contains("6 resources unread"), "{}", report.findings[0].message);
}

#[test]
fn an_entry_that_cannot_be_read_leaves_nothing_to_judge() {
    let report = site().check("missing.m3u8", Options::default());
    assert!(!report.readable);
    assert_eq!(rules(&report), ["READ-FETCH"]);
    assert_eq!(report.findings[0].at, At::Whole);
    for entry in ["hls.m3u8", "", "mailto:x@y"] {
        assert!(matches!(Check::new(entry), Err(CheckError::Entry { .. })), "{entry}");
    }
}

#[test]
fn references_to_local_files_are_not_followed() {
    let mut site = site();
    site.replace("hls.m3u8", "video-360/index.m3u8", "file:///etc/passwd");
    let check = Check::new(&format!("{BASE}hls.m3u8")).unwrap();
    let (uris, report) = asked(&site, check);
    assert!(uris.iter().all(|uri| !uri.contains("passwd")));
    let syntax = report.findings.iter().find(|finding| finding.rule == "HLS-SYNTAX").unwrap();
    assert!(syntax.message.contains("file") && matches!(syntax.at, At::Line(_)), "{syntax}");
}

/// One rung in one file, addressed by byte ranges.
fn single_file() -> Site {
    let mut site = site();
    let header = site.files["video-720/init.mp4"].bytes.clone();
    let (mut file, mut list) = (header.clone(), site.text("video-720/index.m3u8").to_owned());
    let mut i_frames = site.text("video-720/iframes.m3u8").to_owned();
    for index in 0..3 {
        let bytes = &site.files[&format!("video-720/{index}.m4s")].bytes;
        let (name, at) = (format!("\n{index}.m4s"), file.len());
        list = list.replace(&name, &format!("\n#EXT-X-BYTERANGE:{}@{at}\nall.mp4", bytes.len()));
        i_frames = shift_ranges(&i_frames, &name, at);
        file.extend(bytes);
    }
    let map = format!("URI=\"all.mp4\",BYTERANGE=\"{}@0\"", header.len());
    for (path, text) in [("video-720/index.m3u8", list), ("video-720/iframes.m3u8", i_frames)] {
        site.file(path).bytes = text.replace("URI=\"init.mp4\"", &map).into_bytes();
    }
    let whole = site.file("video-720/0.m4s").clone();
    site.files.retain(|path, _| !path.starts_with("video-720/") || path.ends_with("m3u8"));
    site.files.insert("video-720/all.mp4".to_owned(), whole);
    site.file("video-720/all.mp4").bytes = file;
    site
}

/// Moves the byte ranges of a segment to where it lies in the single file.
fn shift_ranges(list: &str, name: &str, by: usize) -> String {
    let mut parts = list.split(name);
    let mut out = String::new();
    let mut part = parts.next().unwrap().to_owned();
    for next in parts {
        let (before, range) = part.rsplit_once('@').unwrap();
        let at: usize = range.parse().unwrap();
        out += &format!("{before}@{}\nall.mp4", at + by);
        part = next.to_owned();
    }
    out + &part
}

#[test]
fn byte_ranges_of_one_file_are_read_and_found_by_file_offset() {
    let mut site = single_file();
    let report = site.check("hls.m3u8", Options::default());
    assert_eq!(report.findings, []);
    let header = site.text("video-720/index.m3u8").split("BYTERANGE=\"").nth(1).unwrap();
    let first: usize = header.split('@').next().unwrap().parse().unwrap();
    // The brands of the first segment's styp, in the file's own offsets.
    let styp = &mut site.file("video-720/all.mp4").bytes[first..first + 24];
    styp[8..12].copy_from_slice(b"none");
    styp[16..20].copy_from_slice(b"none");
    let report = site.check("hls.m3u8", Options::default());
    assert_eq!(rules(&report), ["CMAF-STYP"]);
    assert_eq!(report.findings[0].at, At::Byte(first as u64));
}

#[test]
fn i_frame_ranges_without_their_segments_are_read_by_themselves() {
    let site = single_file();
    let report = site.check("video-720/iframes.m3u8", Options::default());
    assert_eq!(report.findings, []);
    let broken = {
        let mut site = site.clone();
        site.edit_line("video-720/iframes.m3u8", "#EXT-X-BYTERANGE", |line| line.replacen("@", "1@", 1));
        site.check("video-720/iframes.m3u8", Options::default())
    };
    assert_eq!(rules(&broken), ["HLS-IF-PICTURE"]);
}

#[test]
fn whole_segment_encryption_is_not_looked_into() {
    let mut site = site();
    let list = "audio-0/index.m3u8";
    site.replace(list, "#EXTINF", "#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n#EXTINF");
    for index in 0..3 {
        site.file(&format!("audio-0/{index}.m4s")).bytes.iter_mut().for_each(|byte| *byte ^= 0xA5);
    }
    assert_eq!(site.check("hls.m3u8", Options::default()).findings, []);
}

#[test]
fn a_growing_playlist_is_not_held_to_what_a_finished_one_must_be() {
    let mut site = site();
    for list in ["video-720", "video-360", "audio-0", "audio-1"].map(|name| format!("{name}/index.m3u8")) {
        site.replace(&list, "#EXT-X-ENDLIST\n", "");
        site.replace(&list, "TYPE:VOD", "TYPE:EVENT");
    }
    site.edit_line("video-360/index.m3u8", "2.m4s", |_| String::new());
    site.edit_line("hls.m3u8", "RESOLUTION=640x360,FRAME-RATE", |line| {
        line.replace("BANDWIDTH=", "BANDWIDTH=9")
    });
    let text = site.text("video-360/index.m3u8");
    let cut = text.rfind("#EXTINF").unwrap();
    let shorter = text[..cut].to_owned();
    site.file("video-360/index.m3u8").bytes = shorter.into_bytes();
    assert_eq!(site.check("hls.m3u8", Options::default()).findings, []);
}

#[test]
fn variables_reach_from_the_multivariant_playlist_into_its_lists() {
    let mut site = site();
    site.replace(
        "hls.m3u8",
        "#EXT-X-VERSION:7",
        "#EXT-X-VERSION:8\n#EXT-X-DEFINE:NAME=\"dir\",VALUE=\"video-360\"",
    );
    site.replace("hls.m3u8", "\nvideo-360/index.m3u8", "\n{$dir}/index.m3u8");
    let list = "video-360/index.m3u8";
    site.replace(list, "#EXT-X-VERSION:7", "#EXT-X-VERSION:8\n#EXT-X-DEFINE:IMPORT=\"dir\"");
    site.replace(list, "\n0.m4s", "\n../{$dir}/0.m4s");
    assert_eq!(site.check("hls.m3u8", Options::default()).findings, []);
}

#[test]
fn findings_are_bounded_and_the_rest_is_counted() {
    let mut site = site();
    let line = "#EXTINF:9.00000,\n0.m4s\n".repeat(5000);
    site.replace("audio-0/index.m3u8", "#EXT-X-ENDLIST\n", &line);
    let report = site.check("audio-0/index.m3u8", Options::default());
    let target: Vec<_> = report.findings.iter().filter(|finding| finding.rule == "HLS-ML-TARGET").collect();
    assert_eq!(target.len(), 11);
    assert!(target.iter().any(|finding| finding.message.contains("4990 more")), "{target:?}");
}
