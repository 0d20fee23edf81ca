//! Who may write to an upload: one request at a time, wherever it is served.
//!
//! The right is a lease on the upload's row. Its holder renews it while bytes come; it ends by itself soon after a
//! holder dies or its client falls silent, so that the client can go on elsewhere. The object store sees to it that a
//! holder that wakes after its lease spoils nothing.

use std::time::Duration;

use base::{Timestamp, UploadId, WorkerId};

use crate::{Catalogue, CatalogueError, Result, Upload, store};

/// How long the right to write to an upload lasts unless it is renewed. Clients that try again for some nine seconds,
/// as tus-js-client does by default, outlast it.
pub const WRITE_LEASE: Duration = Duration::from_secs(6);

/// The right to write to an upload.
#[derive(Clone, Debug)]
pub struct WriteLease {
    pub(crate) upload: UploadId,
    pub(crate) token: String,
    until: Timestamp,
}

impl Catalogue {
    /// Takes the right to write to an upload, for [`WRITE_LEASE`], in the name of a process.
    ///
    /// # Errors
    /// [`CatalogueError::Busy`] while somebody else has it, or when the upload is finished by now;
    /// [`CatalogueError::Db`].
    pub async fn begin_write(&self, upload: &Upload, writer: &WorkerId) -> Result<WriteLease> {
        let now = self.ambient.now();
        let token = format!("{:032x}", u128::from_be_bytes(self.ambient.bytes()));
        let lease = WriteLease { upload: upload.id.clone(), token, until: now + WRITE_LEASE };
        let mut tx = self.db.write().await?;
        if !store::upload::claim(&mut tx, &lease, writer, lease.until, now).await? {
            let until = store::upload::claimed_until(&mut tx, &upload.id).await?;
            return Err(CatalogueError::Busy {
                wait: until.map_or(Duration::ZERO, |until| until.since(now).min(WRITE_LEASE)),
            });
        }
        tx.commit().await?;
        Ok(lease)
    }

    /// Renews the right for another [`WRITE_LEASE`] if its holder `goes_on`; `false` when somebody else has it.
    ///
    /// # Errors
    /// [`CatalogueError::Db`].
    pub async fn renew_write(&self, lease: &mut WriteLease, goes_on: bool) -> Result<bool> {
        let until = if goes_on { self.ambient.now() + WRITE_LEASE } else { lease.until };
        let mut tx = self.db.write().await?;
        let held = store::upload::renew(&mut tx, lease, until).await?;
        tx.commit().await?;
        lease.until = until;
        Ok(held)
    }

    /// Gives the right back, notes that `offset` bytes of the upload are durable and gives it until `expires`.
    /// Nothing happens when somebody else has the right by now.
    ///
    /// # Errors
    /// [`CatalogueError::Invalid`] for an offset beyond the upload's length; [`CatalogueError::Db`].
    pub async fn end_write(
        &self,
        upload: &Upload,
        lease: WriteLease,
        offset: u64,
        expires: Timestamp,
    ) -> Result<()> {
        if offset > upload.length {
            let problem = format!("at most the upload's length of {} bytes is expected", upload.length);
            return Err(CatalogueError::Invalid { field: "offset", problem });
        }
        let mut tx = self.db.write().await?;
        let held = store::upload::release(&mut tx, &lease, offset, expires).await?;
        tx.commit().await?;
        if held {
            self.tell_upload_progress(upload, offset);
        }
        Ok(())
    }

    /// Gives back every right of a process that is dead for certain; how many.
    ///
    /// # Errors
    /// [`CatalogueError::Db`].
    pub async fn release_writer(&self, writer: &WorkerId) -> Result<u64> {
        let mut tx = self.db.write().await?;
        let released = store::upload::release_writer(&mut tx, writer).await?;
        tx.commit().await?;
        Ok(released)
    }
}
