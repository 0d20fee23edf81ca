//! A disk that can be filled.

use std::path::Path;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

/// A file system of its own, in memory.
pub struct Disk {
    folder: TempDir,
}

impl Disk {
    /// One of `bytes` bytes.
    ///
    /// # Panics
    /// When it cannot be mounted, which takes root.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = std::ffi::CString::new(format!("size={bytes}")).expect("no NUL");
        mount("tmpfs", folder.path(), "tmpfs", MountFlags::empty(), options.as_c_str())
            .expect("a disk of its own, which root may mount");
        Self { folder }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts something useless of `bytes` bytes on it, or of as many as it takes.
    ///
    /// # Panics
    /// When nothing can be written at all.
    pub fn fill(&self, bytes: u64) {
        use std::io::Write;
        let mut ballast = std::fs::File::create(self.path().join("ballast")).expect("it can be opened");
        let piece = vec![1; 64 << 10];
        for _ in 0..bytes / piece.len() as u64 {
            if ballast.write_all(&piece).is_err() {
                break;
            }
        }
    }

    /// Takes that away again.
    ///
    /// # Panics
    /// When it is not there.
    pub fn relieve(&self) {
        std::fs::remove_file(self.path().join("ballast")).expect("it was there");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The server that used it may still be ending.
        let _ = unmount(self.path(), UnmountFlags::DETACH);
    }
}
