//! Tenants, and the facts of which there is one.

use base::{TenantId, Timestamp};
use db::Tx;

use crate::{Result, Tenant};

db::statements! {
    CLAIM_FIRST -> () = "insert into installation (name, value) values ('tenant', $1) on conflict (name) do nothing";
    FIRST -> (String,) = "select value from installation where name = 'tenant'";
    ADD -> () = "insert into tenant (id, name, created_us) values ($1, $2, $3)";
    LIST -> TenantRow = "select id, name, created_us from tenant where id > $1 order by id limit $2";
    FIND -> (String,) = "select name from tenant where id = $1";
    RENAME -> () = "update tenant set name = $2 where id = $1";
    HOLD -> () = "update tenant set name = name where id = $1";
}

#[derive(sqlx::FromRow)]
struct TenantRow {
    #[sqlx(try_from = "String")]
    id: TenantId,
    name: String,
    created_us: i64,
}

/// Names the first tenant unless there is one; whether this call did. Of concurrent calls exactly one does,
/// and the others wait until it is committed.
pub(crate) async fn claim_first(tx: &mut Tx, id: &TenantId) -> Result<bool> {
    Ok(tx.exec(CLAIM_FIRST, (id,)).await? == 1)
}

pub(crate) async fn first(tx: &mut Tx) -> Result<TenantId> {
    let (value,) = tx.one(FIRST, ()).await?;
    value.parse().map_err(|error| super::corrupt("installation", "value", "tenant", error))
}

pub(crate) async fn add(tx: &mut Tx, id: &TenantId, name: &str, now: Timestamp) -> Result<()> {
    tx.exec(ADD, (id, name, now)).await?;
    Ok(())
}

pub(crate) async fn name(tx: &mut Tx, id: &TenantId) -> Result<Option<String>> {
    Ok(tx.opt(FIND, (id,)).await?.map(|(name,)| name))
}

/// Up to `limit` tenants whose identifier follows `after`, oldest first.
pub(crate) async fn list(tx: &mut Tx, after: &str, limit: u32) -> Result<Vec<Tenant>> {
    let rows = tx.all(LIST, (after, limit)).await?;
    let tenant = |row: TenantRow| Tenant { id: row.id, name: row.name, created: Timestamp(row.created_us) };
    Ok(rows.into_iter().map(tenant).collect())
}

pub(crate) async fn rename(tx: &mut Tx, id: &TenantId, name: &str) -> Result<()> {
    tx.exec(RENAME, (id, name)).await?;
    Ok(())
}

/// Holds the tenant's row until the transaction ends, so that changes of its people happen one after another.
pub(crate) async fn hold(tx: &mut Tx, id: &TenantId) -> Result<()> {
    tx.exec(HOLD, (id,)).await?;
    Ok(())
}
