//! The listener: connections with their bounds, plain or by TLS.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use base::Ambient;
use lifecycle::Tasks;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use crate::{
    PublishRequest,
    connection::{Counted, Shared, run},
    places::{Place, Places},
    rtmp::Session,
};

/// The bounds of a listener and its connections.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections held at once, 1 to 1,000,000; more are closed.
    pub connections_max: usize,
    /// Connections of one address (of one /64 for IPv6); more are closed.
    pub connections_per_address_max: usize,
    /// From the beginning of a connection to its request to publish, TLS included.
    pub greeting: Duration,
    /// How long the asker may take to decide.
    pub decision: Duration,
    /// How long a publisher may send neither picture nor sound. Time in which the queue is full does not count.
    pub idle: Duration,
    /// How long a peer may take none of what is sent to it.
    pub write_stall: Duration,
    /// Of one message of media, in bytes; 65,536 or more. Twice that is the most that a connection holds in messages
    /// that are not complete.
    pub message_bytes_max: usize,
    /// Events that wait for the asker.
    pub queue_events_max: usize,
    /// Bytes of media that wait for the asker; a single event may exceed it.
    pub queue_bytes_max: usize,
}

impl Default for Limits {
    /// 1,000 connections, 32 of an address; 10 s to greet, to decide, of silence and of a stalled write; messages of
    /// 8 MiB; 256 events and 16 MiB in the queue.
    fn default() -> Self {
        Self {
            connections_max: 1_000,
            connections_per_address_max: 32,
            greeting: Duration::from_secs(10),
            decision: Duration::from_secs(10),
            idle: Duration::from_secs(10),
            write_stall: Duration::from_secs(10),
            message_bytes_max: 8 << 20,
            queue_events_max: 256,
            queue_bytes_max: 16 << 20,
        }
    }
}

/// How a publisher is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RTMP over TCP.
    Rtmp,
    /// RTMP over TLS.
    Rtmps,
    /// MPEG-TS over SRT.
    Srt,
}

impl Protocol {
    /// A word for labels and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rtmp => "rtmp",
            Self::Rtmps => "rtmps",
            Self::Srt => "srt",
        }
    }
}

struct Server {
    shared: Shared,
    tls: Option<TlsAcceptor>,
    ambient: Ambient,
}

/// Takes publishers until the soft stage begins; by TLS where there is `tls`. Who waits to be decided on goes to
/// `requests`; when its receiver is gone, everybody is refused. Streams that are admitted go on until they end, the
/// asker ends them or the hard stage begins; then this returns.
///
/// # Errors
/// When the listener has no local address, which means that it is not a listening socket.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    requests: mpsc::Sender<PublishRequest>,
    ambient: Ambient,
    tasks: &Tasks,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let places = Places::new(limits.connections_max, limits.connections_per_address_max);
    let protocol = if tls.is_some() { Protocol::Rtmps } else { Protocol::Rtmp };
    let (soft, hard) = (tasks.soft(), tasks.hard());
    let shared = Shared { limits, protocol, requests, soft: soft.clone(), hard };
    let server = Arc::new(Server { shared, tls, ambient });
    loop {
        let accepted = tokio::select! {
            () = soft.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(&server, &places, stream, peer, tasks),
            Err(error) => accept_failed(&error).await,
        }
    }
    drop(listener);
    debug!(%address, "no longer accepting; waiting for publishers");
    places.all_free().await;
    Ok(())
}

fn admit(server: &Arc<Server>, places: &Arc<Places>, stream: TcpStream, peer: SocketAddr, tasks: &Tasks) {
    let place = match places.take(peer.ip()) {
        Ok(place) => place,
        Err(full) => {
            metrics::counter!("nexus_ingest_connections_refused_total", "reason" => full.name()).increment(1);
            return;
        }
    };
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%peer, %error, "the connection was gone before it began");
        return;
    }
    tasks.spawn("ingest-connection", Arc::clone(server).connection(stream, peer, place));
}

impl Server {
    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, _place: Place) {
        let protocol = self.shared.protocol.name();
        let _counted = Counted::begin(metrics::gauge!("nexus_ingest_connections", "protocol" => protocol));
        let deadline = Instant::now() + self.shared.limits.greeting;
        let session = Session::new(self.ambient.bytes(), self.shared.limits.message_bytes_max);
        match &self.tls {
            None => run(stream, session, peer, deadline, &self.shared).await,
            Some(tls) => match timeout_at(deadline, tls.accept(stream)).await {
                Ok(Ok(stream)) => run(stream, session, peer, deadline, &self.shared).await,
                Ok(Err(error)) => not_encrypted("failed", peer, &error),
                Err(late) => not_encrypted("timeout", peer, &late.into()),
            },
        }
    }
}

fn not_encrypted(result: &'static str, peer: SocketAddr, error: &io::Error) {
    debug!(%peer, %error, "a TLS handshake failed");
    metrics::counter!("nexus_ingest_tls_handshakes_failed_total", "result" => result).increment(1);
}

/// Waits out errors of the listener itself, such as no free file descriptors.
async fn accept_failed(error: &io::Error) {
    let about_the_client =
        matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset);
    if !about_the_client {
        metrics::counter!("nexus_ingest_accept_errors_total").increment(1);
        warn!(%error, "cannot accept publishers: {error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
