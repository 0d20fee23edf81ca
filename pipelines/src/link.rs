//! The child's end of the wire: blocking, shared by every thread of the graph.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use pipeline_wire::{FromChild, GraphSpec, READ_MAX, ToChild, WireError, frame};

/// Messages of a live stream that may wait to be taken; behind them the socket fills, and the parent notices.
const LIVE_WAITING: usize = 4;

/// Why the wire is of no further use, or why one read failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LinkError {
    /// The parent closed the socket or asked to stop; the graph has nobody to work for.
    #[error("the parent is gone")]
    Gone,
    /// The parent could not serve this range; the wire goes on.
    #[error("the source could not be read: {0}")]
    Read(String),
    /// The parent broke the protocol.
    #[error("protocol: {0}")]
    Protocol(String),
}

impl From<WireError> for LinkError {
    fn from(error: WireError) -> Self {
        Self::Protocol(error.to_string())
    }
}

/// The wire to the parent. Clones share it.
#[derive(Clone, Debug)]
pub struct Link(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    out: Mutex<UnixStream>,
    /// Held for a whole exchange, so that at most one read is outstanding.
    answers: Mutex<Receiver<Result<Bytes, String>>>,
    /// Of a live stream.
    units: Mutex<Receiver<ToChild>>,
    gone: Arc<AtomicBool>,
}

impl Drop for Inner {
    /// The listening thread holds the socket too; shutting it down ends both.
    fn drop(&mut self) {
        let out = self.out.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = out.shutdown(Shutdown::Both);
    }
}

/// Waits for the parent's first message, before any thread exists. Bytes behind it stay in the socket.
///
/// # Errors
/// When the parent goes away or says anything but a spec.
pub fn receive_spec(mut stream: &UnixStream) -> Result<GraphSpec, LinkError> {
    let mut header = [0; frame::HEADER_BYTES];
    stream.read_exact(&mut header).map_err(|_| LinkError::Gone)?;
    let mut buffer = BytesMut::from(&header[..]);
    let have = match frame::split(&mut buffer)? {
        Some(whole) => whole,
        None => {
            let len = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
            buffer.resize(frame::HEADER_BYTES + len, 0);
            stream.read_exact(&mut buffer[frame::HEADER_BYTES..]).map_err(|_| LinkError::Gone)?;
            frame::split(&mut buffer)?.ok_or_else(|| LinkError::Protocol("short frame".into()))?
        }
    };
    match ToChild::decode(have.0, have.1)? {
        ToChild::Spec(spec) => Ok(spec),
        other => Err(LinkError::Protocol(format!("expected a spec, got {}", name(&other)))),
    }
}

impl Link {
    /// Takes over the socket behind the spec. A thread reads the parent's answers; when the parent goes away
    /// or cancels, or the last clone is dropped, it fails whatever waits and calls `on_gone` once.
    ///
    /// # Errors
    /// When the socket cannot be duplicated or the thread cannot start.
    pub fn open(stream: UnixStream, on_gone: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let input = stream.try_clone()?;
        // One read is outstanding at most, so one place is enough and the thread never waits here.
        let (answer, answers) = sync_channel(1);
        let (unit, units) = sync_channel(LIVE_WAITING);
        let gone = Arc::new(AtomicBool::new(false));
        let flag = gone.clone();
        std::thread::Builder::new().name("link".into()).spawn(move || {
            listen(input, &answer, &unit);
            flag.store(true, Ordering::Release);
            drop((answer, unit));
            on_gone();
        })?;
        let (out, answers, units) = (Mutex::new(stream), Mutex::new(answers), Mutex::new(units));
        Ok(Self(Arc::new(Inner { out, answers, units, gone })))
    }

    /// Whether the parent has gone away or cancelled.
    #[must_use]
    pub fn gone(&self) -> bool {
        self.0.gone.load(Ordering::Acquire)
    }

    /// Sends one frame, waiting while the parent is busy.
    ///
    /// # Errors
    /// [`LinkError::Gone`] when there is no parent any more.
    pub fn send(&self, message: &FromChild) -> Result<(), LinkError> {
        if self.gone() {
            return Err(LinkError::Gone);
        }
        let frame = message.encode();
        let mut out = self.0.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(&frame).map_err(|_| LinkError::Gone)
    }

    /// Says how far the graph is; also tells the watchdog that it is alive.
    ///
    /// # Errors
    /// As [`Link::send`].
    pub fn progress(&self, done: u64, total: u64) -> Result<(), LinkError> {
        self.send(&FromChild::Progress { done, total })
    }

    /// Reads `len` bytes of the source, 1 to [`READ_MAX`], at `offset`; shorter only at the end of the
    /// source, empty past it. Callers on several threads take turns.
    ///
    /// # Errors
    /// [`LinkError::Read`] when the parent could not serve the range.
    pub fn read_at(&self, offset: u64, len: u32) -> Result<Bytes, LinkError> {
        debug_assert!((1..=READ_MAX).contains(&len), "a read is 1 to READ_MAX bytes");
        let answers = self.0.answers.lock().unwrap_or_else(PoisonError::into_inner);
        self.send(&FromChild::Read { offset, len })?;
        match answers.recv() {
            Ok(Ok(bytes)) if bytes.len() <= len as usize => Ok(bytes),
            Ok(Ok(bytes)) => {
                Err(LinkError::Protocol(format!("{} bytes answer a read of {len}", bytes.len())))
            }
            Ok(Err(reason)) => Err(LinkError::Read(reason)),
            Err(_) => Err(LinkError::Gone),
        }
    }
}

