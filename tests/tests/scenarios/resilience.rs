//! kill -9 at any time: uploads go on at the last durable byte, films become ready, and what comes out is the
//! same to the byte as if nothing had happened.

use std::{collections::BTreeMap, path::Path, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http::Method;
use rustix::process::{Pid, Signal, kill_process};
use tests::{Client, Server, ServerOptions, clip, digest, eventually};

/// Rounds in an ordinary run; `make soak` asks for more.
#[expect(clippy::disallowed_methods, reason = "how long to run is said from outside")]
fn rounds() -> u64 {
    std::env::var("NEXUS_TEST_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

fn film() -> std::path::PathBuf {
    clip(14, "640x360", "25", &[])
}

/// Several chunks, so that a kill finds some done and some not; leases short, so that nobody waits long.
fn options() -> ServerOptions {
    ServerOptions::all(&["transcode.chunk_seconds=6", "transcode.lease_seconds=3"])
}

/// SHA-256 of every media object of an asset, by its address.
async fn media(client: &Client, id: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (track, segments) in [("video-360", 3), ("video-234", 3), ("audio-0", 3)] {
        let names = (0..segments).map(|seq| format!("{seq:05}.m4s")).chain(["init.mp4".to_owned()]);
        for name in names {
            let answer = client.get(&format!("/media/{id}/v1/{track}/{name}")).await;
            assert_eq!(answer.status, 200, "{track}/{name}");
            found.insert(format!("{track}/{name}"), digest(&answer.body));
        }
    }
    found
}

/// Pauses that differ from round to round and are the same in every run.
fn pause(round: u64, spread_ms: u64) -> Duration {
    let mixed = (round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    Duration::from_millis(mixed % spread_ms)
}

async fn undisturbed() -> (String, BTreeMap<String, String>) {
    let server = Server::with(options()).await;
    let asset = server.client().ready(&film(), &[]).await;
    let id = asset["id"].as_str().expect("an id");
    (asset["source"]["sha256"].as_str().expect("a digest").to_owned(), media(&server.client(), id).await)
}

/// Waits, and then kills the first pipeline children it finds at work.
async fn kill_a_child(server: &Server, pause: Duration) {
    tokio::time::sleep(pause).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while tokio::time::Instant::now() < deadline {
        let children = server.children().into_iter().filter_map(|id| Pid::from_raw(id.cast_signed()));
        if children.filter(|child| kill_process(*child, Signal::KILL).is_ok()).count() > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("no pipeline child was there to be killed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_or_child_changes_nothing_in_the_end() {
    let (source, expected) = undisturbed().await;
    assert_eq!(source, digest(&std::fs::read(film()).expect("the film")));
    for round in 0..rounds() {
        let mut server = Server::with(options()).await;
        let line = server.client().upload(&film(), &[]).await;
        let id = line["asset"].as_str().expect("an asset").to_owned();
        if round % 2 == 0 {
            tokio::time::sleep(pause(round, 2500)).await;
            server.kill().await;
            server.restart().await;
        } else {
            kill_a_child(&server, pause(round, 1500)).await;
        }
        let asset = server.client().settled(&id).await;
        assert_eq!(asset["state"], "ready", "round {round}: {asset}");
        assert_eq!(asset["source"]["sha256"], source.as_str(), "round {round}");
        assert_eq!(media(&server.client(), &id).await, expected, "round {round}");
    }
}

/// Sends a film's bytes from `offset` in small pieces with pauses, so that there is a middle to be killed in.
async fn send_slowly(client: &Client, url: &str, film: &Path, offset: usize) -> anyhow::Result<u16> {
    let bytes = std::fs::read(film)?;
    let pieces: Vec<Bytes> = bytes[offset..].chunks(16 << 10).map(Bytes::copy_from_slice).collect();
    let paced = stream::unfold(pieces.into_iter(), async |mut pieces| {
        tokio::time::sleep(Duration::from_millis(3)).await;
        pieces.next().map(|piece| (Ok::<_, std::io::Error>(piece), pieces))
    });
    let headers = [
        ("tus-resumable", "1.0.0"),
        ("content-type", "application/offset+octet-stream"),
        ("upload-offset", &offset.to_string()),
    ];
    let body = axum::body::Body::from_stream(Box::pin(paced));
    Ok(client.try_send(Method::PATCH, url, &headers, body).await?.status.as_u16())
}

async fn offset(client: &Client, path: &str) -> usize {
    let head = client.send(Method::HEAD, path, &[("tus-resumable", "1.0.0")], "").await;
    head.header("upload-offset").parse().unwrap_or_else(|_| panic!("{head:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_survives_kills_at_any_byte() {
    let film = film();
    let length = std::fs::metadata(&film).expect("the film").len();
    for round in 0..rounds() {
        let mut server = Server::with(options()).await;
        let headers = [("tus-resumable", "1.0.0"), ("upload-length", &length.to_string())];
        let created = server.client().send(Method::POST, "/files", &headers, "").await;
        let location = created.header("location");
        let path = location[location.find("/files/").expect("a path")..].to_owned();
        for kill in 0..3 {
            let client = server.client();
            let at = offset(&client, &path).await;
            tokio::select! {
                sent = send_slowly(&client, &path, &film, at) => {
                    assert_eq!(sent.expect("an answer"), 204, "it was faster than the kill");
                    break;
                }
                () = tokio::time::sleep(pause(round * 3 + kill, 150)) => server.kill().await,
            }
            server.restart().await;
        }
        let client = server.client();
        let at = offset(&client, &path).await;
        if at < usize::try_from(length).expect("a small film") {
            assert_eq!(send_slowly(&client, &path, &film, at).await.expect("an answer"), 204);
        }
        let asset = client.settled(created.header("nexus-asset")).await;
        let expected = digest(&std::fs::read(&film).expect("the film"));
        assert_eq!(asset["source"]["sha256"], expected.as_str(), "round {round}: {asset}");
        assert_eq!(asset["state"], "ready", "round {round}: {asset}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_told_to_stop_ends_well_and_goes_on_later() {
    let mut server = Server::with(options()).await;
    let line = server.client().upload(&film(), &[]).await;
    eventually("work to begin", async || (!server.children().is_empty()).then_some(())).await;
    assert!(server.stop().await.success());
    server.restart().await;
    let asset = server.client().settled(line["asset"].as_str().expect("an asset")).await;
    assert_eq!(asset["state"], "ready", "{asset}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_log_nobody_reads_works_and_ends() {
    let mut server = Server::with(options()).await;
    server.close_log().await;
    let line = server.client().upload(&film(), &[]).await;
    let asset = server.client().settled(line["asset"].as_str().expect("an asset")).await;
    assert_eq!(asset["state"], "ready", "{asset}");
    assert!(server.stop().await.success());
}
