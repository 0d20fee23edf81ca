//! Channels, sampling rates, several tracks, sound alone.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use testkit::ffmpeg;

use super::{
    judge::{Seen, levels},
    master::{Master, bt709},
    table::{Row, row},
    x264,
};

fn film(
    channels: usize,
    sample_rate: u32,
    name: &'static str,
    codec: &str,
) -> impl Fn(&Path) -> PathBuf + use<> {
    let arguments = format!("-vf {} {} {codec}", bt709("yuv420p"), x264());
    move |folder| Master { channels, sample_rate, ..Master::default() }.encode(folder, name, &arguments)
}

/// Sound alone: a tone of full scale 0.5 in one channel after the other, a quarter of a second each.
fn walk(channels: usize, layout: &'static str, name: &'static str) -> impl Fn(&Path) -> PathBuf {
    move |folder| {
        let raw = folder.join("walk.f32");
        let mut bytes = Vec::new();
        for sample in 0..12_000 * channels {
            let level = 0.5 * (sample as f32 / 48.0 * std::f32::consts::TAU).sin();
            for channel in 0..channels {
                let level = if sample / 12_000 == channel { level } else { 0.0 };
                bytes.write_all(&level.to_le_bytes()).expect("memory");
            }
        }
        std::fs::write(&raw, bytes).expect("written");
        let made = folder.join(name);
        let count = channels.to_string();
        let before = ["-f", "f32le", "-ar", "48000", "-ac", &count, "-channel_layout", layout];
        ffmpeg::convert(&before, &raw, &[], &made).expect("a walk");
        made
    }
}

