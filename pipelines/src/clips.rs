//! Films through the graphs and back: tests with real encoders on real containers, judged by Debian's ffmpeg.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pipeline_wire::{
    AudioSpec, FailureKind, FromChild, Grid, MediaClock, RungSpec, SourceFailure, SourceSpec, TestFilmSpec,
    VideoSpec,
};
use tempfile::TempDir;
use testkit::{barcode, ffmpeg};

use crate::decode::{Decoder, Wanted};
use crate::failure::Result;
use crate::testing::Parent;
use crate::{audio, film, video};

const EPOCH_MS: u64 = 1_700_000_000_000;

fn start() {
    gstreamer::init().expect("gstreamer");
    gstfmp4::plugin_register_static().expect("fmp4");
}

/// What a graph sent for one track.
#[derive(Clone, Debug, Default, PartialEq)]
struct Track {
    init: Bytes,
    fragments: Vec<(u64, u32, Bytes)>,
}

impl Track {
    fn bytes(&self) -> Vec<u8> {
        self.fragments.iter().fold(self.init.to_vec(), |mut all, (_, _, bytes)| {
            all.extend_from_slice(bytes);
            all
        })
    }
}

fn tracks(frames: Vec<FromChild>) -> BTreeMap<u8, Track> {
    let mut tracks: BTreeMap<u8, Track> = BTreeMap::new();
    for frame in frames {
        match frame {
            FromChild::Init { track, bytes } => tracks.entry(track).or_default().init = bytes,
            FromChild::Fragment { track, first, count, bytes } => {
                tracks.entry(track).or_default().fragments.push((first, count, bytes));
            }
            _ => {}
        }
    }
    tracks
}

/// A folder with a film in it and the frame rate it was made at.
pub struct Studio {
    folder: TempDir,
    pub film: PathBuf,
    rate: (u32, u32),
    frames: u64,
}

impl Studio {
    pub fn new(rate: (u32, u32), frames: u64) -> Self {
        start();
        let folder = tempfile::tempdir().expect("a folder");
        let film = folder.path().join("film.mp4");
        let spec = TestFilmSpec {
            width: 416,
            height: 234,
            fps_num: rate.0,
            fps_den: rate.1,
            frames,
            audio: true,
            title: "Test film".into(),
            epoch_ms: EPOCH_MS,
        };
        fs::write(&film, made(&spec)).expect("written");
        Self { folder, film, rate, frames }
    }

    /// The film in another form: `ffmpeg BEFORE -i film AFTER name`.
    pub fn clip(&self, name: &str, before: &[&str], after: &[&str]) -> PathBuf {
        let clip = self.folder.path().join(name);
        ffmpeg::convert(before, &self.film, after, &clip).expect("a clip");
        clip
    }

    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let file = self.folder.path().join(name);
        fs::write(&file, bytes).expect("written");
        file
    }

    fn spec(&self, clip: &Path, slots: u64) -> VideoSpec {
        let clock = clock_of(clip);
        let (fps_num, fps_den) = self.rate;
        let rung = |track, width, height| RungSpec {
            track,
            width,
            height,
            crf: 28.0,
            maxrate_kbps: 800,
            bufsize_kbit: 1600,
            preset: "veryfast".into(),
            level_idc: 30,
        };
        VideoSpec {
            source: SourceSpec { bytes: fs::metadata(clip).expect("a clip").len() },
            grid: Grid { fps_num, fps_den, origin_ns: first_ns(clip, clock), clock },
            slot_first: 0,
            colour: None,
            slot_count: slots,
            last: true,
            gop_frames: fps_num.div_ceil(fps_den),
            rungs: vec![rung(0, 416, 234), rung(3, 320, 180)],
        }
    }

    /// Frame numbers each rung shows, after encoding `slots` slots in chunks of `gops` GOPs.
    fn shown(&self, clip: &Path, slots: u64, gops: u64) -> Vec<Vec<u32>> {
        let stitched = stitched(clip, &self.spec(clip, slots), gops);
        let shown = |(track, made): (&u8, &Track)| {
            let file = self.file(&format!("rung-{track}.mp4"), &made.bytes());
            barcode::frame_numbers(&file).unwrap_or_else(|error| panic!("{clip:?} rung {track}: {error:#}"))
        };
        stitched.iter().map(shown).collect()
    }

    /// Asserts that an encode in chunks of one GOP shows `expected` on every rung.
    fn check(&self, clip: &Path, expected: &[u32]) {
        for shown in self.shown(clip, expected.len() as u64, 1) {
            assert_eq!(shown, expected, "{clip:?}");
        }
    }

    pub fn every_frame(&self) -> Vec<u32> {
        (0..self.frames as u32).collect()
    }
}

