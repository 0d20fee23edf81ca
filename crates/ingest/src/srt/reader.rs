//! The one thread that reads all connections of a port.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use lifecycle::{CancellationToken, monotonic};
use tokio::sync::mpsc::{self, error::TrySendError};

use super::{
    PEER_IDLE,
    gate::{Gate, Proven},
    library::{Epoll, Measured, Read, Socket},
};
use crate::{End, Link};

/// How soon the thread sees that a queue has room again, or that it is to end.
const TICK: Duration = Duration::from_millis(20);
const MEASURED_EVERY: Duration = Duration::from_secs(1);
/// Of one connection, before the next one's turn.
const TURN_BYTES: usize = 32 << 10;
/// What waits for the task of a connection: 64 turns, at most 2 MiB.
const QUEUE_MAX: usize = 64;
const EVENTS_MAX: usize = 256;

/// What comes of a connection.
#[derive(Debug)]
pub(super) enum Input {
    /// As it was sent.
    Bytes(Bytes),
    /// Once a second.
    Link(Link),
    /// Nothing follows.
    Over(End),
}

/// A connection that has begun. Dropping `input` closes it.
pub(super) struct Connection {
    pub(super) peer: SocketAddr,
    pub(super) proven: Proven,
    pub(super) input: mpsc::Receiver<Input>,
}

struct Line {
    socket: Socket,
    queue: mpsc::Sender<Input>,
    /// What did not fit the queue; while there is some, nothing is read.
    waiting: VecDeque<Input>,
    heard: Instant,
    /// Whether nothing more comes.
    over: bool,
}

pub(super) struct Reader {
    listener: Option<Socket>,
    gate: &'static Gate,
    epoll: Epoll,
    lines: HashMap<i32, Line>,
    taken: Option<mpsc::Sender<Connection>>,
    soft: CancellationToken,
    hard: CancellationToken,
    measured: Instant,
}

impl Reader {
    pub(super) fn new(
        listener: Socket,
        gate: &'static Gate,
        taken: mpsc::Sender<Connection>,
        soft: CancellationToken,
        hard: CancellationToken,
    ) -> io::Result<Self> {
        let epoll = Epoll::new(EVENTS_MAX)?;
        epoll.add(&listener)?;
        let lines = HashMap::new();
        let (listener, taken) = (Some(listener), Some(taken));
        Ok(Self { listener, gate, epoll, lines, taken, soft, hard, measured: monotonic() })
    }

    /// Reads until the soft stage has begun and no connection is left, or the hard stage begins.
    pub(super) fn run(mut self) {
        loop {
            if self.soft.is_cancelled() {
                self.stop_listening();
            }
            let done = self.listener.is_none() && self.lines.is_empty();
            if done || self.hard.is_cancelled() {
                return;
            }
            for number in self.epoll.wait(TICK) {
                self.turn(number);
            }
            self.catch_up();
            let now = monotonic();
            if now.saturating_duration_since(self.measured) >= MEASURED_EVERY {
                self.measured = now;
                self.gate.tidy();
                self.lines.values_mut().for_each(Line::measure);
            }
        }
    }

    fn stop_listening(&mut self) {
        if let Some(listener) = self.listener.take() {
            self.gate.close();
            self.epoll.remove(&listener);
            self.taken = None;
        }
    }

    fn turn(&mut self, number: i32) {
        if self.listener.as_ref().is_some_and(|listener| listener.number() == number) {
            self.accept();
        } else if let Some(line) = self.lines.get_mut(&number) {
            line.turn();
            if line.over || !line.waiting.is_empty() {
                self.epoll.remove(&line.socket);
            }
        }
    }

    fn accept(&mut self) {
        let Some((socket, peer)) = self.listener.as_ref().and_then(Socket::accept) else { return };
        // Whoever was not allowed has no passphrase, and is not let in by libsrt; looking twice costs nothing.
        let Some(proven) = self.gate.done(socket.number()).filter(|_| socket.is_secured()) else { return };
        let (queue, input) = mpsc::channel(QUEUE_MAX);
        let connection = Connection { peer, proven, input };
        if self.taken.as_ref().is_none_or(|taken| taken.try_send(connection).is_err()) {
            metrics::counter!("nexus_ingest_connections_refused_total", "reason" => "waiting").increment(1);
            return;
        }
        if let Err(error) = self.epoll.add(&socket) {
            tracing::debug!(%peer, %error, "a connection was gone before it began");
            return;
        }
        let line = Line { queue, waiting: VecDeque::new(), heard: monotonic(), over: false, socket };
        self.lines.insert(line.socket.number(), line);
    }

    /// Goes on with connections whose queue has room again, and lets go of those that are over.
    fn catch_up(&mut self) {
        let epoll = &self.epoll;
        self.lines.retain(|_, line| {
            let paused = !line.waiting.is_empty();
            line.push();
            let idle = line.waiting.is_empty();
            if line.queue.is_closed() || line.over && idle {
                epoll.remove(&line.socket);
                return false;
            }
            !(paused && idle) || epoll.add(&line.socket).is_ok()
        });
    }
}

impl Line {
    /// Reads what there is, up to a turn's worth.
    fn turn(&mut self) {
        let mut bytes = BytesMut::with_capacity(TURN_BYTES);
        let mut over = None;
        while over.is_none() && bytes.len() < TURN_BYTES {
            match self.socket.read(&mut bytes) {
                Read::Message => {}
                Read::Nothing => break,
                Read::Over => over = Some(self.end()),
            }
        }
        if !bytes.is_empty() {
            self.heard = monotonic();
            self.waiting.push_back(Input::Bytes(bytes.freeze()));
        }
        self.over = over.is_some();
        self.waiting.extend(over.map(Input::Over));
        self.push();
    }

    /// libsrt says the same of a peer that took its leave and of one that fell silent.
    fn end(&self) -> End {
        let silence = monotonic().saturating_duration_since(self.heard);
        let lost = silence >= PEER_IDLE.mul_f32(0.9);
        if lost { End::Lost(Some(io::ErrorKind::TimedOut)) } else { End::Closed }
    }

    fn push(&mut self) {
        while let Some(input) = self.waiting.pop_front() {
            match self.queue.try_send(input) {
                Ok(()) => {}
                Err(TrySendError::Full(input)) => {
                    metrics::counter!("nexus_ingest_queue_full_total").increment(1);
                    self.waiting.push_front(input);
                    return;
                }
                Err(TrySendError::Closed(_)) => return self.waiting.clear(),
            }
        }
    }

    fn measure(&mut self) {
        if let Some(measured) = self.socket.measure()
            && self.waiting.is_empty()
        {
            self.waiting.push_back(Input::Link(link(measured)));
            self.push();
            // A measurement that does not fit is worth less than what would wait behind it.
            self.waiting.clear();
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a double that is no such number becomes the nearest one"
)]
#[expect(clippy::cast_sign_loss, reason = "a double that is no such number becomes the nearest one")]
fn link(measured: Measured) -> Link {
    let Measured { rtt_ms, bandwidth_mbps, received, lost, retransmitted, dropped } = measured;
    let (rtt_us, bandwidth_bps) = ((rtt_ms * 1e3) as u64, (bandwidth_mbps * 1e6) as u64);
    Link { rtt_us, received, lost, retransmitted, dropped, bandwidth_bps }
}
