//! Making the plug-in registry before the first child needs it.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::stderr::Tail;
use crate::{Ending, Sandbox, SandboxError};

/// A cold scan of a large installation, many times over.
const SCAN_MAX: Duration = Duration::from_secs(120);

impl Sandbox {
    /// Runs `pipeline --warm-registry` once, so that the plug-in registry is fresh and children, who may not
    /// write it, start fast.
    ///
    /// # Errors
    /// When it does not start, takes too long, or fails.
    pub async fn warm_registry(&self) -> Result<(), SandboxError> {
        let mut child =
            self.command(&["pipeline", "--warm-registry"]).spawn().map_err(SandboxError::Spawn)?;
        let mut tail = Tail::default();
        let stderr = child.stderr.take();
        let run = async {
            if let Some(mut stderr) = stderr {
                let mut piece = [0; 4096];
                while let Ok(len @ 1..) = stderr.read(&mut piece).await {
                    tail.push(&piece[..len]);
                }
            }
            child.wait().await
        };
        let status = timeout(SCAN_MAX, run).await.map_err(|_| SandboxError::Stalled(SCAN_MAX))?;
        let status = status.map_err(SandboxError::Spawn)?;
        if status.success() {
            return Ok(());
        }
        let ending = status.code().map_or(Ending::Unknown, Ending::Code);
        Err(SandboxError::Crashed { ending, element: None, log: tail.lines() })
    }
}
