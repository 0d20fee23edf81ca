//! A watched folder on disk: what is in it, and the moves of a file through it. Everything is done below folders
//! that were opened once, without following symbolic links, so nobody who may write there leads us elsewhere.
//!
//! `NAME` → `taking/ID/NAME` → `done/NAME`, or `failed/NAME` with `NAME.reason.txt` beside it. Each step is one
//! rename, so a file is at one place at any moment, and its place says what is left to be done.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::Path,
};

use base::UploadId;
use rustix::{
    fs::{
        AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, RenameFlags, Stat, flock, fstat, fsync,
        mkdirat, openat, renameat, renameat_with, statat, unlinkat,
    },
    io::Errno,
};

use super::settling::Standing;

/// Files that are looked at; what is beyond waits until there are fewer.
const FILES_MAX: usize = 10_000;
/// Endings of files that a program is still writing.
const UNFINISHED: [&str; 6] = [".part", ".partial", ".tmp", ".crdownload", ".filepart", ".download"];
const FOLDERS: [&str; 3] = ["taking", "done", "failed"];
const LOCK: &str = ".nexus-watch";
const FOLDER_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A watched folder that this process alone watches.
pub(super) struct Folder {
    root: OwnedFd,
    taking: OwnedFd,
    done: OwnedFd,
    failed: OwnedFd,
    /// Held while this lives; the kernel's lock on it ends with the process at the latest.
    _lock: OwnedFd,
}

/// What is in the folder.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Files that may be taken once they stand.
    pub files: Vec<(OsString, Standing)>,
    /// What is neither file nor folder, with the reason why it is not taken.
    pub refused: Vec<(OsString, &'static str)>,
}

/// How a file ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Done,
    Failed(String),
}

fn standing(stat: &Stat) -> Standing {
    Standing {
        inode: stat.st_ino,
        bytes: u64::try_from(stat.st_size).unwrap_or(0),
        changed_ns: i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec),
    }
}

fn is_ours_or_unfinished(name: &OsStr) -> bool {
    let text = name.to_string_lossy();
    let lower = text.to_lowercase();
    text.starts_with('.')
        || FOLDERS.contains(&text.as_ref())
        || UNFINISHED.iter().any(|ending| lower.ends_with(ending))
}

fn subfolder(root: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    match mkdirat(root, name, Mode::RWXU | Mode::RGRP | Mode::XGRP) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(openat(root, name, FOLDER_FLAGS | OFlags::NOFOLLOW, Mode::empty())?)
}

fn exists(folder: impl AsFd, name: &OsStr) -> io::Result<bool> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Moves without writing over anything; whether there was nothing in the way.
fn move_new(from: BorrowedFd<'_>, name: &OsStr, to: BorrowedFd<'_>, new: &OsStr) -> io::Result<bool> {
    match renameat_with(from, name, to, new, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        // Some network file systems cannot promise it.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            if exists(to, new)? {
                return Ok(false);
            }
            renameat(from, name, to, new)?;
            Ok(true)
        }
        Err(error) => Err(error.into()),
    }
}

