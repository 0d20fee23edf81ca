//! A publisher whose every byte the test decides.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::amf::{null, number, object, text};

pub const CHUNK_SIZE: u8 = 1;
pub const AUDIO: u8 = 8;
pub const VIDEO: u8 = 9;
pub const DATA: u8 = 18;
pub const COMMAND: u8 = 20;

/// A configuration of H.264 and one of AAC, as FLV carries them.
pub const AVC: [u8; 21] =
    [0x17, 0, 0, 0, 0, 1, 0x42, 0xC0, 0x1E, 0xFF, 0xE1, 0, 4, 0x67, 0x42, 0xC0, 0x1E, 1, 0, 1, 0x68];
pub const AAC: [u8; 4] = [0xAF, 0, 0x12, 0x10];

/// A client on any stream, with chunks of 60,000 bytes once it has shaken hands.
pub struct Client<S> {
    pub stream: S,
}

impl Client<TcpStream> {
    pub async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.expect("the listener takes connections") }
    }

    /// A client that has said which stream it wants to publish.
    pub async fn asking(address: SocketAddr, key: &str) -> Self {
        let mut client = Self::connect(address).await;
        client.ask(key).await;
        client
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub async fn ask(&mut self, key: &str) {
        self.handshake().await;
        self.open_app("live").await;
        self.command(1, &[text("publish"), number(5.0), null(), text(key), text("live")]).await;
    }

    pub async fn handshake(&mut self) {
        self.send(&[&[3][..], &[0; 1_536]].concat()).await;
        let mut answer = vec![0; 1 + 2 * 1_536];
        self.stream.read_exact(&mut answer).await.expect("the server shakes hands");
        self.send(&answer[1..=1_536]).await;
    }

    pub async fn open_app(&mut self, app: &str) {
        self.message(CHUNK_SIZE, 0, 0, &60_000_u32.to_be_bytes()).await;
        let about = object(&[
            ("app", text(app)),
            ("tcUrl", text("rtmp://127.0.0.1/live")),
            ("flashVer", text("FMLE/3.0 (compatible; test)")),
        ]);
        self.command(0, &[text("connect"), number(1.0), about]).await;
        self.command(0, &[text("createStream"), number(4.0), null()]).await;
    }

    pub async fn command(&mut self, stream: u8, values: &[Vec<u8>]) {
        self.message(COMMAND, 0, stream, &values.concat()).await;
    }

    /// A message in one chunk stream of its type.
    pub async fn message(&mut self, kind: u8, timestamp: u32, stream: u8, body: &[u8]) {
        self.send(&message(kind, timestamp, stream, body)).await;
    }

    pub async fn video(&mut self, timestamp: u32, key: bool, nal: &[u8]) {
        self.message(VIDEO, timestamp, 1, &picture(key, nal)).await;
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the server reads");
    }

    /// Everything the server says until it closes; fails when it does not within ten seconds.
    pub async fn said(&mut self) -> String {
        let mut said = Vec::new();
        let closed = timeout(Duration::from_secs(10), self.stream.read_to_end(&mut said)).await;
        if let Err(error) = closed.expect("the server closes the connection") {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
        }
        String::from_utf8_lossy(&said).into_owned()
    }
}

/// A message in chunks of 60,000 bytes.
pub fn message(kind: u8, timestamp: u32, stream: u8, body: &[u8]) -> Vec<u8> {
    let chunk_stream = 10 + kind;
    let length = u32::try_from(body.len()).expect("a short body").to_be_bytes();
    let mut out = vec![chunk_stream];
    out.extend_from_slice(&timestamp.to_be_bytes()[1..]);
    out.extend_from_slice(&length[1..]);
    out.extend_from_slice(&[kind, stream, 0, 0, 0]);
    for (index, chunk) in body.chunks(60_000).enumerate() {
        if index > 0 {
            out.push(0xC0 | chunk_stream);
        }
        out.extend_from_slice(chunk);
    }
    out
}

/// The body of a video message with one NAL unit.
pub fn picture(key: bool, nal: &[u8]) -> Vec<u8> {
    let length = u32::try_from(nal.len()).expect("a short unit").to_be_bytes();
    [&[if key { 0x17 } else { 0x27 }, 1, 0, 0, 0][..], &length, nal].concat()
}
