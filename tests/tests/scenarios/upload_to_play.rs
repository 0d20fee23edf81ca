//! The main job from outside: a film goes in, a ladder comes out, every frame is there once, sound and picture
//! agree, the rules are kept.

use std::process::Command;

use serde_json::Value;
use testkit::barcode;
use tests::{
    Client, Server, ServerOptions, binary, clip,
    hls::{addresses, attribute, download, join},
};

/// Sound and picture may be this far apart, in milliseconds.
const OFFSET_MS_MAX: f64 = 20.0;

fn url<'a>(asset: &'a Value, field: &str) -> &'a str {
    asset[field].as_str().unwrap_or_else(|| panic!("no {field}: {asset}"))
}

/// Downloads every rung and the audio; judges frames and beats against the film that was uploaded.
async fn judge(client: &Client, asset: &Value, frames: u32) {
    let hls = url(asset, "hls");
    let multivariant = client.get(hls).await.text();
    let folder = tempfile::tempdir().expect("temp dir");
    let sound =
        multivariant.lines().find(|line| line.contains("TYPE=AUDIO")).and_then(|line| attribute(line, "URI"));
    let sound_file = folder.path().join("audio.mp4");
    if let Some(uri) = &sound {
        download(client, &join(hls, uri), &sound_file).await;
    }
    let rungs = addresses(hls, &multivariant);
    assert!(!rungs.is_empty(), "{multivariant}");
    for rung in rungs {
        let file = folder.path().join("video.mp4");
        download(client, &rung, &file).await;
        let numbers = barcode::frame_numbers(&file).expect("every frame can be read");
        assert_eq!(numbers, (0..frames).collect::<Vec<_>>(), "{rung}: every frame once, in order");
        if sound.is_some() {
            let beats = barcode::beats(&file, &sound_file).expect("flashes and beeps");
            for beat in [beats.first(), beats.last()].into_iter().flatten() {
                assert!(beat.offset_ms().abs() <= OFFSET_MS_MAX, "{rung}: {beat:?}");
            }
        }
    }
}

fn check(url: &str) {
    let output = Command::new(binary()).args(["check", url]).output().expect("the command runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{url}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_becomes_a_ladder_with_every_frame_once() {
    let server = Server::start().await;
    let client = server.client();
    let asset = client.ready(&clip(8, "640x360", "25", &[]), &[]).await;
    assert_eq!(asset["findings"].as_array().map(Vec::len), Some(0), "{asset}");
    assert_eq!(asset["source"]["sha256"].as_str().map(str::len), Some(64));
    judge(&server.stranger(), &asset, 200).await;
    check(url(&asset, "hls"));
    check(url(&asset, "dash"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_of_several_chunks_is_one_film() {
    let server =
        Server::with(ServerOptions::all(&["transcode.chunk_seconds=6", "transcode.heights=234"])).await;
    let asset = server.client().ready(&clip(14, "416x234", "30000/1001", &[]), &[]).await;
    judge(&server.stranger(), &asset, 419).await;
    check(url(&asset, "hls"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_film_and_sound_alone_both_play() {
    let server = Server::start().await;
    let client = server.client();
    let silent = client.ready(&clip(4, "320x180", "25", &["--silent"]), &[]).await;
    judge(&server.stranger(), &silent, 100).await;
    check(url(&silent, "hls"));
    let film = clip(8, "640x360", "25", &[]);
    let sound = film.with_extension("mp3");
    let extracted = Command::new("ffmpeg")
        .args(["-y", "-v", "error", "-i"])
        .arg(&film)
        .args(["-vn", "-c:a", "libmp3lame"])
        .arg(&sound)
        .status();
    assert!(extracted.expect("ffmpeg runs").success());
    let music = client.ready(&sound, &[]).await;
    assert!(music["poster"].is_null(), "{music}");
    check(url(&music, "hls"));
    check(url(&music, "dash"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_players_and_caches_rely_on_is_said_in_headers() {
    let server = Server::start().await;
    let asset = server.client().ready(&clip(4, "320x180", "25", &["--silent"]), &[]).await;
    let viewer = server.stranger();
    let hls = viewer.send(http::Method::GET, url(&asset, "hls"), &[("accept-encoding", "gzip")], "").await;
    assert_eq!(hls.header("content-type"), "application/vnd.apple.mpegurl");
    assert_eq!(hls.header("content-encoding"), "gzip");
    assert_eq!(hls.header("access-control-allow-origin"), "*");
    assert!(hls.header("vary").to_ascii_lowercase().contains("accept-encoding"), "{hls:?}");
    let id = url(&asset, "id");
    let segment = format!("/media/{id}/v1/video-180/00000.m4s");
    let whole = viewer.get(&segment).await;
    assert_eq!(whole.status, 200);
    assert!(whole.header("cache-control").contains("immutable"));
    let etag = whole.header("etag").to_owned();
    assert!(etag.starts_with('"'), "a strong ETag: {etag}");
    let same = viewer.send(http::Method::GET, &segment, &[("if-none-match", &etag)], "").await;
    assert_eq!((same.status.as_u16(), same.body.len()), (304, 0));
    let part = viewer.send(http::Method::GET, &segment, &[("range", "bytes=4-11")], "").await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &whole.body[4..12]));
    let beyond = viewer.send(http::Method::GET, &segment, &[("range", "bytes=99999999-")], "").await;
    assert_eq!(beyond.status, 416);
    let poster = viewer.get(url(&asset, "poster")).await;
    assert_eq!((poster.header("content-type"), &poster.body[..2]), ("image/jpeg", &[0xff, 0xd8][..]));
    let thumbs = viewer.get(url(&asset, "thumbs")).await.text();
    assert!(thumbs.starts_with("WEBVTT") && thumbs.contains("#xywh="), "{thumbs}");
}
