//! `nexus upload` as a process of its own.

use std::{path::Path, process::Stdio};

use serde_json::Value;
use tokio::process::{Child, Command};

use crate::{PATIENCE, binary};

/// `nexus upload` at work.
pub struct Upload(Child);

impl Upload {
    /// Sends a film to the server at `url`; where uploads stand is remembered in `memory`.
    ///
    /// # Panics
    /// When the command does not start.
    #[must_use]
    pub fn begin(url: &str, key: &str, memory: &Path, film: &Path) -> Self {
        let mut command = Command::new(binary());
        command.arg("upload").arg(film).args(["--json", "--server", url]);
        command.env("NEXUS_KEY", key).env("XDG_STATE_HOME", memory);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Self(command.spawn().expect("the command starts"))
    }

    /// Whether it has ended.
    ///
    /// # Panics
    /// When it cannot be asked.
    pub fn is_over(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_some()
    }

    /// Waits for its end; the asset it made.
    ///
    /// # Panics
    /// When it fails.
    pub async fn end(self) -> String {
        let output = tokio::time::timeout(PATIENCE, self.0.wait_with_output()).await;
        let output = output.expect("it ends in time").expect("it ends");
        let line = String::from_utf8_lossy(&output.stdout);
        let said: Value = serde_json::from_str(line.trim()).unwrap_or_default();
        assert!(output.status.success(), "{line} {}", String::from_utf8_lossy(&output.stderr));
        said["asset"].as_str().expect("an asset").to_owned()
    }
}
