//! A connection's byte stream with the bounds hyper does not set: a client that takes no bytes is cut off,
//! a connection on which nothing happens is closed, and the empty answers hyper gives to requests it cannot
//! parse get a problem body.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use http::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use crate::Problem;

/// A timer that is allocated at its first use and re-armed afterwards.
struct Stall {
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    armed: bool,
}

impl Stall {
    const fn new(limit: Duration) -> Self {
        Self { limit, timer: None, armed: false }
    }

    fn progress(&mut self) {
        self.armed = false;
    }

    /// Ready once `limit` has passed since the first call after the last progress.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        if !self.armed {
            timer.as_mut().reset(Instant::now() + limit);
            self.armed = true;
        }
        timer.as_mut().poll(cx)
    }
}

/// Held by each request and answer in progress; the connection is idle while nobody else holds one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Busy(Arc<()>);

impl Busy {
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.0) <= 2
    }
}

pub(crate) struct Wire<S> {
    stream: S,
    /// One clone lives here and one in the connection's service; more mean work in progress.
    busy: Busy,
    reads: Stall,
    writes: Stall,
    /// What remains of a refusal and how many of hyper's bytes it stands for.
    refusal: Option<(Bytes, usize)>,
    /// Set once our side is closed: how much longer the other side's bytes are taken and dropped.
    linger: Option<Pin<Box<Sleep>>>,
}

/// How long bytes are still taken after our side closed. Closing at once with unread bytes would reset the
/// connection and may destroy the answer before the client has read it (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_secs(2);

fn timed_out(what: &'static str) -> io::Error {
    metrics::counter!("nexus_http_connections_stalled_total", "side" => what).increment(1);
    io::Error::new(io::ErrorKind::TimedOut, what)
}

/// The problem answer that replaces hyper's empty `head`, if it is such a one.
fn refusal_for(head: &[u8]) -> Option<Bytes> {
    let status = head.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    let empty = head.ends_with(b"\r\n\r\n") && contains(head, b"content-length: 0\r\n");
    let problem = match StatusCode::from_bytes(status).ok().filter(|_| empty)? {
        StatusCode::BAD_REQUEST => Problem::bad_request("this is not a well-formed HTTP request"),
        StatusCode::URI_TOO_LONG => {
            Problem::new(StatusCode::URI_TOO_LONG, "uri-too-long", "The request target is too long")
        }
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Problem::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers-too-large",
            "The header fields are too large",
        ),
        _ => return None,
    };
    Some(closing_answer(&problem))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// A problem as the bytes of a complete HTTP/1.1 answer that ends the connection.
