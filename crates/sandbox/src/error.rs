//! How a child can end badly. `Refused` carries the child's own verdict; everything else is told from outside.

use std::fmt;
use std::time::Duration;

use pipeline_wire::{SourceFailure, WireError};

use crate::SourceError;

/// Why a child delivered no result.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The child could not be started, or not be held to its limits.
    #[error("the pipeline child did not start: {0}")]
    Spawn(std::io::Error),
    /// The child looked at the source and said no.
    #[error("{}: {} ({})", .0.element, .0.reason, .0.detail)]
    Refused(SourceFailure),
    /// The child ended without a verdict.
    #[error("the pipeline child crashed ({ending}) in {}: {}", element.as_deref().unwrap_or("?"), log.join(" | "))]
    Crashed {
        /// Signal or exit code.
        ending: Ending,
        /// The element that was at work on the thread that crashed, when the child could still say.
        element: Option<String>,
        /// The last lines of its log.
        log: Vec<String>,
    },
    /// The child ran out of memory: told from its last words, or killed by the kernel.
    #[error("the pipeline child ran out of memory ({ending}): {}", log.join(" | "))]
    OutOfMemory {
        /// Signal or exit code.
        ending: Ending,
        /// The last lines of its log.
        log: Vec<String>,
    },
    /// The child used up its CPU time.
    #[error("the pipeline child used more than {seconds} seconds of CPU")]
    CpuExceeded {
        /// The limit.
        seconds: u64,
    },
    /// The child made no progress and was killed.
    #[error("the pipeline child made no progress for {} s", .0.as_secs())]
    Stalled(Duration),
    /// The child did not get the bytes it asked for; what it said of them is worth nothing.
    #[error("the source could not be read: {0}")]
    Source(SourceError),
    /// The child sent something that is no frame.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The child sent a frame out of turn.
    #[error("the pipeline child broke the protocol: {0}")]
    Protocol(&'static str),
    /// The socket failed.
    #[error("the pipeline child's socket failed: {0}")]
    Socket(std::io::Error),
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Killed by this signal.
    Signal(i32),
    /// Exited with this code.
    Code(i32),
    /// It had to be killed before it could be asked.
    Unknown,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl SandboxError {
    /// Whether another attempt on the same bytes can only end the same way.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Refused(failure) if failure.kind.is_final())
    }

    /// One sentence for the creator whose film this is.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Refused(failure) => failure.reason.clone(),
            Self::Crashed { element: Some(element), .. } => {
                format!("The media decoder crashed on this file (in {element}).")
            }
            Self::Crashed { .. } => "The media decoder crashed on this file.".into(),
            Self::OutOfMemory { .. } => "This file needs more memory than a film may use.".into(),
            Self::CpuExceeded { .. } => "This file takes too long to process.".into(),
            Self::Stalled(_) => "The media decoder got stuck on this file.".into(),
            Self::Source(SourceError::Damaged(_)) => "The stored film is damaged; upload it again.".into(),
            Self::Source(SourceError::Away(_)) => {
                "The film could not be read from where it is stored.".into()
            }
            Self::Spawn(_) | Self::Wire(_) | Self::Protocol(_) | Self::Socket(_) => {
                "The film could not be processed because of a fault in the server.".into()
            }
        }
    }

    /// The outcome's name in metrics and logs.
    #[must_use]
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::Spawn(_) => "not_started",
            Self::Refused(_) => "refused",
            Self::Crashed { .. } => "crashed",
            Self::OutOfMemory { .. } => "memory",
            Self::CpuExceeded { .. } => "cpu",
            Self::Stalled(_) => "stalled",
            Self::Source(_) => "source",
            Self::Wire(_) | Self::Protocol(_) => "protocol",
            Self::Socket(_) => "socket",
        }
    }
}
