//! `nexus backup` and `nexus restore`: an embedded database, objects in a folder, and keys.
//!
//! A backup is a folder or a tar file of `nexus.db` (one moment of the database), `secrets/` (the small files of
//! the data folder), `store/objects/` and, written last, `manifest.jsonl`: a line on the whole, then path,
//! length and SHA-256 of each file. The database is copied before the objects: an object is written before the
//! row that names it, so every row of the copy finds its objects, but those deleted meanwhile.

mod manifest;
mod restore;
mod save;

pub use restore::{RestoreArgs, run as restore};
pub use save::{BackupArgs, run as save};

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use manifest::Entry;
use sha2::{Digest, Sha256};

/// Name of the copy of the database.
const DATABASE: &str = "nexus.db";
/// Folder of the keys.
const SECRETS: &str = "secrets/";
/// Folder of the objects.
const OBJECTS: &str = "store/objects/";

/// Whether a backup is one file.
fn is_tar(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "tar")
}

/// A file's bytes, measured as they pass.
struct Measured<R> {
    from: R,
    digest: Sha256,
    bytes: u64,
}

impl<R: Read> Measured<R> {
    fn new(from: R) -> Self {
        Self { from, digest: Sha256::new(), bytes: 0 }
    }

    /// What has passed, under `path`.
    fn entry(self, path: &str) -> Entry {
        let sha256 = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Entry { path: path.to_owned(), bytes: self.bytes, sha256 }
    }
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(out)?;
        self.digest.update(&out[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Writes a file that only its owner can read, whole or not at all, and on the disk when this returns.
fn copy_to_file(path: &str, from: impl Read, to: &Path) -> io::Result<Entry> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = to.parent() {
        make_folder(folder)?;
    }
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    let mut measured = Measured::new(from);
    io::copy(&mut measured, &mut file)?;
    file.sync_all()?;
    fs::rename(part, to)?;
    Ok(measured.entry(path))
}

/// A file that may be gone is as good as removed.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