pub(crate) fn closing_answer(problem: &Problem) -> Bytes {
    let body = problem.to_json();
    let status = problem.status();
    let mut head = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or(""),
        crate::problem::MEDIA_TYPE,
        body.len(),
    )
    .into_bytes();
    for (name, value) in problem.headers() {
        head.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    head.extend_from_slice(b"\r\n");
    [head, body].concat().into()
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(stream: S, busy: Busy, idle: Duration, write_stall: Duration) -> Self {
        Self {
            stream,
            busy,
            reads: Stall::new(idle),
            writes: Stall::new(write_stall),
            refusal: None,
            linger: None,
        }
    }

    fn write_bounded<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(done) = write(Pin::new(&mut self.stream), cx) {
            self.writes.progress();
            return Poll::Ready(done);
        }
        self.writes.poll(cx).map(|()| Err(timed_out("write")))
    }

    /// Sends what is left of a refusal; then reports hyper's bytes as written.
    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        while let Some((mut rest, stands_for)) = self.refusal.take() {
            if rest.is_empty() {
                return Poll::Ready(Ok(stands_for));
            }
            let sent = self.write_bounded(cx, |stream, cx| stream.poll_write(cx, &rest));
            if let Poll::Ready(Ok(count)) = sent {
                rest.advance(count);
            }
            self.refusal = Some((rest, stands_for));
            if ready!(sent)? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(0))
    }

    /// Drops what still arrives until the other side closes too or the time is up.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 4096];
        while self.linger.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_pending()) {
            let mut buffer = ReadBuf::new(&mut scratch);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(())
    }

    /// Only hyper itself writes while no request is in progress.
    fn begin_refusal(&mut self, first: &[u8], stands_for: usize) {
        if self.refusal.is_none() && self.busy.is_idle() {
            self.refusal = refusal_for(first).map(|answer| (answer, stands_for));
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Poll::Ready(done) = Pin::new(&mut this.stream).poll_read(cx, buffer) {
            this.reads.progress();
            return Poll::Ready(done);
        }
        ready!(this.reads.poll(cx));
        if this.busy.is_idle() {
            return Poll::Ready(Err(timed_out("read")));
        }
        this.reads.progress();
        this.reads.poll(cx).map(|()| Err(timed_out("read")))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.begin_refusal(bytes, bytes.len());
        if self.refusal.is_some() {
            return self.poll_refusal(cx);
        }
        self.write_bounded(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(first) = slices.first() {
            self.begin_refusal(first, slices.iter().map(|slice| slice.len()).sum());
        }
        if self.refusal.is_some() {
            return self.poll_refusal(cx);
        }
        self.write_bounded(cx, |stream, cx| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write_bounded(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(self.write_bounded(cx, AsyncWrite::poll_shutdown))?;
            self.linger = Some(Box::pin(sleep(LINGER)));
        }
        self.poll_linger(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn idle_pair(buffer: usize) -> (Wire<tokio::io::DuplexStream>, tokio::io::DuplexStream, Busy) {
        let (ours, theirs) = duplex(buffer);
        let busy = Busy::default();
        let second = busy.clone();
        (Wire::new(ours, busy, Duration::from_secs(30), Duration::from_secs(10)), theirs, second)
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_cut_off() {
        let (mut wire, mut client, _busy) = idle_pair(4);
        let slow = async {
            tokio::time::sleep(Duration::from_secs(9)).await;
            client.read_exact(&mut [0; 4]).await.expect("four bytes");
            client
        };
        let (sent, _client) = tokio::join!(wire.write_all(b"123456789"), slow);
        assert_eq!(sent.expect_err("stalls").kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_closes_an_idle_connection_but_not_a_busy_one() {
        let (mut wire, _client, busy) = idle_pair(64);
        let working = busy.clone();
        let mut buffer = [0; 8];
        let long = tokio::time::timeout(Duration::from_secs(300), wire.read(&mut buffer)).await;
        assert!(long.is_err(), "busy: no verdict within five minutes");
        drop(working);
        let error = wire.read(&mut buffer).await.expect_err("idle now");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn closing_takes_and_drops_what_still_arrives_for_a_while() {
        let (mut wire, mut client, _busy) = idle_pair(4);
        let talker = async {
            client.write_all(&[7; 1000]).await.expect("all is taken");
            drop(client);
        };
        tokio::join!(async { wire.shutdown().await.expect("closed") }, talker);
        let (mut wire, _silent_client, _busy) = idle_pair(4);
        let begun = Instant::now();
        wire.shutdown().await.expect("closed");
        assert_eq!(begun.elapsed().as_secs(), LINGER.as_secs());
    }

    #[tokio::test]
    async fn an_empty_refusal_gets_a_body_even_in_small_writes() {
        let (mut wire, mut client, _busy) = idle_pair(7);
        let empty =
            b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let writer = async {
            wire.write_all(empty).await.expect("written");
            drop(wire);
        };
        let mut seen = String::new();
        let (_, read) = tokio::join!(writer, client.read_to_string(&mut seen));
        read.expect("read");
        assert!(seen.starts_with("HTTP/1.1 431 ") && seen.contains("application/problem+json"), "{seen}");
        assert!(seen.ends_with('}') && seen.contains("urn:nexus:problem:headers-too-large"), "{seen}");
    }

    #[tokio::test]
    async fn answers_of_handlers_pass_untouched() {
        let (mut wire, mut client, busy) = idle_pair(1 << 10);
        let _working = busy.clone();
        let own = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        wire.write_all(own).await.expect("written");
        drop(wire);
        let mut seen = Vec::new();
        client.read_to_end(&mut seen).await.expect("read");
        assert_eq!(seen, own);
    }
}