fn made(spec: &TestFilmSpec) -> Vec<u8> {
    let (link, parent) = Parent::start(Bytes::new());
    film::run(spec, &link).expect("a film");
    drop(link);
    let pieces = parent.frames().into_iter().filter_map(|frame| match frame {
        FromChild::File(bytes) => Some(bytes),
        _ => None,
    });
    pieces.flatten().collect()
}

fn clock_of(clip: &Path) -> MediaClock {
    match clip.extension().and_then(|extension| extension.to_str()) {
        Some("mp4" | "mov") => MediaClock::StreamTime,
        _ => MediaClock::Raw,
    }
}

fn read(clip: &Path) -> Bytes {
    fs::read(clip).expect("a clip").into()
}

fn first_ns(clip: &Path, clock: MediaClock) -> i64 {
    let source = read(clip);
    let spec = SourceSpec { bytes: source.len() as u64 };
    let (link, _parent) = Parent::start(source);
    let mut decoder =
        Decoder::new(&spec, clock, Wanted::pictures(None).expect("elements"), &link).expect("a decoder");
    decoder.play().expect("playing");
    decoder.next().expect("decodable").expect("a picture").time_ns
}

fn encoded(clip: &Path, spec: &VideoSpec) -> Result<BTreeMap<u8, Track>> {
    let (link, parent) = Parent::start(read(clip));
    video::run(spec, &link)?;
    drop(link);
    Ok(tracks(parent.frames()))
}

/// Encodes `spec` in chunks of `gops` GOPs and joins what comes out, checking that the seams fit.
fn stitched(clip: &Path, spec: &VideoSpec, gops: u64) -> BTreeMap<u8, Track> {
    let chunk_slots = gops.saturating_mul(u64::from(spec.gop_frames)).min(spec.slot_count);
    let mut all: BTreeMap<u8, Track> = BTreeMap::new();
    for slot_first in (0..spec.slot_count).step_by(chunk_slots as usize) {
        let slot_count = chunk_slots.min(spec.slot_count - slot_first);
        let last = slot_first + slot_count == spec.slot_count;
        let chunk = VideoSpec { slot_first, slot_count, last, ..spec.clone() };
        for (track, made) in encoded(clip, &chunk).unwrap_or_else(|error| panic!("{clip:?}: {error}")) {
            let whole =
                all.entry(track).or_insert_with(|| Track { init: made.init.clone(), fragments: vec![] });
            assert_eq!(whole.init, made.init, "one header serves all chunks");
            whole.fragments.extend(made.fragments);
        }
    }
    for track in all.values() {
        let ends = track.fragments.iter().map(|(first, count, _)| first + u64::from(*count));
        let starts = track.fragments.iter().skip(1).map(|(first, _, _)| *first);
        assert!(ends.eq(starts.chain([spec.slot_count])), "fragments follow each other");
    }
    all
}

fn audio_spec(clip: &Path, origin_ns: i64, samples: u64) -> AudioSpec {
    AudioSpec {
        source: SourceSpec { bytes: fs::metadata(clip).expect("a clip").len() },
        stream: 0,
        track: 0,
        origin_ns,
        clock: clock_of(clip),
        samples,
        sample_rate: 48_000,
        channels: 2,
        bitrate: 128_000,
        segment_num: 1,
        segment_den: 1,
    }
}

