//! A broadcast that is over is an asset: the same objects, judged and whole.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tests::{Client, Server, ServerOptions, eventually};

/// Frames per second that are sent, with a key frame every second.
const RATE: u32 = 30;

async fn channel(client: &Client, more: &[&str]) -> Value {
    let create =
        [&["channel", "create", "studio", "--visibility", "public", "--rungs", "none"], more].concat();
    let (made, mut lines) = client.told(&create).await;
    assert!(made && lines.len() == 1, "{lines:?}");
    lines.remove(0)
}

/// An encoder that sends so many frames at their pace.
fn encoder(channel: &Value, frames: u32) -> Child {
    let text = |name: &str| channel[name].as_str().unwrap_or_default();
    let (to, count) = (format!("{}/{}", text("rtmp"), text("key")), frames.to_string());
    let seconds = (f64::from(frames) / f64::from(RATE)).to_string();
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30"]);
    command.args(["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", &seconds]);
    command.args(["-frames:v", &count, "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"]);
    command.args(["-pix_fmt", "yuv420p", "-g", "30", "-keyint_min", "30", "-sc_threshold", "0"]);
    command.args(["-c:a", "aac", "-b:a", "96k", "-f", "flv", &to]);
    command.stdin(Stdio::null()).spawn().expect("ffmpeg runs")
}

/// Waits for an encoder to have sent all.
async fn sent(mut encoder: Child) {
    let ended = eventually("the encoder to end", async || encoder.try_wait().expect("a child")).await;
    assert!(ended.success(), "{ended}");
}

async fn shown(client: &Client, channel: &Value) -> Value {
    let id = channel["channel"].as_str().expect("a channel");
    client.get(&format!("/api/v1/channels/{id}/state")).await.json()
}

async fn reaches(client: &Client, channel: &Value, state: &str) {
    eventually(state, async || (shown(client, channel).await["state"] == state).then_some(())).await;
}

/// The asset of the channel's last broadcast, once it is settled.
async fn recording(client: &Client, channel: &Value) -> Value {
    let asset = eventually("the recording", async || {
        shown(client, channel).await["broadcast"]["asset"].as_str().map(str::to_owned)
    });
    client.settled(&asset.await).await
}

fn frames(url: &str) -> u32 {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-select_streams", "v:0"])
        .args(["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", url])
        .output()
        .expect("ffprobe runs");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let first = said.lines().next().unwrap_or_default().trim_end_matches(',');
    first.parse().unwrap_or_else(|_| panic!("{url}: {said} {errors}"))
}

/// The gate found nothing that keeps a recording from being published.
fn conforms(asset: &Value) {
    let findings = asset["findings"].as_array().expect("findings");
    assert!(findings.iter().all(|finding| finding["severity"] == "should"), "{asset}");
}

async fn list(server: &Server, asset: &Value) -> String {
    let (id, viewer) = (asset["id"].as_str().expect("an id"), server.stranger());
    viewer.get(&format!("/media/{id}/v1/video-360/index.m3u8")).await.text()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_is_an_asset_with_every_frame_when_it_is_over() {
    let server = Server::with(ServerOptions::all(&[])).await;
    let client = server.client();
    let channel = channel(&client, &[]).await;
    sent(encoder(&channel, 12 * RATE)).await;
    let asset = recording(&client, &channel).await;
    assert_eq!((&asset["state"], &asset["visibility"]), (&"ready".into(), &"public".into()), "{asset}");
    assert!(asset["title"].as_str().is_some_and(|title| title.starts_with("studio, 20")), "{asset}");
    let hls = asset["hls"].as_str().expect("an address").to_owned();
    assert_eq!(frames(&hls), 12 * RATE, "{}", list(&server, &asset).await);
    conforms(&asset);
    let text = list(&server, &asset).await;
    assert!(text.contains("#EXT-X-ENDLIST") && !text.contains("DISCONTINUITY"), "{text}");
    assert_eq!(shown(&client, &channel).await["state"], "ended");

    let id = asset["id"].as_str().expect("an id");
    let deleted = client.send(http::Method::DELETE, &format!("/api/v1/assets/{id}"), &[], "").await;
    assert_eq!(deleted.status, 204);
    let (viewer, path) = (server.stranger(), format!("/media/{id}/hls.m3u8"));
    // The edge hears of it a moment later.
    eventually("the recording to be gone", async || (viewer.get(&path).await.status == 404).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_that_comes_back_is_in_the_same_recording_behind_a_discontinuity() {
    let server = Server::with(ServerOptions::all(&[])).await;
    let client = server.client();
    let channel = channel(&client, &[]).await;
    let mut first = encoder(&channel, 60 * RATE);
    reaches(&client, &channel, "live").await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    first.kill().expect("killed");
    first.wait().expect("a child");
    reaches(&client, &channel, "recovering").await;
    sent(encoder(&channel, 6 * RATE)).await;
    let asset = recording(&client, &channel).await;
    assert_eq!(asset["state"], "ready", "{asset}");
    assert!(asset["dash"].is_null(), "two headers are more than a Period: {asset}");
    let hls = asset["hls"].as_str().expect("an address").to_owned();
    let text = list(&server, &asset).await;
    assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{text}");
    assert_eq!(text.matches("#EXT-X-PROGRAM-DATE-TIME:").count(), 2, "{text}");
    assert!(frames(&hls) > 6 * RATE, "{text}");
    conforms(&asset);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_does_not_record_leaves_no_asset() {
    let server = Server::with(ServerOptions::all(&[])).await;
    let client = server.client();
    let channel = channel(&client, &["--no-recording"]).await;
    sent(encoder(&channel, 3 * RATE)).await;
    reaches(&client, &channel, "ended").await;
    let assets = client.get("/api/v1/assets").await.json();
    assert_eq!(assets["items"].as_array().map(Vec::len), Some(0), "{assets}");
    assert!(shown(&client, &channel).await["broadcast"]["asset"].is_null());
}
