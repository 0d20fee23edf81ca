//! TLS of the listener, over real sockets.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{Router, body::Body, routing};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use httpkit::{
    ClientError, Limits, TlsError,
    client::{Client, ClientOptions},
    serve_tls,
    tls::{PairFiles, SelfSigned, Tls, self_signed},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lifecycle::Tasks;
use rustls::{
    ClientConfig, HandshakeKind, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

struct Listener {
    address: SocketAddr,
    own: SelfSigned,
    _folder: TempDir,
    _tasks: Tasks,
}

async fn start(limits: Limits) -> Listener {
    let folder = tempfile::tempdir().expect("temp dir");
    let own = self_signed(folder.path(), lifecycle::system().now()).expect("a certificate");
    let tls = Tls::open(own.files.clone()).expect("a pair");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new()
        .route("/", routing::get(async |request: Request<Body>| format!("{:?}", request.version())));
    let tasks = Tasks::new();
    let served = tasks.clone();
    tasks.spawn("listener", async move { serve_tls(listener, tls, router, limits, &served).await });
    Listener { address, own, _folder: folder, _tasks: tasks }
}

fn trusting(cert: &Path, protocol: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(cert).expect("a certificate")).expect("a root");
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    TlsConnector::from(Arc::new(config))
}

async fn connect(server: &Listener, connector: &TlsConnector) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(server.address).await.expect("connected");
    let name = ServerName::from(server.address.ip());
    connector.connect(name, stream).await.expect("a handshake")
}

#[tokio::test]
async fn both_protocols_are_negotiated() {
    let server = start(Limits::default()).await;
    let stream = connect(&server, &trusting(&server.own.files.cert, "h2")).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.expect("HTTP/2");
    Tasks::new().spawn("client", connection);
    let request = Request::get(format!("https://{}/", server.address)).body(Empty::<Bytes>::new());
    let response = sender.send_request(request.expect("a request")).await.expect("an answer");
    assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), "HTTP/2.0");

    let mut stream = connect(&server, &trusting(&server.own.files.cert, "http/1.1")).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the server closes properly");
    assert!(answer.ends_with("HTTP/1.1") && answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_session_resumes() {
    let server = start(Limits::default()).await;
    let connector = trusting(&server.own.files.cert, "http/1.1");
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&server, &connector).await;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.expect("sent");
        stream.read_to_end(&mut Vec::new()).await.expect("read, and with it the ticket");
        kinds.push(stream.get_ref().1.handshake_kind());
    }
    assert_eq!(kinds, [Some(HandshakeKind::Full), Some(HandshakeKind::Resumed)]);
}

#[tokio::test]
async fn plain_http_is_told_what_the_port_speaks() {
    let server = start(Limits::default()).await;
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the server closes properly");
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"), "{answer}");
}

#[tokio::test]
async fn silence_and_half_a_handshake_are_cut_off_and_others_served_meanwhile() {
    let limits =
        Limits { handshakes_max: 1, handshake_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = start(limits).await;
    let mut idle = TcpStream::connect(server.address).await.expect("connected");
    let mut half = TcpStream::connect(server.address).await.expect("connected");
    half.write_all(&[22, 3, 1]).await.expect("sent");
    for stream in [&mut idle, &mut half] {
        let ended = stream.read_to_end(&mut Vec::new()).await;
        assert!(ended.is_ok() || ended.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset));
    }
    connect(&server, &trusting(&server.own.files.cert, "h2")).await;
}

#[tokio::test]
async fn only_who_trusts_the_certificate_gets_an_answer() {
    let server = start(Limits::default()).await;
    let uri = format!("https://{}/", server.address).parse().expect("a uri");
    let refused = Client::new(ClientOptions::default()).get_bytes(&uri, 100).await;
    assert!(matches!(refused, Err(ClientError::Connect { .. })), "{refused:?}");
    let client = Client::trusting(ClientOptions::default(), "--ca", &server.own.files.cert);
    let answer = client.expect("a client").get_bytes(&uri, 100).await.expect("an answer");
    assert_eq!(answer.bytes, "HTTP/1.1");
}

#[test]
fn wrong_files_are_named() {
    let folder = tempfile::tempdir().expect("temp dir");
    let other = tempfile::tempdir().expect("temp dir");
    let now = lifecycle::system().now();
    let (mine, theirs) = (self_signed(folder.path(), now), self_signed(other.path(), now));
    let (mine, theirs) = (mine.expect("made").files, theirs.expect("made").files);
    let refused = |cert: &Path, key: &Path| {
        let files = PairFiles { cert: cert.to_owned(), key: key.to_owned() };
        Tls::open(files).err().expect("refused")
    };
    assert!(matches!(refused(&mine.cert, &theirs.key), TlsError::Mismatch { .. }));
    let setting = |error: TlsError| match error {
        TlsError::File { setting, .. } | TlsError::Unusable { setting, .. } => setting,
        other => panic!("{other}"),
    };
    assert_eq!(setting(refused(&folder.path().join("none"), &mine.key)), "tls.cert");
    assert_eq!(setting(refused(&mine.cert, &folder.path().join("none"))), "tls.key");
    assert_eq!(setting(refused(&mine.key, &mine.key)), "tls.cert");
    assert_eq!(setting(refused(&mine.cert, &mine.cert)), "tls.key");
    let broken = folder.path().join("broken.pem");
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .expect("written");
    assert_eq!(setting(refused(&broken, &mine.key)), "tls.cert");
}

#[test]
fn a_key_that_others_can_read_is_noticed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("temp dir");
    let own = self_signed(folder.path(), lifecycle::system().now()).expect("made");
    assert_eq!(own.files.exposure(), None);
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&own.files.key, open).expect("changed");
    assert!(own.files.exposure().is_some_and(|words| words.contains("tls.key")));
}
