//! Files of a broadcast on this machine's disk.
//!
//! `{folder}/{broadcast}/` holds headers and segments under the names that they will have in the store, and beside each
//! segment a journal: a line of JSON for each of its parts, and one more when it is whole. Bytes are written before the
//! line that speaks of them; a line that breaks off, and bytes that no line speaks of, count as never written. Nothing is
//! synced: a killed process loses nothing, a power cut at most what the kernel had not written yet.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use base::BroadcastId;
use bytes::Bytes;
use media::live::{
    About, LiveObject, RecordedHeader, RecordedSegment, RenditionName,
    window::{Moment, Part, Run},
};
use serde::{Deserialize, Serialize};

const ABOUT: &str = "about.json";
const JOURNAL: &str = "journal";

/// A line of a segment's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// A part, which follows those before it.
    Part {
        /// The timeline that it lies on.
        run: Run,
        /// The term of its header.
        init_term: u32,
        /// Discontinuities right before the segment.
        discontinuities: u32,
        /// Decode time of the segment's first sample, in microseconds of the run.
        start_us: u64,
        /// What its list says of it.
        listed: Part,
        /// Its length in bytes.
        bytes: u64,
    },
    /// The segment is whole.
    Whole(RecordedSegment),
}

/// Something to be written.
#[derive(Debug)]
pub(super) enum Piece {
    Header(LiveObject, Bytes),
    Part(LiveObject, Line, Bytes),
    Whole(LiveObject, Line),
}

/// The folder of a broadcast.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    root: PathBuf,
}

impl Disk {
    pub(super) fn of(folder: &Path, broadcast: &BroadcastId) -> Self {
        Self { root: folder.join(broadcast.as_str()) }
    }

    pub(super) fn path(&self, object: &LiveObject) -> PathBuf {
        self.root.join(object.to_string())
    }

    fn journal(&self, object: &LiveObject) -> PathBuf {
        self.path(object).with_extension(JOURNAL)
    }

    /// Notes that this machine holds the broadcast under `term`.
    pub(super) fn claim(&self, term: u32) -> io::Result<()> {
        fs::create_dir_all(&self.root)?;
        fs::write(self.root.join(format!("{term}.term")), b"")
    }

    /// The terms under which this machine held the broadcast.
    pub(super) fn terms(&self) -> io::Result<Vec<u32>> {
        let mut terms: Vec<u32> =
            names(&self.root)?.iter().filter_map(|name| name.strip_suffix(".term")?.parse().ok()).collect();
        terms.sort_unstable();
        Ok(terms)
    }

    /// Bytes that are free for files here.
    pub(super) fn free(&self) -> io::Result<u64> {
        let state = rustix::fs::statvfs(&self.root).map_err(io::Error::from)?;
        Ok(state.f_bavail.saturating_mul(state.f_frsize))
    }

    pub(super) fn describe(&self, about: &[(RenditionName, About)]) -> io::Result<()> {
        replace(&self.root.join(ABOUT), &serde_json::to_vec(about)?)
    }

