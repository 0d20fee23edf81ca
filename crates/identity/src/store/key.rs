//! API keys.

use base::{ApiKeyId, Role, TenantId, Timestamp};
use db::Tx;

use super::{corrupt, read_role};
use crate::{
    IdentityError, Result, Scopes,
    model::{KeyInfo, SecretHash},
};

db::statements! {
    ADD -> () = "insert into api_key (id, tenant, name, role, hash, created_us, scopes, expires_us)
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    FIND -> KeyRow = "select id, tenant, name, role, hash, created_us, last_used_us, revoked_us, scopes, expires_us
        from api_key where id = $1";
    LIST -> KeyRow = "select id, tenant, name, role, hash, created_us, last_used_us, revoked_us, scopes, expires_us
        from api_key where tenant = $1 and id > $2 order by id limit $3";
    USE -> () = "update api_key set last_used_us = $2 where id = $1 and revoked_us is null";
    USE_AGAIN -> () = "update api_key set last_used_us = $2
        where id = $1 and (last_used_us is null or last_used_us <= $3)";
    REVOKE -> () = "update api_key set revoked_us = $3 where tenant = $1 and id = $2 and revoked_us is null";
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    #[sqlx(try_from = "String")]
    id: ApiKeyId,
    #[sqlx(try_from = "String")]
    tenant: TenantId,
    name: String,
    role: String,
    hash: Vec<u8>,
    created_us: i64,
    last_used_us: Option<i64>,
    revoked_us: Option<i64>,
    scopes: Option<String>,
    expires_us: Option<i64>,
}

/// A key with what only this crate may see.
pub(crate) struct StoredKey {
    pub(crate) tenant: TenantId,
    pub(crate) hash: Vec<u8>,
    pub(crate) info: KeyInfo,
}

impl TryFrom<KeyRow> for StoredKey {
    type Error = IdentityError;
    fn try_from(row: KeyRow) -> Result<Self> {
        let scopes = Scopes::from_column(row.scopes.as_deref());
        let info = KeyInfo {
            role: read_role("api_key", row.id.as_str(), &row.role)?,
            scopes: scopes.map_err(|error| corrupt("api_key", "scopes", row.id.as_str(), error))?,
            id: row.id,
            name: row.name,
            created: Timestamp(row.created_us),
            expires: row.expires_us.map(Timestamp),
            last_used: row.last_used_us.map(Timestamp),
            revoked: row.revoked_us.map(Timestamp),
        };
        Ok(Self { tenant: row.tenant, hash: row.hash, info })
    }
}

/// What [`add`] writes.
pub(crate) struct KeyToAdd<'a> {
    pub(crate) id: &'a ApiKeyId,
    pub(crate) tenant: &'a TenantId,
    pub(crate) name: &'a str,
    pub(crate) role: Role,
    pub(crate) scopes: &'a Scopes,
    pub(crate) hash: SecretHash,
    pub(crate) expires: Option<Timestamp>,
}

pub(crate) async fn add(tx: &mut Tx, key: KeyToAdd<'_>, now: Timestamp) -> Result<()> {
    let (hash, scopes) = (key.hash.as_bytes(), key.scopes.to_column());
    tx.exec(ADD, (key.id, key.tenant, key.name, key.role.as_str(), hash, now, scopes, key.expires)).await?;
    Ok(())
}

pub(crate) async fn find(tx: &mut Tx, id: &ApiKeyId) -> Result<Option<StoredKey>> {
    tx.opt(FIND, (id,)).await?.map(StoredKey::try_from).transpose()
}

/// Up to `limit` keys whose identifier follows `after`, oldest first.
pub(crate) async fn list(tx: &mut Tx, tenant: &TenantId, after: &str, limit: u32) -> Result<Vec<KeyInfo>> {
    let rows = tx.all(LIST, (tenant, after, limit)).await?;
    rows.into_iter().map(|row| StoredKey::try_from(row).map(|key| key.info)).collect()
}

/// Notes a use; `false` when the key is revoked. Holds the key's row until the transaction ends.
pub(crate) async fn note_use(tx: &mut Tx, id: &ApiKeyId, now: Timestamp) -> Result<bool> {
    Ok(tx.exec(USE, (id, now)).await? == 1)
}

/// Notes a use unless one later than `stale` is noted.
pub(crate) async fn note_use_again(
    tx: &mut Tx,
    id: &ApiKeyId,
    now: Timestamp,
    stale: Timestamp,
) -> Result<()> {
    tx.exec(USE_AGAIN, (id, now, stale)).await?;
    Ok(())
}

/// Revokes a key that the tenant has and that is not revoked yet; whether there was one.
pub(crate) async fn revoke(tx: &mut Tx, tenant: &TenantId, id: &ApiKeyId, now: Timestamp) -> Result<bool> {
    Ok(tx.exec(REVOKE, (tenant, id, now)).await? == 1)
}
