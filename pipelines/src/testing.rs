//! A parent on a thread, for tests of graphs without a child process.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use bytes::{Bytes, BytesMut};
use pipeline_wire::{FromChild, ToChild, frame};

use crate::link::Link;

/// Serves a source from memory and keeps every frame but the reads.
pub struct Parent {
    thread: JoinHandle<Vec<FromChild>>,
    reads: Arc<AtomicU64>,
}

impl Parent {
    /// A link and the parent at its other end.
    pub fn start(source: impl Into<Bytes>) -> (Link, Self) {
        let (ours, theirs) = UnixStream::pair().expect("socket pair");
        let source = source.into();
        let reads = Arc::new(AtomicU64::new(0));
        let count = reads.clone();
        let thread = std::thread::spawn(move || serve(theirs, &source, &count));
        (Link::open(ours, || {}).expect("link"), Self { thread, reads })
    }

    /// How many reads were answered so far.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Acquire)
    }

    /// Everything the child sent but its reads, once every clone of the link is dropped.
    pub fn frames(self) -> Vec<FromChild> {
        self.thread.join().expect("parent thread")
    }
}

fn serve(mut socket: UnixStream, source: &Bytes, reads: &AtomicU64) -> Vec<FromChild> {
    let (mut buffer, mut piece, mut frames) = (BytesMut::new(), vec![0; 64 << 10], Vec::new());
    loop {
        while let Some((kind, payload)) = frame::split(&mut buffer).expect("a child's frame") {
            match FromChild::decode(kind, payload).expect("a child's message") {
                FromChild::Read { offset, len } => {
                    let from = (offset as usize).min(source.len());
                    let upto = from.saturating_add(len as usize).min(source.len());
                    reads.fetch_add(1, Ordering::AcqRel);
                    if socket.write_all(&ToChild::Data(source.slice(from..upto)).encode()).is_err() {
                        return frames;
                    }
                }
                other => frames.push(other),
            }
        }
        match socket.read(&mut piece) {
            Ok(0) | Err(_) => return frames,
            Ok(n) => buffer.extend_from_slice(&piece[..n]),
        }
    }
}
