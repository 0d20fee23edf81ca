//! The client against real servers.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, body::Body, extract::DefaultBodyLimit, routing};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, StatusCode, Uri};
use httpkit::{
    Limits,
    client::{Client, ClientError, ClientOptions, collect},
    outbound::Reach,
    serve,
};
use lifecycle::Tasks;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

async fn start(router: Router) -> (SocketAddr, Tasks) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let tasks = Tasks::new();
    let own = tasks.clone();
    tasks.spawn("listener", async move { serve(listener, router, Limits::default(), &own).await });
    (address, tasks)
}

/// Takes one connection, reads until `needle`, sends `answer` and keeps the connection open or not.
async fn raw(needle: &'static str, answer: &'static [u8], keep: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    Tasks::new().spawn("raw", async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(needle) {
            if stream.read_buf(&mut seen).await.expect("a request") == 0 {
                return;
            }
        }
        stream.write_all(answer).await.expect("sent");
        if keep {
            std::future::pending::<()>().await;
        }
    });
    address
}

fn uri(address: SocketAddr, path: &str) -> Uri {
    format!("http://{address}{path}").parse().expect("a uri")
}

fn quick() -> Client {
    Client::new(ClientOptions {
        connect_timeout: Duration::from_millis(500),
        response_timeout: Duration::from_millis(200),
        body_idle: Duration::from_millis(200),
        ..ClientOptions::default()
    })
}

#[tokio::test]
async fn whole_answers_are_bounded() {
    let router = Router::new().route("/", routing::get(async || "0123456789"));
    let (address, _tasks) = start(router).await;
    let fetched = quick().get_bytes(&uri(address, "/"), 10).await.expect("fits");
    assert_eq!((fetched.status, &fetched.bytes[..]), (StatusCode::OK, &b"0123456789"[..]));
    let refused = quick().get_bytes(&uri(address, "/"), 9).await;
    assert!(matches!(refused, Err(ClientError::TooLong(9))), "{refused:?}");
    let missing = quick().get_bytes(&uri(address, "/none"), 10).await.expect("an answer");
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn uploads_stream_and_may_take_longer_than_the_answer_may() {
    let count = async |body: Bytes| body.len().to_string();
    let router = Router::new().route("/", routing::post(count)).layer(DefaultBodyLimit::max(1 << 20));
    let (address, _tasks) = start(router).await;
    let pieces = stream::iter(0..8).then(async |_| {
        tokio::time::sleep(Duration::from_millis(60)).await;
        Ok::<_, std::io::Error>(Bytes::from(vec![7; 1000]))
    });
    let request = Request::post(uri(address, "/")).body(Body::from_stream(pieces)).expect("a request");
    let response = quick().send(request).await.expect("an answer");
    assert_eq!(collect(response.into_body(), 100).await.expect("a body"), "8000");
}

#[tokio::test]
async fn failures_say_what_happened() {
    let send = async |target: &str| quick().get_bytes(&target.parse().expect("a uri"), 100).await;
    for target in ["/relative", "ftp://127.0.0.1/", "127.0.0.1:80"] {
        assert!(matches!(send(target).await, Err(ClientError::Url(_))), "{target}");
    }
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    assert!(matches!(send(&format!("http://{free}/")).await, Err(ClientError::Connect { .. })));
    let silent = raw("\r\n\r\n", b"", true).await;
    assert!(matches!(send(&format!("http://{silent}/")).await, Err(ClientError::TimedOut(_))));
    let gone = raw("\r\n\r\n", b"", false).await;
    assert!(matches!(send(&format!("http://{gone}/")).await, Err(ClientError::Broken(_))));
    let nonsense = raw("\r\n\r\n", b"hello\r\n\r\n", false).await;
    assert!(matches!(send(&format!("http://{nonsense}/")).await, Err(ClientError::Broken(_))));
    let short = raw("\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345", false).await;
    assert!(matches!(send(&format!("http://{short}/")).await, Err(ClientError::Body(_))));
    let stalled = raw("\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345", true).await;
    assert!(matches!(send(&format!("http://{stalled}/")).await, Err(ClientError::Body(_))));
}

#[tokio::test]
async fn https_begins_with_a_tls_handshake_and_refuses_a_server_that_speaks_none() {
    let plain = raw("\x16\x03", b"HTTP/1.1 400 Bad Request\r\n\r\n", false).await;
    let answer = quick().get_bytes(&format!("https://{plain}/").parse().expect("a uri"), 100).await;
    assert!(matches!(answer, Err(ClientError::Connect { .. })), "{answer:?}");
}

#[tokio::test]
async fn a_client_for_the_public_internet_connects_to_nothing_else() {
    let (address, _tasks) = start(Router::new().route("/", routing::get(async || "inside"))).await;
    let options = ClientOptions { reach: Reach::Public, ..ClientOptions::default() };
    let (outside, inside) = (Client::new(options), quick());
    // By address, by name, and by spellings of an address that only the resolver reads as one.
    for host in ["127.0.0.1", "localhost", "2130706433", "127.1", "0x7f000001", "[::ffff:127.0.0.1]"] {
        let target: Uri = format!("http://{host}:{}/", address.port()).parse().expect("a uri");
        let refused = outside.get_bytes(&target, 100).await;
        assert!(matches!(refused, Err(ClientError::NotPublic(_))), "{host}: {refused:?}");
    }
    assert_eq!(inside.get_bytes(&uri(address, "/"), 100).await.expect("an answer").bytes, "inside");
    assert_eq!(
        quick()
            .get_bytes(&format!("http://localhost:{}/", address.port()).parse().expect("a uri"), 100)
            .await
            .expect("an answer")
            .bytes,
        "inside"
    );
}