/// Holds each channel's level, left and right, against the gains of the mix.
fn mixed(gains: &'static [[f64; 2]]) -> impl Fn(&Seen) -> Result<(), String> {
    move |seen| {
        let sound = seen.sound.as_ref().ok_or("no sound")?;
        let found = levels(sound, 0.25).map_err(|error| format!("{error:#}"))?;
        let full = 0.5 / 2f64.sqrt();
        for (channel, (meant, seen)) in gains.iter().zip(&found).enumerate() {
            for side in 0..2 {
                if (seen[side] / full - meant[side]).abs() > 0.03 {
                    return Err(format!(
                        "channel {channel} comes as {seen:.3?}, not {meant:.3?} of {full:.3}"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Left, right, centre, low frequencies, left and right surround, over 1 + 2 / sqrt 2.
const FIVE: [[f64; 2]; 6] =
    [[0.414, 0.0], [0.0, 0.414], [0.293, 0.293], [0.0, 0.0], [0.293, 0.0], [0.0, 0.293]];
/// As `FIVE` with another pair behind, over 1 + 3 / sqrt 2.
const SEVEN: [[f64; 2]; 8] = [
    [0.320, 0.0],
    [0.0, 0.320],
    [0.227, 0.227],
    [0.0, 0.0],
    [0.227, 0.0],
    [0.0, 0.227],
    [0.227, 0.0],
    [0.0, 0.227],
];

fn layouts() -> Vec<Row> {
    let mix = "Centre and surrounds at 1/√2 (ITU-R BS.775), low frequencies left out, scaled so that nothing clips.";
    let heard = |name, make: Box<dyn Fn(&Path) -> PathBuf + Send + Sync>, gains| {
        row(name, make).without_pictures().look(mixed(gains)).rule(mix)
    };
    vec![
        row("mono", film(1, 48_000, "mono.mp4", "-c:a aac")).rule("Stays mono."),
        row("5.1, AC-3", film(6, 48_000, "five.mkv", "-c:a ac3")).rule(mix),
        row("7.1, FLAC", film(8, 48_000, "seven.mkv", "-c:a flac")).rule(mix),
        heard("5.1, each channel", Box::new(walk(6, "5.1", "walk.flac")), &FIVE),
        heard("7.1, each channel", Box::new(walk(8, "7.1", "walk.wav")), &SEVEN),
        row("44.1 kHz", film(2, 44_100, "44.mp4", "-c:a aac")).rule("Becomes 48 kHz."),
        row("8 kHz, µ-law, mono", film(1, 8_000, "mulaw.mov", "-c:a pcm_mulaw")).rule("Becomes 48 kHz."),
        row("96 kHz, 24 bits", film(2, 96_000, "96.mkv", "-c:a flac")).rule("Becomes 48 kHz."),
    ]
}

fn several() -> Vec<Row> {
    let maps = "-map 0:v -map 1:a -map 1:a -map 1:a -metadata:s:a:0 language=eng -metadata:s:a:1 language=ger \
                -metadata:s:a:2 language=eng";
    let named = format!(
        "{maps} -metadata:s:a:0 title=Original -metadata:s:a:1 title=Deutsch -metadata:s:a:2 title=Commentary \
         -disposition:a:0 0 -disposition:a:1 default -disposition:a:2 0 -c:a aac"
    );
    let same = "-map 0:v -map 1:a -map 1:a -metadata:s:a:0 title=Main -metadata:s:a:1 title=Main -c:a aac";
    vec![
        row("three tracks with names, MKV", film(2, 48_000, "three.mkv", &named))
            .audio(&[("Original", "en", false), ("Deutsch", "de", true), ("Commentary", "en", false)])
            .rule("Each is kept with its language, name and default."),
        row("three tracks with languages, MP4", film(2, 48_000, "three.mp4", &format!("{maps} -c:a aac")))
            .audio(&[("English", "en", true), ("German", "de", false), ("English 2", "en", false)])
            .rule("A track without a name is called by its language."),
        row("two tracks of one name", film(2, 48_000, "same.mkv", same))
            .audio(&[("Main", "und", true), ("Main 2", "und", false)])
            .rule("Names are made unique."),
    ]
}

/// The first beeps of a film without pictures, in seconds.
fn beeps_on_time(seen: &Seen) -> Result<(), String> {
    let late = seen.beeps.iter().zip(0..).map(|(beep, second)| beep - f64::from(second));
    let worst = late.fold(0f64, |worst, late| worst.max(late.abs()));
    if seen.beeps.len() == 3 && worst <= 0.025 { Ok(()) } else { Err(format!("beeps at {:?}", seen.beeps)) }
}

fn alone() -> Vec<Row> {
    let of = |name, file: &'static str, codec: &'static str| {
        row(name, move |folder: &Path| {
            Master::default().encode(folder, file, &format!("-map 1:a -map_metadata -1 {codec}"))
        })
        .without_pictures()
        .look(beeps_on_time)
    };
    let cover = |folder: &Path| {
        let sound = Master::default().encode(folder, "plain.mp3", "-map 1:a -c:a libmp3lame");
        let cover = Master::default().encode(folder, "cover.png", "-map 0:v -frames:v 1");
        let made = folder.join("cover.mp3");
        let picture = cover.to_string_lossy();
        let after =
            ["-i", &picture, "-map", "0:a", "-map", "1:v", "-c", "copy", "-disposition:v", "attached_pic"];
        ffmpeg::convert(&[], &sound, &after, &made).expect("a cover");
        made
    };
    vec![
        of("MP3", "sound.mp3", "-c:a libmp3lame").rule("The encoder's own delay of 23 ms stays as silence."),
        row("MP3 with a cover", cover).without_pictures().look(beeps_on_time).rule("The cover is no film."),
        of("FLAC", "sound.flac", "-c:a flac"),
        of("Opus in Ogg", "sound.opus", "-c:a libopus"),
        of("Vorbis in Ogg", "sound.ogg", "-c:a libvorbis"),
        of("AAC in MP4", "sound.m4a", "-c:a aac"),
        of("PCM in WAV", "sound.wav", "-c:a pcm_s24le"),
        row("no sound", |folder| {
            let silent = Master { channels: 0, ..Master::default() };
            silent.encode(folder, "silent.mp4", &format!("-vf {} {}", bt709("yuv420p"), x264()))
        })
        .silent(),
    ]
}

pub fn rows() -> Vec<Row> {
    [layouts(), several(), alone()].into_iter().flatten().collect()
}
