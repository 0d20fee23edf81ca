//! What a child may use.

use std::path::PathBuf;
use std::time::Duration;

use pipeline_wire::GraphSpec;

/// How children are started and held.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program whose `pipeline` command is the child.
    pub program: PathBuf,
    /// GStreamer's plug-in registry; written by [`crate::Sandbox::warm_registry`], read by children.
    pub registry: PathBuf,
    /// Resource limits.
    pub limits: Limits,
    /// A child that makes no progress for this long while nothing keeps it waiting is killed.
    pub stall: Duration,
}

/// Resource limits of one child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Private memory, in bytes; a child needs about 100 MB to start with.
    pub memory_bytes: u64,
    /// CPU time, in seconds.
    pub cpu_seconds: u64,
    /// Open descriptors.
    pub descriptors: u64,
}

/// CPU seconds of a graph that only looks: several times what the longest film takes.
const LOOKING_CPU_SECONDS: u64 = 1800;
/// CPU seconds of a live graph, which runs for as long as its stream: more than a year on a hundred cores.
const LIVE_CPU_SECONDS: u64 = 1 << 32;
/// Elements keep a few descriptors each.
const DESCRIPTORS: u64 = 512;

impl Options {
    /// Children of the running program, held to `transcode`'s limits, with their registry file at `registry`.
    #[must_use]
    pub fn new(transcode: &settings::Transcode, registry: PathBuf) -> Self {
        Self {
            program: "/proc/self/exe".into(),
            registry,
            limits: Limits {
                memory_bytes: u64::from(transcode.child_memory_max_mb) << 20,
                cpu_seconds: transcode.child_cpu_max_seconds.into(),
                descriptors: DESCRIPTORS,
            },
            stall: Duration::from_secs(transcode.stall_seconds.into()),
        }
    }
}

impl Limits {
    /// These limits, tightened for graphs that read but do not encode, and without an end for a live stream: its
    /// watchdog wants signs of work all the time.
    #[must_use]
    pub(crate) fn of(self, spec: &GraphSpec) -> Self {
        match spec {
            GraphSpec::Probe(_) | GraphSpec::Images(_) | GraphSpec::DoorCheck => {
                Self { cpu_seconds: self.cpu_seconds.min(LOOKING_CPU_SECONDS), ..self }
            }
            GraphSpec::Live(_) | GraphSpec::TestStream(_) => Self { cpu_seconds: LIVE_CPU_SECONDS, ..self },
            GraphSpec::Video(_) | GraphSpec::Audio(_) | GraphSpec::TestFilm(_) => self,
        }
    }
}
