//! Health and metrics of every role, and of every service by its name.

use std::process::Stdio;

use http::Method;
use tests::{Answer, Client, Server, ServerOptions, binary, eventually};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

const TOKEN: &str = "telemetry.metrics_token=watching";

async fn watched(client: &Client, path: &str) -> Answer {
    client.send(Method::GET, path, &[("authorization", "Bearer watching")], "").await
}

/// What every role answers alike.
async fn checked(stranger: &Client, component: &str) {
    let settled = eventually("the role to be well", async || {
        let report = watched(stranger, "/health").await;
        let names = report.json()["components"].as_array().cloned().unwrap_or_default();
        (report.status == 200 && names.iter().any(|part| part["name"] == component)).then_some(report)
    });
    assert_eq!(settled.await.json()["status"], "ok");
    assert_eq!(stranger.get("/health").await.json()["components"].as_array().map(Vec::len), Some(0));
    assert_eq!(stranger.get("/health/live").await.status, 204);
    assert_eq!(stranger.get("/health/ready").await.status, 204);
    assert_eq!(stranger.get("/metrics").await.status, 401);
    let metrics = watched(stranger, "/metrics").await;
    assert!(metrics.text().contains("nexus_build_info{"), "{}", metrics.text());
    assert_eq!(stranger.get("/health/nonsense").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_tells_how_it_fares() {
    let origin = Server::with(ServerOptions::command("origin", &[TOKEN])).await;
    checked(&origin.stranger(), "database").await;
    for name in ["backend-api", "auth-service", "key-service", "scheduler", "content-management"] {
        let answer = origin.stranger().get(&format!("/health/{name}")).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["state"]), (200, &"ok".into()), "{name}");
    }
    assert_eq!(origin.stranger().get("/health/streamcore").await.status, 404, "no transcoder here");

    let transcoder = origin.beside(ServerOptions::command("transcoder", &[TOKEN])).await;
    let desk = Client::new(&transcoder.url, None);
    checked(&desk, "sandbox").await;
    assert!(matches!(desk.get("/health/streamcore").await.json()["state"].as_str(), Some("ok" | "degraded")));
    assert_eq!(desk.get("/health/backend-api").await.status, 404);
    assert_eq!(desk.get("/api/v1/version").await.status, 404, "nothing but health");

    let upstream = format!("edge.upstream={}", origin.url);
    let edge = origin.beside(ServerOptions::command("edge", &[TOKEN, &upstream])).await;
    checked(&edge.stranger(), "edge-keys").await;
    assert_eq!(edge.stranger().get("/health/streaming-service").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_small_edge_binary_serves() {
    let origin = Server::with(ServerOptions::command("origin", &[TOKEN])).await;
    let program = binary().with_file_name("nexus-edge");
    let arguments = ["--upstream", &origin.url, "--listen", "127.0.0.1:0", "--set", TOKEN];
    let mut command = Command::new(&program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("nexus-edge starts; build it with: cargo build -p edge");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let line = lines.next_line().await.expect("read").expect("a line");
    let url = line.strip_prefix("nexus edge is ready on ").expect("where it is");
    checked(&Client::new(url, None), "edge-keys").await;
}
