//! CMAF fragments and tracks.

use super::plant::{
    Plant,
    Where::{Box, Byte, Whole},
    in_media,
};
use crate::support::{
    Fragment, Site, Spec,
    spec::{FRAME, pictures},
};

const VIDEO: &str = "video-360/1.m4s";
const AUDIO: &str = "audio-0/1.m4s";

/// The one fragment of the audio segment that most plants sit in.
fn sound(spec: &mut Spec) -> &mut Fragment {
    &mut spec.audio[0].segments[1].fragments[0]
}

/// Rewrites every video segment, with key frames as large as they were.
fn regroup(spec: &mut Spec, fragments: impl Fn(u32) -> Vec<Fragment>) {
    for segment in spec.video.iter_mut().flat_map(|track| &mut track.segments) {
        segment.fragments = fragments(segment.fragments[0].samples[0].bytes);
    }
}

/// Where the first `mdat` of the planted video segment has its payload.
fn first_sample(site: &Site) -> u64 {
    let bytes = &site.files[VIDEO].bytes;
    let kind = bytes.windows(4).position(|window| window == b"mdat").unwrap();
    kind as u64 + 4
}

pub fn plants() -> Vec<Plant> {
    let mut plants = of_fragments();
    plants.extend(of_tracks());
    plants
}

fn of_fragments() -> Vec<Plant> {
    vec![
        in_media("CMAF-STYP", AUDIO, Box(b"styp"), |spec| spec.audio[0].segments[1].brands = vec![*b"msdh"]),
        in_media("CMAF-CHUNK", AUDIO, Box(b"moof"), |spec| sound(spec).data = false),
        in_media("CMAF-ONE-TRAF", AUDIO, Box(b"moof"), |spec| sound(spec).track_fragments = 2),
        in_media("CMAF-BASE", AUDIO, Box(b"tfhd"), |spec| sound(spec).base_is_moof = false),
        in_media("CMAF-TRACK-ID", AUDIO, Box(b"tfhd"), |spec| sound(spec).track_id = 7),
        in_media("CMAF-TFDT", AUDIO, Box(b"traf"), |spec| sound(spec).decode = None),
        in_media("CMAF-TFDT-VERSION", AUDIO, Box(b"tfdt"), |spec| sound(spec).decode = Some(0)),
        in_media("CMAF-DATA", AUDIO, Box(b"trun"), |spec| sound(spec).data_shift = 4),
        in_media("CMAF-DURATION", AUDIO, Box(b"trun"), |spec| {
            let samples = &mut sound(spec).samples;
            samples[3].ticks += samples[4].ticks;
            samples[4].ticks = 0;
        }),
        in_media("CMAF-RUN-VERSION", VIDEO, Box(b"trun"), |spec| {
            spec.video[1].header.brands = vec![*b"cmf2", *b"cmfc"];
            for fragment in spec.video[1].fragments() {
                fragment.run_version = 0;
                fragment.composition = true;
            }
        }),
        in_media("CMAF-PARAMETER-SETS", VIDEO, Byte(first_sample), |spec| {
            spec.video[1].segments[1].fragments[0].parameter_set = true;
        }),
    ]
}

fn of_tracks() -> Vec<Plant> {
    vec![
        in_media("CMAF-CONTIGUOUS", AUDIO, Box(b"tfdt"), |spec| sound(spec).decode_shift = 1),
        in_media("CMAF-SYNC", VIDEO, Box(b"moof"), |spec| {
            for track in &mut spec.video {
                track.segments[1].fragments[0].samples[0].sync = false;
            }
        }),
        in_media("CMAF-KEY-INTERVAL", VIDEO, Box(b"moof"), |spec| {
            regroup(spec, |bytes| vec![pictures(75, FRAME, bytes)]);
        }),
        in_media("CMAF-FRAME-RATE", "video-360/0.m4s", Whole, |spec| {
            regroup(spec, |bytes| vec![pictures(100, FRAME / 4, bytes); 3]);
        }),
        in_media("CMAF-ALIGNED", VIDEO, Box(b"moof"), |spec| {
            let fragments = &mut spec.video[1].segments[1].fragments;
            fragments.splice(1..2, [pictures(12, FRAME, 300), pictures(13, FRAME, 300)]);
        }),
    ]
}
