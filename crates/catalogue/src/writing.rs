//! Who may write to an upload: one request at a time, wherever it is served.
//!
//! The right is a lease on the upload's row. Its holder renews it while bytes come; it ends by itself soon after a
//! holder dies or its client falls silent, so that the client can go on elsewhere. The object store sees to it that a
//! holder that wakes after its lease spoils nothing.

use std::time::Duration;

use base::{Timestamp, UploadId, WorkerId};
use db::Tx;

use crate::{Catalogue, CatalogueError, Result, Upload, limits::Allowance, store};

/// How long the right to write to an upload lasts unless it is renewed. Clients that try again for some nine seconds,
/// as tus-js-client does by default, outlast it.
pub const WRITE_LEASE: Duration = Duration::from_secs(6);

/// How far clocks may be apart. Beyond, a lease is not respected: the store sees to it that its holder spoils nothing,
/// while a clock that was an hour ahead would keep everybody out for an hour.
const CLOCKS_DIFFER_MAX: Duration = WRITE_LEASE;

/// The most that is promised to an upload of which nothing says how long it will be: 1 PiB.
const SIZE_UNKNOWN_MAX: u64 = 1 << 50;

/// The right to write to an upload.
#[derive(Clone, Debug)]
pub struct WriteLease {
    pub(crate) upload: UploadId,
    pub(crate) token: String,
    until: Timestamp,
    /// The most bytes that the upload may have when it is given back.
    pub end: u64,
}

impl Catalogue {
    /// Takes the right to write to an upload, for [`WRITE_LEASE`], in the name of a process. Of one without a length,
    /// bytes up to `end` are promised; `None` promises all that its tenant may yet have.
    ///
    /// # Errors
    /// [`CatalogueError::TooLarge`], [`CatalogueError::OverQuota`] when `end` is too far;
    /// [`CatalogueError::Busy`] while somebody else has it, or when the upload is finished by now;
    /// [`CatalogueError::Db`].
    pub async fn begin_write(
        &self,
        upload: &Upload,
        writer: &WorkerId,
        end: Option<u64>,
    ) -> Result<WriteLease> {
        let now = self.ambient.now();
        let token = format!("{:032x}", u128::from_be_bytes(self.ambient.bytes()));
        let mut lease = WriteLease { upload: upload.id.clone(), token, until: now + WRITE_LEASE, end: 0 };
        let mut tx = self.db.write().await?;
        let allowance = match upload.length {
            Some(_) => None,
            None => Some(self.allowance(&mut tx, &upload.tenant).await?),
        };
        let latest = lease.until + CLOCKS_DIFFER_MAX;
        if !store::upload::claim(&mut tx, &lease, writer, lease.until, now, latest).await? {
            let until = store::upload::claimed_until(&mut tx, &upload.id).await?;
            return Err(CatalogueError::Busy {
                wait: until.map_or(Duration::ZERO, |until| until.since(now).min(WRITE_LEASE)),
            });
        }
        lease.end = match allowance {
            Some(allowance) => promise(&mut tx, &lease, &allowance, end).await?,
            None => upload.length.unwrap_or_default(),
        };
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
        if let Some(length) = upload.length.filter(|length| offset > *length) {
            let problem = format!("at most the upload's length of {length} bytes is expected");
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

    /// Takes back what was promised to writers that were not heard of in time: bytes that nobody may send any more.
    ///
    /// # Errors
    /// [`CatalogueError::Db`].
    pub async fn revoke_promises(&self) -> Result<()> {
        let mut tx = self.db.write().await?;
        store::upload::revoke(&mut tx, self.ambient.now()).await?;
        Ok(tx.commit().await?)
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

/// Counts what an upload without a length may come to by this lease.
async fn promise(tx: &mut Tx, lease: &WriteLease, allowance: &Allowance, end: Option<u64>) -> Result<u64> {
    let counted = store::upload::counted(tx, &lease.upload).await?;
    let end = end.unwrap_or_else(|| allowance.most(counted).min(SIZE_UNKNOWN_MAX));
    allowance.check(counted, end)?;
    store::upload::promise(tx, lease, end.max(counted)).await?;
    Ok(end)
}
