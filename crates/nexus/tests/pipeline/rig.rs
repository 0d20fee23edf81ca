//! A sandbox around the real binary.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use pipeline_wire::{FailureKind, FromChild, GraphSpec, ProbeReport, ProbeSpec, SourceSpec};
use sandbox::{Limits, Options, Sandbox, SandboxError, Source};

pub const HOUR_NS: u64 = 3_600_000_000_000;

pub struct Rig {
    pub sandbox: Sandbox,
}

impl Rig {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A sandbox with some options changed; the plug-in registry is warm.
    pub async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options {
            program: env!("CARGO_BIN_EXE_nexus").into(),
            registry: Path::new(env!("CARGO_TARGET_TMPDIR")).join("gstreamer-registry.bin"),
            limits: Limits { memory_bytes: 4 << 30, cpu_seconds: 120, descriptors: 512 },
            stall: Duration::from_secs(30),
        };
        change(&mut options);
        let sandbox = Sandbox::new(options).expect("spawner");
        sandbox.warm_registry().await.expect("registry");
        Self { sandbox }
    }

    /// Runs a graph to its end.
    pub async fn run(&self, spec: &GraphSpec, source: impl Source) -> Result<Vec<FromChild>, SandboxError> {
        let mut child = self.sandbox.start(spec, source).await?;
        let mut frames = Vec::new();
        while let Some(frame) = child.next().await? {
            frames.push(frame);
        }
        Ok(frames)
    }

    pub async fn probe(&self, data: &Bytes) -> Result<ProbeReport, SandboxError> {
        let frames = self.run(&probe_spec(data.len() as u64), data.clone()).await?;
        let report = frames.into_iter().find_map(|frame| match frame {
            FromChild::Probe(report) => Some(report),
            _ => None,
        });
        Ok(report.expect("a probe that is done has reported"))
    }

    /// The kind and words of the refusal of `data`.
    pub async fn refusal(&self, data: &Bytes) -> (FailureKind, String) {
        match self.probe(data).await {
            Err(SandboxError::Refused(failure)) => (failure.kind, failure.reason),
            other => panic!("not refused: {other:?}"),
        }
    }
}

pub fn probe_spec(bytes: u64) -> GraphSpec {
    let source = SourceSpec { bytes };
    GraphSpec::Probe(ProbeSpec { source, duration_max_ns: 12 * HOUR_NS, dimension_max: 8192 })
}
