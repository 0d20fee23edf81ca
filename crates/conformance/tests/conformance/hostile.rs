//! Bytes from strangers: whatever comes, the check ends with a report.

use conformance::{Check, Limits, Options};
use proptest::prelude::*;

use crate::support::{BASE, Site, Spec};

/// Bounds so that a mutated number cannot make a case slow.
fn options() -> Options {
    let limits = Limits { resources: 300, segments_listed: 300, ..Limits::default() };
    Options { limits, ..Options::default() }
}

/// Feeds the same bytes to whatever is asked.
fn feed_all(bytes: &[u8]) {
    let mut check = Check::new("https://h/a").unwrap().with(options());
    while let Some(fetch) = check.next_fetch() {
        check.feed(&fetch, bytes, None);
    }
    let _ = check.finish();
}

/// One change to a file of the presentation.
#[derive(Clone, Debug)]
enum Change {
    Flip { at: usize, to: u8 },
    Cut { at: usize },
    Remove { at: usize, count: usize },
    Insert { at: usize, bytes: Vec<u8> },
}

fn change() -> impl Strategy<Value = Change> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..16),
        "[#A-Z:=\",0-9@.\n-]{1,24}".prop_map(String::into_bytes),
    ];
    prop_oneof![
        4 => (any::<usize>(), any::<u8>()).prop_map(|(at, to)| Change::Flip { at, to }),
        1 => any::<usize>().prop_map(|at| Change::Cut { at }),
        1 => (any::<usize>(), 1_usize..40).prop_map(|(at, count)| Change::Remove { at, count }),
        2 => (any::<usize>(), piece).prop_map(|(at, bytes)| Change::Insert { at, bytes }),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match change {
        Change::Flip { at, to } => bytes[at % length] = *to,
        Change::Cut { at } => bytes.truncate(at % length),
        Change::Remove { at, count } => {
            let start = at % length;
            bytes.drain(start..(start + count).min(length));
        }
        Change::Insert { at, bytes: piece } => {
            let start = at % length;
            bytes.splice(start..start, piece.iter().copied());
        }
    }
}

/// Tiny media, so that most changes hit structure rather than payload.
fn small() -> Site {
    let mut spec = Spec::default();
    for track in spec.video.iter_mut().chain(&mut spec.audio) {
        track.segments.truncate(2);
        track.samples().for_each(|sample| sample.bytes = 3);
        track.fragments().for_each(|fragment| fragment.samples.truncate(5));
    }
    Site::of(&spec)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_give_a_report(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        feed_all(&bytes);
    }

    #[test]
    fn any_playlist_like_text_gives_a_report(
        lines in proptest::collection::vec(
            "#EXT(M3U|INF|-X-(VERSION|MAP|BYTERANGE|KEY|MEDIA|DEFINE|STREAM-INF|I-FRAME-STREAM-INF|TARGETDURATION))\
             :[A-Z0-9@,.=\"{}$-]{0,30}|[a-z:/{}$]{0,12}",
            0..40,
        )
    ) {
        feed_all(format!("#EXTM3U\n{}", lines.join("\n")).as_bytes());
    }

    #[test]
    fn any_xml_like_text_gives_a_report(
        parts in proptest::collection::vec(
            "<(/)?(MPD|Period|AdaptationSet|Representation|SegmentTemplate|SegmentTimeline|S|BaseURL)\
             ( (t|d|r|timescale|duration|media|id)=\"[0-9$A-Za-z%]{0,20}\"){0,3}(/)?>|&[a-z]{0,4};",
            0..40,
        )
    ) {
        feed_all(format!("<MPD>{}", parts.concat()).as_bytes());
    }

    #[test]
    fn a_damaged_presentation_gives_a_report(
        file: proptest::sample::Index,
        dash: bool,
        changes in proptest::collection::vec(change(), 1..6),
    ) {
        let mut site = small();
        let path = file.get(&site.files.keys().cloned().collect::<Vec<_>>()).clone();
        for change in &changes {
            apply(&mut site.file(&path).bytes, change);
        }
        let report = site.check(if dash { "dash.mpd" } else { "hls.m3u8" }, options());
        for finding in &report.findings {
            prop_assert!(finding.resource.starts_with("http"), "{finding}");
        }
    }

    #[test]
    fn numbers_of_any_size_in_boxes_give_a_report(
        segment in 0_usize..2,
        at in 0_usize..220,
        value in prop_oneof![Just(u32::MAX), Just(0_u32), Just(1), Just(0x8000_0000), any::<u32>()],
        header: bool,
    ) {
        let mut site = small();
        let path = if header { "video-720/init.mp4".to_owned() } else { format!("video-720/{segment}.m4s") };
        let bytes = &mut site.file(&path).bytes;
        let at = (at * 4).min(bytes.len() - 4);
        bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        let _ = site.check("hls.m3u8", options());
    }
}

#[test]
fn claims_of_endless_samples_segments_and_boxes_stay_cheap() {
    // A trun of defaults claims four thousand million samples in no bytes.
    let mut site = small();
    let bytes = &mut site.file("audio-0/0.m4s").bytes;
    let trun = bytes.windows(4).position(|window| window == b"trun").unwrap();
    bytes[trun + 4..trun + 12].copy_from_slice(&[0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF]);
    let report = site.check("hls.m3u8", options());
    assert!(report.findings.iter().any(|finding| finding.message.contains("500000 samples")));

    // A timeline that repeats for ever.
    let mut site = small();
    site.edit_line("dash.mpd", "<S t=\"0\"", |line| line.replace("/>", " r=\"9223372036854775807\"/>"));
    let report = site.check("dash.mpd", options());
    assert!(report.findings.iter().any(|finding| finding.rule == "READ-LIMIT"));

    // Boxes inside boxes as deep as the bytes go.
    let mut nested = Vec::new();
    for _ in 0..20_000 {
        let size = u32::try_from(nested.len() + 8).unwrap();
        nested = [&size.to_be_bytes()[..], b"moov", &nested].concat();
    }
    let mut site = small();
    site.file("audio-0/init.mp4").bytes = nested;
    assert!(site.check("hls.m3u8", options()).counts.must > 0);
    assert_eq!(
        site.check("hls.m3u8", options()).resources[0].uri.strip_prefix(BASE),
        Some("audio-0/index.m3u8")
    );
}
