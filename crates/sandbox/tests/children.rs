//! Children of every bad kind: small scripts in place of the real one, on real sockets and processes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use bytes::Bytes;
use pipeline_wire::{GraphSpec, LiveSpec, Medium, ProbeSpec, SourceSpec, Unit, WireError};
use sandbox::{
    Ending, Limits, Live, LiveOptions, NoSource, Options, Running, Sandbox, SandboxError, Source, SourceError,
};
use tempfile::TempDir;

struct Rig {
    sandbox: Sandbox,
    folder: TempDir,
}

const LIMITS: Limits = Limits { memory_bytes: 1 << 30, cpu_seconds: 60, descriptors: 99 };

/// A sandbox whose child is a shell script; its socket is descriptor 0.
fn rig(script: &str) -> Rig {
    let folder = tempfile::tempdir().expect("folder");
    let program = folder.path().join("child");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("script");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    let registry = folder.path().join("registry");
    fs::write(&registry, "").expect("registry");
    let options = Options { program, registry, limits: LIMITS, stall: Duration::from_secs(20) };
    Rig { sandbox: Sandbox::new(options).expect("spawner"), folder }
}

fn probe() -> GraphSpec {
    let source = SourceSpec { bytes: 1000 };
    GraphSpec::Probe(ProbeSpec { source, duration_max_ns: 1, dimension_max: 1 })
}

async fn end_of(script: &str) -> SandboxError {
    let rig = rig(script);
    let mut child = rig.sandbox.start(&GraphSpec::DoorCheck, NoSource).await.expect("start");
    child.next().await.expect_err("a bad child")
}

fn log_of(error: SandboxError) -> Vec<String> {
    match error {
        SandboxError::Crashed { log, .. } | SandboxError::OutOfMemory { log, .. } => log,
        other => panic!("{other}"),
    }
}

fn is_running(child: &Running) -> bool {
    child.id().is_some_and(|id| fs::exists(format!("/proc/{id}")).unwrap_or(false))
}

