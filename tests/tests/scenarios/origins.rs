//! Two origins on one database and object store: an upload goes on at either, and at one at a time.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::Method;
use rustix::process::Signal;
use sha2::{Digest, Sha256};
use tests::{Answer, Client, Server, ServerOptions, clip, eventually};

const TUS: (&str, &str) = ("tus-resumable", "1.0.0");

fn options() -> ServerOptions {
    ServerOptions::all(&["transcode.lease_seconds=3"])
}

struct Film {
    bytes: Bytes,
    path: String,
    asset: String,
}

impl Film {
    async fn begin(client: &Client) -> Self {
        let bytes = Bytes::from(std::fs::read(clip(14, "640x360", "25", &[])).expect("the film"));
        let length = bytes.len().to_string();
        let created = client.send(Method::POST, "/files", &[TUS, ("upload-length", &length)], "").await;
        let location = created.header("location");
        let path = location[location.find("/files/").expect("a path")..].to_owned();
        Self { bytes, path, asset: created.header("nexus-asset").to_owned() }
    }

    /// Sends the bytes from `at` in small pieces with pauses.
    async fn send_slowly(&self, client: &Client, at: usize) -> anyhow::Result<Answer> {
        let pieces: Vec<Bytes> = self.bytes[at..].chunks(8 << 10).map(Bytes::copy_from_slice).collect();
        let paced = stream::unfold(pieces.into_iter(), async |mut pieces| {
            tokio::time::sleep(Duration::from_millis(10)).await;
            pieces.next().map(|piece| (Ok::<_, std::io::Error>(piece), pieces))
        });
        self.send(client, at, Body::from_stream(Box::pin(paced))).await
    }

    async fn send(&self, client: &Client, at: usize, body: Body) -> anyhow::Result<Answer> {
        let offset = at.to_string();
        let headers =
            [TUS, ("content-type", "application/offset+octet-stream"), ("upload-offset", offset.as_str())];
        client.try_send(Method::PATCH, &self.path, &headers, body).await
    }

    async fn offset(&self, client: &Client) -> usize {
        let head = client.send(Method::HEAD, &self.path, &[TUS], "").await;
        head.header("upload-offset").parse().unwrap_or_else(|_| panic!("{head:?}"))
    }

    /// Waits until somebody writes: a request of nothing is refused.
    async fn being_written(&self, client: &Client) {
        // The question is a writer too: it must not come before the one it asks about.
        tokio::time::sleep(Duration::from_millis(100)).await;
        eventually("a writer to begin", async || {
            let sent = self.send(client, 0, Body::empty()).await.expect("an answer");
            (sent.status == 409).then_some(())
        })
        .await;
    }

    /// Goes on as a patient client does: asks where the upload stands, sends the rest, and tries again when refused.
    async fn finish(&self, client: &Client) -> usize {
        let mut refusals = 0;
        eventually("the rest to be taken", async || {
            let at = self.offset(client).await;
            let sent = self.send(client, at, self.bytes.slice(at..).into()).await.expect("an answer");
            if sent.status == 204 {
                return Some(());
            }
            refused(&sent);
            refusals += 1;
            tokio::time::sleep(Duration::from_millis(500)).await;
            None
        })
        .await;
        refusals
    }

    async fn arrived(&self, client: &Client) {
        let asset = client.settled(&self.asset).await;
        let expected: String = Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(asset["source"]["sha256"], expected.as_str(), "{asset}");
        assert_eq!(asset["state"], "ready", "{asset}");
    }
}

/// Asserts that an answer is what a second writer gets.
fn refused(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (409, "conflict"), "{answer:?}");
    let wait: u64 = answer.header("retry-after").parse().expect("a time to wait");
    assert!((1..=6).contains(&wait), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_at_two_origins_one_wins() {
    let server = Server::with(options()).await;
    let beside = server.beside(ServerOptions::command("origin", &[])).await;
    let (one, other) = (server.client(), Client::new(&beside.url, Some(server.key())));
    let film = Film::begin(&one).await;
    let (first, second) = tokio::join!(film.send_slowly(&one, 0), film.send_slowly(&other, 0));
    let (first, second) = (first.expect("an answer"), second.expect("an answer"));
    let (won, lost) = if first.status == 204 { (first, second) } else { (second, first) };
    assert_eq!(won.status, 204, "{won:?}");
    refused(&lost);
    film.arrived(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_to_a_killed_origin_goes_on_at_another() {
    let mut server = Server::with(options()).await;
    let beside = server.beside(ServerOptions::all(&["transcode.lease_seconds=3"])).await;
    let (one, other) = (server.client(), Client::new(&beside.url, Some(server.key())));
    let film = Film::begin(&one).await;
    let sending = film.send_slowly(&one, 0);
    tokio::select! {
        sent = sending => panic!("it was faster than the kill: {sent:?}"),
        () = film.being_written(&other) => server.kill().await,
    }
    let refusals = film.finish(&other).await;
    assert!((1..=40).contains(&refusals), "it was refused {refusals} times, for as long as the lease lasted");
    film.arrived(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_wakes_after_its_lease_spoils_nothing() {
    let server = Server::with(options()).await;
    let beside = server.beside(ServerOptions::all(&["transcode.lease_seconds=3"])).await;
    let (one, other) = (server.client(), Client::new(&beside.url, Some(server.key())));
    let film = Film::begin(&one).await;
    let stop_and_go_on = async {
        film.being_written(&other).await;
        server.signal(Signal::STOP);
        tokio::time::sleep(Duration::from_secs(7)).await;
        let at = film.offset(&other).await;
        let sent = film.send(&other, at, film.bytes.slice(at..).into()).await.expect("an answer");
        server.signal(Signal::CONT);
        sent
    };
    let (late, sent) = tokio::join!(film.send_slowly(&one, 0), stop_and_go_on);
    refused(&late.expect("an answer"));
    if sent.status != 204 {
        // In a folder the kernel's lock is the stopped process's until it wakes.
        refused(&sent);
        film.finish(&other).await;
    }
    film.arrived(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_origin_takes_its_upload_up_at_once() {
    let mut server = Server::with(options()).await;
    let film = Film::begin(&server.client()).await;
    let client = server.client();
    tokio::select! {
        sent = film.send_slowly(&client, 0) => panic!("it was faster than the kill: {sent:?}"),
        () = film.being_written(&client) => server.kill().await,
    }
    server.restart().await;
    assert_eq!(film.finish(&server.client()).await, 0);
    film.arrived(&server.client()).await;
}
