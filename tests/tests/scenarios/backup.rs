//! A film is made, saved while the server runs, laid out elsewhere, and plays there byte for byte.

use std::path::Path;

use http::Method;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tests::{Client, Server, ServerOptions, clip};

const NAMES: [&str; 4] =
    ["video-180/init.mp4", "video-180/00000.m4s", "audio-0/init.mp4", "audio-0/00000.m4s"];

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// SHA-256 of what viewers get.
async fn media(client: &Client, id: &str) -> Vec<String> {
    let mut digests = Vec::new();
    for name in NAMES {
        let answer = client.get(&format!("/media/{id}/v1/{name}")).await;
        assert_eq!(answer.status, 200, "{name}");
        digests.push(Sha256::digest(&answer.body).iter().map(|byte| format!("{byte:02x}")).collect());
    }
    digests
}

async fn restore(server: &Server, from: &Path) -> TempDir {
    let data = tempfile::tempdir().expect("a temporary folder");
    let target = format!("data={}", data.path().display());
    let (done, said) = restore_to(server, from, &target).await;
    assert!(done, "{said}");
    data
}

/// The last word on `data` counts, which is `target`'s.
async fn restore_to(server: &Server, from: &Path, target: &str) -> (bool, String) {
    server.command(&["restore", text(from), "--set", target]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_saved_while_the_server_runs_plays_elsewhere() {
    let server = Server::start().await;
    let client = server.client();
    let asset = client.ready(&clip(6, "320x180", "25", &[]), &["--visibility", "public"]).await;
    let id = asset["id"].as_str().expect("an id");
    let expected = media(&client, id).await;
    // An upload in progress is not part of a backup, and does not hold it up.
    let headers = [("tus-resumable", "1.0.0"), ("upload-length", "1000")];
    let created = client.send(Method::POST, "/files", &headers, "").await;
    assert_eq!(created.status, 201);

    let kept = tempfile::tempdir().expect("a temporary folder");
    let (folder, tar) = (kept.path().join("folder"), kept.path().join("backup.tar"));
    let (done, said) = server.command(&["backup", text(&folder)]).await;
    assert!(done, "{said}");
    if said.contains("NOT saved") {
        assert!(said.contains("pg_dump") && folder.join("secrets/playback.key").exists(), "{said}");
        return;
    }
    let (done, said) = server.command(&["backup", text(&folder)]).await;
    assert!(done && !said.contains(" 0 there already"), "{said}");
    let (done, said) = server.command(&["backup", text(&tar)]).await;
    assert!(done, "{said}");
    assert!(!server.command(&["backup", text(&tar)]).await.0, "a tar file is never written over");

    for source in [&folder, &tar] {
        let restored = Server::on_data(restore(&server, source).await, ServerOptions::all(&[])).await;
        let theirs = restored.client();
        assert_eq!(theirs.asset(id).await["state"], "ready");
        assert_eq!(media(&theirs, id).await, expected);
        let location = created.header("location").replace(&server.url, &restored.url);
        let head = theirs.send(Method::HEAD, &location, &headers[..1], "").await;
        assert_eq!(head.status, 410, "an upload in progress starts over");
        let again = theirs.ready(&clip(3, "320x180", "25", &[]), &[]).await;
        assert_eq!(again["state"], "ready");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_never_restored_over_and_damage_is_noticed() {
    let server = Server::with(ServerOptions::all(&["transcode.workers=0"])).await;
    let kept = tempfile::tempdir().expect("a temporary folder");
    let (folder, tar) = (kept.path().join("folder"), kept.path().join("backup.tar"));
    for target in [&folder, &tar] {
        assert!(server.command(&["backup", text(target)]).await.0);
    }
    let (done, said) = server.command(&["restore", text(&folder)]).await;
    assert!(!done && said.contains("not empty"), "{said}");

    let secret = folder.join("secrets/playback.key");
    std::fs::write(&secret, "another key").expect("written");
    let bytes = std::fs::read(&tar).expect("read");
    std::fs::write(&tar, &bytes[..bytes.len() / 2]).expect("written");
    for source in [&folder, &tar] {
        let data = tempfile::tempdir().expect("a temporary folder");
        let (done, said) = restore_to(&server, source, &format!("data={}", data.path().display())).await;
        assert!(!done, "{said}");
        let left = std::fs::read_dir(data.path()).expect("read").count();
        assert_eq!(left, 0, "nothing of a damaged backup stays: {said}");
    }
}
