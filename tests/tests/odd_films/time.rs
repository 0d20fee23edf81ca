//! Frame rates, fields, edits, and where sound begins.

use std::path::{Path, PathBuf};

use testkit::ffmpeg;

use super::{
    master::{Master, bt709},
    table::{Row, row},
    x264,
};

/// A film of 55 frames at this rate.
fn film(rate: (u32, u32), name: &'static str, more: &str) -> impl Fn(&Path) -> PathBuf + use<> {
    let arguments = format!("-vf {} {} -c:a aac {more}", bt709("yuv420p"), x264());
    move |folder| Master { rate, frames: frames(rate), ..Master::default() }.encode(folder, name, &arguments)
}

/// A little over two seconds.
const fn frames(rate: (u32, u32)) -> u32 {
    (rate.0 * 22).div_ceil(rate.1 * 10)
}

fn rates() -> Vec<Row> {
    let kept = |name, file, rate| row(name, film(rate, file, "")).frames(0..frames(rate)).rule("Kept.");
    vec![
        kept("23.976 a second", "23.mkv", (24_000, 1_001)),
        kept("25 a second", "25.mp4", (25, 1)),
        kept("29.97 a second", "29.mp4", (30_000, 1_001)),
        kept("50 a second", "50.ts", (50, 1)),
        kept("59.94 a second", "59.mkv", (60_000, 1_001)),
        row("120 a second", film((120, 1), "120.mp4", ""))
            .frames((0..264).step_by(2))
            .rule("Above 60 a whole fraction of the frames is kept: every second one at 120."),
    ]
}

/// Frames of a film at a variable rate: 14 at a full rate, then every third.
fn is_kept(frame: u32) -> bool {
    frame % 20 < 14 || frame.is_multiple_of(3)
}

fn variable(name: &'static str) -> impl Fn(&Path) -> PathBuf {
    move |folder| {
        let filter = format!("{},select='lt(mod(n,20),14)+not(mod(n,3))'", bt709("yuv420p"));
        let arguments = format!("-vf {filter} -fps_mode vfr {} -c:a aac", x264());
        Master::default().encode(folder, name, &arguments)
    }
}

fn irregular() -> Vec<Row> {
    let repeated: Vec<u32> =
        (0..55).map(|slot| (0..=slot).rev().find(|frame| is_kept(*frame)).unwrap_or(0)).collect();
    let rule = "A constant rate, the standard one nearest to the median distance; frames repeat to fill it.";
    let open = "-bf 3 -x264-params open-gop=1:keyint=20:min-keyint=5:bframes=3";
    let edited = |folder: &Path| {
        let whole = film((25, 1), "whole.mp4", "-g 50")(folder);
        let made = folder.join("edited.mp4");
        ffmpeg::convert(&["-ss", "0.6"], &whole, &["-c", "copy"], &made).expect("an edit list");
        made
    };
    vec![
        row("a variable rate, MKV", variable("variable.mkv")).frames(repeated.clone()).rule(rule),
        row("a variable rate, MP4", variable("variable.mp4")).frames(repeated).rule(rule),
        row("an edit list cuts between key frames", edited)
            .frames(15..55)
            .rule("The edit is kept to the frame."),
        row("open GOPs, TS", film((30_000, 1_001), "open.ts", open)).frames(0..66),
        row("open GOPs, MP4", film((30_000, 1_001), "open.mp4", open)).frames(0..66),
    ]
}

/// A film of 50 fields a second, two frames of the master in each picture.
fn fields(name: &'static str, first: &'static str, codec: &'static str) -> impl Fn(&Path) -> PathBuf {
    move |folder| {
        let filter = format!("{},interlace=scan={first}:lowpass=off", bt709("yuv420p"));
        Master { rate: (50, 1), frames: 110, ..Master::default() }.encode(
            folder,
            name,
            &format!("-vf {filter} {codec} -flags +ildct+ilme -c:a mp2"),
        )
    }
}

/// Film of 23.976 frames a second on 59.94 fields, three and two in turn.
fn telecined(folder: &Path) -> PathBuf {
    let filter = format!("{},telecine=pattern=23,setfield=tff", bt709("yuv420p"));
    Master { rate: (24_000, 1_001), frames: 48, ..Master::default() }.encode(
        folder,
        "telecined.ts",
        &format!("-vf {filter} -c:v mpeg2video -q:v 2 -flags +ildct+ilme -top 1 -c:a mp2"),
    )
}

fn interlaced() -> Vec<Row> {
    let rule = "Deinterlaced to a frame for each pair of fields, at the time of the first.";
    let mpeg2 = "-c:v mpeg2video -q:v 2";
    let twice = |frame: u32| if frame % 4 == 1 { 2 } else { 1 };
    vec![
        row("interlaced, top field first, MPEG-2", fields("tff.ts", "tff", mpeg2))
            .frames((0..110).step_by(2))
            .rule(rule),
        row("interlaced, bottom field first, MPEG-2", fields("bff.mpg", "bff", mpeg2))
            .frames((0..110).step_by(2))
            .rule(rule),
        row(
            "interlaced, top field first, H.264",
            fields("tff.mkv", "tff", "-c:v libx264 -preset ultrafast -crf 8 -x264-params tff=1"),
        )
        .frames((0..110).step_by(2))
        .rule(rule),
        row("telecined, 3:2", telecined)
            .frames((0..48).flat_map(|frame| std::iter::repeat_n(frame, twice(frame))))
            .rule("Stays at 29.97: deinterlaced, so that every fourth frame of the film is seen twice."),
    ]
}

fn offsets() -> Vec<Row> {
    let late = "-af atrim=start=0.5";
    let early = |name: &'static str| {
        move |folder: &Path| {
            let filter = format!("{},trim=start_frame=10", bt709("yuv420p"));
            Master::default().encode(folder, name, &format!("-vf {filter} {} -c:a aac", x264()))
        }
    };
    let silence = "What comes before the first sound is silence.";
    let cut = "The film begins with the first picture; sound before it is cut.";
    vec![
        row("sound begins late, MKV", film((25, 1), "late.mkv", late)).rule(silence),
        row("sound begins late, MP4", film((25, 1), "late.mp4", late)).rule(silence),
        row("sound begins late, TS", film((25, 1), "late.ts", late)).rule(silence),
        row("sound begins early, MKV", early("early.mkv")).frames(10..55).rule(cut),
        row("sound begins early, MP4", early("early.mp4")).frames(10..55).rule(cut),
        row("sound begins early, TS", early("early.ts")).frames(10..55).rule(cut),
        row("sound ends early", film((25, 1), "short.mp4", "-af atrim=end=1.5")).rule("Silence to the end."),
        row("sound ends late", |folder| {
            let filter = format!("{},trim=end_frame=45", bt709("yuv420p"));
            Master::default().encode(folder, "long.mkv", &format!("-vf {filter} {} -c:a aac", x264()))
        })
        .frames(0..45)
        .rule("Sound ends with the pictures."),
    ]
}

pub fn rows() -> Vec<Row> {
    [rates(), irregular(), interlaced(), offsets()].into_iter().flatten().collect()
}
