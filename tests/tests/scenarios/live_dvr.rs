//! Broadcasts on disk and in the store: what was listed can be fetched again, also after the server was killed.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use http::Method;
use serde_json::{Value, json};
use tests::{Client, Server, eventually, hls};
use tokio::process::{Child, Command};

/// An encoder that sends until it is killed: pictures with a key frame every second, and a tone.
fn encode(line: &Value) -> Child {
    let text = |name: &str| line[name].as_str().unwrap_or_default();
    let address = format!("{}/{}", text("rtmp"), text("key"));
    Command::new("ffmpeg")
        .args(["-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30"])
        .args(["-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "120"])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-bf", "0", "-pix_fmt", "yuv420p"])
        .args(["-c:a", "aac", "-f", "flv", &address])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("ffmpeg is installed")
}

/// The media lists of a channel by rendition.
async fn lists(client: &Client, channel: &str) -> BTreeMap<String, String> {
    let entry = format!("{}/live/{channel}/hls.m3u8", client.url());
    eventually("the lists of the channel", async || {
        let answer = client.get(&entry).await;
        let found = hls::addresses(&entry, &answer.text());
        let named = found.into_iter().filter_map(|address| {
            let name = address.rsplit('/').next()?.strip_suffix(".m3u8")?.to_owned();
            Some((name, address))
        });
        let named: BTreeMap<String, String> = named.collect();
        (answer.status == 200 && named.contains_key("source")).then_some(named)
    })
    .await
}

/// The numbers of the whole segments that a list names, and those of them that are gaps.
fn whole(text: &str) -> BTreeMap<u64, bool> {
    let mut gap = false;
    let mut found = BTreeMap::new();
    for line in text.lines() {
        if line == "#EXT-X-GAP" {
            gap = true;
        } else if !line.starts_with('#')
            && let Some(number) = line.rsplit('/').next().and_then(|file| file.strip_suffix(".m4s"))
        {
            found.insert(number.parse().expect("a number"), std::mem::take(&mut gap));
        }
    }
    found
}

/// Waits until a list names a whole segment of at least this number; its text.
async fn until_segment(client: &Client, list: &str, msn: u64) -> String {
    eventually("the list to grow", async || {
        let text = client.get(list).await.text();
        whole(&text).last_key_value().is_some_and(|(last, _)| *last >= msn).then_some(text)
    })
    .await
}

async fn channel(client: &Client) -> Value {
    let wanted = json!({"name": "event", "visibility": "public", "rungs": [], "dvr_seconds": null});
    let json = [("content-type", "application/json")];
    let made = client.send(Method::POST, "/api/v1/channels", &json, wanted.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

fn identifier(line: &Value) -> String {
    line["id"].as_str().or(line["channel"].as_str()).unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_segment_is_what_its_parts_were() {
    let server = Server::start().await;
    let client = server.client();
    let made = channel(&client).await;
    let _encoder = encode(&made);
    let source = lists(&client, &identifier(&made)).await["source"].clone();
    let base = source.strip_suffix(".m3u8").expect("a list").to_owned();
    until_segment(&client, &source, 0).await;
    let text = client.get(&source).await.text();
    let names: Vec<String> = text
        .lines()
        .filter(|line| line.starts_with("#EXT-X-PART:"))
        .filter_map(|line| hls::attribute(line, "URI"))
        .filter(|uri| uri.contains("/0."))
        .collect();
    assert!(names.len() > 3, "the first segment shows its parts: {text}");
    let mut parts = Vec::new();
    for name in &names {
        let answer = client.get(&hls::join(&source, name)).await;
        assert_eq!(answer.status, 200, "{name}");
        parts.extend_from_slice(&answer.body);
    }
    // By then its parts are listed no more, and it is not in memory: three target durations, and as long again.
    tokio::time::sleep(Duration::from_secs(45)).await;
    until_segment(&client, &source, 9).await;
    let old = client.get(&format!("{base}/0.m4s")).await;
    assert_eq!(old.status, 200);
    assert!(old.body[..] == parts[..], "it is the parts, one behind the other");
    let some = [("range", "bytes=10-99")];
    let ranged = client.send(Method::GET, &format!("{base}/0.m4s"), &some, "").await;
    assert_eq!(ranged.status, 206);
    assert_eq!(ranged.body[..], parts[10..100]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_goes_on_where_it_was() {
    let mut server = Server::start().await;
    let client = server.client();
    let made = channel(&client).await;
    let id = identifier(&made);
    let mut encoder = encode(&made);
    let before = lists(&client, &id).await;
    let text = until_segment(&client, &before["source"], 2).await;
    server.kill().await;
    encoder.kill().await.expect("killed");
    server.restart().await;
    let client = server.client();
    let shown = client.get(&format!("/api/v1/channels/{id}")).await.json();
    // The listener for encoders may be at another port now.
    let again = json!({"rtmp": shown["rtmp"], "key": made["key"]});
    let _encoder = encode(&again);
    let after = lists(&client, &id).await;
    assert_eq!(after.len(), before.len(), "{after:?}");
    for (name, list) in &before {
        assert_eq!(after[name].split("/live/").nth(1), list.split("/live/").nth(1), "the same broadcast");
    }
    let (listed, source) = (whole(&text), &after["source"]);
    let last = *listed.last_key_value().expect("segments").0;
    let text = until_segment(&client, source, last + 3).await;
    let goes_on = whole(&text);
    assert!(listed.keys().all(|msn| goes_on.contains_key(msn)), "no segment disappeared: {text}");
    assert_eq!(goes_on.len() as u64, goes_on.last_key_value().expect("segments").0 + 1, "{text}");
    assert!(text.contains("#EXT-X-DISCONTINUITY\n"), "{text}");
    assert!(!goes_on.values().any(|gap| *gap), "all that was listed was on disk: {text}");
    for uri in hls::addresses(source, &text) {
        assert_eq!(client.get(&uri).await.status, 200, "{uri}");
    }
    for part in text.lines().filter(|line| line.starts_with("#EXT-X-PART:")) {
        let uri = hls::join(source, &hls::attribute(part, "URI").expect("a URI"));
        assert_eq!(client.get(&uri).await.status, 200, "{uri}");
    }
}
