//! The listener: HTTP/1.1 and HTTP/2 on one port, by TLS or with prior knowledge, every resource of a
//! connection bounded, and a drain at shutdown.

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, response::IntoResponse};
use bytes::Bytes;
use http::{Request, Response, Version, header};
use http_body::{Frame, SizeHint};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use lifecycle::{CancellationToken, Tasks};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tower::ServiceExt;
use tracing::{debug, warn};

use crate::{
    Problem,
    address::{Peer, Scheme},
    tls::{Handshakes, Tls},
    wire::{Busy, Wire, closing_answer},
};

/// The bounds of a listener's connections.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections held at once, 1 to 1,000,000; more are answered 503 and closed.
    pub connections_max: usize,
    /// From the beginning of a wait for a request to the end of its headers; also how long a connection may
    /// be idle.
    pub header_timeout: Duration,
    /// How long a client may take no bytes of an answer.
    pub write_stall: Duration,
    /// Bytes buffered for a request's headers, at least 8,192; larger headers are answered 431.
    pub buffer_bytes_max: usize,
    /// Concurrent requests on one HTTP/2 connection.
    pub streams_max: u32,
    /// TLS handshakes under way at once; more wait for their turn.
    pub handshakes_max: usize,
    /// From a connection's beginning to the end of its TLS handshake.
    pub handshake_timeout: Duration,
    /// How long new connections are taken after the soft stage began, so that load balancers look away first.
    pub farewell: Duration,
    /// How long requests in progress may take to finish after that.
    pub drain: Duration,
}

impl Default for Limits {
    /// 20,000 connections, 30 s for headers, 60 s for a stalled reader, 64 KiB of headers, 128 streams,
    /// 256 handshakes of at most 10 s, no farewell, 10 s of drain.
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            header_timeout: Duration::from_secs(30),
            write_stall: Duration::from_secs(60),
            buffer_bytes_max: 64 << 10,
            streams_max: 128,
            handshakes_max: 256,
            handshake_timeout: Duration::from_secs(10),
            farewell: Duration::ZERO,
            drain: Duration::from_secs(10),
        }
    }
}

/// Runs hyper's own tasks (HTTP/2 streams) as tasks of the process.
#[derive(Clone)]
struct Executor(Tasks);

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn("http-stream", future);
    }
}

fn builder_of(limits: &Limits, tasks: &Tasks) -> auto::Builder<Executor> {
    let mut builder = auto::Builder::new(Executor(tasks.clone()));
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.buffer_bytes_max.max(8_192));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(u32::try_from(limits.buffer_bytes_max).unwrap_or(u32::MAX))
        .keep_alive_interval(limits.header_timeout)
        .keep_alive_timeout(limits.header_timeout);
    builder
}

/// An answer's body that marks its connection busy until it has been sent.
struct Marked {
    body: Body,
    _busy: Busy,
}

impl http_body::Body for Marked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request of HTTP/1.1 names its host exactly once (RFC 9112 §3.2).
fn names_its_host(request: &Request<Incoming>) -> bool {
    request.version() != Version::HTTP_11 || request.headers().get_all(header::HOST).iter().count() == 1
}

async fn answer(
    router: Router,
    mut request: Request<Incoming>,
    peer: Peer,
    scheme: Scheme,
    busy: Busy,
) -> Result<Response<Marked>, Infallible> {
    request.extensions_mut().insert(peer);
    request.extensions_mut().insert(scheme);
    let response = if names_its_host(&request) {
        router.oneshot(request).await?
    } else {
        Problem::bad_request("a request names its host exactly once").into_response()
    };
    Ok(response.map(|body| Marked { body, _busy: busy }))
}

struct Server {
    router: Router,
    limits: Limits,
    builder: auto::Builder<Executor>,
    handshakes: Option<Handshakes>,
    /// Cancelled when no more requests are taken.
    closing: CancellationToken,
    hard: CancellationToken,
}

impl Server {
    async fn run(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, _slot: OwnedSemaphorePermit) {
        let _open = Open::begin();
        let Some(handshakes) = &self.handshakes else { return self.converse(stream, peer).await };
        let accepted = tokio::select! {
            accepted = handshakes.accept(stream) => accepted,
            () = self.closing.cancelled() => None,
        };
        if let Some(stream) = accepted {
            self.converse(stream, peer).await;
        }
    }

