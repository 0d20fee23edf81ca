//! Uploads.

use base::{AssetId, TenantId, Timestamp, UploadId, WorkerId};
use db::Tx;

use super::stored_number;
use crate::{Result, WriteLease, model::Upload};

db::statements! {
    ADD -> () = "insert into upload (id, asset, tenant, length, received, metadata, created_us, expires_us)
        values ($1, $2, $3, $4, 0, $5, $6, $7)";
    /// Not those that were given up: unfinished, past their time or without an asset that waits for them.
    FIND -> UploadRow = "select u.id, u.asset, u.tenant, u.length, u.received, u.metadata, u.expires_us,
            u.finished_us
        from upload u join asset a on a.id = u.asset
        where u.tenant = $1 and u.id = $2 and a.state <> 'deleted'
            and (u.finished_us is not null or (a.state = 'uploading' and u.expires_us > $3))";
    OF_ASSET -> UploadRow = "select id, asset, tenant, length, received, metadata, expires_us, finished_us
        from upload where asset = $1";
    EXPIRED -> UploadRow = "select u.id, u.asset, u.tenant, u.length, u.received, u.metadata, u.expires_us,
            u.finished_us
        from upload u join asset a on a.id = u.asset
        where u.finished_us is null and u.expires_us <= $1 and a.state = 'uploading'
            and coalesce(u.write_until_us, 0) <= $1
        order by u.expires_us limit $2";
    COMPLETE -> UploadRow = "select u.id, u.asset, u.tenant, u.length, u.received, u.metadata, u.expires_us,
            u.finished_us
        from upload u join asset a on a.id = u.asset
        where u.finished_us is null and u.received = u.length and a.state = 'uploading'
        order by u.expires_us limit $1";
    CLAIM -> () = "update upload set writer = $2, write_token = $3, write_until_us = $4
        where id = $1 and finished_us is null and coalesce(write_until_us, 0) <= $5";
    CLAIMED_UNTIL -> UntilRow = "select write_until_us from upload where id = $1";
    RENEW -> () = "update upload set write_until_us = $3 where id = $1 and write_token = $2";
    RELEASE -> () = "update upload set writer = null, write_token = null, write_until_us = null, received = $3,
            expires_us = $4
        where id = $1 and write_token = $2";
    RELEASE_WRITER -> () = "update upload set writer = null, write_token = null, write_until_us = null
        where writer = $1";
    FINISH -> () = "update upload set received = length, finished_us = $2, writer = null, write_token = null,
            write_until_us = null
        where id = $1 and finished_us is null";
    FORGET -> () = "delete from upload where asset = $1";
}

#[derive(sqlx::FromRow)]
struct UploadRow {
    #[sqlx(try_from = "String")]
    id: UploadId,
    #[sqlx(try_from = "String")]
    asset: AssetId,
    #[sqlx(try_from = "String")]
    tenant: TenantId,
    #[sqlx(try_from = "i64")]
    length: u64,
    #[sqlx(try_from = "i64")]
    received: u64,
    metadata: String,
    expires_us: i64,
    finished_us: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct UntilRow {
    write_until_us: Option<i64>,
}

impl From<UploadRow> for Upload {
    fn from(row: UploadRow) -> Self {
        Self {
            id: row.id,
            asset: row.asset,
            tenant: row.tenant,
            length: row.length,
            offset: row.received,
            metadata: row.metadata,
            expires: Timestamp(row.expires_us),
            finished: row.finished_us.map(Timestamp),
        }
    }
}

pub(crate) async fn add(tx: &mut Tx, upload: &Upload, now: Timestamp) -> Result<()> {
    let Upload { id, asset, tenant, length, metadata, expires, .. } = upload;
    let length = stored_number("length", *length)?;
    tx.exec(ADD, (id, asset, tenant, length, metadata, now, *expires)).await?;
    Ok(())
}

/// An upload of this tenant that is open at `now` or finished.
pub(crate) async fn find(
    tx: &mut Tx,
    tenant: &TenantId,
    id: &UploadId,
    now: Timestamp,
) -> Result<Option<Upload>> {
    Ok(tx.opt(FIND, (tenant, id, now)).await?.map(Upload::from))
}

/// The upload of an asset, in whatever state.
pub(crate) async fn of_asset(tx: &mut Tx, asset: &AssetId) -> Result<Upload> {
    Ok(tx.one(OF_ASSET, (asset,)).await?.into())
}

/// Up to `limit` open uploads whose time was over by `now`, longest over first.
pub(crate) async fn expired(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<Vec<Upload>> {
    Ok(tx.all(EXPIRED, (now, limit)).await?.into_iter().map(Upload::from).collect())
}

/// Up to `limit` open uploads that miss nothing but being finished.
pub(crate) async fn complete(tx: &mut Tx, limit: u32) -> Result<Vec<Upload>> {
    Ok(tx.all(COMPLETE, (limit,)).await?.into_iter().map(Upload::from).collect())
}

/// Gives an open upload to a writer unless another one has it at `now`; whether it did.
pub(crate) async fn claim(
    tx: &mut Tx,
    lease: &WriteLease,
    writer: &WorkerId,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    Ok(tx.exec(CLAIM, (&lease.upload, writer, &lease.token, until, now)).await? == 1)
}

/// When the present writer's time is over.
pub(crate) async fn claimed_until(tx: &mut Tx, id: &UploadId) -> Result<Option<Timestamp>> {
    let row = tx.opt(CLAIMED_UNTIL, (id,)).await?;
    Ok(row.and_then(|row| row.write_until_us).map(Timestamp))
}

/// Whether the lease still held its upload, as for [`release`].
pub(crate) async fn renew(tx: &mut Tx, lease: &WriteLease, until: Timestamp) -> Result<bool> {
    Ok(tx.exec(RENEW, (&lease.upload, &lease.token, until)).await? == 1)
}

/// Gives an upload back and notes how much of it is durable.
pub(crate) async fn release(
    tx: &mut Tx,
    lease: &WriteLease,
    received: u64,
    expires: Timestamp,
) -> Result<bool> {
    let received = stored_number("offset", received)?;
    Ok(tx.exec(RELEASE, (&lease.upload, &lease.token, received, expires)).await? == 1)
}

pub(crate) async fn release_writer(tx: &mut Tx, writer: &WorkerId) -> Result<u64> {
    Ok(tx.exec(RELEASE_WRITER, (writer,)).await?)
}

/// Marks an upload as finished, with all of its bytes.
pub(crate) async fn finish(tx: &mut Tx, id: &UploadId, now: Timestamp) -> Result<()> {
    tx.exec(FINISH, (id, now)).await?;
    Ok(())
}

pub(crate) async fn forget(tx: &mut Tx, asset: &AssetId) -> Result<()> {
    tx.exec(FORGET, (asset,)).await?;
    Ok(())
}
