//! The audit log.

use base::{AuditId, TenantId, Timestamp};
use db::Tx;

use crate::{Result, audit::AuditEntry};

db::statements! {
    ADD -> () = "insert into audit (id, tenant, at_us, actor, actor_name, action, subject, detail, address)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    LIST -> AuditRow = "select id, at_us, actor, actor_name, action, subject, detail, address
        from audit where tenant = $1 and id < $2 order by id desc limit $3";
    SWEEP_OLD -> () = "delete from audit where id in
        (select id from audit where at_us <= $1 order by at_us limit $2)";
    SWEEP_MANY -> () = "delete from audit where id in
        (select id from audit where tenant = $1 order by id desc limit $3 offset $2)";
    TENANTS -> (String,) = "select distinct tenant from audit order by tenant";
}

#[derive(sqlx::FromRow)]
struct AuditRow {
    #[sqlx(try_from = "String")]
    id: AuditId,
    at_us: i64,
    actor: String,
    actor_name: String,
    action: String,
    subject: String,
    detail: String,
    address: Option<String>,
}

pub(crate) async fn add(tx: &mut Tx, tenant: &TenantId, entry: &AuditEntry) -> Result<()> {
    let (actor, name) = (&entry.actor, &entry.actor_name);
    let (action, address) = (&entry.action, entry.address.as_deref());
    let row = (&entry.id, tenant, entry.at, actor, name, action, &entry.subject, &entry.detail, address);
    tx.exec(ADD, row).await?;
    Ok(())
}

/// Up to `limit` entries whose identifier precedes `before`, newest first.
pub(crate) async fn list(
    tx: &mut Tx,
    tenant: &TenantId,
    before: &str,
    limit: u32,
) -> Result<Vec<AuditEntry>> {
    let rows = tx.all(LIST, (tenant, before, limit)).await?;
    let entry = |row: AuditRow| AuditEntry {
        id: row.id,
        at: Timestamp(row.at_us),
        actor: row.actor,
        actor_name: row.actor_name,
        action: row.action,
        subject: row.subject,
        detail: row.detail,
        address: row.address,
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// Deletes up to `limit` entries made by `stale`; how many.
pub(crate) async fn sweep_old(tx: &mut Tx, stale: Timestamp, limit: u32) -> Result<u64> {
    Ok(tx.exec(SWEEP_OLD, (stale, limit)).await?)
}

/// Deletes up to `limit` of a tenant's entries beyond the `kept` newest; how many.
pub(crate) async fn sweep_many(tx: &mut Tx, tenant: &str, kept: u32, limit: u32) -> Result<u64> {
    Ok(tx.exec(SWEEP_MANY, (tenant, kept, limit)).await?)
}

/// The tenants that have entries.
pub(crate) async fn tenants(tx: &mut Tx) -> Result<Vec<String>> {
    Ok(tx.all(TENANTS, ()).await?.into_iter().map(|(tenant,)| tenant).collect())
}
