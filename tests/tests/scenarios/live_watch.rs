//! Every obligation of low-latency HLS over a session that ffmpeg feeds: straight from the server, and through nginx
//! as a CDN.

use std::{net::TcpListener, path::Path, process::Stdio, time::Duration};

use conformance::live::Allowance;
use serde_json::{Value, json};
use tests::{Server, ServerOptions, Viewing, asked, eventually};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

/// Longer than the window below, so that segments leave it.
const SECONDS: u64 = 55;
/// Through nginx, what its cache does shows sooner.
const SECONDS_CACHED: u64 = 25;
/// A window that delta updates can skip in: six target durations and a segment.
const DVR_SECONDS: u32 = 42;

async fn channel(server: &Server) -> Value {
    let new = json!({"name": "watched", "visibility": "public", "dvr_seconds": DVR_SECONDS, "rungs": []});
    let made = server
        .client()
        .send(
            http::Method::POST,
            "/api/v1/channels",
            &[("content-type", "application/json")],
            new.to_string(),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

/// The real ffmpeg, sending pictures and sound as fast as they are shown.
fn encoder(channel: &Value) -> Child {
    let address = format!("{}/{}", text(channel, "rtmp"), text(channel, "key"));
    let pictures = ["-re", "-f", "lavfi", "-i", "testsrc=size=640x360:rate=30"];
    let sound = ["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
    let video = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-tune",
        "zerolatency",
        "-g",
        "60",
        "-b:v",
        "600k",
        "-pix_fmt",
        "yuv420p",
    ];
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "error"])
        .args(pictures)
        .args(sound)
        .args(video)
        .args(["-c:a", "aac", "-f", "flv", &address]);
    command.stdin(Stdio::null()).kill_on_drop(true).spawn().expect("ffmpeg starts")
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// nginx with the delivered configuration, on a free port before the server at `backend`; ends with the value.
async fn nginx(place: &Path, backend: &str) -> (Child, String) {
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let delivered = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/nginx-cdn.conf");
    let mut text = std::fs::read_to_string(delivered).expect("the configuration");
    let folder = place.display();
    for (old, new) in [
        ("server 127.0.0.1:8080;", format!("server {backend};")),
        ("listen 80;", format!("listen 127.0.0.1:{port};")),
        ("/var/cache/nginx/nexus", format!("{folder}/cache")),
        (
            "worker_processes auto;",
            format!("worker_processes 1; daemon off; pid {folder}/pid; error_log stderr;"),
        ),
        (
            "http {",
            ["client_body", "fastcgi", "uwsgi", "scgi", "proxy"]
                .iter()
                .fold("http { access_log off;".to_owned(), |all, name| {
                    all + &format!(" {name}_temp_path {folder}/{name};")
                }),
        ),
    ] {
        assert!(text.contains(old), "{old}");
        text = text.replacen(old, &new, 1);
    }
    let configuration = place.join("nginx.conf");
    std::fs::write(&configuration, text).expect("written");
    let mut command = Command::new("nginx");
    command.arg("-p").arg(place).arg("-c").arg(&configuration).stdin(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().expect("nginx starts");
    eventually("nginx to listen", async || {
        assert!(child.try_wait().expect("it can be asked").is_none(), "nginx ended");
        TcpStream::connect(("127.0.0.1", port)).await.ok()
    })
    .await;
    (child, format!("http://127.0.0.1:{port}"))
}

fn judge(viewing: &Viewing, seconds: u64) {
    let Viewing { findings, watched } = viewing;
    println!("{watched:?}");
    let listed: Vec<String> =
        findings.iter().map(|finding| format!("{} {finding}", finding.resource)).collect();
    assert!(listed.is_empty(), "{} findings:\n{}", listed.len(), listed.join("\n"));
    // Two renditions of five parts a second and a segment in four; of each list in three, one is whole.
    let least = [
        (watched.lists, 2 * seconds),
        (watched.deltas, seconds.saturating_sub(45)),
        (watched.blocked, 5 * seconds),
        (watched.parts + watched.hinted, 6 * seconds),
        // A hinted part and the list that names it come at once: half of them count as hinted.
        (watched.hinted, 2 * seconds),
        (watched.segments, seconds / 3),
        (watched.headers, 2),
        (watched.refused, 3 * seconds / 2),
    ];
    assert!(least.iter().all(|(count, least)| count >= least), "{watched:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_finds_no_violation_straight_from_the_server() {
    let server = Server::with(ServerOptions::all(&[])).await;
    let channel = channel(&server).await;
    let _encoder = encoder(&channel);
    let seconds = asked("NEXUS_TEST_LIVE_SECONDS", SECONDS);
    let allowance = Allowance { jitter_us: 2_000_000 };
    let viewing = tests::watch(text(&channel, "hls"), Duration::from_secs(seconds), allowance).await;
    judge(&viewing, seconds);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_finds_no_violation_through_nginx_as_a_cdn() {
    let server = Server::with(ServerOptions::all(&[])).await;
    let channel = channel(&server).await;
    let _encoder = encoder(&channel);
    let place = tempfile::tempdir().expect("a temporary folder");
    let backend = server.url.rsplit("//").next().unwrap_or_default();
    let (_nginx, url) = nginx(place.path(), backend).await;
    let hls = text(&channel, "hls").replacen(&server.url, &url, 1);
    assert!(hls.starts_with(&url), "{hls}");
    let seconds = asked("NEXUS_TEST_LIVE_SECONDS", SECONDS_CACHED);
    let allowance = Allowance { jitter_us: 2_000_000 };
    let viewing = tests::watch(&hls, Duration::from_secs(seconds), allowance).await;
    judge(&viewing, seconds);
}
