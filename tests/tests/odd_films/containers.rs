//! Containers, and films that change on the way.

use std::path::{Path, PathBuf};

use super::{
    master::{Master, bt709},
    table::{Bars, Row, row},
    x264,
};

fn film(name: &'static str, codecs: &str) -> impl Fn(&Path) -> PathBuf + use<> {
    let arguments = format!("-vf {} {codecs}", bt709("yuv420p"));
    move |folder| Master::default().encode(folder, name, &arguments)
}

fn containers() -> Vec<Row> {
    let h264 = x264();
    let with = |audio: &str| format!("{h264} {audio}");
    let vpx = "-deadline realtime -cpu-used 8 -b:v 2M";
    let mpeg2 = "-c:v mpeg2video -q:v 2 -bf 2";
    vec![
        row("MKV, H.264 and Opus", film("a.mkv", &with("-bf 2 -c:a libopus"))),
        row("MKV without cues or lengths", film("live.mkv", &with("-c:a aac -f matroska -live 1"))),
        row("MOV, H.264 and PCM", film("a.mov", &with("-c:a pcm_s16le"))),
        row("MP4 in fragments", film("f.mp4", &with("-c:a aac -g 25 -movflags frag_keyframe+empty_moov")))
            .rule("A first picture that is off the beat of the others is put on it."),
        row("TS, H.264 and AAC", film("a.ts", &with("-bf 2 -c:a aac"))),
        row("TS, MPEG-2 and MP2", film("b.ts", &format!("{mpeg2} -c:a mp2"))).bars(Bars::Kept),
        row("program stream, MPEG-2 and MP2", film("a.mpg", &format!("{mpeg2} -c:a mp2"))),
        row("AVI, MPEG-4 and MP3", film("a.avi", "-c:v mpeg4 -q:v 2 -c:a libmp3lame"))
            .bars(Bars::Unjudged)
            .frames(std::iter::once(0).chain(0..55))
            .apart_as_source()
            .rule("As the file has it: its second picture comes after two frames' time, its sound begins with the \
                   encoder's delay."),
        row("WebM, VP8 and Vorbis", film("a.webm", &format!("-c:v libvpx {vpx} -c:a libvorbis")))
            .bars(Bars::Unjudged),
        row("WebM, VP9 and Opus", film("b.webm", &format!("-c:v libvpx-vp9 {vpx} -c:a libopus"))),
        row("MXF, MPEG-2 and PCM", film("a.mxf", &format!("{mpeg2} -c:a pcm_s16le"))),
        row("FLV, H.264 and AAC", film("a.flv", &with("-c:a aac"))),
        row("ASF, WMV and WMA", film("a.wmv", "-c:v wmv2 -q:v 2 -c:a wmav2")).bars(Bars::Unjudged),
        row("Ogg, Theora and Vorbis", film("a.ogv", "-c:v libtheora -q:v 10 -c:a libvorbis"))
            .bars(Bars::Unjudged),
    ]
}

/// Two films of a second each, one behind the other in one transport stream. Both are offset, so that neither is moved
/// for the sake of sound that would begin before zero.
fn joined(second: Master, filter: &'static str) -> impl Fn(&Path) -> PathBuf {
    move |folder| {
        let arguments = |filter: &str, offset| {
            format!("-vf {}{filter} {} -c:a aac -output_ts_offset {offset}", bt709("yuv420p"), x264())
        };
        let first = Master { frames: 25, ..Master::default() }.encode(folder, "first.ts", &arguments("", 1));
        let second = second.encode(folder, "second.ts", &arguments(filter, 2));
        let made = folder.join("joined.ts");
        let bytes = [first, second].map(|part| std::fs::read(part).expect("a part")).concat();
        std::fs::write(&made, bytes).expect("written");
        made
    }
}

fn changes() -> Vec<Row> {
    let another = Master { frames: 30, ..Master::default() };
    let counted = || (0..25).chain(0..30);
    let smaller = Master { size: (256, 144), ..another.clone() };
    let squarer = Master { size: (240, 180), ..another.clone() };
    let mono = Master { channels: 1, ..another.clone() };
    let faster = Master { rate: (50, 1), frames: 60, ..another };
    vec![
        row("the size changes, the shape does not", joined(smaller, ""))
            .frames(counted())
            .rule("Every picture is scaled to the rungs."),
        row("the shape changes", joined(squarer, "")).refused("at 1.0 s").rule("Refused, with the time."),
        row("stereo becomes mono", joined(mono, "")).frames(counted()).rule("Mixed to what it begins with."),
        row("25 a second become 50", joined(faster, ""))
            .frames((0..25).flat_map(|frame| [frame, frame]).chain(0..60))
            .rule("As a variable rate."),
    ]
}

pub fn rows() -> Vec<Row> {
    [containers(), changes()].into_iter().flatten().collect()
}