impl Folder {
    /// Opens a folder for this process alone.
    ///
    /// # Errors
    /// `WouldBlock` when another process watches it; whatever else the system says.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let root = openat(CWD, path, FOLDER_FLAGS, Mode::empty())?;
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let lock = openat(&root, LOCK, flags, Mode::RUSR | Mode::WUSR)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        let [taking, done, failed] = FOLDERS.map(|name| subfolder(&root, name));
        Ok(Self { taking: taking?, done: done?, failed: failed?, root, _lock: lock })
    }

    /// What is there to be taken. Folders, hidden files and those that are being written are left alone.
    pub(super) fn contents(&self) -> io::Result<Contents> {
        let mut contents = Contents::default();
        for entry in Dir::read_from(&self.root)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
            if is_ours_or_unfinished(&name) {
                continue;
            }
            let stat = match statat(&self.root, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => continue,
                stat => stat?,
            };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => contents.files.push((name, standing(&stat))),
                FileType::Directory => {}
                FileType::Symlink => {
                    contents.refused.push((name, "It is a symbolic link; put the file itself here."));
                }
                _ => contents.refused.push((name, "It is no file.")),
            }
            if contents.files.len() + contents.refused.len() >= FILES_MAX {
                break;
            }
        }
        Ok(contents)
    }

    /// Takes a file, to be known by `id` from now on.
    pub(super) fn take(&self, name: &OsStr, id: &UploadId) -> io::Result<()> {
        mkdirat(&self.taking, id.as_str(), Mode::RWXU)?;
        let place = self.place(id)?;
        if let Err(error) = renameat(&self.root, name, &place, name) {
            unlinkat(&self.taking, id.as_str(), AtFlags::REMOVEDIR)?;
            return Err(error.into());
        }
        fsync(&place)?;
        fsync(&self.taking)?;
        Ok(fsync(&self.root)?)
    }

    fn place(&self, id: &UploadId) -> io::Result<OwnedFd> {
        Ok(openat(&self.taking, id.as_str(), FOLDER_FLAGS | OFlags::NOFOLLOW, Mode::empty())?)
    }

    /// The files that were taken and have not ended, by a process before this one too.
    pub(super) fn taken(&self) -> io::Result<Vec<(UploadId, OsString)>> {
        let mut taken = Vec::new();
        for entry in Dir::read_from(&self.taking)? {
            let entry = entry?;
            let Some(id) = entry.file_name().to_str().ok().and_then(|text| text.parse::<UploadId>().ok())
            else {
                continue;
            };
            match self.only_file(&id)? {
                Some(name) => taken.push((id, name)),
                // A process ended before it moved the file here, or after it moved it on.
                None => unlinkat(&self.taking, id.as_str(), AtFlags::REMOVEDIR)?,
            }
        }
        Ok(taken)
    }

    fn only_file(&self, id: &UploadId) -> io::Result<Option<OsString>> {
        for entry in Dir::read_from(self.place(id)?)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                return Ok(Some(OsString::from_vec(name)));
            }
        }
        Ok(None)
    }

    /// Opens a taken file for reading.
    ///
    /// # Errors
    /// `InvalidInput` when it is no file by now; whatever else the system says.
    pub(super) fn open_taken(&self, id: &UploadId, name: &OsStr) -> io::Result<(File, Standing)> {
        // Without NONBLOCK, opening a pipe that somebody put there would wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(self.place(id)?, name, flags, Mode::empty())?;
        let stat = fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok((File::from(file), standing(&stat)))
    }

    /// Moves a taken file to where it ends.
    pub(super) fn end(&self, id: &UploadId, name: &OsStr, end: &End) -> io::Result<()> {
        let place = self.place(id)?;
        self.move_to_end(place.as_fd(), id, name, end)?;
        unlinkat(&self.taking, id.as_str(), AtFlags::REMOVEDIR)?;
        Ok(fsync(&self.taking)?)
    }

    /// Moves what is not taken at all out of the way.
    pub(super) fn refuse(&self, name: &OsStr, id: &UploadId, reason: &str) -> io::Result<()> {
        self.move_to_end(self.root.as_fd(), id, name, &End::Failed(reason.to_owned()))
    }

    fn move_to_end(&self, from: BorrowedFd<'_>, id: &UploadId, name: &OsStr, end: &End) -> io::Result<()> {
        let (folder, reason) = match end {
            End::Done => (&self.done, None),
            End::Failed(reason) => (&self.failed, Some(reason)),
        };
        for new in [name.to_owned(), beside(id, name), OsString::from(id.as_str())] {
            if exists(folder, &new)? {
                continue;
            }
            if let Some(reason) = reason {
                // Before the file, so that none lies there without one.
                write_reason(folder, &new, id, reason)?;
            }
            if move_new(from, name, folder.as_fd(), &new)? {
                return Ok(fsync(folder)?);
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// Another name for a file whose own is taken, no longer than names may be.
fn beside(id: &UploadId, name: &OsStr) -> OsString {
    let mut other = OsString::from(id.as_str());
    other.push("-");
    let room = 255 - other.len();
    let bytes = name.as_bytes();
    other.push(OsStr::from_bytes(&bytes[bytes.len().saturating_sub(room)..]));
    other
}

fn write_reason(folder: &OwnedFd, name: &OsStr, id: &UploadId, reason: &str) -> io::Result<()> {
    let ending = |name: &OsStr| {
        let mut file = name.to_owned();
        file.push(".reason.txt");
        file
    };
    let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP;
    let opened = match openat(folder, ending(name), flags, mode) {
        Err(Errno::NAMETOOLONG) => openat(folder, ending(OsStr::new(id.as_str())), flags, mode),
        opened => opened,
    };
    let mut file = File::from(opened?);
    writeln!(file, "{reason}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use tempfile::TempDir;

    use super::*;

    fn id(last: char) -> UploadId {
        format!("01h0000000000000000000000{last}").parse().expect("an identifier")
    }

    fn folder() -> (TempDir, Folder) {
        let root = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(root.path()).expect("opened");
        (root, folder)
    }

    fn text(root: &TempDir, path: &str) -> Option<String> {
        fs::read_to_string(root.path().join(path)).ok()
    }

    #[test]
    fn files_are_found_and_what_is_none_is_refused() {
        let (root, folder) = folder();
        let at = |name: &str| root.path().join(name);
        for name in ["a.mov", ".hidden", "b.mov.part", "c.TMP"] {
            fs::write(at(name), "x").expect("written");
        }
        fs::create_dir(at("later")).expect("made");
        symlink("/etc/passwd", at("link.mov")).expect("made");
        symlink("/etc", at("linked")).expect("made");
        rustix::fs::mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR, 0).expect("made");
        let mut found = folder.contents().expect("read");
        assert_eq!(found.files.iter().map(|(name, _)| name.to_str()).collect::<Vec<_>>(), [Some("a.mov")]);
        assert_eq!(found.files[0].1.bytes, 1);
        found.refused.sort();
        let refused: Vec<_> = found.refused.iter().map(|(name, _)| name.to_str().expect("text")).collect();
        assert_eq!(refused, ["link.mov", "linked", "pipe"]);
        for (number, (name, reason)) in ('1'..).zip(&found.refused) {
            folder.refuse(name, &id(number), reason).expect("moved");
        }
        assert!(text(&root, "failed/link.mov.reason.txt").is_some_and(|why| why.contains("symbolic link")));
        assert!(
            fs::symlink_metadata(at("failed/link.mov")).is_ok_and(|meta| meta.is_symlink()),
            "moved, not read"
        );
        assert!(folder.contents().expect("read").refused.is_empty());
    }

    #[test]
    fn a_file_goes_its_way_and_is_found_again_after_a_crash() {
        let (root, folder) = folder();
        fs::write(root.path().join("a.mov"), "film").expect("written");
        folder.take(OsStr::new("a.mov"), &id('1')).expect("taken");
        assert!(folder.contents().expect("read").files.is_empty());
        // A process that died before it moved a file, and one that died after.
        fs::create_dir(root.path().join("taking").join(id('2').as_str())).expect("made");
        drop(folder);
        let folder = Folder::open(root.path()).expect("the lock went with it");
        assert_eq!(folder.taken().expect("read"), [(id('1'), OsString::from("a.mov"))]);
        assert!(!root.path().join("taking").join(id('2').as_str()).exists());
        let (_, standing) = folder.open_taken(&id('1'), OsStr::new("a.mov")).expect("opened");
        assert_eq!(standing.bytes, 4);
        folder.end(&id('1'), OsStr::new("a.mov"), &End::Done).expect("moved");
        assert_eq!(text(&root, "done/a.mov").as_deref(), Some("film"));
        assert!(folder.taken().expect("read").is_empty());
    }

    #[test]
    fn nothing_is_written_over() {
        let (root, folder) = folder();
        for (number, bytes) in [('1', "one"), ('2', "two")] {
            fs::write(root.path().join("a.mov"), bytes).expect("written");
            folder.take(OsStr::new("a.mov"), &id(number)).expect("taken");
            folder
                .end(&id(number), OsStr::new("a.mov"), &End::Failed(format!("It is {bytes}.")))
                .expect("moved");
        }
        assert_eq!(text(&root, "failed/a.mov").as_deref(), Some("one"));
        let other = format!("failed/{}-a.mov", id('2'));
        assert_eq!(text(&root, &other).as_deref(), Some("two"));
        assert_eq!(text(&root, &format!("{other}.reason.txt")).as_deref(), Some("It is two.\n"));
    }

    #[test]
    fn the_longest_names_have_a_place() {
        let (root, folder) = folder();
        let name = OsString::from("x".repeat(255));
        for number in ['1', '2'] {
            fs::write(root.path().join(&name), "x").expect("written");
            folder.take(&name, &id(number)).expect("taken");
            folder.end(&id(number), &name, &End::Failed("No.".into())).expect("moved");
        }
        assert!(root.path().join("failed").join(&name).exists());
        assert!(text(&root, &format!("failed/{}.reason.txt", id('1'))).is_some());
    }

    #[test]
    fn one_process_watches_a_folder() {
        let (root, folder) = folder();
        let second = Folder::open(root.path()).err().expect("refused");
        assert_eq!(second.kind(), io::ErrorKind::WouldBlock);
        drop(folder);
        assert!(Folder::open(root.path()).is_ok());
    }

    #[test]
    fn folders_that_lead_elsewhere_are_refused() {
        let (root, elsewhere) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        symlink(elsewhere.path(), root.path().join("done")).expect("made");
        assert!(Folder::open(root.path()).is_err());
        let (root, folder) = self::folder();
        fs::write(root.path().join("a"), "x").expect("written");
        folder.take(OsStr::new("a"), &id('1')).expect("taken");
        let taken = root.path().join("taking").join(id('1').as_str()).join("a");
        fs::remove_file(&taken).expect("removed");
        symlink("/etc/passwd", &taken).expect("made");
        assert!(folder.open_taken(&id('1'), OsStr::new("a")).is_err(), "a link put in its place");
    }
}
