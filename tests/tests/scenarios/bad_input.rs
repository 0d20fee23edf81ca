//! What is sent in error or in malice: a clear refusal, bounded, and a server that goes on.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use http::Method;
use serde_json::Value;
use tests::{Server, clip};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

fn ffmpeg(arguments: &[&str], to: &Path) {
    let status = Command::new("ffmpeg").args(["-y", "-v", "error"]).args(arguments).arg(to).status();
    assert!(status.expect("ffmpeg runs").success(), "{arguments:?}");
}

/// Files that are no films, and what the creator is told of each.
fn bad_files(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let film = clip(4, "320x180", "25", &["--silent"]);
    let film_text = film.to_string_lossy();
    let whole = std::fs::read(&film).expect("the film");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    let encrypted = folder.join("encrypted.mp4");
    let key = "00112233445566778899aabbccddeeff";
    let protect = [
        "-i",
        &film_text,
        "-c",
        "copy",
        "-encryption_scheme",
        "cenc-aes-ctr",
        "-encryption_key",
        key,
        "-encryption_kid",
        key,
    ];
    ffmpeg(&protect, &encrypted);
    let wide = folder.join("wide.mkv");
    ffmpeg(&["-f", "lavfi", "-i", "color=size=16384x16:rate=1:duration=1", "-c:v", "ffv1"], &wide);
    let endless = folder.join("endless.mkv");
    let loop_for_years =
        ["-f", "lavfi", "-i", "color=size=32x32:rate=1/100000:duration=9000000", "-c:v", "ffv1"];
    ffmpeg(&loop_for_years, &endless);
    vec![
        (write("empty.mp4", b""), "empty"),
        (
            write("renamed.mp4", "These are words, not pictures.\n".repeat(200).as_bytes()),
            "not an audio or video file",
        ),
        (write("truncated.mp4", &whole[..300]), ""),
        (write("zeros.mp4", &vec![0; 100_000]), ""),
        (encrypted, "encrypted"),
        (wide, "8192"),
        (endless, "long"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_films_fail_with_a_reason() {
    let server = Server::start().await;
    let client = server.client();
    let folder = tempfile::tempdir().expect("temp dir");
    for (file, word) in bad_files(folder.path()) {
        let line = client.upload(&file, &["--wait"]).await;
        let reason = line["reason"].as_str().unwrap_or_default();
        println!("{}: {reason}", file.display());
        assert_eq!(line["state"], "failed", "{}: {line}", file.display());
        assert!(reason.len() > 10 && reason.to_lowercase().contains(word), "{}: {reason}", file.display());
    }
    // Untouched: the next good film is made as ever.
    client.ready(&clip(4, "320x180", "25", &["--silent"]), &[]).await;
}

fn problem_of(answer: &tests::Answer) -> (u16, String) {
    let body: Value = answer.json();
    assert_eq!(body["status"], answer.status.as_u16(), "{body}");
    assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()), "{body}");
    (answer.status.as_u16(), answer.problem())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_get_problems() {
    let server = Server::start().await;
    let (client, stranger) = (server.client(), server.stranger());
    assert_eq!(problem_of(&client.get("/api/v1/nothing").await).0, 404);
    assert_eq!(problem_of(&stranger.get("/api/v1/assets").await).0, 401);
    assert_eq!(problem_of(&stranger.get("/metrics").await).0, 401);
    assert_eq!(problem_of(&client.send(Method::PUT, "/api/v1/assets", &[], "").await).0, 405);
    assert_eq!(problem_of(&client.get("/api/v1/assets?limit=0").await).0, 400);
    assert_eq!(problem_of(&client.get("/api/v1/assets/../keys").await).0, 404);
    let json = ("content-type", "application/json");
    let asset = "/api/v1/assets/01h00000000000000000000000";
    assert_eq!(problem_of(&client.send(Method::PATCH, asset, &[json], "{\"title\":").await).0, 400);
    assert_eq!(problem_of(&client.send(Method::PATCH, asset, &[json], "{\"titel\":\"x\"}").await).0, 422);
    assert_eq!(problem_of(&client.send(Method::PATCH, asset, &[json], "{\"title\":\"x\"}").await).0, 404);
    assert_eq!(problem_of(&client.send(Method::PATCH, asset, &[], "{}").await).0, 415);
    let large = format!("{{\"title\":\"{}\"}}", "x".repeat(1 << 20));
    assert_eq!(problem_of(&client.send(Method::PATCH, asset, &[json], large).await).0, 413);
}

/// Sends bytes as they are and reads what comes until the server closes or answers.
async fn raw(server: &Server, request: &[u8]) -> String {
    let address = server.url.trim_start_matches("http://");
    let mut socket = TcpStream::connect(address).await.expect("connected");
    // A server that has seen enough may close before all is sent.
    let _ = socket.write_all(request).await;
    let mut answer = vec![0; 4096];
    let len = timeout(Duration::from_secs(60), socket.read(&mut answer))
        .await
        .expect("an end in time")
        .unwrap_or(0);
    String::from_utf8_lossy(&answer[..len]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn tricks_below_http_are_refused_or_neutral() {
    let server = Server::start().await;
    let host = "Host: x\r\nConnection: close\r\n";
    for path in [
        "/media/../../etc/passwd",
        "/media/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2fCargo.toml",
        "/p//media/x/hls.m3u8",
    ] {
        let answer = raw(&server, format!("GET {path} HTTP/1.1\r\n{host}\r\n").as_bytes()).await;
        let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
        assert!(["400", "404"].contains(&status.as_str()), "{path}: {answer}");
    }
    let header = format!("GET / HTTP/1.1\r\n{host}X: {}\r\n\r\n", "a".repeat(200_000));
    let answer = raw(&server, header.as_bytes()).await;
    assert!(answer.contains(" 431 ") || answer.is_empty(), "{answer}");
    let answer = raw(&server, b"NONSENSE\r\n\r\n").await;
    assert!(answer.contains(" 400 ") || answer.is_empty(), "{answer}");
    assert_eq!(server.stranger().get("/health").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stalls_is_let_go_and_what_came_is_kept() {
    let server = Server::with(tests::ServerOptions::all(&["upload.stall_seconds=1"])).await;
    let client = server.client();
    let created = client
        .send(Method::POST, "/files", &[("tus-resumable", "1.0.0"), ("upload-length", "100")], "")
        .await;
    let location = created.header("location").to_owned();
    let path = &location[location.find("/files/").expect("a path")..];
    let request = format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: 100\r\n\r\nhello",
        server.key()
    );
    let answer = raw(&server, request.as_bytes()).await;
    assert!(answer.contains(" 408 "), "{answer}");
    let head = client.send(Method::HEAD, path, &[("tus-resumable", "1.0.0")], "").await;
    assert_eq!(head.header("upload-offset"), "5");
}