fn sound(clip: &Path, spec: &AudioSpec) -> Track {
    let (link, parent) = Parent::start(read(clip));
    audio::run(spec, &link).expect("sound");
    drop(link);
    tracks(parent.frames()).remove(&0).expect("a track")
}

/// Track, first slot and offset of each fragment that differs.
fn differing(a: &BTreeMap<u8, Track>, b: &BTreeMap<u8, Track>) -> Vec<(u8, u64, usize)> {
    let mut found = Vec::new();
    for (track, made) in a {
        assert_eq!(made.init, b[track].init);
        for (one, other) in made.fragments.iter().zip(&b[track].fragments) {
            if let Some(offset) = one.2.iter().zip(&other.2).position(|(x, y)| x != y) {
                found.push((*track, one.0, offset));
            }
        }
    }
    found
}

const OPEN_GOP: [&str; 4] =
    ["-c:v", "libx264", "-x264-params", "open-gop=1:keyint=20:min-keyint=5:bframes=3"];

#[test]
fn every_frame_of_every_container_is_there_once_in_order() {
    let studio = Studio::new((25, 1), 88);
    for shown in studio.shown(&studio.film, 88, u64::MAX) {
        assert_eq!(shown, studio.every_frame(), "as one chunk");
    }
    studio.check(&studio.film.clone(), &studio.every_frame());
    for (name, before, after) in [
        ("plain.mp4", &[][..], &["-c", "copy"][..]),
        ("plain.mkv", &[], &["-c", "copy"]),
        ("plain.ts", &[], &["-c", "copy"]),
        ("vp8.webm", &[], &["-c:v", "libvpx", "-b:v", "2M", "-deadline", "realtime", "-cpu-used", "8"]),
    ] {
        let clip = studio.clip(name, before, after);
        studio.check(&clip, &studio.every_frame());
    }
}

#[test]
fn open_gops_at_29_97_lose_nothing_at_any_seam() {
    let studio = Studio::new((30_000, 1001), 100);
    for name in ["open.ts", "open.mp4", "open.mkv"] {
        let clip = studio.clip(name, &[], &OPEN_GOP);
        studio.check(&clip, &studio.every_frame());
    }
}

#[test]
fn twelve_and_a_half_frames_a_second_stay_that() {
    let studio = Studio::new((25, 2), 45);
    let clip = studio.clip("slow.mp4", &[], &["-c", "copy"]);
    studio.check(&clip, &studio.every_frame());
}

#[test]
fn a_variable_rate_is_put_on_the_grid_by_repeating() {
    let studio = Studio::new((25, 1), 100);
    // Whole for half a second, then every third frame, then a gap of 1.6 s that seams fall into.
    let kept = |frame: &u32| frame % 50 < 13 || (frame.is_multiple_of(3) && !(50..90).contains(frame));
    let select = "select='lt(mod(n,50),13)+not(mod(n,3))*(lt(n,50)+gte(n,90))'";
    let expected: Vec<u32> =
        (0..100).map(|slot| (0..=slot).rev().find(kept).expect("frame 0 is kept")).collect();
    for name in ["variable.mkv", "variable.mp4"] {
        let clip = studio.clip(name, &[], &["-vf", select, "-fps_mode", "vfr", "-an", "-c:v", "libx264"]);
        studio.check(&clip, &expected);
    }
}

#[test]
fn an_edit_list_is_followed() {
    let studio = Studio::new((25, 1), 100);
    // Cut between key frames: the edit list hides what leads up to the cut.
    let clip = studio.clip("edited.mp4", &["-ss", "0.6"], &["-c", "copy"]);
    let shown = studio.shown(&clip, 80, 1);
    assert_eq!(shown, [(15..95).collect::<Vec<u32>>(), (15..95).collect()]);
}

