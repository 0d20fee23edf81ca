//! A running child.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use pipeline_wire::{DoorReport, FromChild, Verdict, frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr};
use tokio::time::{Instant, timeout};

use crate::stderr::Tail;
use crate::supply::Supply;
use crate::watchdog::Watchdog;
use crate::{Ending, Limits, SandboxError, SourceError};

/// How long a child that closed its socket may take to end.
const ENDING_MAX: Duration = Duration::from_secs(2);
/// How long the kernel may take to end a killed child before it is left to the runtime's reaper.
const REAPING_MAX: Duration = Duration::from_secs(5);
const STDERR_PIECE: usize = 4096;
const INBOX_PIECE: usize = 64 << 10;

/// A child at work. Dropping it kills the process.
#[derive(Debug)]
pub struct Running {
    graph: &'static str,
    child: Child,
    stderr: Option<ChildStderr>,
    wire: Wire,
    tail: Tail,
    watchdog: Watchdog,
    limits: Limits,
    door: Option<DoorReport>,
    /// How it ended, while that is not told yet.
    ended: Option<Result<(), SandboxError>>,
    over: bool,
}

/// The parent's end of the socket and what is on its way.
struct Wire {
    socket: UnixStream,
    inbox: BytesMut,
    outbox: Bytes,
    supply: Supply,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("inbox", &self.inbox.len()).field("outbox", &self.outbox.len()).finish()
    }
}

/// What woke the parent.
enum Event {
    Arrived,
    Closed,
    Sent,
    Said(usize),
    Overdue,
}

impl Running {
    pub(crate) fn new(
        graph: &'static str,
        mut child: Child,
        socket: UnixStream,
        spec: Bytes,
        supply: Supply,
        limits: Limits,
        stall: Duration,
    ) -> Self {
        let stderr = child.stderr.take();
        let wire = Wire { socket, inbox: BytesMut::new(), outbox: spec, supply };
        let watchdog = Watchdog::new(stall);
        let tail = Tail::default();
        Self { graph, child, stderr, wire, tail, watchdog, limits, door: None, ended: None, over: false }
    }

    /// The child's process id while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// What holds the child in; known once it has closed its door.
    #[must_use]
    pub fn door(&self) -> Option<&DoorReport> {
        self.door.as_ref()
    }

    pub(crate) fn supply(&self) -> &Supply {
        &self.wire.supply
    }

    pub(crate) fn supply_mut(&mut self) -> &mut Supply {
        &mut self.wire.supply
    }

    /// The next result or sign of progress; `None` after a good end, when the process is gone too. Reads,
    /// the door report and the verdict are dealt with inside. Cancel-safe: a dropped call loses nothing.
    ///
    /// # Errors
    /// How the child ended instead. It is dead by then; further calls return `None`.
    pub async fn next(&mut self) -> Result<Option<FromChild>, SandboxError> {
        if self.over {
            return Ok(None);
        }
        if self.ended.is_none() {
            match self.advance().await {
                Ok(Some(frame)) => return Ok(Some(frame)),
                Ok(None) => self.ended = Some(Ok(())),
                Err(error) => self.ended = Some(Err(error)),
            }
        }
        self.finish().await
    }

    /// Completes what is known about the end, and makes sure of it.
    async fn finish(&mut self) -> Result<Option<FromChild>, SandboxError> {
        if matches!(self.ended, Some(Err(SandboxError::Crashed { .. }))) {
            self.drain_stderr().await;
        }
        // After its verdict a child has nothing left to say.
        if timeout(REAPING_MAX, self.child.kill()).await.is_err() {
            tracing::warn!(graph = self.graph, pid = self.child.id(), "a killed pipeline child does not end");
        }
        self.over = true;
        let ended = self.ended.take().unwrap_or(Ok(())).map_err(|error| self.explain(error));
        // A graph may take a failed read for the end of a film, or for a fault of the film.
        match self.wire.supply.take_fault().map_or(ended, |fault| Err(SandboxError::Source(fault))) {
            Ok(()) => {
                count_end(self.graph, "done");
                Ok(None)
            }
            Err(error) => {
                count_end(self.graph, error.outcome());
                Err(error)
            }
        }
    }

    async fn advance(&mut self) -> Result<Option<FromChild>, SandboxError> {
        loop {
            while let Some((kind, payload)) = frame::split(&mut self.wire.inbox)? {
                match FromChild::decode(kind, payload)? {
                    FromChild::Read { offset, len } => {
                        self.wire.supply.request(offset, len).map_err(SandboxError::Protocol)?;
                    }
                    other => {
                        self.watchdog.progress();
                        self.wire.supply.heard(&other);
                        match other {
                            FromChild::Ready(report) => self.door = Some(report),
                            FromChild::Verdict(Verdict::Done) => return Ok(None),
                            FromChild::Verdict(Verdict::Failed(failure)) => {
                                return Err(SandboxError::Refused(failure));
                            }
                            result => return Ok(Some(result)),
                        }
                    }
                }
            }
            self.wait().await?;
        }
    }

