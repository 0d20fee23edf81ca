//! Children that hang, crash, or take too much; and parents that go away.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pipeline_wire::{FromChild, GraphSpec, ProbeSpec, SourceSpec};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sandbox::{Ending, Running, SandboxError, Source, SourceError};
use tokio::sync::Semaphore;

use crate::clips::{clip, made};
use crate::rig::{Rig, probe_spec};

/// Tells when the child asks for bytes, and answers only once it may.
#[derive(Clone)]
struct Gated {
    data: Bytes,
    asked: Arc<Semaphore>,
    may: Arc<Semaphore>,
}

impl Gated {
    fn new(data: Bytes) -> Self {
        Self { data, asked: Arc::new(Semaphore::new(0)), may: Arc::new(Semaphore::new(0)) }
    }
}

impl Source for Gated {
    async fn read_at(&self, offset: u64, len: u32) -> Result<Bytes, SourceError> {
        self.asked.add_permits(1);
        let away = |error: tokio::sync::AcquireError| SourceError::Away(error.to_string());
        self.may.acquire().await.map_err(away)?.forget();
        self.data.read_at(offset, len).await
    }
}

fn small() -> Bytes {
    clip("a.mp4", "-c:v libx264 -c:a aac")
}

fn pid(child: &Running) -> Pid {
    let id = child.id().expect("running");
    Pid::from_raw(i32::try_from(id).expect("a pid")).expect("not zero")
}

/// A child that waits for its `reads`th range.
async fn waiting_child(rig: &Rig, source: &Gated, reads: usize) -> Running {
    source.may.add_permits(reads - 1);
    let mut child =
        rig.sandbox.start(&probe_spec(source.data.len() as u64), source.clone()).await.expect("start");
    let asked = source.asked.clone();
    tokio::select! {
        frame = child.next() => panic!("nothing to say yet: {frame:?}"),
        permit = asked.acquire_many(u32::try_from(reads).expect("few")) => permit.expect("open").forget(),
    }
    child
}

