//! Opening what a process keeps: the data folder, the database and the objects.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use base::Ambient;
use blob::{Access, Store};
use catalogue::Limits;
use db::{Db, Engine, Options};
use settings::Settings;

/// Makes the data folder, readable by its owner alone.
///
/// # Errors
/// When it cannot be made.
pub fn data_folder(settings: &Settings) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&settings.data);
    made.with_context(|| format!("making the data folder {}", settings.data.display()))
}

/// Opens the database. An embedded one is brought up to date; a server's schema is only checked.
///
/// # Errors
/// When it cannot be opened, or a server's schema is behind.
pub async fn database(settings: &Settings) -> Result<Db> {
    data_folder(settings)?;
    let db = open(settings).await?;
    if db.engine() == Engine::Sqlite {
        db.migrate().await.context("bringing the database up to date")?;
        return Ok(db);
    }
    let pending = db.pending().await?;
    if !pending.is_empty() {
        let names: Vec<_> = pending.iter().map(|migration| migration.name).collect();
        bail!("the database lacks {}; run `nexus migrate` first", names.join(", "));
    }
    Ok(db)
}

/// Opens the database as it is.
///
/// # Errors
/// When it cannot be opened.
pub async fn open(settings: &Settings) -> Result<Db> {
    let options = Options { connections: settings.database.connections_max, ..Options::default() };
    Db::open(&settings.database_url(), options).await.context("opening the database")
}

/// Opens the object store.
///
/// # Errors
/// When the folder cannot be made or the bucket written.
pub async fn objects(settings: &Settings, ambient: Ambient) -> Result<Store> {
    if !settings.store.url.is_empty() {
        let bucket = settings::Bucket::parse(&settings.store.url).map_err(anyhow::Error::msg)?;
        let (id, secret) = (&settings.store.access_key, &settings.store.secret_key);
        let access = (!id.is_empty()).then(|| Access { id: id.clone(), secret: secret.expose().to_owned() });
        let store = Store::s3(&bucket, access, ambient).await;
        return store.with_context(|| format!("opening the bucket of {}", settings.store.url));
    }
    let folder = settings.store_folder();
    let store = Store::folder(&folder, ambient).await;
    store.with_context(|| format!("opening the object store {}", folder.display()))
}

/// How much every tenant may upload that has no limits of its own.
pub fn limits(upload: &settings::Upload) -> Limits {
    Limits { bytes_max: upload.tenant_bytes_max, size_max: upload.size_max_bytes }
}

/// How much every tenant may send that has no limits of its own.
pub fn live_limits(live: &settings::Live) -> live::Limits {
    live::Limits {
        channels_max: live.channels_max,
        streams_max: live.streams_max,
        bitrate_max_kbps: live.bitrate_max_kbps,
    }
}

/// The bytes of a secret file, made from `fresh` on first use and readable by its owner alone.
///
/// # Errors
/// When the file cannot be read or made.
pub fn secret_file(path: &Path, fresh: impl FnOnce() -> Vec<u8>) -> Result<Vec<u8>> {
    if let Ok(bytes) = fs::read(path) {
        return Ok(bytes);
    }
    let bytes = fresh();
    write_secret(path, &bytes)?;
    Ok(bytes)
}

/// Writes a secret where only its owner can read it; the file appears whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<()> {
    settings::write_secret(path, bytes).with_context(|| format!("writing {}", path.display()))
}