    async fn converse<S>(&self, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let busy = Busy::default();
        let wire = Wire::new(stream, busy.clone(), self.limits.header_timeout, self.limits.write_stall);
        let scheme = if self.handshakes.is_some() { Scheme::Https } else { Scheme::Http };
        let router = self.router.clone();
        let service =
            service_fn(move |request| answer(router.clone(), request, Peer(peer), scheme, busy.clone()));
        let connection = self.builder.serve_connection(TokioIo::new(wire), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = self.cut() => return,
                }
            }
        };
        if let Err(error) = ended {
            debug!(%peer, %error, "a connection ended early");
        }
    }

    /// Ends when a draining connection has to be cut.
    async fn cut(&self) {
        tokio::select! {
            () = tokio::time::sleep(self.limits.drain) => {}
            () = self.hard.cancelled() => {}
        }
        metrics::counter!("nexus_http_connections_cut_total").increment(1);
    }
}

/// Counts a connection as open until dropped.
struct Open;

impl Open {
    fn begin() -> Self {
        metrics::gauge!("nexus_http_connections").increment(1.0);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!("nexus_http_connections").decrement(1.0);
    }
}

/// Tells a client in one write that there is no room; a client that would block learns it from the close.
fn refuse(stream: &TcpStream) {
    metrics::counter!("nexus_http_connections_refused_total").increment(1);
    let problem = Problem::unavailable("too many connections at once", Duration::from_secs(1));
    if let Err(error) = stream.try_write(&closing_answer(&problem)) {
        debug!(%error, "a refused connection was closed without a word");
    }
}

/// Waits out errors of the listener itself, such as no free file descriptors.
async fn accept_failed(error: &io::Error) {
    let about_the_client =
        matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset);
    if !about_the_client {
        metrics::counter!("nexus_http_accept_errors_total").increment(1);
        warn!(%error, "cannot accept connections: {error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Serves until the process's soft stage begins and [`Limits::farewell`] is over, then lets requests in
/// progress finish for at most [`Limits::drain`] and returns. The listener closes at the beginning of the drain.
///
/// # Errors
/// When the listener has no local address, which means it is not a listening socket.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, tasks: &Tasks) -> io::Result<()> {
    serve_on(listener, None, router, limits, tasks).await
}

/// As [`serve`], by TLS.
///
/// # Errors
/// As [`serve`].
pub async fn serve_tls(
    listener: TcpListener,
    tls: Tls,
    router: Router,
    limits: Limits,
    tasks: &Tasks,
) -> io::Result<()> {
    tls.keep_fresh(tasks);
    let handshakes = Handshakes::new(tls, limits.handshakes_max, limits.handshake_timeout);
    serve_on(listener, Some(handshakes), router, limits, tasks).await
}

async fn serve_on(
    listener: TcpListener,
    handshakes: Option<Handshakes>,
    router: Router,
    limits: Limits,
    tasks: &Tasks,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let slots_max = u32::try_from(limits.connections_max.clamp(1, 1_000_000)).unwrap_or(1_000_000);
    let slots = Arc::new(Semaphore::new(slots_max as usize));
    let builder = builder_of(&limits, tasks);
    let (soft, hard, closing) = (tasks.soft(), tasks.hard(), CancellationToken::new());
    let farewell = limits.farewell;
    let server = Arc::new(Server {
        router,
        limits,
        builder,
        handshakes,
        closing: closing.clone(),
        hard: hard.clone(),
    });
    let mut over = std::pin::pin!(async {
        soft.cancelled().await;
        tokio::select! {
            () = tokio::time::sleep(farewell) => {}
            () = hard.cancelled() => {}
        }
    });
    loop {
        let accepted = tokio::select! {
            () = &mut over => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(&server, &slots, stream, peer, tasks),
            Err(error) => accept_failed(&error).await,
        }
    }
    closing.cancel();
    drop(listener);
    debug!(%address, "no longer accepting; waiting for requests in progress");
    slots.acquire_many(slots_max).await.map(drop).map_err(io::Error::other)
}

fn admit(server: &Arc<Server>, slots: &Arc<Semaphore>, stream: TcpStream, peer: SocketAddr, tasks: &Tasks) {
    let Ok(slot) = Arc::clone(slots).try_acquire_owned() else { return refuse(&stream) };
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%peer, %error, "the connection was gone before it began");
        return;
    }
    tasks.spawn("http-connection", Arc::clone(server).run(stream, peer, slot));
}
