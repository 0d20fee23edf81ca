//! API keys: made, listed, revoked, opened.

use base::{ApiKeyId, Page, PageRequest, Principal, TenantId};

use crate::{
    Action, Caller, Identity, IdentityError, Result, Scopes,
    model::{
        self, KEY_PREFIX, KeyInfo, KeyWish, LAST_USED_RESOLUTION, NewKey, Presented, Secret, SecretHash,
    },
    store::{
        self,
        key::{KeyToAdd, StoredKey},
        session::Holder,
    },
};

impl Identity {
    /// Makes a key of the caller's tenant. Its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] for a name that is empty, longer than [`crate::NAME_CHARS_MAX`] characters or
    /// holds control characters; [`IdentityError::Forbidden`] for more than the caller may; [`IdentityError::Db`],
    /// also for a tenant that does not exist.
    pub async fn create_key(&self, caller: &Caller, wish: KeyWish) -> Result<NewKey> {
        model::check_name("name", &wish.name)?;
        caller.may_grant(wish.role, &wish.scopes)?;
        let (id, random, now): (ApiKeyId, _, _) =
            (self.ambient.id(), self.ambient.bytes(), self.ambient.now());
        let tenant = caller.principal.tenant.clone();
        let expires = wish.lifetime.map(|lifetime| now + lifetime);
        let key = KeyToAdd {
            id: &id,
            tenant: &tenant,
            name: &wish.name,
            role: wish.role,
            scopes: &wish.scopes,
            hash: SecretHash::of(&random),
            expires,
        };
        let mut tx = self.db.write().await?;
        store::key::add(&mut tx, key, now).await?;
        let detail = format!("{} as {}{}", wish.name, wish.role, reach(&wish.scopes));
        self.note(&mut tx, caller, Action::KeyCreated, format!("key:{id}"), detail).await?;
        tx.commit().await?;
        let secret = Secret::write(KEY_PREFIX, &id, &random);
        Ok(NewKey { id, tenant, role: wish.role, secret })
    }

    /// The keys of a tenant, oldest first, revoked ones included. The cursor is a key's identifier.
    ///
    /// # Errors
    /// [`IdentityError::Db`], [`IdentityError::Corrupt`].
    pub async fn list_keys(&self, tenant: &TenantId, request: &PageRequest) -> Result<Page<KeyInfo>> {
        let after = request.after.as_deref().unwrap_or_default();
        let mut tx = self.db.read().await?;
        let keys = store::key::list(&mut tx, tenant, after, request.limit + 1).await?;
        Ok(Page::cut(keys, request.limit, |key| key.id.to_string()))
    }

    /// Revokes a key and ends its sessions, at once: the next request with either is refused. Revoking again
    /// changes nothing.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] unless the key is the caller's tenant's; [`IdentityError::Forbidden`] for a
    /// key that may more than the caller; [`IdentityError::Db`].
    pub async fn revoke_key(&self, caller: &Caller, id: &ApiKeyId) -> Result<()> {
        let tenant = &caller.principal.tenant;
        let mut tx = self.db.write().await?;
        let key = store::key::find(&mut tx, id).await?.filter(|key| key.tenant == *tenant);
        let key = key.ok_or(IdentityError::NotFound("key"))?;
        caller.may_grant(key.info.role, &key.info.scopes)?;
        if store::key::revoke(&mut tx, tenant, id, self.ambient.now()).await? {
            store::session::end_all(&mut tx, &Holder::Key(id.clone()), None).await?;
            self.note(&mut tx, caller, Action::KeyRevoked, format!("key:{id}"), key.info.name).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Who presents this key; `None` for text that is no key, a wrong secret, a revoked and an expired key
    /// alike.
    ///
    /// # Errors
    /// [`IdentityError::Db`], [`IdentityError::Corrupt`].
    pub async fn authenticate_key(&self, secret: &str) -> Result<Option<Caller>> {
        let Some(key) = self.opened_key(secret).await? else { return Ok(None) };
        self.note_use(&key).await;
        Ok(Some(caller(key)))
    }

    pub(crate) async fn opened_key(&self, secret: &str) -> Result<Option<StoredKey>> {
        let Some(presented) = Presented::<ApiKeyId>::read(KEY_PREFIX, secret) else { return Ok(None) };
        let mut tx = self.db.read().await?;
        let key = store::key::find(&mut tx, &presented.id).await?;
        let now = self.ambient.now();
        Ok(key.filter(|key| key.info.works(now) && presented.hash.matches(&key.hash)))
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
        store::key::note_use_again(&mut tx, id, now, now - LAST_USED_RESOLUTION).await?;
        tx.commit().await?;
        Ok(())
    }
}

pub(crate) fn caller(key: StoredKey) -> Caller {
    let subject = format!("key:{}", key.info.id);
    Caller {
        principal: Principal { tenant: key.tenant, subject, role: key.info.role },
        name: key.info.name,
        scopes: key.info.scopes,
        user: None,
        session: None,
        address: None,
    }
}

fn reach(scopes: &Scopes) -> String {
    scopes.names().map(|names| format!(", only {}", names.join(" "))).unwrap_or_default()
}