#[tokio::test]
async fn a_registry_that_is_gone_is_made_again() {
    let rig = rig(r#"[ "$2" = --warm-registry ] && { echo >"$GST_REGISTRY"; exit; }; exec sleep 100"#);
    let registry = &rig.sandbox.options().registry;
    fs::remove_file(registry).expect("removed");
    let child = rig.sandbox.start(&GraphSpec::DoorCheck, NoSource).await.expect("start");
    assert!(registry.exists() && is_running(&child));
}

#[tokio::test]
async fn no_child_starts_without_a_registry() {
    let rig = rig("echo no room >&2; exit 3");
    fs::remove_file(&rig.sandbox.options().registry).expect("removed");
    let error = rig.sandbox.start(&GraphSpec::DoorCheck, NoSource).await.expect_err("no registry");
    assert_eq!(log_of(error), ["no room"]);
}

#[tokio::test]
async fn a_frame_beyond_the_limit() {
    let error = end_of(r"printf '\377\377\377\377\111' >&0; exec sleep 100").await;
    assert!(matches!(error, SandboxError::Wire(WireError::TooLong(_))), "{error}");
}

#[tokio::test]
async fn a_frame_of_no_kind() {
    let error = end_of(r"printf '\0\0\0\0\001' >&0; exec sleep 100").await;
    assert!(matches!(error, SandboxError::Wire(WireError::UnknownKind(1))), "{error}");
}

#[tokio::test]
async fn a_frame_that_does_not_parse() {
    let error = end_of(r"printf '\0\0\0\002\111{{' >&0; exec sleep 100").await;
    assert!(matches!(error, SandboxError::Wire(WireError::Malformed { kind: 73, .. })), "{error}");
}

#[tokio::test]
async fn reads_out_of_turn() {
    struct Never;
    impl Source for Never {
        async fn read_at(&self, _offset: u64, _len: u32) -> Result<Bytes, SourceError> {
            std::future::pending().await
        }
    }
    let read = r"printf '\0\0\0\014\102\0\0\0\0\0\0\0\0\0\0\0\001' >&0";
    let rig = rig(&format!("{read}; {read}; exec sleep 100"));
    let mut child = rig.sandbox.start(&probe(), Never).await.expect("start");
    let error = child.next().await.expect_err("two reads at once");
    assert!(matches!(error, SandboxError::Protocol(_)), "{error}");
}

#[tokio::test]
async fn a_read_of_too_much() {
    let error = end_of(r"printf '\0\0\0\014\102\0\0\0\0\0\0\0\0\377\0\0\0' >&0; exec sleep 100").await;
    assert!(matches!(error, SandboxError::Protocol(_)), "{error}");
}

#[tokio::test]
async fn an_exit_without_a_verdict() {
    let error = end_of("echo first >&2; echo boom >&2; exit 3").await;
    assert!(matches!(error, SandboxError::Crashed { ending: Ending::Code(3), .. }), "{error}");
    assert_eq!(log_of(error), ["first", "boom"]);
}

#[tokio::test]
async fn a_signal_and_a_last_word() {
    let error =
        end_of("echo nexus-crash signal=11 element=avdec_h264-0 thread=q:src >&2; kill -SEGV $$").await;
    let SandboxError::Crashed { ending, element, .. } = &error else { panic!("{error}") };
    assert_eq!((*ending, element.as_deref()), (Ending::Signal(11), Some("avdec_h264-0")));
    assert!(error.reason().contains("avdec_h264-0"), "{}", error.reason());
}

#[tokio::test]
async fn a_child_that_says_it_has_no_memory() {
    let error = end_of("echo 'memory allocation of 99 bytes failed' >&2; kill -ABRT $$").await;
    assert!(matches!(error, SandboxError::OutOfMemory { .. }), "{error}");
}

#[tokio::test]
async fn a_log_without_end_is_kept_in_bounds() {
    let error =
        end_of("/usr/bin/yes 'more words' | /usr/bin/head -n 300000 >&2; echo last >&2; exit 1").await;
    let log = log_of(error);
    assert!(log.len() <= 30, "{}", log.len());
    assert_eq!(log.last().map(String::as_str), Some("last"));
}

#[tokio::test]
async fn a_child_that_does_nothing() {
    let rig = rig("exec sleep 100");
    let options = Options { stall: Duration::from_millis(200), ..rig.sandbox.options().clone() };
    let sandbox = Sandbox::new(options).expect("spawner");
    let mut child = sandbox.start(&GraphSpec::DoorCheck, NoSource).await.expect("start");
    let error = child.next().await.expect_err("nothing");
    assert!(matches!(error, SandboxError::Stalled(_)), "{error}");
    assert!(!is_running(&child));
    drop(rig);
}

#[tokio::test]
async fn a_child_is_ended_after_its_verdict() {
    let rig = rig(r#"printf '\0\0\0\022\111{"verdict":"done"}' >&0; exec sleep 100"#);
    let mut child = rig.sandbox.start(&GraphSpec::DoorCheck, NoSource).await.expect("start");
    assert!(child.next().await.expect("a good end").is_none());
    assert!(!is_running(&child));
    assert!(child.next().await.expect("still over").is_none());
}

#[tokio::test]
async fn a_program_that_is_not_there() {
    let rig = rig("exit 0");
    let options = Options { program: rig.folder.path().join("absent"), ..rig.sandbox.options().clone() };
    let sandbox = Sandbox::new(options).expect("spawner");
    let error = sandbox.start(&GraphSpec::DoorCheck, NoSource).await.expect_err("no program");
    assert!(matches!(error, SandboxError::Spawn(_)), "{error}");
    assert!(matches!(sandbox.warm_registry().await, Err(SandboxError::Spawn(_))));
}

#[tokio::test]
async fn a_registry_that_cannot_be_made() {
    let error = rig("echo no plug-ins >&2; exit 4").sandbox.warm_registry().await.expect_err("exit 4");
    assert!(matches!(error, SandboxError::Crashed { ending: Ending::Code(4), .. }), "{error}");
    assert_eq!(log_of(error), ["no plug-ins"]);
}

/// The child reads its limits once it has its spec, as the real one does.
#[tokio::test]
async fn limits_hold_before_the_child_may_do_anything() {
    let wait = "/usr/bin/head -c 5 <&0 >/dev/null";
    let script = format!("{wait}; for limit in d v n c t f; do ulimit -H -$limit >&2; done; exit 1");
    let log = log_of(end_of(&script).await);
    let expected = ["1048576", "2097152", "99", "0", "65", "0"];
    assert_eq!(log, expected, "data and space in KiB, descriptors, core, CPU, file size");
}

#[tokio::test]
async fn the_environment_is_not_ours() {
    let log = log_of(end_of("/usr/bin/env >&2; exit 1").await);
    let names: Vec<&str> = log.iter().filter_map(|line| line.split('=').next()).collect();
    let of_the_shell = ["PWD", "SHLVL", "_", "OLDPWD"];
    let given: Vec<&&str> = names.iter().filter(|name| !of_the_shell.contains(name)).collect();
    assert!(given.iter().all(|name| name.starts_with("GST_") || **name == "MALLOC_ARENA_MAX"), "{names:?}");
    assert!(names.contains(&"GST_REGISTRY"), "{names:?}");
}

#[tokio::test]
async fn a_call_that_is_dropped_loses_nothing() {
    let rig = rig(r#"sleep 0.2; printf '\0\0\0\022\111{"verdict":"done"}' >&0; exec sleep 100"#);
    let mut child = rig.sandbox.start(&GraphSpec::DoorCheck, NoSource).await.expect("start");
    while tokio::time::timeout(Duration::from_millis(10), child.next()).await.is_err() {}
    assert!(!is_running(&child));
}

/// A word of progress, as a shell prints it.
const PROGRESS: &str = r"printf '\0\0\0\020\110\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >&0";

async fn live(rig: &Rig, stall: Duration) -> Live {
    let options = LiveOptions { stall, pictures_max: 20, ..LiveOptions::default() };
    let nothing = LiveSpec { video: None, audio: None };
    rig.sandbox.start_live(&nothing, options).await.expect("start")
}

/// Pushes a picture of `len` bytes every 10 ms, every tenth a key picture, until the child ends.
async fn fed(child: &mut Live, len: usize, pictures: i64) -> Result<(), SandboxError> {
    for pts in 0..pictures {
        let unit = Unit { dts: pts, pts, key: pts % 10 == 0, bytes: vec![0; len].into() };
        child.push(Medium::Video, unit);
        if let Ok(output) = tokio::time::timeout(Duration::from_millis(10), child.next()).await {
            output?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_live_child_that_falls_silent_is_ended() {
    let rig = rig(&format!("{PROGRESS}; exec sleep 100"));
    let mut child = live(&rig, Duration::from_millis(300)).await;
    let error = fed(&mut child, 10, 1000).await.expect_err("silent");
    assert!(matches!(error, SandboxError::Stalled(_)), "{error}");
    assert!(child.id().is_none());
}

#[tokio::test]
async fn a_live_child_without_input_owes_nothing() {
    let rig = rig(&format!("{PROGRESS}; exec sleep 100"));
    let mut child = live(&rig, Duration::from_millis(50)).await;
    assert!(tokio::time::timeout(Duration::from_secs(1), child.next()).await.is_err());
    assert!(child.id().is_some());
}

#[tokio::test]
async fn a_live_child_that_reads_breaks_the_protocol() {
    let rig = rig(r"printf '\0\0\0\014\102\0\0\0\0\0\0\0\0\0\0\0\001' >&0; exec sleep 100");
    let mut child = live(&rig, Duration::from_secs(10)).await;
    let error = child.next().await.expect_err("a read");
    assert!(matches!(error, SandboxError::Protocol(_)), "{error}");
}

#[tokio::test]
async fn a_live_child_that_is_slow_but_alive_loses_groups() {
    let rig = rig(&format!("while :; do {PROGRESS}; sleep 0.05; done"));
    let mut child = live(&rig, Duration::from_secs(2)).await;
    fed(&mut child, 64 << 10, 200).await.expect("alive");
    let dropped = child.dropped();
    assert!(dropped.groups >= 10 && dropped.pictures >= 100, "{dropped:?}");
    assert!(child.waiting() <= 20);
}
