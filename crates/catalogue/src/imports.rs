//! Uploads whose bytes the server itself fetches: an asset, its upload and a job, made together.
//!
//! The job's worker writes under a lease on the upload like anybody else, and ends the upload in the transaction
//! that ends the job. What the bytes so far were fetched as is noted here before they count, so that whoever goes
//! on joins nothing that does not belong together.

use std::fmt;

use ::jobs::NewJob;
use base::{AssetId, Principal};
use db::Tx;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Catalogue, CatalogueError, NewUpload, REASON_CHARS_MAX, Result, State, Step, Upload, WriteLease, model,
    store,
};

/// The kind of jobs that fetch.
pub const IMPORT: &str = "import";

/// Bytes that an address may have.
pub const URL_BYTES_MAX: usize = 8_192;

/// What a job of the kind [`IMPORT`] is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// The asset that is fetched.
    pub asset: AssetId,
    /// How long its attempts have taken so far, in seconds, as far as they ended by themselves.
    #[serde(default)]
    pub spent_seconds: u64,
}

/// What an import is fetched from.
#[derive(Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The address; it may hold secrets.
    pub url: String,
    /// The strong validator of what is staged, as `If-Range` takes it (RFC 9110 §13.1.5).
    pub mark: Option<String>,
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch").field("mark", &self.mark).finish_non_exhaustive()
    }
}

pub(crate) fn dedupe(asset: &AssetId) -> String {
    format!("{asset}/{IMPORT}")
}

impl Upload {
    /// Whether the server itself fetches its bytes.
    #[must_use]
    pub fn is_import(&self) -> bool {
        self.fetch.is_some()
    }
}

impl Catalogue {
    /// A transaction to write in, for what is done together with the end of a job.
    ///
    /// # Errors
    /// [`CatalogueError::Db`].
    pub async fn transaction(&self) -> Result<Tx> {
        Ok(self.db.write().await?)
    }

    /// Begins an import in the caller's transaction: an asset, its upload and the job that fetches it. Of `new`, the
    /// length is not looked at: the server that is fetched from says it.
    ///
    /// # Errors
    /// [`CatalogueError::Invalid`] for an address of more than [`URL_BYTES_MAX`] bytes; otherwise as for
    /// [`Catalogue::create_upload`], and [`CatalogueError::Jobs`].
    pub async fn create_import(
        &self,
        tx: &mut Tx,
        principal: &Principal,
        url: &str,
        new: NewUpload,
    ) -> Result<Upload> {
        if url.len() > URL_BYTES_MAX {
            let problem = format!("at most {URL_BYTES_MAX} bytes are expected");
            return Err(CatalogueError::Invalid { field: "url", problem });
        }
        let (mut upload, asset) = self.upload_with_asset(principal, NewUpload { length: None, ..new })?;
        // At least a byte must fit; how many there are is not known yet.
        self.allowance(tx, &upload.tenant).await?.check(0, 1)?;
        self.put_upload(tx, &upload, &asset).await?;
        store::upload::set_fetch(tx, &upload.id, url).await?;
        let payload = json!({ "asset": asset.id, "spent_seconds": 0 });
        let job = NewJob {
            dedupe: Some(dedupe(&asset.id)),
            ..NewJob::new(upload.tenant.clone(), IMPORT, asset.id.as_str(), payload)
        };
        self.queue.enqueue(tx, job).await?;
        upload.fetch = Some(Fetch { url: url.to_owned(), mark: None });
        Ok(upload)
    }

    /// The upload that an import's worker goes on with.
    ///
    /// # Errors
    /// A moot one ([`CatalogueError::is_moot`]) when nobody waits for it: it is finished, was cancelled or deleted;
    /// [`CatalogueError::Db`].
    pub async fn import(&self, asset: &AssetId) -> Result<Upload> {
        let mut tx = self.db.read().await?;
        let life = store::asset::lifecycle(&mut tx, asset).await?;
        if life.is_none_or(|life| life.state != State::Uploading) {
            return Err(CatalogueError::NotFound);
        }
        let upload = store::upload::of_asset(&mut tx, asset).await?;
        if upload.is_import() { Ok(upload) } else { Err(CatalogueError::NotFound) }
    }

    /// Notes, under a lease, that an import begins anew with so many bytes (`None`: they are not known) and this
    /// validator; whatever was staged before must be gone by now.
    ///
    /// # Errors
    /// [`CatalogueError::Busy`] when somebody else has the right to write; [`CatalogueError::TooLarge`],
    /// [`CatalogueError::OverQuota`]; [`CatalogueError::Db`].
    pub async fn restart_import(
        &self,
        upload: &mut Upload,
        lease: &WriteLease,
        length: Option<u64>,
        mark: Option<String>,
    ) -> Result<()> {
        let mut tx = self.db.write().await?;
        let allowance = self.allowance(&mut tx, &upload.tenant).await?;
        allowance.check(store::upload::counted(&mut tx, &upload.id).await?, length.unwrap_or(0))?;
        if !store::upload::restart(&mut tx, lease, length, mark.as_deref()).await? {
            return Err(CatalogueError::Busy { wait: crate::WRITE_LEASE });
        }
        tx.commit().await?;
        (upload.length, upload.offset) = (length, 0);
        if let Some(fetch) = &mut upload.fetch {
            fetch.mark = mark;
        }
        Ok(())
    }

    /// As [`Catalogue::complete_source`], in the transaction that ends the import's job.
    ///
    /// # Errors
    /// As for [`Catalogue::complete_source`].
    pub async fn complete_import(&self, tx: &mut Tx, upload: &Upload, bytes: u64) -> Result<()> {
        if upload.length != Some(bytes) {
            return Err(CatalogueError::Incomplete { received: bytes, length: upload.length });
        }
        self.finish_source(tx, upload).await.map(drop)
    }

    /// Fails an import, in the transaction that ends its job; a sweep removes the bytes that came. Nothing happens
    /// when nobody waits for it any more.
    ///
    /// # Errors
    /// [`CatalogueError::Db`], [`CatalogueError::Jobs`], [`CatalogueError::Events`].
    pub async fn fail_import(&self, tx: &mut Tx, asset: &AssetId, reason: &str) -> Result<()> {
        let Some(mut held) = store::asset::lock(tx, asset).await? else { return Ok(()) };
        if held.life.state != State::Uploading {
            return Ok(());
        }
        let reason = model::printable(reason, REASON_CHARS_MAX);
        self.step(tx, &mut held, Step::Failed(reason)).await?;
        self.sweep_after(tx, &held, self.sweep_delay).await
    }
}
