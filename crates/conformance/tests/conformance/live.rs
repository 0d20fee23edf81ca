//! What `media::live` writes of an encoder with B-frames, a lower rung without, and sound passes the gate as a finished
//! film.

use std::collections::BTreeMap;

use bytes::Bytes;
use conformance::{Check, Failure};
use media::{
    FrameRate, Object, Presentation, SegmentGrid, TrackInfo, TrackName, TrackRole, TrackTimeline, cmaf,
    live::{
        config::{AudioConfig, VideoConfig},
        cut::{Cut, Cutter, Limits, rescaled},
        mux::{Fragment, audio_header, fragment, video_header},
        nal::{self, Picture},
        retime::{AccessUnit, Hints, Outcome, Retimer, Rung, Sample, Track},
    },
};

const HEADER: &[u8] = include_bytes!("../../../media/tests/fixtures/video-init.mp4");
const BASE: &str = "nexus://gate";
const GROUP: i64 = 50;
const PICTURES: i64 = 450;

type Objects = BTreeMap<String, Vec<u8>>;

/// A coded picture of some bytes, with a delimiter and parameter sets before each key frame, as encoders send them.
fn coded(config: &VideoConfig, key: bool, index: i64) -> Bytes {
    let mut units: Vec<Vec<u8>> = vec![vec![9, 0xf0]];
    if key {
        units.extend(config.sets.iter().map(|(_, set)| set.to_vec()));
    }
    let slice = if key { 0x65 } else { 0x41 };
    units.push([&[slice][..], &vec![0xa5; if key { 9_000 } else { 900 }], &index.to_be_bytes()].concat());
    units
        .iter()
        .flat_map(|unit| [&u32::try_from(unit.len()).unwrap().to_be_bytes()[..], unit].concat())
        .collect()
}

/// Three pictures behind each that is sent first are shown before it; by 25 a second, in whole milliseconds.
fn units(config: &VideoConfig) -> Vec<(Track, AccessUnit)> {
    let mut units = Vec::new();
    for index in 0..PICTURES {
        let (group, at) = (index / GROUP * GROUP, index % GROUP);
        let mini = (at - 1).max(0) / 7 * 7;
        let shown = match at - 1 - mini {
            _ if at == 0 => 0,
            0 => mini + 7,
            place => mini + place,
        };
        let unit = nal::from_lengths(config.codec, 4, &coded(config, at == 0, index)).unwrap();
        assert_eq!(unit.picture, if at == 0 { Picture::Key } else { Picture::Dependent });
        let us = |slot: i64| slot * 40_000;
        let unit = AccessUnit {
            dts_us: us(index),
            pts_us: us(group + shown + 1),
            arrived_us: 1_700_000_000_000_000,
            picture: unit.picture,
            data: unit.data,
        };
        units.push((Track::Video, unit));
    }
    for index in 0..PICTURES * 40 * 48 / 1_024 {
        let us = index * 1_024 / 48 * 1_000;
        let (picture, data) = (Picture::Key, Bytes::from(vec![0x21; 300]));
        units.push((Track::Audio, AccessUnit { dts_us: us, pts_us: us, arrived_us: 0, picture, data }));
    }
    units.sort_by_key(|(_, unit)| unit.dts_us);
    units
}

/// A track in the making.
struct Kept {
    name: TrackName,
    header: Bytes,
    objects: Vec<Vec<u8>>,
    parts: u32,
}

impl Kept {
    fn new(name: TrackName, header: Bytes) -> Self {
        Self { name, header, objects: Vec::new(), parts: 0 }
    }

    fn take(&mut self, cuts: Vec<Cut>) {
        for cut in cuts {
            let Cut::Part(part) = cut else { continue };
            if part.first {
                self.objects.push(Vec::new());
            }
            let around = Fragment { sequence: self.parts, produced_us: Some(part.arrived_us), last: false };
            self.objects.last_mut().unwrap().extend(fragment(&part, around).unwrap());
            self.parts += 1;
        }
    }

    fn timeline(self, role: TrackRole, into: &mut Objects) -> TrackTimeline {
        let init = cmaf::read_init(&self.header).unwrap();
        into.insert(Object::Init { version: 1, track: self.name }.path("a"), self.header.to_vec());
        let mut segments = Vec::new();
        for (seq, bytes) in (0..).zip(self.objects) {
            segments.push(cmaf::read_segment(&bytes, &init, seq).unwrap());
            into.insert(Object::Segment { version: 1, track: self.name, seq }.path("a"), bytes);
        }
        TrackTimeline { info: TrackInfo { name: self.name, init, role }, segments, runs: Vec::new() }
    }
}

struct Session {
    leader: Cutter,
    rung_cutter: Cutter,
    sound_cutter: Cutter,
    rung: Option<Rung>,
    tracks: [Kept; 3],
    scales: (u32, u32),
}

