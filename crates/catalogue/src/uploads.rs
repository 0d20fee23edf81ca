//! From the first byte of a file to its asset's first piece of work.
//!
//! The object store knows how much of an upload is durable; the rows here follow it. Functions that take an
//! [`Upload`] trust that it came from [`Catalogue::upload`] or a listing here, which checked its tenant.

use std::time::Duration;

use base::{AssetId, Principal, Role, UploadId};
use db::Tx;

use crate::{
    Asset, Catalogue, CatalogueError, IllegalStep, Lifecycle, NAME_CHARS_MAX, NewUpload, Result, State, Step,
    Upload, Work, events, found, jobs, model, needs,
    store::{
        self,
        asset::{AssetToAdd, Locked},
    },
};

/// Why an asset failed whose upload was given up.
const GIVEN_UP: &str = "The upload was not finished in time. Upload the file again.";

impl Catalogue {
    /// Begins an upload and the asset it will become, in the caller's transaction.
    ///
    /// # Errors
    /// [`CatalogueError::Forbidden`] below [`Role::Creator`]; [`CatalogueError::Invalid`] for a title or
    /// metadata out of range; [`CatalogueError::TooLarge`], [`CatalogueError::OverQuota`];
    /// [`CatalogueError::Db`], [`CatalogueError::Events`].
    pub async fn create_upload(&self, tx: &mut Tx, principal: &Principal, new: NewUpload) -> Result<Upload> {
        let (upload, asset) = self.upload_with_asset(principal, new)?;
        self.allowance(tx, &upload.tenant).await?.check(0, upload.length.unwrap_or(0))?;
        self.put_upload(tx, &upload, &asset).await?;
        Ok(upload)
    }

    pub(crate) fn upload_with_asset(
        &self,
        principal: &Principal,
        new: NewUpload,
    ) -> Result<(Upload, AssetToAdd)> {
        needs(principal, Role::Creator)?;
        let title = match &new.title {
            Some(title) => model::check_title(title)?,
            None => model::title_from_name(&new.name),
        };
        model::check_metadata(&new.metadata)?;
        let (id, tenant) = (self.ambient.id::<AssetId>(), principal.tenant.clone());
        let source_name = model::printable(&new.name, NAME_CHARS_MAX);
        let asset = AssetToAdd { id: id.clone(), tenant, title, visibility: new.visibility, source_name };
        Ok((self.upload_of(principal, Some(id), new), asset))
    }

    pub(crate) fn upload_of(&self, principal: &Principal, asset: Option<AssetId>, new: NewUpload) -> Upload {
        Upload {
            id: self.ambient.id(),
            asset,
            tenant: principal.tenant.clone(),
            length: new.length,
            offset: 0,
            metadata: new.metadata,
            concat: None,
            fetch: None,
            expires: new.expires,
            finished: None,
        }
    }

    pub(crate) async fn add_upload(&self, mut tx: Tx, upload: Upload, asset: AssetToAdd) -> Result<Upload> {
        self.put_upload(&mut tx, &upload, &asset).await?;
        tx.commit().await?;
        Ok(upload)
    }

    pub(crate) async fn put_upload(&self, tx: &mut Tx, upload: &Upload, asset: &AssetToAdd) -> Result<()> {
        let (now, life) = (self.ambient.now(), Lifecycle::begin());
        store::asset::add(tx, asset, &life, now).await?;
        store::upload::add(tx, upload, now).await?;
        events::announce(&self.outbox, tx, &upload.tenant, events::CREATED, &asset.id, &life).await
    }

    /// Begins an upload under an identifier of the caller's, unless that was done before; the upload as it is by
    /// now, in whatever state. So whoever notes the identifier first begins one upload, however often it dies.
    ///
    /// # Errors
    /// As for [`Catalogue::create_upload`].
    pub async fn create_upload_once(
        &self,
        principal: &Principal,
        id: &UploadId,
        new: NewUpload,
    ) -> Result<Upload> {
        let (upload, asset) = self.upload_with_asset(principal, new)?;
        let upload = Upload { id: id.clone(), ..upload };
        let mut tx = self.db.write().await?;
        let allowance = self.allowance(&mut tx, &upload.tenant).await?;
        if let Some(known) = store::upload::by_id(&mut tx, &upload.tenant, id).await? {
            return Ok(known);
        }
        allowance.check(0, upload.length.unwrap_or(0))?;
        self.add_upload(tx, upload, asset).await
    }

    /// Says how long an upload is that was begun without a length; saying the same again is fine.
    ///
    /// # Errors
    /// [`CatalogueError::Invalid`] when it has another length, or has more bytes already;
    /// [`CatalogueError::TooLarge`], [`CatalogueError::OverQuota`]; [`CatalogueError::Db`].
    pub async fn set_upload_length(&self, upload: &mut Upload, length: u64) -> Result<()> {
        let mut tx = self.db.write().await?;
        let allowance = self.allowance(&mut tx, &upload.tenant).await?;
        allowance.check(store::upload::counted(&mut tx, &upload.id).await?, length)?;
        if !store::upload::set_length(&mut tx, &upload.id, length).await? {
            let problem = "is not the length that was said before, or less than what has arrived".to_owned();
            return Err(CatalogueError::Invalid { field: "length", problem });
        }
        tx.commit().await?;
        upload.length = Some(length);
        Ok(())
    }

