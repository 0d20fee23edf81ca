//! Tenants, API keys and browser sessions: who acts, and as what.
//!
//! Owns the tables `installation`, `tenant`, `api_key` and `session`. Turns a presented secret into a
//! [`Principal`], which every other domain takes as its first argument.
//!
//! Never stores or prints a secret, never decides what a role may do with another domain's rows, never sees
//! HTTP. It has no background work and announces nothing: a revoked key stops opening at the next look-up,
//! so nobody needs to be told.

mod error;
mod model;
mod store;

use base::{Ambient, ApiKeyId, Page, PageRequest, Principal, Role, SessionId, TenantId};
use db::{Db, Tx};

pub use error::{IdentityError, Result};
use model::{KEY_PREFIX, Presented, SESSION_PREFIX, SecretHash};
pub use model::{
    KeyInfo, LAST_USED_RESOLUTION, NAME_CHARS_MAX, NewKey, SESSION_LIFETIME, SESSIONS_PER_KEY_MAX, Secret,
    SessionToken,
};
use store::{KeyToAdd, SessionToAdd, StoredKey, StoredSession};

/// What the first tenant is called.
const TENANT_NAME: &str = "Home";
/// How many sessions one transaction of the sweep deletes, so that it never holds the database for long.
const SWEEP_BATCH: u32 = 500;

/// The service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Identity {
    db: Db,
    ambient: Ambient,
}

impl Identity {
    /// A service over a migrated database.
    #[must_use]
    pub fn new(db: Db, ambient: Ambient) -> Self {
        Self { db, ambient }
    }

    /// Makes the first tenant and its owner key, once in the life of a database. However many processes call
    /// this at once, one gets the key and the rest `None`, as do all later calls.
    ///
    /// # Errors
    /// [`IdentityError::Db`]; the key is not made then.
    pub async fn ensure_owner(&self) -> Result<Option<NewKey>> {
        let mut tx = self.db.write().await?;
        let id: ApiKeyId = self.ambient.id();
        if !store::claim_fact(&mut tx, store::OWNER_FACT, id.as_str()).await? {
            return Ok(None);
        }
        let tenant = self.first_tenant(&mut tx).await?;
        let key = self.add_key(&mut tx, id, tenant, Role::Owner, "owner").await?;
        tx.commit().await?;
        Ok(Some(key))
    }

