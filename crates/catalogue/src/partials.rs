//! Uploads in parts that become one: partial uploads have no asset, a final one takes their bytes over.
//!
//! A partial upload is used once. Taking it over keeps it from expiring while its bytes are copied.

use base::{Principal, Role, UploadId};

use crate::{Catalogue, CatalogueError, NewUpload, Result, Upload, model, needs, store};

impl Upload {
    /// Whether it is a part of another upload.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.asset.is_none()
    }

    /// Whether it is made of partial uploads.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.asset.is_some() && self.concat.is_some()
    }
}

const USED: &str = "it became part of another upload";

impl Catalogue {
    /// Begins an upload that will be a part of another one. Of `new`, its length, metadata and time count.
    ///
    /// # Errors
    /// [`CatalogueError::Forbidden`] below [`Role::Creator`]; [`CatalogueError::Invalid`] for metadata out of range;
    /// [`CatalogueError::TooLarge`], [`CatalogueError::OverQuota`]; [`CatalogueError::Db`].
    pub async fn create_partial(
        &self,
        principal: &Principal,
        concat: &str,
        new: NewUpload,
    ) -> Result<Upload> {
        needs(principal, Role::Creator)?;
        model::check_metadata(&new.metadata)?;
        let upload = Upload { concat: Some(concat.to_owned()), ..self.upload_of(principal, None, new) };
        let mut tx = self.db.write().await?;
        self.allowance(&mut tx, &upload.tenant).await?.check(0, upload.length.unwrap_or(0))?;
        store::upload::add(&mut tx, &upload, self.ambient.now()).await?;
        tx.commit().await?;
        Ok(upload)
    }

    /// Begins an upload that is made of finished partial ones, and the asset it will become. `concat` is the header
    /// that names them.
    ///
    /// # Errors
    /// [`CatalogueError::PartUnusable`]; [`CatalogueError::TooLarge`]; otherwise as for
    /// [`Catalogue::create_upload`].
    pub async fn create_final(
        &self,
        principal: &Principal,
        concat: &str,
        parts: &[UploadId],
        new: NewUpload,
    ) -> Result<Upload> {
        let (mut upload, asset) = self.upload_with_asset(principal, new)?;
        upload.concat = Some(concat.to_owned());
        let mut tx = self.db.write().await?;
        let allowance = self.allowance(&mut tx, &principal.tenant).await?;
        // Always in the same order, so that two who want the same parts do not wait for each other.
        let mut ordered: Vec<_> = parts.iter().collect();
        ordered.sort();
        for part in ordered {
            match store::upload::use_partial(&mut tx, part, &upload, self.ambient.now()).await? {
                Some(bytes) => upload.offset = upload.offset.saturating_add(bytes),
                None => return Err(self.unusable(&mut tx, principal, part).await?),
            }
        }
        // The parts counted before, and the whole counts instead of them.
        allowance.check(upload.offset, upload.offset)?;
        upload.length = Some(upload.offset);
        self.add_upload(tx, upload, asset).await
    }

    async fn unusable(&self, tx: &mut db::Tx, of: &Principal, part: &UploadId) -> Result<CatalogueError> {
        let known = store::upload::partial(tx, &of.tenant, part, self.ambient.now()).await?;
        let problem = match known {
            None => "there is no such partial upload",
            Some((false, _)) => "it is not finished",
            Some((true, _)) => USED,
        };
        Ok(CatalogueError::PartUnusable { part: part.clone(), problem, unknown: known.is_none() })
    }

    /// Declares that all of a partial upload's bytes are durable; doing so again is fine.
    ///
    /// # Errors
    /// [`CatalogueError::Db`].
    pub async fn complete_partial(&self, upload: &Upload) -> Result<()> {
        let mut tx = self.db.write().await?;
        store::upload::finish(&mut tx, &upload.id, self.ambient.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Ends a partial upload's time because its creator says so.
    ///
    /// # Errors
    /// [`CatalogueError::PartUnusable`] when it became part of another one; [`CatalogueError::Db`].
    pub async fn give_up_partial(&self, upload: &Upload) -> Result<()> {
        let mut tx = self.db.write().await?;
        if !store::upload::give_up_partial(&mut tx, &upload.id, self.ambient.now()).await? {
            return Err(CatalogueError::PartUnusable {
                part: upload.id.clone(),
                problem: USED,
                unknown: false,
            });
        }
        Ok(tx.commit().await?)
    }

    /// Up to `limit` partial uploads whose time is over, longest over first.
    ///
    /// # Errors
    /// [`CatalogueError::Db`].
    pub async fn expired_partials(&self, limit: u32) -> Result<Vec<Upload>> {
        store::upload::expired_partials(&mut self.db.read().await?, self.ambient.now(), limit).await
    }

    /// Forgets a partial upload whose bytes were removed.
    ///
    /// # Errors
    /// [`CatalogueError::Db`].
    pub async fn forget_partial(&self, id: &UploadId) -> Result<()> {
        let mut tx = self.db.write().await?;
        store::upload::forget_partial(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }
}
