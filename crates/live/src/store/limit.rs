//! Limits of tenants.

use base::TenantId;
use db::Tx;

use super::corrupt;
use crate::{LiveError, OwnLimits, Result};

db::statements! {
    ADD -> () = "insert into live_limit (tenant) values ($1) on conflict (tenant) do nothing";
    HOLD -> LimitRow = "select tenant, channels_max, streams_max, bitrate_max_kbps from live_limit where tenant = $1",
        pg = "select tenant, channels_max, streams_max, bitrate_max_kbps from live_limit where tenant = $1 for update";
    FIND -> LimitRow = "select tenant, channels_max, streams_max, bitrate_max_kbps from live_limit where tenant = $1";
    SET -> () = "update live_limit set channels_max = $2, streams_max = $3, bitrate_max_kbps = $4 where tenant = $1";
}

#[derive(sqlx::FromRow)]
struct LimitRow {
    tenant: String,
    channels_max: Option<i64>,
    streams_max: Option<i64>,
    bitrate_max_kbps: Option<i64>,
}

impl TryFrom<LimitRow> for OwnLimits {
    type Error = LiveError;
    fn try_from(row: LimitRow) -> Result<Self> {
        let number = |column, value: Option<i64>| {
            let number = value.map(u32::try_from).transpose();
            number.map_err(|e| corrupt("live_limit", column, &row.tenant, e))
        };
        Ok(Self {
            channels_max: number("channels_max", row.channels_max)?,
            streams_max: number("streams_max", row.streams_max)?,
            bitrate_max_kbps: number("bitrate_max_kbps", row.bitrate_max_kbps)?,
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
    tx.exec(SET, (tenant, own.channels_max, own.streams_max, own.bitrate_max_kbps)).await?;
    Ok(())
}