impl Link {
    /// The next message of a live stream; `None` when none came within `wait`.
    ///
    /// # Errors
    /// [`LinkError::Gone`] when there is no parent any more.
    pub fn live_input(&self, wait: Duration) -> Result<Option<ToChild>, LinkError> {
        let units = self.0.units.lock().unwrap_or_else(PoisonError::into_inner);
        match units.recv_timeout(wait) {
            Ok(message) => Ok(Some(message)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(LinkError::Gone),
        }
    }
}

/// Reads the parent's messages until the conversation is over.
fn listen(mut input: UnixStream, answer: &SyncSender<Result<Bytes, String>>, unit: &SyncSender<ToChild>) {
    let mut buffer = BytesMut::new();
    while let Some(message) = next(&mut input, &mut buffer) {
        let delivered = match message {
            ToChild::Data(bytes) => answer.try_send(Ok(bytes)).is_ok(),
            ToChild::ReadFailed(reason) => answer.try_send(Err(reason)).is_ok(),
            ToChild::Unit { .. } | ToChild::Reconfigure { .. } | ToChild::EndOfInput => {
                unit.send(message).is_ok()
            }
            ToChild::Cancel | ToChild::Spec(_) => false,
        };
        if !delivered {
            return;
        }
    }
}

/// The next message; `None` at the end of the stream or when it makes no sense.
fn next(input: &mut UnixStream, buffer: &mut BytesMut) -> Option<ToChild> {
    let mut piece = [0; 64 << 10];
    loop {
        if let Some((kind, payload)) = frame::split(buffer).ok()? {
            return ToChild::decode(kind, payload).ok();
        }
        match input.read(&mut piece) {
            Ok(0) => return None,
            Ok(n) => buffer.extend_from_slice(&piece[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

fn name(message: &ToChild) -> &'static str {
    match message {
        ToChild::Spec(_) => "a spec",
        ToChild::Data(_) => "data",
        ToChild::ReadFailed(_) => "a failed read",
        ToChild::Cancel => "a cancellation",
        ToChild::Unit { .. } => "a unit",
        ToChild::Reconfigure { .. } => "a configuration",
        ToChild::EndOfInput => "the end of input",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::testing::Parent;

    #[test]
    fn reads_are_answered_and_short_at_the_end() {
        let (link, parent) = Parent::start(vec![7; 100]);
        assert_eq!(link.read_at(0, 10).expect("inside")[..], [7; 10]);
        assert_eq!(link.read_at(95, 10).expect("end").len(), 5);
        assert_eq!(link.read_at(1000, 10).expect("past").len(), 0);
        link.progress(1, 2).expect("sent");
        drop(link);
        assert_eq!(parent.frames(), vec![FromChild::Progress { done: 1, total: 2 }]);
    }

    #[test]
    fn a_lost_parent_fails_the_waiting_read_and_is_told_once() {
        let (ours, theirs) = UnixStream::pair().expect("pair");
        let (told, heard) = channel();
        let link = Link::open(ours, move || told.send(()).expect("listener")).expect("open");
        let reading = std::thread::spawn({
            let link = link.clone();
            move || link.read_at(0, 1)
        });
        let mut request = [0; frame::HEADER_BYTES + 12];
        (&theirs).read_exact(&mut request).expect("the read");
        drop(theirs);
        assert!(matches!(reading.join().expect("thread"), Err(LinkError::Gone)));
        heard.recv().expect("told");
        assert!(link.gone());
        assert!(matches!(link.progress(0, 0), Err(LinkError::Gone)));
    }

    #[test]
    fn live_input_comes_in_order_and_ends_with_the_parent() {
        let (ours, mut theirs) = UnixStream::pair().expect("pair");
        let link = Link::open(ours, || {}).expect("open");
        assert!(link.live_input(Duration::from_millis(1)).expect("open").is_none());
        let unit = |pts| ToChild::Unit {
            medium: pipeline_wire::Medium::Video,
            unit: pipeline_wire::Unit { dts: pts, pts, key: true, bytes: Bytes::from_static(b"abc") },
        };
        let messages: Vec<ToChild> = (0..20).map(unit).chain([ToChild::EndOfInput]).collect();
        let sent: Vec<u8> = messages.iter().flat_map(ToChild::encode).collect();
        let writer = std::thread::spawn(move || theirs.write_all(&sent));
        for message in messages {
            assert_eq!(link.live_input(Duration::from_secs(10)).expect("open"), Some(message));
        }
        writer.join().expect("thread").expect("written");
        assert!(matches!(link.live_input(Duration::from_secs(10)), Err(LinkError::Gone)));
    }

    #[test]
    fn the_first_message_must_be_a_spec() {
        let (ours, mut theirs) = UnixStream::pair().expect("pair");
        theirs.write_all(&ToChild::Cancel.encode()).expect("write");
        assert!(matches!(receive_spec(&ours), Err(LinkError::Protocol(_))));
    }

    #[test]
    fn the_spec_leaves_later_bytes_alone() {
        let (ours, mut theirs) = UnixStream::pair().expect("pair");
        theirs.write_all(&ToChild::Spec(GraphSpec::DoorCheck).encode()).expect("write");
        theirs.write_all(&ToChild::Data(Bytes::from_static(b"abc")).encode()).expect("write");
        assert_eq!(receive_spec(&ours).expect("spec"), GraphSpec::DoorCheck);
        let link = Link::open(ours, || {}).expect("open");
        assert_eq!(&link.read_at(0, 3).expect("data")[..], b"abc");
    }
}
