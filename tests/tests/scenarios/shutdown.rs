//! The end of a process: load balancers are told at once, what runs is finished or kept.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::Method;
use rustix::process::Signal;
use tests::{Server, ServerOptions, clip, eventually};

const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const PIECE: &[u8] = &[7; 1024];

/// A body that would take an hour to arrive.
fn trickle() -> Body {
    Body::from_stream(Box::pin(stream::unfold((), async |()| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(PIECE)), ()))
    })))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_in_progress_is_answered_and_goes_on_where_it_stood() {
    let options = ServerOptions::all(&["server.shutdown_grace_seconds=4", "transcode.workers=0"]);
    let mut server = Server::with(options).await;
    let client = server.client();
    let created = client.send(Method::POST, "/files", &[TUS, ("upload-length", "100000000")], "").await;
    let location = created.header("location").to_owned();
    let offset = async || {
        let head = client.send(Method::HEAD, &location, &[TUS], "").await;
        head.header("upload-offset").parse::<u64>().unwrap_or_else(|_| panic!("{head:?}"))
    };
    let headers = [TUS, ("content-type", "application/offset+octet-stream"), ("upload-offset", "0")];
    let sending = client.try_send(Method::PATCH, &location, &headers, trickle());
    let telling = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        server.signal(Signal::TERM);
    };
    let (answer, ()) = tokio::join!(sending, telling);
    let answer = answer.expect("an answer, not a broken connection");
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (503, "unavailable"));
    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
    assert!(server.ended().await.success());
    server.restart().await;
    let kept = offset().await;
    assert!(kept > 0 && kept % PIECE.len() as u64 == 0, "{kept} bytes were kept");
    let more =
        [TUS, ("content-type", "application/offset+octet-stream"), ("upload-offset", &kept.to_string())];
    assert_eq!(client.send(Method::PATCH, &location, &more, PIECE).await.status, 204);
    assert_eq!(offset().await, kept + PIECE.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_ends_first_and_viewers_last() {
    let options = ServerOptions::all(&["server.shutdown_farewell_seconds=3"]);
    let mut server = Server::with(options).await;
    let asset = server.client().ready(&clip(3, "320x180", "25", &[]), &["--visibility", "public"]).await;
    let hls = asset["hls"].as_str().expect("an address").to_owned();
    assert_eq!(server.stranger().get("/health/ready").await.status, 204);
    server.signal(Signal::TERM);
    eventually("readiness to end", async || {
        let status = server.stranger().get("/health/ready").await.status;
        (status == 503).then_some(())
    })
    .await;
    // Connections of their own, as viewers have that a load balancer still sends.
    let viewer = server.stranger();
    assert_eq!(viewer.get(&hls).await.status, 200);
    assert_eq!(viewer.get("/health/live").await.status, 204);
    assert_eq!(viewer.get("/health/backend-api").await.status, 200);
    assert!(server.ended().await.success());
}
