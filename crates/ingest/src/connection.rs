//! One connection, from its first byte to its last.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use bytes::{Buf, Bytes};
use lifecycle::CancellationToken;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout, timeout_at},
};
use tracing::debug;

use crate::{
    Announcement, End, Event, Limits, Protocol, PublishRequest, Reason, Refusal,
    media::{Decision, Feed, Room},
    rtmp::{Session, Step},
};

/// Read at once of who is not admitted yet, and of who is.
const READ_BYTES_AT_FIRST: usize = 4 << 10;
const READ_BYTES: usize = 64 << 10;
/// How long a peer may take to read what it is told last: closing with unread bytes would reset the connection, and
/// it would never see why.
const LINGER: Duration = Duration::from_secs(1);
/// How long the last event may wait for room.
pub(crate) const LAST_EVENT: Duration = Duration::from_secs(30);

/// What connections of a listener share.
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) protocol: Protocol,
    pub(crate) requests: mpsc::Sender<PublishRequest>,
    pub(crate) soft: CancellationToken,
    pub(crate) hard: CancellationToken,
}

/// One more in a gauge until dropped.
pub(crate) struct Counted(metrics::Gauge);

impl Counted {
    pub(crate) fn begin(gauge: metrics::Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Runs a connection whose encryption, if any, is done. `deadline` is for the greeting.
pub(crate) async fn run<S>(stream: S, session: Session, peer: SocketAddr, deadline: Instant, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut wire = Wire {
        stream,
        session,
        unsent: Bytes::new(),
        read_bytes: READ_BYTES_AT_FIRST,
        write_stall: shared.limits.write_stall,
    };
    let (result, end) = match greeted(&mut wire, deadline, shared).await {
        Ok(announcement) => decided(&mut wire, peer, announcement, shared).await,
        Err(not) => not,
    };
    metrics::counter!("nexus_ingest_attempts_total", "result" => result).increment(1);
    debug!(%peer, result, %end, "a connection ended");
    tokio::select! {
        closed = timeout(LINGER, wire.close(end == End::Closed)) => if let Ok(Err(error)) = closed {
            debug!(%peer, %error, "the peer did not wait for a farewell");
        },
        () = shared.hard.cancelled() => {}
    }
}

/// What the publisher asks, or how the attempt went.
async fn greeted<S>(
    wire: &mut Wire<S>,
    deadline: Instant,
    shared: &Shared,
) -> Result<Announcement, (&'static str, End)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let step = tokio::select! {
        step = timeout_at(deadline, wire.step()) => step,
        () = shared.soft.cancelled() => return Err(("shutdown", wire.stop(going_down()))),
    };
    match step {
        Ok(Ok(Step::Publish(announcement))) => Ok(announcement),
        Ok(Ok(Step::Over(end @ End::Broken(_)))) => Err(("broken", end)),
        Ok(Ok(Step::Over(end))) => Err(("refused", end)),
        Ok(Ok(Step::Wait | Step::Event(_)) | Err(_)) => Err(("left", End::Lost(None))),
        Err(_) => {
            let text = "no stream was published in time";
            Err(("timeout", wire.stop(Refusal::new(Reason::Unavailable, text))))
        }
    }
}

async fn decided<S>(
    wire: &mut Wire<S>,
    peer: SocketAddr,
    announcement: Announcement,
    shared: &Shared,
) -> (&'static str, End)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    match ask(peer, announcement, shared).await {
        Decision::Refuse(refusal) => (refusal.reason.name(), wire.stop(refusal)),
        Decision::Admit(mut feed) => {
            wire.session.admit();
            wire.read_bytes = READ_BYTES;
            let end = published(wire, &mut feed, shared).await;
            if timeout(LAST_EVENT, feed.queue.send(Event::Ended(end.clone()))).await.is_err() {
                debug!(%peer, "nobody took the last event");
            }
            ("admitted", end)
        }
    }
}

/// What the asker says to a publisher.
pub(crate) async fn ask(peer: SocketAddr, announcement: Announcement, shared: &Shared) -> Decision {
    let (answer, decision) = oneshot::channel();
    let room = Room { units: shared.limits.queue_events_max, bytes: shared.limits.queue_bytes_max };
    let request = PublishRequest { peer, protocol: shared.protocol, announcement, room, answer };
    let asked = async {
        shared.requests.send(request).await.ok()?;
        decision.await.ok()
    };
    let undecided = || {
        Decision::Refuse(Refusal::new(
            Reason::Unavailable,
            "the server cannot take a stream now; try again later",
        ))
    };
    match timeout(shared.limits.decision, asked).await {
        Ok(Some(decision)) => decision,
        Ok(None) | Err(_) => undecided(),
    }
}

/// Where the events of an admitted publisher come from.
pub(crate) trait Source: Send {
    /// The next event but the last, or the end. Dropping the future loses nothing.
    fn event(&mut self) -> impl Future<Output = Result<Event, End>> + Send;

