//! Objects as files: `objects/` holds them under their keys, `stages/` the uploads in progress, `unverified/`
//! marks of stages whose last bytes do not count yet, `tmp/` files being written.
//!
//! A file appears under its key by hard link after its bytes are synced, so a reader sees it whole or not at
//! all, and an existing object is never replaced. The folder of a new name is synced before it is reported.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use base::Ambient;
use bytes::Bytes;

use crate::{BlobError, Key, Meta};

/// How often a name is tried while its folder comes and goes.
const LINK_TRIES: u32 = 5;

mod stage;

pub(crate) struct Folder {
    root: PathBuf,
    ambient: Ambient,
}

/// Runs blocking file work off the reactor threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| BlobError::Io(io::Error::other(error)))?
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Creates `folder` and syncs each parent that gained an entry.
fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().ok_or(ErrorKind::InvalidInput)?;
    create_folder(parent)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(parent),
    }
}

fn same_bytes(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() != bytes.len() as u64 {
        return Ok(false);
    }
    let mut held = Vec::with_capacity(bytes.len());
    file.read_to_end(&mut held)?;
    Ok(held == bytes)
}

fn missing_is<T>(result: io::Result<T>, key: &Key) -> Result<T, BlobError> {
    result.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
            BlobError::NotFound(key.to_string())
        }
        _ => error.into(),
    })
}

fn none_if_missing(result: io::Result<fs::Metadata>) -> Result<Option<u64>, BlobError> {
    match result {
        Ok(meta) if meta.is_file() => Ok(Some(meta.len())),
        Ok(_) => Ok(None),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Gives `from` the name `to`, never replacing; `false` when `to` exists.
///
/// A delete beside us may remove the folder while it is empty, so its absence is tried again a few times.
fn link_new(from: &Path, to: &Path) -> io::Result<bool> {
    let folder = to.parent().ok_or(ErrorKind::InvalidInput)?;
    for _ in 0..LINK_TRIES {
        create_folder(folder)?;
        match fs::hard_link(from, to) {
            Ok(()) => return sync_folder(folder).map(|()| true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::NotFound.into())
}

impl Folder {
    pub(crate) async fn open(root: PathBuf, ambient: Ambient) -> Result<Self, BlobError> {
        let made = root.clone();
        blocking(move || {
            ["objects", "stages", "unverified", "tmp"]
                .iter()
                .try_for_each(|name| create_folder(&made.join(name)))?;
            // What a killed process was writing was never acknowledged.
            for left in fs::read_dir(made.join("tmp"))? {
                fs::remove_file(left?.path())?;
            }
            Ok(())
        })
        .await?;
        Ok(Self { root, ambient })
    }

    pub(super) fn object(&self, key: &Key) -> PathBuf {
        self.root.join("objects").join(key.as_str())
    }

    fn temporary(&self) -> PathBuf {
        self.root.join("tmp").join(format!("{:032x}", u128::from_be_bytes(self.ambient.bytes())))
    }

    pub(crate) async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), BlobError> {
        let (path, temporary, key) = (self.object(key), self.temporary(), key.clone());
        blocking(move || {
            let result = put_file(&path, &temporary, &bytes);
            // The temporary name is of no use either way; its removal failing leaves only clutter.
            let _ = fs::remove_file(&temporary);
            if result? { Ok(()) } else { Err(BlobError::Conflict(key)) }
        })
        .await
    }

    pub(crate) async fn head(&self, key: &Key) -> Result<Option<Meta>, BlobError> {
        let path = self.object(key);
        blocking(move || Ok(none_if_missing(fs::metadata(path))?.map(|bytes| Meta { bytes }))).await
    }

    pub(crate) async fn get_range(&self, key: &Key, offset: u64, len: u64) -> Result<Bytes, BlobError> {
        let (path, key) = (self.object(key), key.clone());
        blocking(move || {
            let file = missing_is(File::open(path), &key)?;
            let meta = missing_is(file.metadata(), &key)?;
            if !meta.is_file() {
                return Err(BlobError::NotFound(key.to_string()));
            }
            let len = len.min(meta.len().saturating_sub(offset));
            let mut out = vec![0; usize::try_from(len).map_err(io::Error::other)?];
            file.read_exact_at(&mut out, offset)?;
            Ok(out.into())
        })
        .await
    }

    pub(crate) async fn delete(&self, key: &Key) -> Result<(), BlobError> {
        remove(self.object(key), self.root.join("objects")).await
    }

    pub(crate) async fn list(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Key>, BlobError> {
        let (root, prefix, after) = (self.root.join("objects"), prefix.to_owned(), after.cloned());
        blocking(move || {
            let mut keys = Vec::new();
            // The deepest folder that can hold the prefix; below it names are filtered.
            let start = prefix.rsplit_once('/').map_or(root.clone(), |(folder, _)| root.join(folder));
            walk(&root, &start, &prefix, &mut keys)?;
            keys.retain(|key| after.as_ref().is_none_or(|after| key > after));
            keys.sort();
            keys.truncate(limit);
            Ok(keys)
        })
        .await
    }

    pub(crate) async fn concat(&self, parts: &[(Key, u64)], key: &Key) -> Result<(), BlobError> {
        let sources: Vec<_> = parts.iter().map(|(part, _)| (part.clone(), self.object(part))).collect();
        let (path, temporary, key) = (self.object(key), self.temporary(), key.clone());
        blocking(move || {
            let made = concat_files(&sources, &temporary, &path);
            // The temporary name is of no use either way; its removal failing leaves only clutter.
            let _ = fs::remove_file(&temporary);
            if made? { Ok(()) } else { Err(BlobError::Conflict(key)) }
        })
        .await
    }

    pub(crate) async fn free_bytes(&self) -> Result<Option<u64>, BlobError> {
        let root = self.root.clone();
        blocking(move || {
            let state = rustix::fs::statvfs(root).map_err(io::Error::from)?;
            Ok(Some(state.f_bavail.saturating_mul(state.f_frsize)))
        })
        .await
    }
}

fn put_file(path: &Path, temporary: &Path, bytes: &[u8]) -> Result<bool, BlobError> {
    let mut file = File::create_new(temporary)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    Ok(link_new(temporary, path)? || same_bytes(path, bytes)?)
}

/// Whether the object is new; one that is there stays as it is.
fn concat_files(sources: &[(Key, PathBuf)], temporary: &Path, path: &Path) -> Result<bool, BlobError> {
    let mut file = File::create_new(temporary)?;
    for (key, source) in sources {
        io::copy(&mut missing_is(File::open(source), key)?, &mut file)?;
    }
    file.sync_data()?;
    Ok(link_new(temporary, path)?)
}

/// Removes a file and then the folders above it, below `root`, that this leaves empty.
async fn remove(path: PathBuf, root: PathBuf) -> Result<(), BlobError> {
    blocking(move || {
        match fs::remove_file(&path) {
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(error.into());
            }
            _ => {}
        }
        for folder in path.ancestors().skip(1).take_while(|folder| *folder != root) {
            // A folder that is not empty stays; so does one that another writer is filling.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    })
    .await
}

fn walk(root: &Path, folder: &Path, prefix: &str, keys: &mut Vec<Key>) -> Result<(), BlobError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) else { continue };
        if path.is_dir() {
            if name.starts_with(prefix) || prefix.starts_with(name) {
                walk(root, &path, prefix, keys)?;
            }
        } else if name.starts_with(prefix) {
            keys.push(Key::new(name)?);
        }
    }
    Ok(())
}
