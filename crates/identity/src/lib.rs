//! Tenants, people, API keys and sessions: who acts, and as what; and the record of what they did.
//!
//! Owns the tables `installation`, `tenant`, `person`, `api_key`, `session`, `setup_link`, `sign_in_attempt`
//! and `audit`. Turns a presented secret into a [`Caller`], whose [`base::Principal`] every other domain takes
//! as its first argument.
//!
//! Never stores or prints a secret, never decides what a role may do with another domain's rows, never sees
//! HTTP. It announces nothing: a revoked key or a disabled person opens nothing from the next look-up on, so
//! nobody needs to be told.

mod audit;
mod caller;
mod error;
mod keys;
mod model;
mod password;
mod scope;
mod sessions;
mod setup;
mod store;
mod throttle;
mod users;

use base::{Ambient, Page, PageRequest, TenantId};
use db::{Db, Tx};

pub use audit::{AUDIT_LIFETIME, AUDIT_ROWS_MAX, Action, AuditEntry};
pub use caller::Caller;
pub use error::{IdentityError, Result};
pub use model::{
    KeyInfo, KeyWish, LAST_USED_RESOLUTION, NAME_CHARS_MAX, NewKey, SESSION_LIFETIME, SESSIONS_MAX,
    SETUP_LIFETIME, Secret, SessionToken, Tenant, USER_NAME_CHARS_MAX, User,
};
pub use password::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};
pub use scope::{Scope, Scopes};
pub use setup::{Setup, SetupOffer};
pub use throttle::{ADDRESS_TRIES_MAX, ADDRESS_WINDOW, NAME_TRIES_MAX, NAME_WINDOW};
pub use users::{NewUser, UserChange};

use password::Hasher;
use throttle::Addresses;

/// What the first tenant is called until its owner says otherwise.
const TENANT_NAME: &str = "Home";
/// How many rows one transaction of a sweep deletes, so that it never holds the database for long.
const SWEEP_BATCH: u32 = 500;

/// The service. Clones share the bounds on passwords that are tried.
#[derive(Clone, Debug)]
pub struct Identity {
    db: Db,
    ambient: Ambient,
    hasher: Hasher,
    addresses: Addresses,
}

impl Identity {
    /// A service over a migrated database.
    #[must_use]
    pub fn new(db: Db, ambient: Ambient) -> Self {
        Self { db, ambient, hasher: Hasher::new(), addresses: Addresses::default() }
    }

    /// The first tenant, made if the database is new: where the set-up link leads, and where what the command
    /// line makes belongs.
    ///
    /// # Errors
    /// [`IdentityError::Db`].
    pub async fn home_tenant(&self) -> Result<TenantId> {
        let mut tx = self.db.write().await?;
        let tenant = self.first_tenant(&mut tx).await?;
        tx.commit().await?;
        Ok(tenant)
    }

    async fn first_tenant(&self, tx: &mut Tx) -> Result<TenantId> {
        let id: TenantId = self.ambient.id();
        if store::tenant::claim_first(tx, &id).await? {
            store::tenant::add(tx, &id, TENANT_NAME, self.ambient.now()).await?;
            return Ok(id);
        }
        store::tenant::first(tx).await
    }

    /// Makes another tenant, apart from all that are there.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] for a name that is empty, longer than [`NAME_CHARS_MAX`] characters or holds
    /// control characters; [`IdentityError::Db`].
    pub async fn create_tenant(&self, name: &str) -> Result<TenantId> {
        model::check_name("name", name)?;
        let id: TenantId = self.ambient.id();
        let mut tx = self.db.write().await?;
        store::tenant::add(&mut tx, &id, name, self.ambient.now()).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Every tenant, oldest first, for whoever has the command line. The cursor is a tenant's identifier.
    ///
    /// # Errors
    /// [`IdentityError::Db`].
    pub async fn list_tenants(&self, request: &PageRequest) -> Result<Page<Tenant>> {
        let after = request.after.as_deref().unwrap_or_default();
        let mut tx = self.db.read().await?;
        let tenants = store::tenant::list(&mut tx, after, request.limit + 1).await?;
        Ok(Page::cut(tenants, request.limit, |tenant| tenant.id.to_string()))
    }

    /// What a tenant is called.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`], [`IdentityError::Db`].
    pub async fn tenant_name(&self, tenant: &TenantId) -> Result<String> {
        let mut tx = self.db.read().await?;
        store::tenant::name(&mut tx, tenant).await?.ok_or(IdentityError::NotFound("tenant"))
    }

    /// Deletes what is of no more use: sessions that expired, tries that are forgotten, old records. For a
    /// caller that comes by now and then; how many sessions and records there were.
    ///
    /// # Errors
    /// [`IdentityError::Db`].
    pub async fn sweep(&self) -> Result<u64> {
        let swept = self.sweep_sessions().await? + self.sweep_audit().await?;
        let mut tx = self.db.write().await?;
        store::attempt::sweep(&mut tx, self.ambient.now() - NAME_WINDOW).await?;
        tx.commit().await?;
        Ok(swept)
    }
}

#[cfg(test)]
mod tests;
