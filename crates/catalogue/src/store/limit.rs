//! Limits of tenants.

use base::TenantId;
use db::Tx;

use super::{corrupt, stored_number};
use crate::{CatalogueError, OwnLimits, Result};

db::statements! {
    ADD -> () = "insert into upload_limit (tenant) values ($1) on conflict (tenant) do nothing";
    HOLD -> LimitRow = "select tenant, bytes_max, size_max from upload_limit where tenant = $1",
        pg = "select tenant, bytes_max, size_max from upload_limit where tenant = $1 for update";
    FIND -> LimitRow = "select tenant, bytes_max, size_max from upload_limit where tenant = $1";
    SET -> () = "update upload_limit set bytes_max = $2, size_max = $3 where tenant = $1";
    /// Not what is being removed: of deleted assets, and of uploads that were given up.
    USED -> UsedRow = "select cast(coalesce(sum(u.counted), 0) as bigint) as bytes
        from upload u left join asset a on a.id = u.asset
        where u.tenant = $1 and (a.id is null
            or (a.state <> 'deleted' and (u.finished_us is not null or a.state = 'uploading')))";
}

#[derive(sqlx::FromRow)]
struct LimitRow {
    tenant: String,
    bytes_max: Option<i64>,
    size_max: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct UsedRow {
    #[sqlx(try_from = "i64")]
    bytes: u64,
}

impl TryFrom<LimitRow> for OwnLimits {
    type Error = CatalogueError;
    fn try_from(row: LimitRow) -> Result<Self> {
        let number = |column, value: Option<i64>| {
            let number = value.map(u64::try_from).transpose();
            number.map_err(|e| corrupt("upload_limit", column, &row.tenant, e))
        };
        Ok(Self {
            bytes_max: number("bytes_max", row.bytes_max)?,
            size_max: number("size_max", row.size_max)?,
        })
    }
}

/// A tenant's own limits; others that hold them wait until this transaction ends.
pub(crate) async fn hold(tx: &mut Tx, tenant: &TenantId) -> Result<OwnLimits> {
    tx.exec(ADD, (tenant,)).await?;
    tx.one(HOLD, (tenant,)).await?.try_into()
}

pub(crate) async fn find(tx: &mut Tx, tenant: &TenantId) -> Result<OwnLimits> {
    tx.opt(FIND, (tenant,)).await?.map_or(Ok(OwnLimits::default()), OwnLimits::try_from)
}

/// Writes the limits of a tenant that are held.
pub(crate) async fn set(tx: &mut Tx, tenant: &TenantId, own: OwnLimits) -> Result<()> {
    let number = |field, value: Option<u64>| value.map(|value| stored_number(field, value)).transpose();
    let (bytes_max, size_max) = (number("bytes_max", own.bytes_max)?, number("size_max", own.size_max)?);
    tx.exec(SET, (tenant, bytes_max, size_max)).await?;
    Ok(())
}

/// Bytes that a tenant's uploads have or may yet have.
pub(crate) async fn used(tx: &mut Tx, tenant: &TenantId) -> Result<u64> {
    Ok(tx.one(USED, (tenant,)).await?.bytes)
}
