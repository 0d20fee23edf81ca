//! What `media` writes over real encoder output passes the gate without a word.

use std::{collections::BTreeMap, num::NonZeroU32};

use conformance::{Check, Failure, Report};
use media::{
    Assembly, FrameRate, Grouping, Object, Presentation, SegmentAssembler, SegmentGrid, TrackInfo, TrackName,
    TrackRole, TrackTimeline, cmaf,
};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../media/tests/fixtures/", $name)).as_slice()
    };
}

const VIDEO: [&[u8]; 5] = [
    fixture!("video-init.mp4"),
    fixture!("video-0.m4s"),
    fixture!("video-1.m4s"),
    fixture!("video-2.m4s"),
    fixture!("video-3.m4s"),
];
const AUDIO: [&[u8]; 5] = [
    fixture!("audio-init.mp4"),
    fixture!("audio-0.m4s"),
    fixture!("audio-1.m4s"),
    fixture!("audio-2.m4s"),
    fixture!("audio-3.m4s"),
];
const BASE: &str = "nexus://gate";

/// Objects by path.
type Objects = BTreeMap<String, Vec<u8>>;

/// Stores the objects of a track and gives its timeline.
fn made(
    name: TrackName,
    role: TrackRole,
    fragments: [&[u8]; 5],
    grouping: Grouping,
    into: &mut Objects,
) -> TrackTimeline {
    let [header, fragments @ ..] = fragments;
    let header = cmaf::normalise_init(header).unwrap();
    let init = cmaf::read_init(&header).unwrap();
    let assembly = Assembly { first_seq: 0, start: 0, grouping, last: true };
    let mut assembler = SegmentAssembler::new(init.clone(), assembly);
    let mut segments: Vec<_> = fragments.iter().filter_map(|f| assembler.push(f).unwrap()).collect();
    segments.extend(assembler.finish().unwrap());
    into.insert(Object::Init { version: 1, track: name }.path("a"), header.to_vec());
    for segment in &segments {
        let object = Object::Segment { version: 1, track: name, seq: segment.info.seq };
        into.insert(object.path("a"), segment.bytes.to_vec());
    }
    let info = TrackInfo { name, init, role };
    TrackTimeline {
        info,
        segments: segments.into_iter().map(|segment| segment.info).collect(),
        runs: Vec::new(),
    }
}

fn presentation(ended: bool, into: &mut Objects) -> Presentation {
    let fps = FrameRate::new(30_000, 1_001).unwrap();
    let grid = SegmentGrid::of_frames(180, fps).unwrap();
    // The sound of the fixture is not cut on the grid of the pictures; three fragments come nearest.
    let by_three = Grouping::Fragments(NonZeroU32::new(3).unwrap());
    let video = made(TrackName::Video(54), TrackRole::Video { fps }, VIDEO, by_three, into);
    let role = TrackRole::Audio { language: "en".to_owned(), label: "English".to_owned(), default: true };
    let audio = made(TrackName::Audio(0), role, AUDIO, by_three, into);
    Presentation::new(1, grid, ended, vec![video, audio]).unwrap()
}

fn judged(entries: &[Object], shown: &Presentation, objects: &Objects) -> Report {
    let entry = |object: &Object| format!("{BASE}{}", object.path("a"));
    let mut check = Check::new(&entry(&entries[0])).unwrap();
    entries[1..].iter().for_each(|object| check.add_entry(&entry(object)).unwrap());
    while let Some(fetch) = check.next_fetch() {
        let path = fetch.uri().strip_prefix(BASE).unwrap();
        let (_, object) = Object::parse(path).unwrap();
        match shown.list(object).map(String::into_bytes).as_ref().or(objects.get(path)) {
            Some(bytes) => check.feed(&fetch, bytes, None),
            None => check.fail(&fetch, Failure::Unreadable("there is no such object".to_owned())),
        }
    }
    check.finish()
}

#[test]
fn a_finished_film_passes_as_hls_and_dash() {
    let mut objects = Objects::new();
    let shown = presentation(true, &mut objects);
    let report = judged(&[Object::Multivariant, Object::Mpd], &shown, &objects);
    assert_eq!(report.findings, []);
    assert_eq!(report.not_judged, []);
    assert_eq!((report.counts.segments_read, report.counts.headers), (objects.len() as u64 - 2, 2));
}

#[test]
fn a_film_in_the_making_passes() {
    let mut objects = Objects::new();
    let shown = presentation(false, &mut objects);
    assert_eq!(judged(&[Object::Multivariant], &shown, &objects).findings, []);
}

#[test]
fn a_lost_object_does_not_pass() {
    let mut objects = Objects::new();
    let shown = presentation(true, &mut objects);
    objects.remove("/media/a/v1/video-54/00001.m4s").unwrap();
    let report = judged(&[Object::Multivariant, Object::Mpd], &shown, &objects);
    // The MPD was the first to name it, and the I-frame playlist names a part of it.
    let found: Vec<(&str, &str)> = report
        .musts()
        .map(|finding| (&*finding.rule, finding.resource.rsplit('/').next().unwrap()))
        .collect();
    assert_eq!(found, [("READ-FETCH", "dash.mpd"), ("READ-FETCH", "iframes.m3u8")]);
}