    /// The first tenant, made if the database is new: where keys made at the command line belong.
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
        if store::claim_fact(tx, store::TENANT_FACT, id.as_str()).await? {
            store::add_tenant(tx, &id, TENANT_NAME, self.ambient.now()).await?;
            return Ok(id);
        }
        store::first_tenant(tx).await
    }

    /// Makes a key. Its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] for a name that is empty, longer than [`NAME_CHARS_MAX`] characters or
    /// holds control characters; [`IdentityError::Db`], also for a tenant that does not exist.
    pub async fn create_key(&self, tenant: &TenantId, role: Role, name: &str) -> Result<NewKey> {
        model::check_name(name)?;
        let mut tx = self.db.write().await?;
        let key = self.add_key(&mut tx, self.ambient.id(), tenant.clone(), role, name).await?;
        tx.commit().await?;
        Ok(key)
    }

    async fn add_key(
        &self,
        tx: &mut Tx,
        id: ApiKeyId,
        tenant: TenantId,
        role: Role,
        name: &str,
    ) -> Result<NewKey> {
        let random = self.ambient.bytes();
        let key = KeyToAdd { id: &id, tenant: &tenant, name, role, hash: SecretHash::of(&random) };
        store::add_key(tx, key, self.ambient.now()).await?;
        let secret = Secret::write(KEY_PREFIX, &id, &random);
        Ok(NewKey { id, tenant, role, secret })
    }

    /// The keys of a tenant, oldest first, revoked ones included. The cursor is a key's identifier.
    ///
    /// # Errors
    /// [`IdentityError::Db`], [`IdentityError::Corrupt`].
    pub async fn list_keys(&self, tenant: &TenantId, page: &PageRequest) -> Result<Page<KeyInfo>> {
        let after = page.after.as_deref().unwrap_or_default();
        let mut tx = self.db.read().await?;
        let mut items = store::keys(&mut tx, tenant, after, page.limit + 1).await?;
        let more = items.len() > page.limit as usize;
        items.truncate(page.limit as usize);
        let next = items.last().filter(|_| more).map(|key| key.id.to_string());
        Ok(Page { items, next })
    }

    /// Revokes a key and ends its sessions, at once: the next request with either is refused. Revoking again
    /// changes nothing.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] unless the key is the tenant's; [`IdentityError::Db`].
    pub async fn revoke_key(&self, tenant: &TenantId, id: &ApiKeyId) -> Result<()> {
        let mut tx = self.db.write().await?;
        if !store::revoke_key(&mut tx, tenant, id, self.ambient.now()).await? {
            return Err(IdentityError::NotFound);
        }
        store::end_sessions_of(&mut tx, id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Who presents this key; `None` for text that is no key, a wrong secret and a revoked key alike.
    ///
    /// # Errors
    /// [`IdentityError::Db`], [`IdentityError::Corrupt`].
    pub async fn authenticate_key(&self, secret: &str) -> Result<Option<Principal>> {
        let Some(key) = self.opened_key(secret).await? else { return Ok(None) };
        self.note_use(&key).await;
        Ok(Some(principal(key)))
    }

    async fn opened_key(&self, secret: &str) -> Result<Option<StoredKey>> {
        let Some(presented) = Presented::<ApiKeyId>::read(KEY_PREFIX, secret) else { return Ok(None) };
        let mut tx = self.db.read().await?;
        let key = store::key(&mut tx, &presented.id).await?;
        Ok(key.filter(|key| key.info.revoked.is_none() && presented.hash.matches(&key.hash)))
    }

    /// Writes down that a key was used, at most once in [`LAST_USED_RESOLUTION`].
    async fn note_use(&self, key: &StoredKey) {
        if model::use_is_news(key.info.last_used, self.ambient.now())
            && let Err(error) = self.write_use(&key.info.id).await
        {
            // The time is for people to read; a database too busy to note it must not lock them out.
            tracing::warn!(key = %key.info.id, %error, "the key's last use was not written down");
        }
    }

    async fn write_use(&self, id: &ApiKeyId) -> Result<()> {
        let now = self.ambient.now();
        let mut tx = self.db.write().await?;
        store::use_key_again(&mut tx, id, now, now - LAST_USED_RESOLUTION).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Makes a session from a key, for [`SESSION_LIFETIME`]; `None` where [`Identity::authenticate_key`]
    /// answers `None`. A key has at most [`SESSIONS_PER_KEY_MAX`]; one more ends the oldest.
    ///
    /// # Errors
    /// [`IdentityError::Db`], [`IdentityError::Corrupt`].
    pub async fn sign_in(&self, secret: &str) -> Result<Option<SessionToken>> {
        let Some(key) = self.opened_key(secret).await? else { return Ok(None) };
        let now = self.ambient.now();
        let mut tx = self.db.write().await?;
        // Holding the key's row keeps concurrent sign-ins within the bound and lets no session survive a
        // revocation that commits first.
        if !store::use_key(&mut tx, &key.info.id, now).await? {
            return Ok(None);
        }
        let (id, random): (SessionId, _) = (self.ambient.id(), self.ambient.bytes());
        let expires = now + SESSION_LIFETIME;
        let session = SessionToAdd { id: &id, key: &key.info.id, hash: SecretHash::of(&random), expires };
        store::keep_newest_sessions(&mut tx, &key.info.id, SESSIONS_PER_KEY_MAX - 1).await?;
        store::add_session(&mut tx, session, now).await?;
        tx.commit().await?;
        Ok(Some(SessionToken { secret: Secret::write(SESSION_PREFIX, &id, &random), expires }))
    }

    /// Who presents this session: its key's tenant and role. `None` for text that is no session, a wrong
    /// secret, an expired or ended session and a revoked key alike.
    ///
    /// # Errors
    /// [`IdentityError::Db`], [`IdentityError::Corrupt`].
    pub async fn authenticate_session(&self, secret: &str) -> Result<Option<Principal>> {
        let Some(presented) = Presented::read(SESSION_PREFIX, secret) else { return Ok(None) };
        let mut tx = self.db.read().await?;
        let Some(session) = self.opened_session(&mut tx, &presented).await? else { return Ok(None) };
        let key = store::key(&mut tx, &session.key).await?;
        Ok(key.filter(|key| key.info.revoked.is_none()).map(principal))
    }

    async fn opened_session(
        &self,
        tx: &mut Tx,
        presented: &Presented<SessionId>,
    ) -> Result<Option<StoredSession>> {
        let session = store::session(tx, &presented.id).await?;
        let now = self.ambient.now();
        Ok(session.filter(|session| session.expires > now && presented.hash.matches(&session.hash)))
    }

    /// Ends the session this secret opens; nothing happens for a secret that opens none.
    ///
    /// # Errors
    /// [`IdentityError::Db`], [`IdentityError::Corrupt`]; the session may go on then.
    pub async fn sign_out(&self, secret: &str) -> Result<()> {
        let Some(presented) = Presented::read(SESSION_PREFIX, secret) else { return Ok(()) };
        let mut tx = self.db.write().await?;
        if let Some(session) = self.opened_session(&mut tx, &presented).await? {
            store::end_session(&mut tx, &session.id).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Deletes expired sessions, for a caller that comes by now and then; how many there were. They open
    /// nothing either way.
    ///
    /// # Errors
    /// [`IdentityError::Db`].
    pub async fn sweep_sessions(&self) -> Result<u64> {
        let mut swept = 0;
        loop {
            let mut tx = self.db.write().await?;
            let ended = store::end_expired_sessions(&mut tx, self.ambient.now(), SWEEP_BATCH).await?;
            tx.commit().await?;
            swept += ended;
            if ended < u64::from(SWEEP_BATCH) {
                return Ok(swept);
            }
        }
    }
}

fn principal(key: StoredKey) -> Principal {
    Principal { tenant: key.tenant, subject: format!("key:{}", key.info.id), role: key.info.role }
}

#[cfg(test)]
mod tests;
