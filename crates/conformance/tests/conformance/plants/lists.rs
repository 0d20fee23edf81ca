//! Media playlists and I-frame playlists.

use super::plant::{
    Plant,
    Where::{Line, Whole},
    in_both, in_files, in_media,
};
use crate::support::{
    Site, Spec,
    spec::{FRAME, pictures, sound},
};

const VIDEO: &str = "video-360/index.m3u8";
const AUDIO: &str = "audio-0/index.m3u8";
const I_FRAMES: &str = "video-360/iframes.m3u8";

/// Makes the last segment of every rung this many frames long.
fn lengthen(spec: &mut Spec, frames: u32) {
    for track in &mut spec.video {
        let last = &mut track.segments[2].fragments;
        last.push(pictures(frames - 75, FRAME, 300));
    }
}

/// Rewrites the first byte range of the I-frame playlist.
fn shift_range(site: &mut Site, by: impl Fn(u64, u64) -> (u64, u64)) {
    site.edit_line(I_FRAMES, "#EXT-X-BYTERANGE", |line| {
        let (length, offset) = line["#EXT-X-BYTERANGE:".len()..].split_once('@').unwrap();
        let (length, offset) = by(length.parse().unwrap(), offset.parse().unwrap());
        format!("#EXT-X-BYTERANGE:{length}@{offset}")
    });
}

pub fn plants() -> Vec<Plant> {
    let mut plants = of_one_list();
    plants.extend(of_lists_together());
    plants.extend(of_i_frames());
    plants
}

fn of_one_list() -> Vec<Plant> {
    vec![
        in_files("HLS-ML-TYPE", VIDEO, Whole, |site| site.replace(VIDEO, "#EXT-X-PLAYLIST-TYPE:VOD\n", "")),
        in_files("HLS-ML-ENDLIST", AUDIO, Line("TYPE:VOD"), |site| {
            site.replace(AUDIO, "#EXT-X-ENDLIST\n", "");
        }),
        in_files("HLS-ML-MAP", AUDIO, Line("0.m4s"), |site| {
            site.replace(AUDIO, "#EXT-X-MAP:URI=\"init.mp4\"\n", "");
        }),
        in_both(
            "HLS-ML-TARGET",
            VIDEO,
            Line("#EXTINF:3.50000"),
            |spec| lengthen(spec, 87),
            |site| site.replace(VIDEO, "#EXTINF:3.48000", "#EXTINF:3.50000"),
        ),
        in_both(
            "HLS-ML-SEGMENT-LENGTH",
            VIDEO,
            Line("2.m4s"),
            |spec| lengthen(spec, 88),
            |site| {
                for list in ["video-720/index.m3u8", VIDEO] {
                    site.replace(list, "#EXTINF:3.52000", "#EXTINF:3.49000");
                }
            },
        ),
        in_files("HLS-ML-EXTINF", VIDEO, Line("0.m4s"), |site| {
            site.replace(VIDEO, "#EXTINF:3.00000", "#EXTINF:3.08000");
        }),
        in_files("HLS-ML-VERSION", VIDEO, Line("VERSION:5"), |site| {
            site.replace(VIDEO, "VERSION:7", "VERSION:5");
        }),
    ]
}

fn of_lists_together() -> Vec<Plant> {
    vec![
        in_files("HLS-ML-SAME-TARGET", AUDIO, Line("DURATION:4"), |site| {
            site.replace(AUDIO, "TARGETDURATION:3", "TARGETDURATION:4");
        }),
        in_media("HLS-ML-SPAN", AUDIO, Whole, |spec| spec.audio[0].segments[2].fragments = vec![sound(94)]),
        in_media("HLS-ML-BOUNDARIES", AUDIO, Line("1.m4s"), |spec| {
            spec.target = 4;
            spec.audio[0].segments[0].fragments = vec![sound(94)];
            spec.audio[0].segments[1].fragments = vec![sound(187)];
        }),
        in_files("HLS-ML-DISCONTINUITY", AUDIO, Line("1.m4s"), |site| {
            site.replace(AUDIO, "0.m4s\n", "0.m4s\n#EXT-X-DISCONTINUITY\n");
        }),
    ]
}

fn of_i_frames() -> Vec<Plant> {
    vec![
        in_files("HLS-IF-ONLY", I_FRAMES, Whole, |site| site.replace(I_FRAMES, "#EXT-X-I-FRAMES-ONLY\n", "")),
        in_files("HLS-IF-MOOF", I_FRAMES, Line("#EXT-X-BYTERANGE"), |site| {
            shift_range(site, |length, offset| (length - 8, offset + 8));
        }),
        in_files("HLS-IF-PICTURE", I_FRAMES, Line("#EXT-X-BYTERANGE"), |site| {
            shift_range(site, |length, offset| (length + 1, offset));
        }),
    ]
}