    /// An upload of the principal's tenant that is open or finished. One that was given up, has expired or
    /// lost its asset is not found.
    ///
    /// # Errors
    /// [`CatalogueError::NotFound`]; [`CatalogueError::Forbidden`] below [`Role::Creator`];
    /// [`CatalogueError::Db`].
    pub async fn upload(&self, principal: &Principal, id: &UploadId) -> Result<Upload> {
        needs(principal, Role::Creator)?;
        let mut tx = self.db.read().await?;
        found(store::upload::find(&mut tx, &principal.tenant, id, self.ambient.now()).await?)
    }

    /// Tells who listens in this process how much of an upload has arrived; writes nothing, so it may be
    /// called as often as somebody wants to see it.
    pub fn tell_upload_progress(&self, upload: &Upload, offset: u64) {
        let Upload { asset: Some(asset), tenant, length, .. } = upload else { return };
        let payload =
            serde_json::json!({"asset": asset, "offset": offset, "length": length.unwrap_or(offset)});
        self.bus.volatile(tenant, events::UPLOAD_PROGRESS, asset.as_str(), payload);
    }

    /// Declares that all of an upload's bytes are durable as its asset's source, and queues the probe. Once
    /// done, doing it again answers the asset as it is by then, and queues nothing.
    ///
    /// # Errors
    /// [`CatalogueError::Incomplete`] unless `bytes` is the length announced; [`CatalogueError::NotFound`]
    /// when the upload was given up or its asset deleted; [`CatalogueError::Db`], [`CatalogueError::Jobs`],
    /// [`CatalogueError::Events`].
    pub async fn complete_source(&self, upload: &Upload, bytes: u64) -> Result<Asset> {
        if upload.length != Some(bytes) {
            return Err(CatalogueError::Incomplete { received: bytes, length: upload.length });
        }
        let mut tx = self.db.write().await?;
        let held = self.finish_source(&mut tx, upload).await?;
        let asset = found(store::asset::find(&mut tx, &held.id, None, None).await?)?;
        tx.commit().await?;
        Ok(asset)
    }

    pub(crate) async fn finish_source(&self, tx: &mut Tx, upload: &Upload) -> Result<Locked> {
        let mut held = self.hold(tx, asset_of(upload)?).await?;
        let known = store::upload::of_asset(tx, &held.id).await?;
        if known.finished.is_some() {
            return Ok(held);
        }
        if held.life.state != State::Uploading {
            return Err(CatalogueError::NotFound);
        }
        store::upload::finish(tx, &upload.id, self.ambient.now()).await?;
        self.step(tx, &mut held, Step::SourceComplete).await?;
        let probe = Work::Probe { asset: held.id.clone(), version: held.life.version };
        jobs::enqueue(&self.queue, tx, &held.tenant, &probe, Duration::ZERO).await?;
        Ok(held)
    }

    /// Gives up an open upload because its creator says so: its asset is deleted, and a sweep removes the
    /// bytes that came.
    ///
    /// # Errors
    /// [`CatalogueError::NotFound`] when it was given up before; [`CatalogueError::Illegal`] when it is
    /// finished: then there is an asset to delete; [`CatalogueError::Db`], [`CatalogueError::Jobs`],
    /// [`CatalogueError::Events`].
    pub async fn terminate_upload(&self, upload: &Upload) -> Result<()> {
        let mut tx = self.db.write().await?;
        let held = self.hold(&mut tx, asset_of(upload)?).await?;
        if held.life.state != State::Uploading {
            let illegal = IllegalStep { state: held.life.state, step: "abandon its upload" };
            return Err(illegal.into());
        }
        self.remove(&mut tx, held).await?;
        Ok(tx.commit().await?)
    }

    /// Up to `limit` open uploads whose time is over and that nobody writes to, longest over first.
    ///
    /// # Errors
    /// [`CatalogueError::Db`].
    pub async fn expired_uploads(&self, limit: u32) -> Result<Vec<Upload>> {
        store::upload::expired(&mut self.db.read().await?, self.ambient.now(), limit).await
    }

    /// Gives up an open upload whose time is over: its asset fails, and a sweep removes the bytes that came.
    /// `false` when more came in the meantime, or comes now, or somebody else was faster.
    ///
    /// # Errors
    /// [`CatalogueError::Db`], [`CatalogueError::Jobs`], [`CatalogueError::Events`].
    pub async fn expire_upload(&self, upload: &Upload) -> Result<bool> {
        let mut tx = self.db.write().await?;
        let Some(mut held) = store::asset::lock(&mut tx, asset_of(upload)?).await? else { return Ok(false) };
        let known = store::upload::of_asset(&mut tx, &held.id).await?;
        let writing = store::upload::claimed_until(&mut tx, &upload.id).await?;
        let over =
            writing.is_none_or(|until| until <= self.ambient.now()) && known.expires <= self.ambient.now();
        if held.life.state != State::Uploading || !over {
            return Ok(false);
        }
        self.step(&mut tx, &mut held, Step::Failed(GIVEN_UP.to_owned())).await?;
        self.sweep_after(&mut tx, &held, Duration::ZERO).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Up to `limit` open uploads all of whose bytes are durable: a process ended between the last byte and
    /// [`Catalogue::complete_source`], and nobody may come back to ask for it.
    ///
    /// # Errors
    /// [`CatalogueError::Db`].
    pub async fn stranded_uploads(&self, limit: u32) -> Result<Vec<Upload>> {
        store::upload::complete(&mut self.db.read().await?, self.ambient.now(), limit).await
    }
}

/// The asset of an upload that has one; a partial upload becomes none.
fn asset_of(upload: &Upload) -> Result<&AssetId> {
    upload.asset.as_ref().ok_or(CatalogueError::NotFound)
}
