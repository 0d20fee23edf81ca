//! Laying out a backup again, where nothing is yet.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail, ensure};
use blob::Key;
use clap::Args;
use settings::Settings;

use super::{
    DATABASE, OBJECTS, SECRETS, copy_to_file, is_tar,
    manifest::{self, Entry, Manifest},
    remove,
};
use crate::stores;

/// What the command line says.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  nexus restore /backup/nexus --data /var/lib/nexus\n\nThe data folder must not hold a server yet. Start the server afterwards as usual (docs/backup.md)."
)]
pub struct RestoreArgs {
    /// What `nexus backup` made.
    #[arg(value_name = "DIR|FILE.tar")]
    source: PathBuf,
}

/// Where the parts of a backup go.
struct Places {
    data: PathBuf,
    database: Option<PathBuf>,
    store: Option<PathBuf>,
}

impl Places {
    fn of(settings: &Settings) -> Self {
        let database = settings.database_url().strip_prefix("sqlite:").map(PathBuf::from);
        let store = settings.store.url.is_empty().then(|| settings.store_folder());
        Self { data: settings.data.clone(), database, store }
    }

    /// Refuses a target that holds anything of a server.
    fn check_empty(&self) -> Result<()> {
        let occupied = |folder: &Path| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
        let taken = [Some(&self.data), self.store.as_ref()].into_iter().flatten().find(|path| occupied(path));
        let taken = taken.or(self.database.as_ref().filter(|path| path.exists()));
        match taken {
            Some(path) => bail!("{} is not empty; restore where nothing is yet", path.display()),
            None => Ok(()),
        }
    }

    /// The place of one file of a backup; names that a backup does not have are refused.
    fn of_file(&self, name: &str) -> Result<PathBuf> {
        if name == DATABASE {
            let elsewhere = "the backup holds an embedded database, but database.url names a server";
            return self.database.clone().context(elsewhere);
        }
        if let Some(key) = name.strip_prefix(OBJECTS) {
            let key = Key::new(key).with_context(|| format!("an object of the backup: {name:?}"))?;
            let elsewhere = "the backup holds objects, but store.url names a bucket";
            let store = self.store.as_ref().context(elsewhere)?;
            return Ok(store.join("objects").join(key.as_str()));
        }
        let plain = |name: &&str| !name.is_empty() && !name.contains('/') && !name.starts_with('.');
        let secret = name.strip_prefix(SECRETS).filter(plain);
        secret
            .map(|secret| self.data.join(secret))
            .with_context(|| format!("{name:?} is no part of a backup"))
    }
}

/// Files laid out so far; removed again unless the whole backup proves right.
struct Laid {
    places: Places,
    files: Vec<Entry>,
}

impl Laid {
    fn lay(&mut self, name: &str, from: impl Read) -> Result<()> {
        let to = self.places.of_file(name)?;
        let entry = copy_to_file(name, from, &to).with_context(|| format!("writing {}", to.display()))?;
        self.files.push(entry);
        Ok(())
    }

    fn compare(&self, manifest: &Manifest) -> Result<()> {
        for entry in &self.files {
            let expected = manifest.files.get(&entry.path);
            ensure!(expected == Some(entry), "{} of the backup is damaged", entry.path);
        }
        let (laid, whole) = (self.files.len(), manifest.files.len());
        ensure!(laid == whole, "the backup holds {laid} of its {whole} files");
        Ok(())
    }

    /// All places were empty before, so all that is there now was laid.
    fn undo(&self) {
        let Places { data, database, store } = &self.places;
        let folders = [Some(data), store.as_ref()].into_iter().flatten().map(|path| empty(path));
        let database = database.iter().map(|path| remove(path));
        for error in folders.chain(database).filter_map(Result::err) {
            eprintln!("what was restored could not be removed again: {error}");
        }
    }
}

/// Removes what is in a folder, not the folder: it may be a mount.
fn empty(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    Ok(())
}

fn from_folder(source: &Path, laid: &mut Laid) -> Result<Manifest> {
    let manifest = File::open(source.join(manifest::FILE));
    let manifest = manifest.with_context(|| format!("{} is no finished backup", source.display()))?;
    let manifest = Manifest::read(BufReader::new(manifest))?;
    for name in manifest.files.keys() {
        let file = File::open(source.join(name));
        laid.lay(name, file.with_context(|| format!("{name} of the backup"))?)?;
    }
    Ok(manifest)
}

fn from_tar(source: &Path, laid: &mut Laid) -> Result<Manifest> {
    let file = File::open(source).with_context(|| format!("reading {}", source.display()))?;
    let mut archive = tar::Archive::new(BufReader::new(file));
    for entry in archive.entries()? {
        let entry = entry?;
        let name = String::from_utf8(entry.path_bytes().into_owned()).context("a name in the archive")?;
        if name == manifest::FILE {
            return Manifest::read(BufReader::new(entry));
        }
        laid.lay(&name, entry)?;
    }
    bail!("{} ends before its manifest: it is no finished backup", source.display())
}

/// Lays out a backup, all of it or nothing.
///
/// # Errors
/// When the target is not empty, or the backup is not whole.
pub async fn run(args: RestoreArgs, settings: Settings) -> Result<ExitCode> {
    let places = Places::of(&settings);
    places.check_empty()?;
    stores::data_folder(&settings)?;
    let restored = tokio::task::spawn_blocking(move || -> Result<Manifest> {
        let mut laid = Laid { places, files: Vec::new() };
        let read = if is_tar(&args.source) { from_tar } else { from_folder };
        let manifest = read(&args.source, &mut laid);
        let proven = manifest.and_then(|manifest| laid.compare(&manifest).map(|()| manifest));
        if proven.is_err() {
            laid.undo();
        }
        proven
    });
    let manifest = restored.await??;
    println!("{} files, {} MiB restored", manifest.files.len(), manifest.bytes() >> 20);
    if !manifest.head.database {
        println!("the database is not part of this backup; restore it with pg_restore");
    }
    if !manifest.head.objects {
        println!("the objects are not part of this backup; restore the bucket");
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places { data: "/d".into(), database: Some("/d/nexus.db".into()), store: Some("/d/store".into()) }
    }

    #[test]
    fn files_have_places_and_nothing_leaves_them() {
        let at = |name: &str| places().of_file(name).ok();
        assert_eq!(at("nexus.db"), Some("/d/nexus.db".into()));
        assert_eq!(at("secrets/playback.key"), Some("/d/playback.key".into()));
        assert_eq!(at("store/objects/a/b.m4s"), Some("/d/store/objects/a/b.m4s".into()));
        for name in [
            "secrets/../x",
            "secrets/",
            "secrets/.x",
            "store/objects/../../x",
            "store/objects//x",
            "/etc/passwd",
            "x",
            "",
        ] {
            assert_eq!(at(name), None, "{name}");
        }
        let apart = Places { database: None, store: None, ..places() };
        assert!(apart.of_file("nexus.db").is_err() && apart.of_file("store/objects/a").is_err());
    }
}
