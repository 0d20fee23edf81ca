//! A server that films are fetched from: plain HTTP/1.1 over sockets, so that it can also do what no honest server does.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Bytes written at a time, so that there is a middle to be killed in.
const PIECE: usize = 16 << 10;

/// What was asked, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub path: String,
    pub from: Option<usize>,
    pub if_range: Option<String>,
}

struct Shared {
    film: Vec<u8>,
    other: Vec<u8>,
    asked: Mutex<Vec<Asked>>,
    open: AtomicUsize,
}

/// The server; it ends with this value.
pub struct Source {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Source {
    /// Serves a film, and another one in its place later.
    #[expect(clippy::disallowed_methods, reason = "the test's own server ends with the value that holds it")]
    pub async fn of(film: Vec<u8>, other: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared { film, other, asked: Mutex::default(), open: AtomicUsize::default() });
        let serving = shared.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = serving.clone();
                tokio::spawn(async move {
                    shared.open.fetch_add(1, Ordering::SeqCst);
                    // A client that goes away is what some of the tests are about.
                    let _ = shared.answer(stream).await;
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { shared, address, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What was asked of a path.
    pub fn asked(&self, path: &str) -> Vec<Asked> {
        let asked = self.shared.asked.lock().expect("whole").clone();
        asked.into_iter().filter(|asked| asked.path == path).collect()
    }

    /// Connections that are being answered.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

/// Reads the head of a request.
async fn head(reader: &mut BufReader<TcpStream>) -> std::io::Result<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).await?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut asked = Asked { path, from: None, if_range: None };
    loop {
        line.clear();
        if reader.read_line(&mut line).await? == 0 || line.trim().is_empty() {
            return Ok(asked);
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "range" => {
                asked.from = value.trim().trim_start_matches("bytes=").trim_end_matches('-').parse().ok();
            }
            "if-range" => asked.if_range = Some(value.trim().to_owned()),
            _ => {}
        }
    }
}

impl Shared {
    async fn answer(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let asked = head(&mut reader).await?;
        let times = {
            let mut all = self.asked.lock().expect("whole");
            all.push(asked.clone());
            all.iter().filter(|one| one.path == asked.path).count()
        };
        let mut to = reader.into_inner();
        let film = &self.film;
        match asked.path.as_str() {
            "/film.mp4" | "/slow.mp4" => self.file(&mut to, &asked, film, "\"one\"", usize::MAX).await,
            // Every connection breaks after a third of the film.
            "/cut.mp4" => self.file(&mut to, &asked, film, "\"one\"", film.len() / 3).await,
            // It is another film from the second time on.
            "/changing.mp4" if times == 1 => {
                self.file(&mut to, &asked, film, "\"one\"", film.len() / 3).await
            }
            "/changing.mp4" => self.file(&mut to, &asked, &self.other, "\"two\"", usize::MAX).await,
            "/unmarked.mp4" => {
                self.unmarked(&mut to, if times == 1 { film.len() / 3 } else { film.len() }).await
            }
            "/chunked.mp4" => chunked(&mut to, film, false).await,
            "/endless.mp4" => chunked(&mut to, film, true).await,
            "/lying.mp4" => lying(&mut to, &asked, film).await,
            "/stalled.mp4" => {
                to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\netag: \"s\"\r\n\r\nsome")
                    .await?;
                tokio::time::sleep(Duration::from_secs(600)).await;
                Ok(())
            }
            "/huge.mp4" => {
                to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\nsome").await?;
                tokio::time::sleep(Duration::from_secs(600)).await;
                Ok(())
            }
            "/page" => {
                to.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\nhello")
                    .await
            }
            "/loop" => moved(&mut to, "/loop").await,
            "/moved" => moved(&mut to, "/film.mp4").await,
            "/inside" => moved(&mut to, "http://10.0.0.1/film.mp4").await,
            "/metadata" => moved(&mut to, "http://169.254.169.254/latest/meta-data/").await,
            "/file" => moved(&mut to, "file:///etc/passwd").await,
            "/busy" if times == 1 => {
                to.write_all(
                    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n",
                )
                .await
            }
            "/busy" => self.file(&mut to, &asked, film, "\"one\"", usize::MAX).await,
            _ => to.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await,
        }
    }

    /// A file with ranges, of which at most `most` bytes are sent.
    async fn file(
        &self,
        to: &mut TcpStream,
        asked: &Asked,
        film: &[u8],
        tag: &str,
        most: usize,
    ) -> std::io::Result<()> {
        let from = asked.from.filter(|from| *from < film.len() && asked.if_range.as_deref() == Some(tag));
        let (status, more) = match from {
            Some(from) => {
                let last = film.len() - 1;
                ("206 Partial Content", format!("content-range: bytes {from}-{last}/{}\r\n", film.len()))
            }
            None => ("200 OK", String::new()),
        };
        let body = &film[from.unwrap_or(0)..];
        let head = format!(
            "HTTP/1.1 {status}\r\naccept-ranges: bytes\r\netag: {tag}\r\ncontent-length: {}\r\n{more}\r\n",
            body.len()
        );
        to.write_all(head.as_bytes()).await?;
        let slow = asked.path == "/slow.mp4";
        for piece in body[..body.len().min(most)].chunks(PIECE) {
            to.write_all(piece).await?;
            if slow {
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
        }
        Ok(())
    }

    /// A file that nothing tells from another one, whose first `most` bytes are sent.
    async fn unmarked(&self, to: &mut TcpStream, most: usize) -> std::io::Result<()> {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", self.film.len());
        to.write_all(head.as_bytes()).await?;
        to.write_all(&self.film[..most]).await
    }
}

async fn moved(to: &mut TcpStream, place: &str) -> std::io::Result<()> {
    to.write_all(format!("HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n").as_bytes())
        .await
}

/// A film without a length, or one that never ends.
async fn chunked(to: &mut TcpStream, film: &[u8], endless: bool) -> std::io::Result<()> {
    to.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
    loop {
        for piece in film.chunks(PIECE) {
            to.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
            to.write_all(piece).await?;
            to.write_all(b"\r\n").await?;
        }
        if !endless {
            return to.write_all(b"0\r\n\r\n").await;
        }
    }
}

/// Announces a thousand bytes more than there are.
async fn lying(to: &mut TcpStream, asked: &Asked, film: &[u8]) -> std::io::Result<()> {
    let (said, from) = (film.len() + 1000, asked.from.unwrap_or(0));
    let range = asked.from.map_or_else(
        || format!("HTTP/1.1 200 OK\r\ncontent-length: {said}\r\n"),
        |from| {
            let left = said - from;
            format!("HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {from}-{}/{said}\r\ncontent-length: {left}\r\n", said - 1)
        },
    );
    to.write_all(format!("{range}etag: \"l\"\r\n\r\n").as_bytes()).await?;
    to.write_all(&film[from.min(film.len())..]).await
}