    /// Tells the peer why its stream ends, as far as the protocol has a way to.
    fn told(&mut self, refusal: &Refusal);
}

/// Passes media on until the stream ends.
pub(crate) async fn published(source: &mut impl Source, feed: &mut Feed, shared: &Shared) -> End {
    let _counted =
        Counted::begin(metrics::gauge!("nexus_ingest_publishers", "protocol" => shared.protocol.name()));
    let end = passed_on(source, feed, shared).await;
    match &end {
        End::Stopped(refusal) => source.told(refusal),
        End::Stalled(_) => source.told(&Refusal::new(Reason::Unavailable, end.to_string())),
        _ => {}
    }
    metrics::counter!("nexus_ingest_ends_total", "end" => end.name()).increment(1);
    end
}

async fn passed_on(source: &mut impl Source, feed: &mut Feed, shared: &Shared) -> End {
    let idle = shared.limits.idle;
    let mut quiet = std::pin::pin!(sleep(idle));
    loop {
        let event = tokio::select! {
            event = source.event() => event,
            refusal = feed.stopped.wait() => return End::Stopped(refusal),
            () = shared.hard.cancelled() => return End::Stopped(going_down()),
            () = &mut quiet => return End::Stalled(idle),
        };
        let event = match event {
            Ok(event) => event,
            Err(end) => return end,
        };
        count(&event);
        let media = matches!(event, Event::Video(_) | Event::Audio(_));
        tokio::select! {
            listened = feed.queue.send(event) => if !listened { return End::Stopped(feed.stopped.wait().await) },
            refusal = feed.stopped.wait() => return End::Stopped(refusal),
            () = shared.hard.cancelled() => return End::Stopped(going_down()),
        }
        if media {
            quiet.as_mut().reset(Instant::now() + idle);
        }
    }
}

pub(crate) fn going_down() -> Refusal {
    Refusal::new(Reason::Unavailable, "the server is going down; connect again")
}

fn count(event: &Event) {
    let track = match event {
        Event::Video(_) => "video",
        Event::Audio(_) => "audio",
        Event::Dropped(dropped) => {
            let (track, reason) = dropped.labels();
            metrics::counter!("nexus_ingest_dropped_total", "track" => track, "reason" => reason)
                .increment(1);
            return;
        }
        Event::Metadata(_)
        | Event::VideoConfig(_)
        | Event::AudioConfig(_)
        | Event::Link(_)
        | Event::Ended(_) => return,
    };
    metrics::counter!("nexus_ingest_access_units_total", "track" => track).increment(1);
    metrics::counter!("nexus_ingest_media_bytes_total", "track" => track).increment(event.bytes() as u64);
}

/// A stream and its session.
struct Wire<S> {
    stream: S,
    session: Session,
    unsent: Bytes,
    read_bytes: usize,
    write_stall: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// The next step but [`Step::Wait`]. Dropping the future loses nothing.
    async fn step(&mut self) -> Result<Step, End> {
        loop {
            match self.session.step() {
                Step::Wait => {
                    self.flush().await.map_err(lost)?;
                    self.fill().await?;
                }
                step => return Ok(step),
            }
        }
    }

    async fn fill(&mut self) -> Result<(), End> {
        let input = self.session.input();
        input.reserve(self.read_bytes);
        match self.stream.read_buf(input).await {
            Ok(0) => Err(End::Lost(None)),
            Ok(_) => Ok(()),
            Err(error) => Err(lost(error)),
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        loop {
            if !self.unsent.has_remaining() {
                self.unsent = self.session.take_output();
                if self.unsent.is_empty() {
                    return within(self.write_stall, self.stream.flush()).await;
                }
            }
            within(self.write_stall, self.stream.write_buf(&mut self.unsent)).await?;
        }
    }

    fn stop(&mut self, refusal: Refusal) -> End {
        self.session.stop(&refusal);
        End::Stopped(refusal)
    }

    /// Sends what is left to say and waits until the peer has closed, so that it can read that. GStreamer takes it
    /// for a failure when the server closes first after a clean end; others wait for just that after a refusal.
    async fn close(mut self, peer_first: bool) -> io::Result<()> {
        self.flush().await?;
        if !peer_first {
            self.stream.shutdown().await?;
        }
        let mut scratch = [0; 4_096];
        while self.stream.read(&mut scratch).await? > 0 {}
        self.stream.shutdown().await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Source for Wire<S> {
    async fn event(&mut self) -> Result<Event, End> {
        loop {
            match self.step().await {
                Ok(Step::Event(event)) => return Ok(event),
                Ok(Step::Over(end)) | Err(end) => return Err(end),
                Ok(Step::Wait | Step::Publish(_)) => {}
            }
        }
    }

    fn told(&mut self, refusal: &Refusal) {
        self.session.stop(refusal);
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn lost(error: io::Error) -> End {
    End::Lost(Some(error.kind()))
}
