//! Uploads in progress, as files that grow.
//!
//! The writer of a stage holds the kernel's lock on its file, which ends with the process that holds it. A
//! writer whose bytes count only as a whole leaves a mark, durably, before its first byte: where the bytes
//! that count end. A mark without a lock is what a crash left; whoever comes next cuts the stage there.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use rustix::fs::{FlockOperation, flock};

use super::{Folder, blocking, create_folder, link_new, missing_is, none_if_missing, remove, sync_folder};
use crate::{BlobError, Keep, Key};

/// Bytes gathered before they are handed to the disk.
const WRITE_BYTES: usize = 1 << 20;

/// The paths of one stage.
#[derive(Clone)]
struct Stage {
    name: String,
    path: PathBuf,
    mark: PathBuf,
}

/// A file under the kernel's lock, which is given back when this is dropped. To close the file would not do: a child
/// process that is being started at that moment has it open as well until it runs its own program.
struct Locked(File);

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // If it cannot be given back, it ends with the last who has the file open.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

impl Stage {
    /// The locked file, with what a crash left unverified cut off.
    fn lock(&self) -> Result<Locked, BlobError> {
        let key = Key::new(self.name.clone())?;
        let file = missing_is(OpenOptions::new().append(true).open(&self.path), &key)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(BlobError::Busy),
            other => other.map_err(io::Error::from)?,
        }
        let file = Locked(file);
        if let Some(at) = self.marked()? {
            self.cut(&file, at)?;
        }
        Ok(file)
    }

    fn marked(&self) -> io::Result<Option<u64>> {
        match fs::read_to_string(&self.mark) {
            // A mark whose own bytes never reached the disk stands before any byte it would speak of.
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn set_mark(&self, at: u64) -> io::Result<()> {
        let folder = self.mark.parent().ok_or(ErrorKind::InvalidInput)?;
        create_folder(folder)?;
        let mut file = File::create(&self.mark)?;
        writeln!(file, "{at}")?;
        file.sync_data()?;
        sync_folder(folder)
    }

    /// Drops the bytes from `at` on, then the mark that says so.
    fn cut(&self, file: &File, at: u64) -> io::Result<()> {
        if file.metadata()?.len() > at {
            file.set_len(at)?;
        }
        file.sync_data()?;
        self.clear_mark()
    }

    fn clear_mark(&self) -> io::Result<()> {
        match fs::remove_file(&self.mark) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Where the bytes that count end.
    fn len(&self) -> Result<Option<u64>, BlobError> {
        match self.marked()? {
            None => none_if_missing(fs::metadata(&self.path)),
            Some(at) => match self.lock() {
                Ok(file) => Ok(Some(file.metadata()?.len())),
                Err(BlobError::Busy) => Ok(Some(at)),
                Err(BlobError::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            },
        }
    }
}

impl Folder {
    fn stage(&self, stage: &Key) -> Stage {
        let place = |folder: &str| self.root.join(folder).join(stage.as_str());
        Stage { name: stage.to_string(), path: place("stages"), mark: place("unverified") }
    }

    pub(crate) async fn stage_begin(&self, stage: &Key, _becomes: &Key) -> Result<(), BlobError> {
        let path = self.stage(stage).path;
        blocking(move || {
            let folder = path.parent().ok_or(io::Error::from(ErrorKind::InvalidInput))?;
            create_folder(folder)?;
            OpenOptions::new().create(true).append(true).open(&path)?;
            Ok(sync_folder(folder)?)
        })
        .await
    }

    pub(crate) async fn stage_len(&self, stage: &Key) -> Result<Option<u64>, BlobError> {
        let stage = self.stage(stage);
        blocking(move || stage.len()).await
    }

    pub(crate) async fn stage_append<B>(
        &self,
        stage: &Key,
        at: u64,
        body: B,
        limit: u64,
        keep: Keep,
    ) -> Result<u64, BlobError>
    where
        B: Stream<Item = Result<Bytes, io::Error>> + Send + Unpin,
    {
        let stage = self.stage(stage);
        let file = Arc::new(begin_append(stage.clone(), at, keep).await?);
        let result = fill(file.clone(), at, body, limit).await;
        let whole_only = keep == Keep::Whole;
        blocking(move || {
            file.sync_data()?;
            match result {
                Err(BlobError::TooLong { .. }) => stage.cut(&file, at)?,
                Err(BlobError::BodyBroken { reason, .. }) if whole_only => {
                    stage.cut(&file, at)?;
                    return Err(BlobError::BodyBroken { len: at, reason });
                }
                Err(_) => {}
                Ok(_) => stage.clear_mark()?,
            }
            result
        })
        .await
    }

    pub(crate) async fn stage_finish(&self, stage: &Key, key: &Key) -> Result<u64, BlobError> {
        let (stage, to, key) = (self.stage(stage), self.object(key), key.clone());
        blocking(move || {
            match stage.lock() {
                Ok(file) => {
                    file.sync_all()?;
                    if !link_new(&stage.path, &to)? && !is_same_file(&stage.path, &to)? {
                        return Err(BlobError::Conflict(key));
                    }
                    fs::remove_file(&stage.path)?;
                }
                Err(BlobError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
            none_if_missing(fs::metadata(&to))?.ok_or(BlobError::NotFound(stage.name))
        })
        .await
    }

    pub(crate) async fn stage_abort(&self, stage: &Key, _becomes: &Key) -> Result<(), BlobError> {
        let stage = self.stage(stage);
        remove(stage.path, self.root.join("stages")).await?;
        remove(stage.mark, self.root.join("unverified")).await
    }
}

async fn begin_append(stage: Stage, at: u64, keep: Keep) -> Result<Locked, BlobError> {
    blocking(move || {
        let file = stage.lock()?;
        let len = file.metadata()?.len();
        if at != len {
            return Err(BlobError::OffsetMismatch { len });
        }
        if keep == Keep::Whole {
            stage.set_mark(at)?;
        }
        Ok(file)
    })
    .await
}

/// Writes the body as it comes; the new length.
async fn fill<B>(file: Arc<Locked>, at: u64, mut body: B, limit: u64) -> Result<u64, BlobError>
where
    B: Stream<Item = Result<Bytes, io::Error>> + Send + Unpin,
{
    let mut pending = Vec::with_capacity(WRITE_BYTES);
    let mut len = at;
    let broken = loop {
        match body.next().await {
            None => break None,
            Some(Err(error)) => break Some(error.to_string()),
            Some(Ok(piece)) => {
                len += piece.len() as u64;
                if len - at > limit {
                    return Err(BlobError::TooLong { limit });
                }
                pending.extend_from_slice(&piece);
            }
        }
        if pending.len() >= WRITE_BYTES {
            pending = write(file.clone(), pending).await?;
        }
    };
    write(file, pending).await?;
    broken.map_or(Ok(len), |reason| Err(BlobError::BodyBroken { len, reason }))
}

async fn write(file: Arc<Locked>, mut pending: Vec<u8>) -> Result<Vec<u8>, BlobError> {
    blocking(move || {
        (&**file).write_all(&pending)?;
        pending.clear();
        Ok(pending)
    })
    .await
}

/// Whether a finish that was cut off between linking and unlinking left both names.
fn is_same_file(one: &Path, other: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (one, other) = (fs::metadata(one)?, fs::metadata(other)?);
    Ok(one.ino() == other.ino() && one.dev() == other.dev())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a process killed in the middle of a body that counts only as a whole leaves behind.
    #[tokio::test]
    async fn unverified_bytes_of_a_dead_writer_are_cut() {
        let root = tempfile::tempdir().expect("temp dir");
        let folder = Folder::open(root.path().to_owned(), lifecycle::system()).await.expect("opened");
        let key = Key::new("up/1").expect("a key");
        folder.stage_begin(&key, &key).await.expect("begun");
        let stage = folder.stage(&key);
        fs::write(&stage.path, b"goodbad").expect("written");
        stage.set_mark(4).expect("marked");
        assert_eq!(folder.stage_len(&key).await.expect("asked"), Some(4));
        assert_eq!(fs::read(&stage.path).expect("read"), b"good");
        assert!(!stage.mark.exists());
    }

    /// A writer at work keeps its bytes; others see where the verified ones end.
    #[tokio::test]
    async fn unverified_bytes_of_a_living_writer_stay() {
        let root = tempfile::tempdir().expect("temp dir");
        let folder = Folder::open(root.path().to_owned(), lifecycle::system()).await.expect("opened");
        let key = Key::new("up/1").expect("a key");
        folder.stage_begin(&key, &key).await.expect("begun");
        let stage = folder.stage(&key);
        let writer = stage.lock().expect("locked");
        (&*writer).write_all(b"goodnew").expect("written");
        stage.set_mark(4).expect("marked");
        assert_eq!(folder.stage_len(&key).await.expect("asked"), Some(4));
        assert_eq!(fs::read(&stage.path).expect("read"), b"goodnew");
        assert!(matches!(stage.lock(), Err(BlobError::Busy)));
    }

    /// As in a child process between its birth and its own program.
    #[tokio::test]
    async fn a_lock_that_was_given_back_is_free_even_if_the_file_is_open_elsewhere() {
        let root = tempfile::tempdir().expect("temp dir");
        let folder = Folder::open(root.path().to_owned(), lifecycle::system()).await.expect("opened");
        let key = Key::new("up/1").expect("a key");
        folder.stage_begin(&key, &key).await.expect("begun");
        let stage = folder.stage(&key);
        let writer = stage.lock().expect("locked");
        let inherited = writer.try_clone().expect("the same open file");
        drop(writer);
        stage.lock().expect("free");
        drop(inherited);
    }
}
