//! What a backup holds: a line on the whole, then a line a file.

use std::{
    collections::BTreeMap,
    io::{BufRead, Write},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Name of the file that makes a backup whole.
pub const FILE: &str = "manifest.jsonl";
/// The only layout so far.
const FORMAT: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    format: u32,
    /// The version that made it.
    pub version: String,
    /// When it was begun, in milliseconds since 1970.
    pub made_ms: i64,
    /// Whether the database is part of it.
    pub database: bool,
    /// Whether the objects are part of it.
    pub objects: bool,
}

impl Head {
    /// A backup made now by this program.
    pub fn new(made_ms: i64, database: bool, objects: bool) -> Self {
        Self { format: FORMAT, version: env!("CARGO_PKG_VERSION").into(), made_ms, database, objects }
    }
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name within the backup.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
}

/// All of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The whole.
    pub head: Head,
    /// Its files by name.
    pub files: BTreeMap<String, Entry>,
}

impl Manifest {
    /// Nothing yet.
    pub fn new(head: Head) -> Self {
        Self { head, files: BTreeMap::new() }
    }

    /// Remembers a file.
    pub fn add(&mut self, entry: Entry) {
        self.files.insert(entry.path.clone(), entry);
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|entry| entry.bytes).sum()
    }

    /// As text.
    ///
    /// # Errors
    /// When `to` takes no more.
    pub fn write(&self, to: &mut impl Write) -> Result<()> {
        writeln!(to, "{}", serde_json::to_string(&self.head)?)?;
        for entry in self.files.values() {
            writeln!(to, "{}", serde_json::to_string(entry)?)?;
        }
        Ok(())
    }

    /// Reads what [`Manifest::write`] wrote.
    ///
    /// # Errors
    /// When it is something else, or of a layout that this program does not know.
    pub fn read(from: impl BufRead) -> Result<Self> {
        let mut lines = from.lines();
        let first = lines.next().context("the manifest is empty")??;
        let head: Head = serde_json::from_str(&first).context("the manifest's first line")?;
        ensure!(head.format == FORMAT, "the backup has format {}; this program knows {FORMAT}", head.format);
        let mut manifest = Self::new(head);
        for (number, line) in lines.enumerate() {
            let entry = serde_json::from_str(&line?);
            manifest.add(entry.with_context(|| format!("line {} of the manifest", number + 2))?);
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nonsense_is_not() {
        let mut manifest = Manifest::new(Head::new(7, true, false));
        manifest.add(Entry { path: "nexus.db".into(), bytes: 3, sha256: "ab".into() });
        let mut text = Vec::new();
        manifest.write(&mut text).unwrap();
        assert_eq!(Manifest::read(&text[..]).unwrap(), manifest);
        let newer = String::from_utf8(text).unwrap().replace("\"format\":1", "\"format\":2");
        assert!(Manifest::read(newer.as_bytes()).unwrap_err().to_string().contains("format 2"));
        assert!(Manifest::read(&b""[..]).is_err() && Manifest::read(&b"{}\n"[..]).is_err());
    }
}
