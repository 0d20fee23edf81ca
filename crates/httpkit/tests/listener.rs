//! The listener and the guard, over real sockets.

use std::{net::SocketAddr, time::Duration};

use axum::{Extension, Router, body::Body, routing};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use httpkit::{
    ClientAddr, Guard, Limits, Place, Problem, RequestId, TrustedProxies, fallbacks, guard, serve,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lifecycle::Tasks;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

struct Listener {
    address: SocketAddr,
    tasks: Tasks,
    ended: JoinHandle<std::io::Result<()>>,
}

async fn start(router: Router, limits: Limits) -> Listener {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let tasks = Tasks::new();
    let own = tasks.clone();
    let ended = tasks.spawn("listener", async move { serve(listener, router, limits, &own).await });
    Listener { address, tasks, ended }
}

fn dressed(router: Router) -> Router {
    guard(fallbacks(router), Guard::new(lifecycle::system()))
}

/// Sends raw bytes and reads until the server closes.
async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let mut answer = Vec::new();
    let (mut read, mut write) = stream.split();
    let (sent, got) = tokio::join!(write.write_all(request), read.read_to_end(&mut answer));
    sent.expect("the server takes everything, also what it refuses");
    got.expect("the server closes properly");
    String::from_utf8_lossy(&answer).into_owned()
}

fn assert_problem(answer: &str, status: u16, slug: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(answer.contains("content-type: application/problem+json"), "{answer}");
    assert!(answer.contains(&format!("urn:nexus:problem:{slug}")), "{answer}");
}

#[tokio::test]
async fn nonsense_and_oversize_get_problems() {
    let router = dressed(Router::new().route("/", routing::get(async || "home")));
    let server = start(router, Limits::default()).await;
    let one_big = format!("GET / HTTP/1.1\r\nhost: x\r\nx-big: {}\r\n\r\n", "a".repeat(1 << 20));
    let guarded =
        format!("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-big: {}\r\n\r\n", "a".repeat(40 << 10));
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(2_000));
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "a".repeat(20_000));
    for (request, status, slug) in [
        ("\x00\x01\x02 nonsense\r\n\r\n", 400, "bad-request"),
        ("GET / HTTP/1.1\r\nhost : x\r\n\r\n", 400, "bad-request"),
        ("GET / HTTP/9.9\r\n\r\n", 400, "bad-request"),
        ("GET / HTTP/1.1\r\nconnection: close\r\n\r\n", 400, "bad-request"),
        ("GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\nconnection: close\r\n\r\n", 400, "bad-request"),
        (one_big.as_str(), 431, "headers-too-large"),
        (guarded.as_str(), 431, "headers-too-large"),
        (many.as_str(), 431, "headers-too-large"),
        (long.as_str(), 414, "uri-too-long"),
        ("GET /none HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 404, "not-found"),
        ("PUT / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 405, "method-not-allowed"),
    ] {
        assert_problem(&exchange(server.address, request.as_bytes()).await, status, slug);
    }
    let allowed = exchange(server.address, b"PUT / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(allowed.contains("allow: GET,HEAD"), "{allowed}");
    let fine = exchange(server.address, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(fine.starts_with("HTTP/1.1 200 ") && fine.ends_with("home"), "{fine}");
}

#[tokio::test]
async fn slow_headers_and_idle_connections_are_closed() {
    let limits = Limits { header_timeout: Duration::from_millis(150), ..Limits::default() };
    let server = start(dressed(Router::new()), limits).await;
    for beginning in [&b""[..], b"P", b"GET / HTTP/1.1\r\nhost: x\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.expect("connected");
        stream.write_all(beginning).await.expect("sent");
        let mut rest = Vec::new();
        let closed = stream.read_to_end(&mut rest).await;
        assert!(closed.is_ok() || closed.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset));
    }
}

#[tokio::test]
async fn a_stalled_body_is_answered_408() {
    let take = async |body: Body| -> Result<String, Problem> {
        let whole = body.collect().await.map_err(|error| httpkit::body_problem(&error))?;
        Ok(whole.to_bytes().len().to_string())
    };
    let bounds = Guard { body_idle: Duration::from_millis(150), ..Guard::new(lifecycle::system()) };
    let router = guard(fallbacks(Router::new().route("/", routing::post(take))), bounds);
    let server = start(router, Limits::default()).await;
    let request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345";
    assert_problem(&exchange(server.address, request).await, 408, "request-timeout");
}

async fn http2(address: SocketAddr) -> hyper::client::conn::http2::SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(address).await.expect("connected");
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (sender, connection) = handshake.expect("HTTP/2");
    Tasks::new().spawn("client", connection);
    sender
}

#[tokio::test]
async fn http2_with_prior_knowledge_shares_the_port() {
    let router = Router::new()
        .route("/", routing::get(async |request: Request<Body>| format!("{:?}", request.version())));
    let server = start(dressed(router), Limits::default()).await;
    let mut sender = http2(server.address).await;
    let request = Request::get(format!("http://{}/", server.address)).body(Empty::new()).expect("a request");
    let response = sender.send_request(request).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), "HTTP/2.0");
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_connection_lives_on() {
    let panicking = async || -> &'static str { panic!("planted") };
    let router =
        Router::new().route("/panic", routing::get(panicking)).route("/", routing::get(async || "alive"));
    let server = start(dressed(router), Limits::default()).await;
    let both =
        b"GET /panic HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = exchange(server.address, both).await;
    assert_problem(&answer, 500, "internal");
    assert!(!answer.contains("planted"), "the cause stays in the log: {answer}");
    assert!(answer.ends_with("alive"), "{answer}");
}

