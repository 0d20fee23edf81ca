//! What is remembered of uploads between runs of the command.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What is remembered of an upload.
#[derive(Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) location: String,
    pub(super) asset: String,
}

/// The file that remembers one upload.
pub(super) struct Memory(PathBuf);

impl Memory {
    /// Named by server, path, length and modification time, so that a changed film starts anew.
    pub(super) fn of(server: &str, path: &Path, length: u64) -> Result<Self> {
        let modified =
            std::fs::metadata(path)?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let name = format!("{server}\n{}\n{length}\n{}", path.canonicalize()?.display(), modified.as_nanos());
        let digest = Sha256::digest(name.as_bytes());
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(settings::state_folder().join("uploads").join(format!("{hex}.json"))))
    }

    pub(super) fn recall(&self) -> Option<Known> {
        serde_json::from_slice(&std::fs::read(&self.0).ok()?).ok()
    }

    /// Without it the upload still works; only resuming after a crash of this command is lost.
    pub(super) fn keep(&self, known: &Known) {
        let written = self.0.parent().map_or(Ok(()), std::fs::create_dir_all);
        let written =
            written.and_then(|()| std::fs::write(&self.0, serde_json::to_vec(known).unwrap_or_default()));
        if let Err(error) = written {
            eprintln!("cannot remember the upload for resuming ({error}); going on without");
        }
    }

    pub(super) fn forget(&self) {
        // A leftover is harmless: the server no longer knows that upload as unfinished.
        let _ = std::fs::remove_file(&self.0);
    }
}