#[test]
fn deep_wide_interlaced_and_turned_pictures_arrive_plain() {
    let studio = Studio::new((25, 1), 40);
    let x264 = |format| ["-c:v", "libx264", "-pix_fmt", format];
    for (name, after) in [
        ("ten.mp4", &x264("yuv420p10le")[..]),
        ("wide.mkv", &x264("yuv422p")),
        ("full.mkv", &x264("yuv444p10le")),
        ("range.mp4", &["-c:v", "libx264", "-vf", "scale=out_range=full", "-color_range", "pc"]),
        ("fields.ts", &["-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ildct+ilme", "-top", "1"]),
        ("thin.mp4", &["-vf", "scale=312:234,setsar=4/3", "-c:v", "libx264"]),
    ] {
        let clip = studio.clip(name, &[], after);
        studio.check(&clip, &studio.every_frame());
    }
    let lying = studio.clip("lying.mp4", &[], &["-vf", "transpose=cclock", "-c:v", "libx264"]);
    let turned = studio.folder.path().join("turned.mp4");
    ffmpeg::convert(&[], &lying, &["-c", "copy", "-metadata:s:v", "rotate=270"], &turned).expect("a clip");
    studio.check(&turned, &studio.every_frame());
}

#[test]
fn the_same_chunk_is_the_same_bytes_again() {
    let studio = Studio::new((25, 1), 60);
    let spec = studio.spec(&studio.film, 60);
    let runs: Vec<_> = (0..3).map(|_| stitched(&studio.film, &spec, 1)).collect();
    for run in &runs[1..] {
        assert_eq!(differing(&runs[0], run), []);
    }
    let audio = audio_spec(&studio.film, 0, 115_200);
    assert!(sound(&studio.film, &audio) == sound(&studio.film, &audio));
}

#[test]
fn only_the_films_last_fragment_says_so() {
    let studio = Studio::new((25, 1), 50);
    let spec = studio.spec(&studio.film, 50);
    let has_brand = |bytes: &Bytes| bytes[..64].windows(4).any(|brand| brand == b"lmsg");
    for track in stitched(&studio.film, &spec, 1).values() {
        let said: Vec<bool> = track.fragments.iter().map(|(_, _, bytes)| has_brand(bytes)).collect();
        assert_eq!(said, [false, true]);
    }
}

#[test]
fn players_are_told_the_truth_about_every_rung() {
    let studio = Studio::new((25, 1), 60);
    let entries = "stream=profile,pix_fmt,width,height,sample_aspect_ratio,color_space,color_primaries,\
                   color_transfer,color_range,r_frame_rate,start_time,nb_read_frames";
    let args = ["-count_frames", "-show_entries", entries, "-of", "csv=p=0"];
    let told: Vec<String> = stitched(&studio.film, &studio.spec(&studio.film, 60), 1)
        .values()
        .map(|track| ffmpeg::probe(&args, &studio.file("rung.mp4", &track.bytes())).expect("readable"))
        .collect();
    let line = |size| format!("High,{size},1:1,yuv420p,tv,bt709,bt709,bt709,25/1,0.000000,60\n");
    assert_eq!(told, [line("416,234"), line("320,180")]);
}

#[test]
fn key_frames_open_every_gop_and_no_other_place() {
    let studio = Studio::new((25, 1), 75);
    for track in stitched(&studio.film, &studio.spec(&studio.film, 75), 2).values() {
        let file = studio.file("rung.mp4", &track.bytes());
        let args = ["-show_entries", "packet=flags", "-of", "csv=p=0"];
        let flags = ffmpeg::probe(&args, &file).expect("readable");
        let keys: Vec<usize> = flags
            .lines()
            .enumerate()
            .filter(|(_, flags)| flags.contains('K'))
            .map(|(place, _)| place)
            .collect();
        assert_eq!(keys, [0, 25, 50]);
    }
}