#[tokio::test]
async fn request_ids_and_client_addresses_reach_the_handler() {
    let tell = async |Extension(id): Extension<RequestId>,
                      Extension(ClientAddr(client)): Extension<ClientAddr>| {
        format!("{} {client}", id.as_str())
    };
    let trusted_proxies = TrustedProxies::parse(&["127.0.0.0/8"]).expect("a network");
    let bounds = Guard { trusted_proxies, ..Guard::new(lifecycle::system()) };
    let router = guard(Router::new().route("/", routing::get(tell)), bounds);
    let server = start(router, Limits::default()).await;
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nx-request-id: abc\r\nx-forwarded-for: 192.0.2.7\r\nconnection: close\r\n\r\n";
    let answer = exchange(server.address, request).await;
    assert!(answer.contains("x-request-id: abc\r\n") && answer.ends_with("abc 192.0.2.7"), "{answer}");
}

#[tokio::test]
async fn too_many_requests_at_once_get_503() {
    let (entered, mut wait_entered) = tokio::sync::mpsc::channel::<oneshot::Sender<()>>(1);
    let hold = async move || {
        let (release, released) = oneshot::channel();
        entered.send(release).await.expect("the test listens");
        released.await.expect("released");
        "done"
    };
    let bounds = Guard { requests_max: 1, ..Guard::new(lifecycle::system()) };
    let router = guard(Router::new().route("/", routing::get(hold)), bounds);
    let server = start(router, Limits::default()).await;
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let first = exchange(server.address, request);
    let second = async {
        let release = wait_entered.recv().await.expect("the first entered");
        let refused = exchange(server.address, request).await;
        release.send(()).expect("the first waits");
        refused
    };
    let (first, second) = tokio::join!(first, second);
    assert!(first.ends_with("done"), "{first}");
    assert_problem(&second, 503, "unavailable");
    assert!(second.contains("retry-after: 1\r\n"), "{second}");
}

#[tokio::test]
async fn who_only_waits_takes_nobody_elses_place() {
    let (entered, mut wait_entered) = tokio::sync::mpsc::channel::<oneshot::Sender<()>>(1);
    let hold = async move |Extension(place): Extension<Place>| {
        place.leave();
        let (release, released) = oneshot::channel();
        entered.send(release).await.expect("the test listens");
        released.await.expect("released");
        "done"
    };
    let bounds = Guard { requests_max: 1, ..Guard::new(lifecycle::system()) };
    let router = Router::new().route("/wait", routing::get(hold)).route("/", routing::get(async || "home"));
    let server = start(guard(router, bounds), Limits::default()).await;
    let waiting = exchange(server.address, b"GET /wait HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let others = async {
        let release = wait_entered.recv().await.expect("the first entered");
        for _ in 0..3 {
            let home = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
            assert!(exchange(server.address, home).await.ends_with("home"));
        }
        release.send(()).expect("the first waits");
    };
    let (waited, ()) = tokio::join!(waiting, others);
    assert!(waited.ends_with("done"), "{waited}");
}

#[tokio::test]
async fn too_many_connections_are_refused_with_503() {
    let router = dressed(Router::new().route("/", routing::get(async || "home")));
    let server = start(router, Limits { connections_max: 1, ..Limits::default() }).await;
    let mut first = TcpStream::connect(server.address).await.expect("connected");
    first.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    first.read_exact(&mut [0; 12]).await.expect("an answer begins");
    let mut second = TcpStream::connect(server.address).await.expect("connected");
    let mut refused = String::new();
    second.read_to_string(&mut refused).await.expect("read");
    assert_problem(&refused, 503, "unavailable");
    assert!(refused.contains("\r\nretry-after: 1\r\n"), "{refused}");
}

#[tokio::test]
async fn shutdown_finishes_what_runs_and_cuts_what_lingers() {
    let endless = async || Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let slow = async || {
        let pieces = stream::iter(["a", "b"]).then(async |piece| {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok::<_, std::io::Error>(piece)
        });
        Body::from_stream(pieces)
    };
    let router =
        dressed(Router::new().route("/slow", routing::get(slow)).route("/endless", routing::get(endless)));
    let server = start(router, Limits { drain: Duration::from_millis(400), ..Limits::default() }).await;
    let mut streams = Vec::new();
    for path in ["/slow", "/endless"] {
        let mut stream = TcpStream::connect(server.address).await.expect("connected");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut begun = [0; 12];
        stream.read_exact(&mut begun).await.expect("an answer begins");
        streams.push(stream);
    }
    server.tasks.stop();
    server.ended.await.expect("no panic").expect("served");
    assert!(TcpStream::connect(server.address).await.is_err(), "the listener is closed");
    let mut rest = String::new();
    streams[0].read_to_string(&mut rest).await.expect("the slow answer is whole");
    assert!(rest.ends_with("0\r\n\r\n"), "{rest}");
    let cut = streams[1].read_to_string(&mut String::new()).await;
    assert!(cut.is_ok() || cut.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn head_is_answered_without_a_body() {
    let router = dressed(Router::new().route("/", routing::get(async || "home")));
    let server = start(router, Limits::default()).await;
    let request = format!("{} / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", Method::HEAD);
    let answer = exchange(server.address, request.as_bytes()).await;
    assert!(answer.contains("content-length: 4") && answer.ends_with("\r\n\r\n"), "{answer}");
}
