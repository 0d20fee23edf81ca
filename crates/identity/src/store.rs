//! All SQL of this domain. Each function is one statement within the caller's transaction.

use base::{ApiKeyId, Role, SessionId, TenantId, Timestamp};
use db::Tx;

use crate::{
    IdentityError, Result,
    model::{KeyInfo, SecretHash},
};

db::statements! {
    CLAIM_FACT -> () = "insert into installation (name, value) values ($1, $2) on conflict (name) do nothing";
    FIRST_TENANT -> (String,) = "select value from installation where name = 'tenant'";
    ADD_TENANT -> () = "insert into tenant (id, name, created_us) values ($1, $2, $3)";
    ADD_KEY -> () = "insert into api_key (id, tenant, name, role, hash, created_us) values ($1, $2, $3, $4, $5, $6)";
    KEY -> KeyRow = "select id, tenant, name, role, hash, created_us, last_used_us, revoked_us
        from api_key where id = $1";
    KEYS -> KeyRow = "select id, tenant, name, role, hash, created_us, last_used_us, revoked_us
        from api_key where tenant = $1 and id > $2 order by id limit $3";
    USE_KEY -> () = "update api_key set last_used_us = $2 where id = $1 and revoked_us is null";
    USE_KEY_AGAIN -> () = "update api_key set last_used_us = $2
        where id = $1 and (last_used_us is null or last_used_us <= $3)";
    REVOKE_KEY -> () = "update api_key set revoked_us = coalesce(revoked_us, $3) where tenant = $1 and id = $2";
    ADD_SESSION -> () = "insert into session (id, api_key, hash, created_us, expires_us) values ($1, $2, $3, $4, $5)";
    SESSION -> SessionRow = "select id, api_key, hash, expires_us from session where id = $1";
    END_SESSION -> () = "delete from session where id = $1";
    END_SESSIONS_OF -> () = "delete from session where api_key = $1";
    KEEP_NEWEST_SESSIONS -> () = "delete from session where api_key = $1 and id not in
        (select id from session where api_key = $1 order by created_us desc, id desc limit $2)";
    END_EXPIRED_SESSIONS -> () = "delete from session where id in
        (select id from session where expires_us <= $1 order by expires_us limit $2)";
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
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    #[sqlx(try_from = "String")]
    id: SessionId,
    #[sqlx(try_from = "String")]
    api_key: ApiKeyId,
    hash: Vec<u8>,
    expires_us: i64,
}

/// A key with what only this crate may see.
pub(crate) struct StoredKey {
    pub(crate) tenant: TenantId,
    pub(crate) hash: Vec<u8>,
    pub(crate) info: KeyInfo,
}

/// A session with what only this crate may see.
pub(crate) struct StoredSession {
    pub(crate) id: SessionId,
    pub(crate) key: ApiKeyId,
    pub(crate) hash: Vec<u8>,
    pub(crate) expires: Timestamp,
}

fn corrupt(table: &'static str, column: &'static str, id: &str, problem: impl ToString) -> IdentityError {
    IdentityError::Corrupt { table, column, id: id.to_owned(), problem: problem.to_string() }
}

impl TryFrom<KeyRow> for StoredKey {
    type Error = IdentityError;
    fn try_from(row: KeyRow) -> Result<Self> {
        let role = row.role.parse().map_err(|e: String| corrupt("api_key", "role", row.id.as_str(), e))?;
        let info = KeyInfo {
            id: row.id,
            name: row.name,
            role,
            created: Timestamp(row.created_us),
            last_used: row.last_used_us.map(Timestamp),
            revoked: row.revoked_us.map(Timestamp),
        };
        Ok(Self { tenant: row.tenant, hash: row.hash, info })
    }
}

impl From<SessionRow> for StoredSession {
    fn from(row: SessionRow) -> Self {
        Self { id: row.id, key: row.api_key, hash: row.hash, expires: Timestamp(row.expires_us) }
    }
}

/// The fact that names the first tenant.
pub(crate) const TENANT_FACT: &str = "tenant";
/// The fact that names the first owner key.
pub(crate) const OWNER_FACT: &str = "owner_key";

/// Writes a fact of the installation unless it has one; whether this call wrote it. Of concurrent calls
/// exactly one does, and the others wait until it is committed.
pub(crate) async fn claim_fact(tx: &mut Tx, name: &str, value: &str) -> Result<bool> {
    Ok(tx.exec(CLAIM_FACT, (name, value)).await? == 1)
}

