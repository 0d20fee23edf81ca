//! Making a backup, while the server runs or not.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufReader, BufWriter, ErrorKind},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use settings::Settings;

use super::{
    DATABASE, Measured, OBJECTS, SECRETS, copy_to_file, is_tar, make_folder,
    manifest::{self, Entry, Head, Manifest},
    remove,
};
use crate::stores;

/// Larger files of the data folder are no keys.
const SECRET_BYTES_MAX: u64 = 64 << 10;
/// What the data folder holds that is made anew, or saved in another way.
const NOT_KEPT: [&str; 3] = ["nexus.db", "instance", "gst-registry"];

/// What the command line says.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  nexus backup /backup/nexus                 again into the same folder copies only what is new\n  nexus backup /backup/nexus-monday.tar      one file, always whole\n\nOn PostgreSQL or a bucket it saves the keys and says how to save the rest (docs/backup.md)."
)]
pub struct BackupArgs {
    /// A folder, new or of an earlier backup, or a new file that ends in .tar.
    #[arg(value_name = "DIR|FILE.tar")]
    target: PathBuf,
}

/// Where a backup goes.
enum Target {
    Folder {
        root: PathBuf,
        /// Objects that are there already.
        earlier: BTreeMap<String, Entry>,
    },
    Tar(Box<tar::Builder<BufWriter<File>>>),
}

/// What became of one file.
enum Saved {
    Copied(Entry),
    Kept(Entry),
}

impl Target {
    fn open(path: &Path) -> Result<Self> {
        if is_tar(path) {
            if path.exists() {
                bail!("{} exists; a tar file is never written over", path.display());
            }
            return Ok(Self::Tar(Box::new(tar::Builder::new(BufWriter::new(File::create(part(path))?)))));
        }
        make_folder(path)?;
        let earlier = match File::open(path.join(manifest::FILE)) {
            Ok(file) => Manifest::read(BufReader::new(file))?.files,
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error.into()),
        };
        if earlier.is_empty() && fs::read_dir(path)?.next().is_some() {
            bail!("{} is neither empty nor a backup", path.display());
        }
        Ok(Self::Folder { root: path.to_owned(), earlier })
    }

    fn save(&mut self, name: &str, from: &mut File) -> io::Result<Saved> {
        let bytes = from.metadata()?.len();
        match self {
            Self::Tar(archive) => {
                let mut header = tar::Header::new_gnu();
                header.set_size(bytes);
                header.set_mode(0o600);
                let mut measured = Measured::new(from);
                archive.append_data(&mut header, name, &mut measured)?;
                Ok(Saved::Copied(measured.entry(name)))
            }
            Self::Folder { root, earlier } => {
                let to = root.join(name);
                // An object never changes its bytes, so its name and length say enough.
                let known = earlier.get(name).filter(|entry| {
                    name.starts_with(OBJECTS)
                        && entry.bytes == bytes
                        && fs::metadata(&to).is_ok_and(|there| there.len() == bytes)
                });
                match known {
                    Some(entry) => Ok(Saved::Kept(entry.clone())),
                    None => copy_to_file(name, from, &to).map(Saved::Copied),
                }
            }
        }
    }

    /// Writes the manifest, which makes the backup whole.
    fn finish(self, path: &Path, manifest: &Manifest) -> Result<()> {
        let mut text = Vec::new();
        manifest.write(&mut text)?;
        match self {
            Self::Tar(mut archive) => {
                let mut header = tar::Header::new_gnu();
                header.set_size(text.len() as u64);
                header.set_mode(0o600);
                archive.append_data(&mut header, manifest::FILE, &text[..])?;
                let file = archive.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.sync_all()?;
                fs::rename(part(path), path)?;
            }
            Self::Folder { root, earlier } => {
                copy_to_file(manifest::FILE, &text[..], &root.join(manifest::FILE))?;
                for gone in earlier.keys().filter(|name| !manifest.files.contains_key(*name)) {
                    remove(&root.join(gone))?;
                }
            }
        }
        Ok(())
    }
}

fn part(path: &Path) -> PathBuf {
    path.with_extension("tar.part")
}

/// What a run came to.
#[derive(Default)]
struct Tally {
    copied: u64,
    kept: u64,
    gone: u64,
}

struct Run {
    target: Target,
    manifest: Manifest,
    tally: Tally,
}