    /// Waits for one thing to happen, and charges the time to whoever kept the other waiting.
    async fn wait(&mut self) -> Result<(), SandboxError> {
        let waits = self.wire.supply.owes();
        let since = Instant::now();
        let mut piece = [0; STDERR_PIECE];
        let event = self.event(waits, &mut piece).await;
        self.watchdog.pass(waits, since.elapsed());
        match event.map_err(SandboxError::Socket)? {
            Event::Arrived | Event::Sent => Ok(()),
            Event::Said(0) => {
                self.stderr = None;
                Ok(())
            }
            Event::Said(len) => {
                self.tail.push(&piece[..len]);
                Ok(())
            }
            Event::Closed => Err(self.crash().await),
            Event::Overdue if waits => {
                let silence = format!("no bytes for {} s", self.watchdog.idle().as_secs());
                Err(SandboxError::Source(SourceError::Away(silence)))
            }
            Event::Overdue => self.stalled(),
        }
    }

    /// The child's time is over; unless it spoke while nobody listened.
    fn stalled(&mut self) -> Result<(), SandboxError> {
        let Supply::Units(units) = &self.wire.supply else {
            return Err(SandboxError::Stalled(self.watchdog.idle()));
        };
        match self.wire.socket.try_read_buf(&mut self.wire.inbox) {
            Ok(1..) => Ok(()),
            _ => Err(SandboxError::Stalled(units.pulse().limit())),
        }
    }

    /// How long the child may go on like this; `None` for as long as it likes.
    fn left(&self, waits: bool) -> Option<Duration> {
        match &self.wire.supply {
            Supply::Reads(_) => Some(self.watchdog.left(waits)),
            Supply::Units(units) => units.pulse().left(Instant::now()),
        }
    }

    async fn event(&mut self, waits: bool, piece: &mut [u8]) -> std::io::Result<Event> {
        let left = self.left(waits);
        let Wire { socket, inbox, outbox, supply } = &mut self.wire;
        inbox.reserve(INBOX_PIECE);
        let (mut input, mut output) = socket.split();
        let sends = !outbox.is_empty();
        let said = async {
            match &mut self.stderr {
                Some(stderr) => stderr.read(piece).await,
                None => std::future::pending().await,
            }
        };
        let overdue = async {
            match left {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            read = input.read_buf(inbox) => {
                // A reset is what a dead child with unread bytes looks like.
                Ok(if read.unwrap_or(0) == 0 { Event::Closed } else { Event::Arrived })
            }
            sent = output.write(outbox), if sends => {
                match sent {
                    Ok(sent) => outbox.advance(sent),
                    Err(_) => return Ok(Event::Closed),
                }
                Ok(Event::Sent)
            }
            answer = supply.answer(), if !sends => {
                *outbox = answer.encode();
                Ok(Event::Sent)
            }
            said = said => said.map(Event::Said),
            () = overdue => Ok(Event::Overdue),
        }
    }

    /// The child closed its socket without a verdict: what happened to it?
    async fn crash(&mut self) -> SandboxError {
        let ending = match timeout(ENDING_MAX, self.child.wait()).await {
            Ok(Ok(status)) => ending(status),
            _ => Ending::Unknown,
        };
        SandboxError::Crashed { ending, element: None, log: Vec::new() }
    }

    /// Adds what the log and the exit status say to a crash; other errors are complete.
    fn explain(&mut self, error: SandboxError) -> SandboxError {
        let SandboxError::Crashed { ending, .. } = error else { return error };
        let log = self.tail.lines();
        match ending {
            Ending::Signal(libc::SIGXCPU) => SandboxError::CpuExceeded { seconds: self.limits.cpu_seconds },
            // Nobody here killed it, so the kernel did.
            Ending::Signal(libc::SIGKILL) => SandboxError::OutOfMemory { ending, log },
            _ if self.tail.tells_of_memory() => SandboxError::OutOfMemory { ending, log },
            _ => {
                let element = self.tail.crash().and_then(|note| note.element.clone());
                SandboxError::Crashed { ending, element, log }
            }
        }
    }

    async fn drain_stderr(&mut self) {
        let Some(stderr) = &mut self.stderr else { return };
        let mut piece = [0; STDERR_PIECE];
        while let Ok(Ok(len @ 1..)) = timeout(ENDING_MAX, stderr.read(&mut piece)).await {
            self.tail.push(&piece[..len]);
        }
    }
}

pub(crate) fn count_end(graph: &'static str, outcome: &'static str) {
    metrics::counter!("nexus_pipeline_children_ended_total", "graph" => graph, "outcome" => outcome)
        .increment(1);
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.over {
            count_end(self.graph, "dropped");
        }
    }
}

fn ending(status: ExitStatus) -> Ending {
    match (status.signal(), status.code()) {
        (Some(signal), _) => Ending::Signal(signal),
        (None, Some(code)) => Ending::Code(code),
        (None, None) => Ending::Unknown,
    }
}