async fn wait_until_gone(pid: Pid) {
    let gone = async {
        while test_kill_process(pid).is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("the process is gone");
}

#[tokio::test]
async fn a_child_that_hangs_is_killed() {
    let rig = Rig::with(|options| options.stall = Duration::from_secs(1)).await;
    let source = Gated::new(small());
    let mut child = waiting_child(&rig, &source, 1).await;
    let pid = pid(&child);
    kill_process(pid, Signal::STOP).expect("stop");
    source.may.add_permits(100);
    let error = child.next().await.expect_err("stopped");
    assert!(matches!(error, SandboxError::Stalled(_)), "{error}");
    assert!(!error.is_final());
    assert!(error.reason().contains("stuck"), "{}", error.reason());
    wait_until_gone(pid).await;
    assert!(child.next().await.expect("over").is_none());
}

#[tokio::test]
async fn a_store_that_never_answers_does_not_hold_a_child_for_ever() {
    let rig = Rig::with(|options| options.stall = Duration::from_secs(1)).await;
    let source = Gated::new(small());
    let mut child = waiting_child(&rig, &source, 1).await;
    let error = child.next().await.expect_err("no bytes");
    assert!(matches!(&error, SandboxError::Source(SourceError::Away(_))), "{error}");
}

/// Waiting for the store is not the child's fault.
#[tokio::test]
async fn a_slow_store_is_no_hang() {
    struct Slow(Bytes);
    impl Source for Slow {
        async fn read_at(&self, offset: u64, len: u32) -> Result<Bytes, SourceError> {
            tokio::time::sleep(Duration::from_millis(2500)).await;
            self.0.read_at(offset, len).await
        }
    }
    let rig = Rig::with(|options| options.stall = Duration::from_secs(2)).await;
    let data = small();
    let frames = rig.run(&probe_spec(data.len() as u64), Slow(data)).await.expect("slow but sound");
    assert!(frames.iter().any(|frame| matches!(frame, FromChild::Probe(_))));
}

#[tokio::test]
async fn a_crash_names_signal_and_element() {
    let rig = Rig::new().await;
    let source = Gated::new(made("a.wav", "-f lavfi -i sine=d=300"));
    let mut child = waiting_child(&rig, &source, 4).await;
    let pid = pid(&child);
    let (thread, name) = streaming_thread(pid);
    signal_thread(pid, thread, libc::SIGSEGV);
    let error = child.next().await.expect_err("crashed");
    let SandboxError::Crashed { ending, element, log } = &error else { panic!("{error}") };
    assert_eq!(*ending, Ending::Signal(libc::SIGSEGV));
    assert_eq!(element.as_deref(), Some("source"), "thread {name}: {log:?}");
    assert!(!error.is_final());
    assert!(error.reason().contains("crashed"), "{}", error.reason());
    wait_until_gone(pid).await;
}

/// The thread that moves data: GStreamer names it after the pad that drives it.
fn streaming_thread(pid: Pid) -> (i32, String) {
    let folder = format!("/proc/{}/task", pid.as_raw_nonzero());
    let threads = fs::read_dir(folder).expect("threads").map(|entry| entry.expect("thread").path());
    let mut named = threads.map(|path| {
        let name = fs::read_to_string(path.join("comm")).unwrap_or_default().trim().to_owned();
        let id =
            path.file_name().and_then(|id| id.to_str()).and_then(|id| id.parse().ok()).expect("a thread id");
        (id, name)
    });
    named.find(|(_, name)| name.ends_with(":sink")).expect("a streaming thread")
}

#[expect(unsafe_code, reason = "signalling one thread has no safe form")]
fn signal_thread(pid: Pid, thread: i32, signal: i32) {
    // SAFETY: tgkill takes three integers.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, pid.as_raw_nonzero().get(), thread, signal) };
    assert_eq!(result, 0);
}

#[tokio::test]
async fn memory_is_capped() {
    // A picture of 8192 by 4096 in 4:4:4 is 100 MB.
    let large = made("large.mkv", "-f lavfi -i color=s=8192x4096:d=1:r=10 -pix_fmt yuv444p -c:v ffv1");
    let rig = Rig::with(|options| options.limits.memory_bytes = 300 << 20).await;
    let error = rig.probe(&large).await.expect_err("too large for 300 MiB");
    match &error {
        SandboxError::OutOfMemory { .. } => assert!(error.reason().contains("memory")),
        // An element that sees its allocation fail may say so itself.
        SandboxError::Refused(failure) => assert!(!failure.reason.is_empty()),
        other => panic!("{other}"),
    }
    assert!(Rig::new().await.probe(&large).await.is_ok(), "with more memory it is a film like any other");
}

#[tokio::test]
async fn cpu_time_is_capped() {
    struct Zeros;
    impl Source for Zeros {
        async fn read_at(&self, offset: u64, len: u32) -> Result<Bytes, SourceError> {
            let mut bytes = vec![0; len as usize];
            if offset == 0 {
                let head = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\xff\xff\xff\xff";
                bytes[..head.len()].copy_from_slice(head);
            }
            Ok(bytes.into())
        }
    }
    let rig = Rig::with(|options| options.limits.cpu_seconds = 1).await;
    let source = SourceSpec { bytes: u64::MAX >> 1 };
    let spec = GraphSpec::Probe(ProbeSpec { source, duration_max_ns: u64::MAX, dimension_max: 8192 });
    let error = rig.run(&spec, Zeros).await.expect_err("more than a second's work");
    assert!(matches!(error, SandboxError::CpuExceeded { seconds: 1 }), "{error}");
}

#[tokio::test]
async fn a_dropped_child_is_killed_and_reaped() {
    let rig = Rig::new().await;
    let child = waiting_child(&rig, &Gated::new(small()), 1).await;
    let pid = pid(&child);
    drop(child);
    wait_until_gone(pid).await;
}

/// The kernel kills children when the thread that started them ends, even stopped ones: that is what ends them
/// after a kill -9 of the server.
#[tokio::test]
async fn children_die_with_their_parent() {
    let rig = Rig::new().await;
    let mut child = waiting_child(&rig, &Gated::new(small()), 1).await;
    let pid = pid(&child);
    kill_process(pid, Signal::STOP).expect("stop");
    drop(rig);
    let error = child.next().await.expect_err("killed");
    assert!(
        matches!(error, SandboxError::OutOfMemory { ending: Ending::Signal(libc::SIGKILL), .. }),
        "{error}"
    );
    wait_until_gone(pid).await;
}