    /// What was described last; nothing when that never happened.
    pub(super) fn described(&self) -> io::Result<Vec<(RenditionName, About)>> {
        match fs::read(self.root.join(ABOUT)) {
            Ok(text) => Ok(serde_json::from_slice(&text)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    pub(super) fn write(&self, writes: &[Piece]) -> io::Result<()> {
        for write in writes {
            match write {
                Piece::Header(object, bytes) => {
                    let path = self.path(object);
                    create_folder_of(&path)?;
                    replace(&path, bytes)?;
                }
                Piece::Part(object, line, bytes) => {
                    let path = self.path(object);
                    create_folder_of(&path)?;
                    append(&path, bytes)?;
                    append_line(&self.journal(object), line)?;
                }
                Piece::Whole(object, line) => append_line(&self.journal(object), line)?,
            }
        }
        Ok(())
    }

    /// A stretch of a file; `None` when it is gone.
    pub(super) fn read(&self, object: &LiveObject, range: Range<u64>) -> io::Result<Option<Bytes>> {
        let mut file = match File::open(self.path(object)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = usize::try_from(range.end - range.start).map_err(|_| ErrorKind::InvalidInput)?;
        file.seek(SeekFrom::Start(range.start))?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        Ok(Some(bytes.into()))
    }

    /// Removes a file with its journal; none is fine.
    pub(super) fn remove(&self, object: &LiveObject) -> io::Result<()> {
        absent_is_fine(fs::remove_file(self.journal(object)))?;
        absent_is_fine(fs::remove_file(self.path(object)))
    }

    /// Removes all of the broadcast.
    pub(super) fn remove_all(&self) -> io::Result<()> {
        absent_is_fine(fs::remove_dir_all(&self.root))
    }

    /// The headers of a term, in order.
    pub(super) fn headers(&self, term: u32) -> io::Result<Vec<RecordedHeader>> {
        let mut found = Vec::new();
        for (rendition, name) in self.files()? {
            let number = name.strip_suffix(".mp4").and_then(|stem| stem.split_once("-init-"));
            let Some((of, number)) = number else { continue };
            if let (Ok(of), Ok(number)) = (of.parse::<u32>(), number.parse::<u32>())
                && of == term
            {
                let bytes = fs::metadata(self.path(&LiveObject::Header { rendition, term, number }))?.len();
                found.push(RecordedHeader { rendition, number, term, bytes });
            }
        }
        found.sort_by_key(|header| (header.rendition, header.number));
        Ok(found)
    }

    /// The segments of a term, in order. One that was open is closed here as a whole one, at `now`.
    pub(super) fn segments(&self, term: u32, now: Moment) -> io::Result<Vec<RecordedSegment>> {
        let mut found = Vec::new();
        for (rendition, name) in self.files()? {
            let stem = name.strip_suffix(&format!(".{JOURNAL}")).and_then(|stem| stem.split_once('-'));
            let Some((Ok(of), Ok(msn))) = stem.map(|(of, msn)| (of.parse::<u32>(), msn.parse::<u64>()))
            else {
                continue;
            };
            if of == term {
                let object = LiveObject::Segment { rendition, term, msn };
                found.extend(self.segment(&object, (rendition, term, msn), now)?);
            }
        }
        found.sort_by_key(|segment| (segment.rendition, segment.msn));
        Ok(found)
    }

    fn segment(
        &self,
        object: &LiveObject,
        named: (RenditionName, u32, u64),
        now: Moment,
    ) -> io::Result<Option<RecordedSegment>> {
        let text = fs::read(self.journal(object))?;
        // The last line may have broken off.
        let lines: Vec<Line> =
            text.split(|byte| *byte == b'\n').map_while(|line| serde_json::from_slice(line).ok()).collect();
        if let Some(Line::Whole(segment)) = lines.last() {
            return Ok(Some(segment.clone()));
        }
        let Some(segment) = super::resume::close(&lines, named, now) else {
            self.remove(object)?;
            return Ok(None);
        };
        let file = OpenOptions::new().write(true).open(self.path(object))?;
        file.set_len(segment.bytes)?;
        let whole: Vec<u8> =
            lines.iter().chain([&Line::Whole(segment.clone())]).try_fold(Vec::new(), |mut text, line| {
                serde_json::to_writer(&mut text, line)?;
                text.push(b'\n');
                Ok::<_, io::Error>(text)
            })?;
        replace(&self.journal(object), &whole)?;
        Ok(Some(segment))
    }

    fn files(&self) -> io::Result<Vec<(RenditionName, String)>> {
        let mut files = Vec::new();
        for folder in names(&self.root)? {
            let Ok(rendition) = folder.parse::<RenditionName>() else { continue };
            files.extend(names(&self.root.join(&folder))?.into_iter().map(|name| (rendition, name)));
        }
        Ok(files)
    }
}

/// The broadcasts of which something is on this disk.
pub(super) fn broadcasts(folder: &Path) -> io::Result<Vec<BroadcastId>> {
    Ok(names(folder)?.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Names in a folder; none when it is not there.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

fn create_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.is_dir() => fs::create_dir_all(folder),
        _ => Ok(()),
    }
}

fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path)?.write_all(bytes)
}

fn append_line(path: &Path, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    append(path, &text)
}

/// Writes a file that appears whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let half = path.with_extension("half");
    fs::write(&half, bytes)?;
    fs::rename(&half, path)
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