#[test]
fn flash_and_beep_stay_together() {
    for (rate, frames) in [((25, 1), 100), ((30_000, 1001), 120)] {
        let studio = Studio::new(rate, frames);
        for clip in [studio.film.clone(), studio.clip("film.mkv", &[], &["-c", "copy"])] {
            let spec = studio.spec(&clip, frames);
            let samples = frames * u64::from(rate.1) * 48_000 / u64::from(rate.0);
            let sound = sound(&clip, &audio_spec(&clip, spec.grid.origin_ns, samples));
            let sound = studio.file("sound.mp4", &sound.bytes());
            for track in stitched(&clip, &spec, 1).values() {
                let beats = barcode::beats(&studio.file("rung.mp4", &track.bytes()), &sound).expect("beats");
                assert_eq!(beats.len(), 4);
                for beat in &beats {
                    assert!(beat.offset_ms().abs() <= 20.0, "{clip:?}: {beats:?}");
                }
            }
        }
    }
}

#[test]
fn sound_is_as_long_as_asked_and_cut_at_segments() {
    let studio = Studio::new((25, 1), 75);
    let track = sound(&studio.film, &audio_spec(&studio.film, 0, 150_001));
    let counts: Vec<u32> = track.fragments.iter().map(|(_, count, _)| *count).collect();
    // 1 s is 46.875 packets, 2 s 93.75, 3 s 140.625: the nearest packets are 47, 94 and 141.
    assert_eq!(counts, [47 * 1024, 47 * 1024, 47 * 1024, 150_001 - 141 * 1024]);
    let file = studio.file("sound.mp4", &track.bytes());
    let args = ["-show_entries", "stream=start_time,sample_rate,channels,profile", "-of", "csv=p=0"];
    assert_eq!(ffmpeg::probe(&args, &file).expect("readable"), "LC,48000,2,0.000000\n");
}

#[test]
fn sound_starts_at_the_origin_wherever_that_is() {
    let studio = Studio::new((25, 1), 75);
    // The film's own first beep fades in over its first packet, hence the second pair starts with the next.
    for (origin_ms, expected) in [(500, [0.5, 1.5]), (-1300, [2.3, 3.3])] {
        let track = sound(&studio.film, &audio_spec(&studio.film, origin_ms * 1_000_000, 192_000));
        let beeps = barcode::beeps(&studio.file("sound.mp4", &track.bytes())).expect("beeps");
        let late = beeps.len() - expected.len();
        for (beep, expected) in beeps[late..].iter().zip(expected) {
            assert!((beep - expected).abs() < 0.003, "{beeps:?}");
        }
    }
}

#[test]
fn what_is_no_film_fails_with_a_reason() {
    let studio = Studio::new((25, 1), 25);
    let spec = studio.spec(&studio.film, 25);
    let junk = studio.file("junk.mp4", &[0x55; 50_000]);
    let spec = VideoSpec { source: SourceSpec { bytes: 50_000 }, ..spec };
    let failure: SourceFailure = encoded(&junk, &spec).expect_err("no film").into();
    assert_eq!(failure.kind, FailureKind::Unreadable, "{failure:?}");
}

#[test]
fn an_encoder_that_is_refused_ends_the_graph() {
    let studio = Studio::new((25, 1), 25);
    let mut spec = studio.spec(&studio.film, 25);
    // More than level 1 holds is only warned about; an odd height cannot be 4:2:0 at all.
    spec.rungs[1].height = 0;
    assert!(encoded(&studio.film, &spec).is_err());
    spec.rungs[1].height = 180;
    spec.rungs[1].crf = 23.5;
    assert!(encoded(&studio.film, &spec).is_err());
}

#[test]
fn a_parent_that_goes_away_ends_the_graph() {
    let studio = Studio::new((25, 1), 75);
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("socket pair");
    drop(theirs);
    let link = crate::link::Link::open(ours, || {}).expect("link");
    assert!(video::run(&studio.spec(&studio.film, 75), &link).is_err());
}
