//! Text tracks of films: what viewers get of them, cue by cue.

use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::ffmpeg;
use tests::{
    Client, Server, ServerOptions, binary, clip,
    hls::{addresses, attribute, join},
};

/// A container's own rounding of times, in milliseconds.
const ROUNDING_MS: i64 = 2;

/// A text from one time to another, in milliseconds.
type Timed<'text> = (i64, i64, &'text str);

#[derive(Clone, Debug, PartialEq)]
struct Cue {
    start_ms: i64,
    end_ms: i64,
    text: String,
}

fn cue((start_ms, end_ms, text): Timed<'_>) -> Cue {
    Cue { start_ms, end_ms, text: text.to_owned() }
}

/// One of them is seen across the boundary of two segments, one has two lines.
const ENGLISH: [Timed<'static>; 4] = [
    (200, 1_900, "Good <i>morning</i>"),
    (2_000, 2_750, "Two lines\nof text & more"),
    (5_500, 7_250, "From one segment to the next"),
    (12_100, 13_400, "The end"),
];
const GERMAN: [Timed<'static>; 2] = [(300, 1_800, "Guten Morgen"), (12_200, 13_300, "Schluß")];

fn stamp(ms: i64) -> String {
    format!("{:02}:{:02}:{:02},{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000)
}

/// Cues as a SubRip file.
fn subrip(folder: &Path, name: &str, cues: &[Timed<'_>]) -> PathBuf {
    let block = |(number, (start, end, text)): (usize, &Timed<'_>)| {
        format!("{}\n{} --> {}\n{text}\n\n", number + 1, stamp(*start), stamp(*end))
    };
    let file = folder.join(name);
    let text: String = cues.iter().enumerate().map(block).collect();
    std::fs::write(&file, text).expect("written");
    file
}

/// A film of 14 seconds with the texts of `tracks`, encoded by ffmpeg as each of them says.
fn film(folder: &Path, name: &str, tracks: &[(&[Timed<'_>], &str)]) -> PathBuf {
    let film = clip(14, "320x180", "25", &[]);
    let (mut inputs, mut maps) = (Vec::new(), vec!["-map".to_owned(), "0".to_owned()]);
    for (number, (cues, codec)) in tracks.iter().enumerate() {
        let text = subrip(folder, &format!("{number}.srt"), cues);
        inputs.extend(["-i".to_owned(), text.to_string_lossy().into_owned()]);
        maps.extend(["-map".to_owned(), (number + 1).to_string()]);
        maps.extend(codec.split(' ').map(str::to_owned));
    }
    let arguments: Vec<String> =
        [inputs, maps, ["-c:v", "copy", "-c:a", "copy"].map(str::to_owned).to_vec()].concat();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let made = folder.join(name);
    ffmpeg::convert(&[], &film, &arguments, &made).expect("a film with text");
    made
}

fn milliseconds(stamp: &str) -> i64 {
    let (clock, ms) = stamp.trim().split_once('.').expect("milliseconds");
    let seconds = clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().expect("a number"));
    seconds * 1_000 + ms.parse::<i64>().expect("a number")
}

/// The cues of a WebVTT file.
fn read(file: &str) -> Vec<Cue> {
    assert!(file.starts_with("WEBVTT\n"), "{file}");
    let blocks = file.split("\n\n").filter(|block| block.contains("-->"));
    let one = |block: &str| {
        let (times, text) = block.trim_start().split_once('\n').expect("times and text");
        let (start, end) = times.split_once("-->").expect("two times");
        cue((milliseconds(start), milliseconds(end), text.trim_end()))
    };
    blocks.map(one).collect()
}

fn compare(what: &str, seen: &[Cue], meant: &[Timed<'_>]) {
    let near = |seen: i64, meant: i64| (seen - meant).abs() <= ROUNDING_MS;
    let same = seen.len() == meant.len()
        && seen.iter().zip(meant).all(|(seen, (start, end, text))| {
            near(seen.start_ms, *start) && near(seen.end_ms, *end) && seen.text == *text
        });
    assert!(same, "{what}: {seen:#?}");
}

/// Text as WebVTT writes it.
fn written(cues: &[Timed<'static>], marked: bool) -> Vec<(i64, i64, String)> {
    let text = |text: &str| {
        let plain = if marked { text.to_owned() } else { text.replace("<i>", "").replace("</i>", "") };
        plain.replace('&', "&amp;")
    };
    cues.iter().map(|(start, end, said)| (*start, *end, text(said))).collect()
}

/// A rendition of the multivariant playlist: name, language, whether it is the default, address.
fn renditions(hls: &str, list: &str) -> Vec<(String, String, bool, String)> {
    let lines = list.lines().filter(|line| line.starts_with("#EXT-X-MEDIA:TYPE=SUBTITLES"));
    let read = |line: &str| {
        let said = |name| attribute(line, name).unwrap_or_default();
        (said("NAME"), said("LANGUAGE"), line.contains("DEFAULT=YES"), join(hls, &said("URI")))
    };
    lines.map(read).collect()
}

/// The cues of a rendition's segments, each once; each segment holds those that are seen in it and no other.
async fn of_segments(viewer: &Client, list: &str) -> Vec<Cue> {
    let playlist = viewer.get(list).await.text();
    let lengths = playlist.lines().filter_map(|line| line.strip_prefix("#EXTINF:")?.strip_suffix(','));
    let lengths: Vec<f64> = lengths.map(|length| length.parse().expect("a length")).collect();
    assert_eq!(lengths.len(), 3, "{playlist}");
    assert!((lengths.iter().sum::<f64>() - 14.0).abs() < 0.05, "{playlist}");
    let (mut all, mut start_ms) = (Vec::<Cue>::new(), 0.0);
    for (url, length) in addresses(list, &playlist).iter().zip(lengths) {
        let answer = viewer.get(url).await;
        assert!(answer.text().contains("X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n"), "{url}");
        let end_ms = start_ms + length * 1_000.0;
        for cue in read(&answer.text()) {
            assert!((cue.start_ms as f64) < end_ms && (cue.end_ms as f64) > start_ms, "{url}: {cue:?}");
            if !all.contains(&cue) {
                all.push(cue);
            }
        }
        start_ms = end_ms;
    }
    all
}

fn check(url: &str) {
    let output =
        std::process::Command::new(binary()).args(["check", url]).output().expect("the command runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{url}: {said}");
}

/// What is held against the renditions of a film: name, language, default, cues.
type Meant = (&'static str, &'static str, bool, Vec<(i64, i64, String)>);

async fn judge(viewer: &Client, asset: &Value, meant: &[Meant]) {
    assert_eq!(asset["findings"].as_array().map(Vec::len), Some(0), "{asset}");
    let (hls, dash) = (asset["hls"].as_str().expect("HLS"), asset["dash"].as_str().expect("DASH"));
    let list = viewer.get(hls).await.text();
    let seen = renditions(hls, &list);
    let names: Vec<_> =
        seen.iter().map(|(name, language, default, _)| (&**name, &**language, *default)).collect();
    assert_eq!(
        names,
        meant.iter().map(|(name, language, default, _)| (*name, *language, *default)).collect::<Vec<_>>()
    );
    let variants = list.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF"));
    assert!(
        variants.clone().count() > 0 && variants.into_iter().all(|line| line.contains("SUBTITLES=\"text\""))
    );
    let mpd = viewer.get(dash).await.text();
    for ((name, language, _, url), (.., cues)) in seen.iter().zip(meant) {
        let cues: Vec<Timed<'_>> = cues.iter().map(|(start, end, text)| (*start, *end, &**text)).collect();
        compare(&format!("{name} in segments"), &of_segments(viewer, url).await, &cues);
        let set = mpd.split("<AdaptationSet").find(|set| set.contains(&format!("<Label>{name}</Label>")));
        let set = set.unwrap_or_else(|| panic!("no {name}: {mpd}"));
        assert!(
            set.contains("mimeType=\"text/vtt\"") && set.contains(&format!("lang=\"{language}\"")),
            "{set}"
        );
        let file = set.split_once("<BaseURL>").and_then(|(_, rest)| rest.split_once("</BaseURL>"));
        let file = join(dash, file.expect("an address").0);
        compare(&format!("{name} whole"), &read(&viewer.get(&file).await.text()), &cues);
    }
    check(hls);
    check(dash);
}

async fn server() -> Server {
    Server::with(ServerOptions::all(&["transcode.heights=180"])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_text_tracks_of_an_mp4_become_renditions_cue_by_cue() {
    let server = server().await;
    let folder = tempfile::tempdir().expect("a folder");
    let english = "-c:s:0 mov_text -metadata:s:s:0 language=eng -disposition:s:0 0";
    let german = "-c:s:1 mov_text -metadata:s:s:1 language=deu -disposition:s:1 0";
    let film = film(folder.path(), "two.mp4", &[(&ENGLISH, english), (&GERMAN, german)]);
    let asset = server.client().ready(&film, &[]).await;
    let meant: [Meant; 2] = [
        ("English", "en", false, written(&ENGLISH, false)),
        ("German", "de", false, written(&GERMAN, false)),
    ];
    judge(&server.stranger(), &asset, &meant).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_of_matroska_keeps_its_name_its_default_and_its_italics() {
    let server = server().await;
    let folder = tempfile::tempdir().expect("a folder");
    let english = "-c:s:0 srt -metadata:s:s:0 language=eng -metadata:s:s:0 title=Full -disposition:s:0 0";
    let german = "-c:s:1 ass -metadata:s:s:1 language=ger -disposition:s:1 default";
    let third = "-c:s:2 webvtt -metadata:s:s:2 language=fre -disposition:s:2 0";
    let tracks: [(&[Timed<'_>], &str); 3] = [(&ENGLISH, english), (&GERMAN, german), (&ENGLISH, third)];
    let film = film(folder.path(), "three.mkv", &tracks);
    let asset = server.client().ready(&film, &[]).await;
    let meant: [Meant; 3] = [
        ("Full", "en", false, written(&ENGLISH, true)),
        ("German", "de", true, written(&GERMAN, true)),
        ("French", "fr", false, written(&ENGLISH, true)),
    ];
    judge(&server.stranger(), &asset, &meant).await;
}