impl Session {
    fn new(config: &VideoConfig, sound: &AudioConfig, base: media::live::retime::Timebase) -> Self {
        let (limits, sound_limits) = (Limits::video(base, 6, 10), Limits::audio(sound, 6, 10));
        let header = video_header(config, base.timescale);
        Self {
            leader: Cutter::leading(limits),
            rung_cutter: Cutter::following(limits),
            sound_cutter: Cutter::following(sound_limits),
            rung: None,
            tracks: [
                Kept::new(TrackName::Video(54), header.clone()),
                Kept::new(TrackName::Video(36), header),
                Kept::new(TrackName::Audio(0), audio_header(sound)),
            ],
            scales: (base.timescale, sound.sample_rate),
        }
    }

    fn picture(&mut self, sample: Sample) {
        let cuts = self.leader.push(sample);
        for cut in &cuts {
            if let Cut::Segment(end) = cut
                && let Some(shown) = end.boundary
            {
                self.rung_cutter.boundary(shown);
                self.sound_cutter.boundary(rescaled(shown, self.scales.0, self.scales.1));
            }
        }
        self.tracks[0].take(cuts);
        let horizon = self.leader.horizon();
        let cuts = self.rung_cutter.allow(horizon);
        self.tracks[1].take(cuts);
        let cuts = self.sound_cutter.allow(rescaled(horizon, self.scales.0, self.scales.1));
        self.tracks[2].take(cuts);
    }

    fn finish(mut self) -> [Kept; 3] {
        let cuts = [self.leader.finish(), self.rung_cutter.finish(), self.sound_cutter.finish()];
        self.tracks.iter_mut().zip(cuts).for_each(|(track, cuts)| track.take(cuts));
        self.tracks
    }
}

/// Runs the encoder; the rung is the same pictures in the order in which they are shown, smaller.
fn recorded() -> [Kept; 3] {
    let config = VideoConfig::from_avc_record(&Bytes::from_static(&HEADER[547..590])).unwrap();
    let sound = AudioConfig::from_record(&Bytes::from_static(&[0x11, 0x90])).unwrap();
    let hints = Hints { parameter_set: FrameRate::new(25, 1), metadata: None };
    let mut retimer = Retimer::new(true, Some(&sound), hints);
    let mut session: Option<Session> = None;
    let mut encoded = Vec::new();
    let mut outcomes: Vec<Outcome> =
        units(&config).into_iter().flat_map(|(track, unit)| retimer.push(track, unit)).collect();
    outcomes.extend(retimer.finish());
    for outcome in outcomes {
        match (outcome, &mut session) {
            (Outcome::Epoch { video: Some(base), lead, .. }, session) => {
                let opened = session.insert(Session::new(&config, &sound, base));
                opened.rung = Some(Rung::new(base, lead));
            }
            (Outcome::Video(sample), Some(session)) => {
                encoded.push((sample.shown, sample.key));
                session.picture(sample);
            }
            (Outcome::Audio(sample), Some(session)) => {
                let cuts = session.sound_cutter.push(sample);
                session.tracks[2].take(cuts);
            }
            other => panic!("{other:?}", other = other.0),
        }
    }
    let mut session = session.unwrap();
    encoded.sort_unstable();
    for (shown, key) in encoded {
        let data = Bytes::from(vec![0, 0, 0, 4, if key { 0x65 } else { 0x41 }, 1, 2, 3]);
        let sample = session.rung.as_mut().and_then(|rung| rung.place(shown, key, 0, data)).unwrap();
        let cuts = session.rung_cutter.push(sample);
        session.tracks[1].take(cuts);
    }
    session.finish()
}

#[test]
fn a_broadcast_passes_as_a_finished_film() {
    let mut objects = Objects::new();
    let fps = FrameRate::new(25, 1).unwrap();
    let [source, rung, sound] = recorded();
    let heard = TrackRole::Audio { language: "en".to_owned(), label: "English".to_owned(), default: true };
    let tracks = vec![
        source.timeline(TrackRole::Video { fps }, &mut objects),
        rung.timeline(TrackRole::Video { fps }, &mut objects),
        sound.timeline(heard, &mut objects),
    ];
    assert!(tracks.iter().all(|track| track.segments.len() == 3));
    let grid = SegmentGrid::new(6, 1).unwrap();
    let shown = Presentation::new(1, grid, true, tracks).unwrap();
    let entry = |object: &Object| format!("{BASE}{}", object.path("a"));
    let mut check = Check::new(&entry(&Object::Multivariant)).unwrap();
    check.add_entry(&entry(&Object::Mpd)).unwrap();
    while let Some(fetch) = check.next_fetch() {
        let path = fetch.uri().strip_prefix(BASE).unwrap();
        let (_, object) = Object::parse(path).unwrap();
        match shown.list(object).map(String::into_bytes).as_ref().or(objects.get(path)) {
            Some(bytes) => check.feed(&fetch, bytes, None),
            None => check.fail(&fetch, Failure::Unreadable("there is no such object".to_owned())),
        }
    }
    let report = check.finish();
    assert_eq!(report.findings, []);
    assert_eq!(report.not_judged, []);
}
