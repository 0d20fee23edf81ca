//! CMAF headers.

use super::plant::{Plant, Where::Box, in_media};

const VIDEO: &str = "video-360/init.mp4";
const AUDIO: &str = "audio-0/init.mp4";

pub fn plants() -> Vec<Plant> {
    vec![
        in_media("CMAF-BRAND", AUDIO, Box(b"ftyp"), |spec| {
            spec.audio[0].header.brands = vec![*b"iso6", *b"mp41"];
        }),
        in_media("CMAF-ONE-TRACK", AUDIO, Box(b"trak"), |spec| spec.audio[0].header.tracks = 2),
        in_media("CMAF-MVEX", AUDIO, Box(b"moov"), |spec| spec.audio[0].header.extends = false),
        in_media("CMAF-TABLES", AUDIO, Box(b"stts"), |spec| spec.audio[0].header.time_to_sample = 1),
        in_media("CMAF-EDIT", VIDEO, Box(b"elst"), |spec| {
            spec.video[1].header.edit = Some(0);
            spec.video[1].header.brands = vec![*b"cmf2", *b"cmfc"];
        }),
        in_media("CMAF-EDIT", VIDEO, Box(b"elst"), |spec| spec.video[1].header.edit = Some(1024)),
        in_media("CMAF-ENTRY", VIDEO, Box(b"avc3"), |spec| spec.video[1].header.entry = *b"avc3"),
        in_media("CMAF-LEVEL", VIDEO, Box(b"avc1"), |spec| spec.video[1].header.level = 60),
        in_media("CMAF-TIMESCALE", VIDEO, Box(b"trak"), |spec| {
            spec.video[1].timescale *= 2;
            spec.video[1].samples().for_each(|sample| sample.ticks *= 2);
        }),
    ]
}