pub(crate) async fn first_tenant(tx: &mut Tx) -> Result<TenantId> {
    let (value,) = tx.one(FIRST_TENANT, ()).await?;
    value.parse().map_err(|e| corrupt("installation", "value", TENANT_FACT, e))
}

pub(crate) async fn add_tenant(tx: &mut Tx, id: &TenantId, name: &str, now: Timestamp) -> Result<()> {
    tx.exec(ADD_TENANT, (id, name, now)).await?;
    Ok(())
}

/// What [`add_key`] writes.
pub(crate) struct KeyToAdd<'a> {
    pub(crate) id: &'a ApiKeyId,
    pub(crate) tenant: &'a TenantId,
    pub(crate) name: &'a str,
    pub(crate) role: Role,
    pub(crate) hash: SecretHash,
}

pub(crate) async fn add_key(tx: &mut Tx, key: KeyToAdd<'_>, now: Timestamp) -> Result<()> {
    let hash = key.hash.as_bytes();
    let row = (key.id, key.tenant, key.name, key.role.as_str(), hash, now);
    tx.exec(ADD_KEY, row).await?;
    Ok(())
}

pub(crate) async fn key(tx: &mut Tx, id: &ApiKeyId) -> Result<Option<StoredKey>> {
    tx.opt(KEY, (id,)).await?.map(StoredKey::try_from).transpose()
}

/// Up to `limit` keys whose identifier follows `after`, oldest first.
pub(crate) async fn keys(tx: &mut Tx, tenant: &TenantId, after: &str, limit: u32) -> Result<Vec<KeyInfo>> {
    let rows = tx.all(KEYS, (tenant, after, limit)).await?;
    rows.into_iter().map(|row| StoredKey::try_from(row).map(|key| key.info)).collect()
}

/// Notes a use; `false` when the key is revoked. Holds the key's row until the transaction ends.
pub(crate) async fn use_key(tx: &mut Tx, id: &ApiKeyId, now: Timestamp) -> Result<bool> {
    Ok(tx.exec(USE_KEY, (id, now)).await? == 1)
}

/// Notes a use unless one later than `stale` is noted.
pub(crate) async fn use_key_again(
    tx: &mut Tx,
    id: &ApiKeyId,
    now: Timestamp,
    stale: Timestamp,
) -> Result<()> {
    tx.exec(USE_KEY_AGAIN, (id, now, stale)).await?;
    Ok(())
}

/// Revokes a key, keeping the time of the first revocation; whether the tenant has such a key.
pub(crate) async fn revoke_key(
    tx: &mut Tx,
    tenant: &TenantId,
    id: &ApiKeyId,
    now: Timestamp,
) -> Result<bool> {
    Ok(tx.exec(REVOKE_KEY, (tenant, id, now)).await? == 1)
}

/// What [`add_session`] writes.
pub(crate) struct SessionToAdd<'a> {
    pub(crate) id: &'a SessionId,
    pub(crate) key: &'a ApiKeyId,
    pub(crate) hash: SecretHash,
    pub(crate) expires: Timestamp,
}

pub(crate) async fn add_session(tx: &mut Tx, session: SessionToAdd<'_>, now: Timestamp) -> Result<()> {
    let hash = session.hash.as_bytes();
    let row = (session.id, session.key, hash, now, session.expires);
    tx.exec(ADD_SESSION, row).await?;
    Ok(())
}

pub(crate) async fn session(tx: &mut Tx, id: &SessionId) -> Result<Option<StoredSession>> {
    Ok(tx.opt(SESSION, (id,)).await?.map(StoredSession::from))
}

pub(crate) async fn end_session(tx: &mut Tx, id: &SessionId) -> Result<()> {
    tx.exec(END_SESSION, (id,)).await?;
    Ok(())
}

pub(crate) async fn end_sessions_of(tx: &mut Tx, key: &ApiKeyId) -> Result<()> {
    tx.exec(END_SESSIONS_OF, (key,)).await?;
    Ok(())
}

/// Ends all but the `kept` newest sessions of a key.
pub(crate) async fn keep_newest_sessions(tx: &mut Tx, key: &ApiKeyId, kept: u32) -> Result<()> {
    tx.exec(KEEP_NEWEST_SESSIONS, (key, kept)).await?;
    Ok(())
}

/// Deletes up to `limit` sessions that expired by `now`; how many.
pub(crate) async fn end_expired_sessions(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<u64> {
    Ok(tx.exec(END_EXPIRED_SESSIONS, (now, limit)).await?)
}
