//! Which process runs on a data folder, so that a restart need not wait for its own old leases.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::Path,
};

use base::{Ambient, WorkerId};
use tracing::info;

use crate::{JobsError, Queue};

/// The only process on a data folder, for as long as this value lives.
#[derive(Debug)]
pub struct Instance {
    worker: WorkerId,
    previous: Option<WorkerId>,
    _lock: File,
}

impl Instance {
    /// Locks the file at `path` (made if missing), gives back the jobs of the process that last held it,
    /// which the lock proves dead, and records a fresh worker identifier in it.
    ///
    /// Call it before the first claim. Its few small file operations block the thread.
    ///
    /// # Errors
    /// [`JobsError::InstanceRunning`] while another process holds the file; [`JobsError::InstanceFile`];
    /// [`JobsError::Db`].
    pub async fn begin(path: &Path, queue: &Queue, ambient: &Ambient) -> Result<Self, JobsError> {
        let mut file = lock(path)?;
        let previous = recorded(&mut file).map_err(|source| failed(path, source))?;
        if let Some(previous) = &previous {
            let released = queue.release_worker(previous).await?;
            if released > 0 {
                info!(released, "{released} jobs of the previous run go on");
            }
        }
        let worker: WorkerId = ambient.id();
        record(&mut file, &worker).map_err(|source| failed(path, source))?;
        Ok(Self { worker, previous, _lock: file })
    }

    /// Whom the leases of the process belonged to that ran here before and is dead.
    #[must_use]
    pub fn previous(&self) -> Option<&WorkerId> {
        self.previous.as_ref()
    }

    /// Whom this process's leases belong to.
    #[must_use]
    pub fn worker(&self) -> &WorkerId {
        &self.worker
    }
}

fn lock(path: &Path) -> Result<File, JobsError> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let file = opened.map_err(|source| failed(path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JobsError::InstanceRunning(path.display().to_string())),
        Err(TryLockError::Error(source)) => Err(failed(path, source)),
    }
}

/// `None` in a new file, or after a crash while writing: then the old leases end by themselves.
fn recorded(file: &mut File) -> io::Result<Option<WorkerId>> {
    let mut bytes = Vec::new();
    file.take(64).read_to_end(&mut bytes)?;
    Ok(std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok()))
}

fn record(file: &mut File, worker: &WorkerId) -> io::Result<()> {
    file.rewind()?;
    file.write_all(format!("{worker}\n").as_bytes())?;
    let end = file.stream_position()?;
    file.set_len(end)?;
    file.sync_all()
}

fn failed(path: &Path, source: io::Error) -> JobsError {
    JobsError::InstanceFile { path: path.display().to_string(), source }
}
