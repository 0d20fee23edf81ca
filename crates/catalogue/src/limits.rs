//! How much a tenant may upload: bytes stored and promised together, and bytes of one upload.
//!
//! What counts follows from the uploads' rows, so that nothing has to be given back when an upload ends in whatever
//! way. Whoever adds to it holds the tenant's row of limits until it has: two cannot both take the last bytes.

use base::{Principal, Role, TenantId};
use db::Tx;

use crate::{Catalogue, CatalogueError, Result, needs, store};

/// Limits of a tenant. Zero is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all its uploads together, promised ones included.
    pub bytes_max: u64,
    /// Bytes of one upload.
    pub size_max: u64,
}

/// What is limited otherwise than for everybody; `None` is as for everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnLimits {
    /// Bytes of all its uploads together; zero is no limit.
    pub bytes_max: Option<u64>,
    /// Bytes of one upload; zero is no limit.
    pub size_max: Option<u64>,
}

impl Limits {
    /// No limits.
    pub const NONE: Self = Self { bytes_max: 0, size_max: 0 };

    fn with(self, own: OwnLimits) -> Self {
        Self {
            bytes_max: own.bytes_max.unwrap_or(self.bytes_max),
            size_max: own.size_max.unwrap_or(self.size_max),
        }
    }
}

/// A tenant's limits, held until its transaction ends, with what counts towards them.
pub(crate) struct Allowance {
    limits: Limits,
    used: u64,
}

const fn or_none(limit: u64) -> u64 {
    if limit == 0 { u64::MAX } else { limit }
}

impl Allowance {
    /// The most that an upload may have that counts for `own` bytes already.
    pub(crate) fn most(&self, own: u64) -> u64 {
        let left = or_none(self.limits.bytes_max).saturating_sub(self.used);
        or_none(self.limits.size_max).min(own.saturating_add(left))
    }

    /// Refuses an upload of `bytes` bytes that counts for `own` bytes already.
    pub(crate) fn check(&self, own: u64, bytes: u64) -> Result<()> {
        if bytes > or_none(self.limits.size_max) {
            return Err(CatalogueError::TooLarge { limit: self.limits.size_max });
        }
        if bytes > own && bytes > self.most(own) {
            return Err(CatalogueError::OverQuota { used: self.used, limit: self.limits.bytes_max });
        }
        Ok(())
    }
}

impl Catalogue {
    /// The same service with limits for every tenant that has none of its own.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The limits of the principal's tenant, and how many bytes it uses of them.
    ///
    /// # Errors
    /// [`CatalogueError::Forbidden`] below [`Role::Viewer`]; [`CatalogueError::Db`].
    pub async fn limits(&self, principal: &Principal) -> Result<(Limits, u64)> {
        needs(principal, Role::Viewer)?;
        let mut tx = self.db.read().await?;
        let own = store::limit::find(&mut tx, &principal.tenant).await?;
        Ok((self.limits.with(own), store::limit::used(&mut tx, &principal.tenant).await?))
    }

    /// What a tenant is limited by otherwise than everybody.
    ///
    /// # Errors
    /// [`CatalogueError::Db`].
    pub async fn own_limits(&self, tenant: &TenantId) -> Result<OwnLimits> {
        store::limit::find(&mut self.db.read().await?, tenant).await
    }

    /// Limits a tenant otherwise than everybody. What it has stays, also when that is more.
    ///
    /// # Errors
    /// [`CatalogueError::Invalid`] for a number beyond what is stored; [`CatalogueError::Db`].
    pub async fn set_own_limits(&self, tenant: &TenantId, own: OwnLimits) -> Result<()> {
        let mut tx = self.db.write().await?;
        store::limit::hold(&mut tx, tenant).await?;
        store::limit::set(&mut tx, tenant, own).await?;
        Ok(tx.commit().await?)
    }

    /// Holds a tenant's limits. It comes before any other row is locked.
    pub(crate) async fn allowance(&self, tx: &mut Tx, tenant: &TenantId) -> Result<Allowance> {
        let own = store::limit::hold(tx, tenant).await?;
        Ok(Allowance { limits: self.limits.with(own), used: store::limit::used(tx, tenant).await? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowance(bytes_max: u64, size_max: u64, used: u64) -> Allowance {
        Allowance { limits: Limits { bytes_max, size_max }, used }
    }

    #[test]
    fn what_fits_is_taken_and_no_byte_more() {
        let tight = allowance(100, 30, 80);
        assert!(tight.check(0, 20).is_ok());
        assert!(matches!(tight.check(0, 21), Err(CatalogueError::OverQuota { used: 80, limit: 100 })));
        assert!(matches!(tight.check(0, 31), Err(CatalogueError::TooLarge { limit: 30 })));
        assert!(tight.check(10, 30).is_ok(), "ten of them count already");
        assert_eq!((tight.most(0), tight.most(5), tight.most(50)), (20, 25, 30));
    }

    #[test]
    fn zero_is_no_limit_and_lowering_one_takes_nothing_away() {
        assert!(allowance(0, 0, u64::MAX / 2).check(0, u64::MAX / 4).is_ok());
        let over = allowance(100, 0, 150);
        assert!(over.check(40, 40).is_ok());
        assert!(over.check(40, 41).is_err());
    }
}