impl Run {
    /// Saves one file; objects may be deleted meanwhile.
    fn file(&mut self, name: &str, path: &Path) -> Result<()> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.tally.gone += 1;
                return Ok(());
            }
            opened => opened.with_context(|| format!("reading {}", path.display()))?,
        };
        let saved = self.target.save(name, &mut file);
        let entry = match saved.with_context(|| format!("saving {}", path.display()))? {
            Saved::Copied(entry) => {
                self.tally.copied += 1;
                entry
            }
            Saved::Kept(entry) => {
                self.tally.kept += 1;
                entry
            }
        };
        self.manifest.add(entry);
        Ok(())
    }

    fn secrets(&mut self, data: &Path) -> Result<()> {
        for entry in fs::read_dir(data).with_context(|| format!("reading {}", data.display()))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let meta = entry.metadata()?;
            let kept = meta.is_file()
                && meta.len() <= SECRET_BYTES_MAX
                && !NOT_KEPT.iter().any(|begin| name.starts_with(begin));
            if kept {
                self.file(&format!("{SECRETS}{name}"), &entry.path())?;
            }
        }
        Ok(())
    }

    /// Uploads in progress are left out: they change while they are copied, and start over after a restore.
    fn objects(&mut self, folder: &Path, name: &str) -> Result<()> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.with_context(|| format!("reading {}", folder.display()))?,
        };
        for entry in entries {
            let entry = entry?;
            let inner = format!("{name}{}", entry.file_name().to_string_lossy());
            match entry.file_type()?.is_dir() {
                true => self.objects(&entry.path(), &format!("{inner}/"))?,
                false => self.file(&inner, &entry.path())?,
            }
        }
        Ok(())
    }
}

/// Copies one moment of an embedded database beside the target; nothing for a database server.
async fn database(settings: &Settings, target: &Path) -> Result<Option<PathBuf>> {
    if !settings.database_url().starts_with("sqlite:") {
        return Ok(None);
    }
    let url = settings.database_url();
    let path = Path::new(url.trim_start_matches("sqlite:"));
    anyhow::ensure!(path.exists(), "there is no database at {} (database.url)", path.display());
    let db = stores::open(settings).await?;
    let copy = target.with_extension("db.part");
    remove(&copy)?;
    db.snapshot(&copy).await.context("copying the database")?;
    db.close().await;
    Ok(Some(copy))
}

/// Saves everything, then says what it did.
///
/// # Errors
/// When the target cannot be used, or something cannot be read.
pub async fn run(args: BackupArgs, settings: Settings) -> Result<ExitCode> {
    let target = std::path::absolute(&args.target)?;
    let data = &settings.data;
    anyhow::ensure!(data.is_dir(), "{} (data) is no folder: nothing to save", data.display());
    let begun = Target::open(&target)?;
    let copy = database(&settings, &target).await?;
    let objects = settings.store.url.is_empty();
    let head = Head::new(lifecycle::system().now().millis(), copy.is_some(), objects);
    let mut run = Run { target: begun, manifest: Manifest::new(head), tally: Tally::default() };
    let saved = tokio::task::spawn_blocking(move || -> Result<_> {
        if let Some(copy) = copy {
            run.file(DATABASE, &copy)?;
            remove(&copy)?;
        }
        run.secrets(&settings.data)?;
        if objects {
            run.objects(&settings.store_folder().join("objects"), OBJECTS)?;
        }
        run.target.finish(&target, &run.manifest)?;
        Ok((run.manifest, run.tally))
    });
    let (manifest, tally) = saved.await??;
    report(&args.target, &manifest, &tally);
    Ok(ExitCode::SUCCESS)
}

fn report(target: &Path, manifest: &Manifest, tally: &Tally) {
    let Tally { copied, kept, gone } = tally;
    let mib = manifest.bytes() >> 20;
    println!("{}: {copied} files copied, {kept} there already, {mib} MiB in all", target.display());
    if *gone > 0 {
        println!("{gone} objects were deleted meanwhile and are not part of it");
    }
    if !manifest.head.database {
        println!("NOT saved: the database, which is on a server; run: pg_dump --format=custom DATABASE_URL");
    }
    if !manifest.head.objects {
        println!("NOT saved: the objects, which are in a bucket; keep its versions, or copy it elsewhere");
    }
    if !(manifest.head.database && manifest.head.objects) {
        println!("save the database before the bucket: every row then finds its objects (docs/backup.md)");
    }
}
