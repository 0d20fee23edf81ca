//! Uploads.

use base::{AssetId, TenantId, Timestamp, UploadId, WorkerId};
use db::Tx;

use super::{corrupt, stored_number};
use crate::{CatalogueError, Fetch, Result, WriteLease, model::Upload};

db::statements! {
    ADD -> () = "insert into upload (id, asset, tenant, length, received, counted, metadata, concat, created_us,
            expires_us)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    /// What stands for the file of an asset that has none; its bytes count as an upload's do.
    ADD_NONE -> () = "insert into upload (id, asset, tenant, length, received, counted, metadata, created_us,
            expires_us, finished_us)
        values ($1, $2, $3, 0, 0, $4, '', $5, $5, $5)";
    /// Not those that were given up: unfinished, past their time or without an asset that waits for them.
    FIND -> UploadRow = "select u.id, u.asset, u.tenant, u.length, u.received, u.metadata, u.concat, u.fetch_url, u.fetch_mark, u.expires_us,
            u.finished_us
        from upload u left join asset a on a.id = u.asset
        where u.tenant = $1 and u.id = $2
            and ((u.asset is null and u.expires_us > $3)
                or (a.state <> 'deleted'
                    and (u.finished_us is not null or (a.state = 'uploading' and u.expires_us > $3))))";
    OF_ASSET -> UploadRow = "select id, asset, tenant, length, received, metadata, concat, fetch_url, fetch_mark,
            expires_us, finished_us
        from upload where asset = $1";
    EXPIRED -> UploadRow = "select u.id, u.asset, u.tenant, u.length, u.received, u.metadata, u.concat, u.fetch_url, u.fetch_mark,
            u.expires_us, u.finished_us
        from upload u join asset a on a.id = u.asset
        where u.finished_us is null and u.expires_us <= $1 and a.state = 'uploading'
            and coalesce(u.write_until_us, 0) <= $1
        order by u.expires_us limit $2";
    EXPIRED_PARTIALS -> UploadRow = "select id, asset, tenant, length, received, metadata, concat, fetch_url, fetch_mark, expires_us,
            finished_us
        from upload
        where asset is null and expires_us <= $1 and coalesce(write_until_us, 0) <= $1
        order by expires_us limit $2";
    COMPLETE -> UploadRow = "select u.id, u.asset, u.tenant, u.length, u.received, u.metadata, u.concat, u.fetch_url, u.fetch_mark,
            u.expires_us, u.finished_us
        from upload u join asset a on a.id = u.asset
        where u.finished_us is null and u.received = u.length and a.state = 'uploading'
            and coalesce(u.write_until_us, 0) <= $1
        order by u.expires_us limit $2";
    /// In whatever state.
    BY_ID -> UploadRow = "select id, asset, tenant, length, received, metadata, concat, fetch_url, fetch_mark,
            expires_us, finished_us
        from upload where id = $1 and tenant = $2";
    FETCH -> () = "update upload set fetch_url = $2 where id = $1";
    /// What is fetched begins anew, with another length and validator.
    RESTART -> () = "update upload set length = cast($3 as bigint), counted = coalesce(cast($3 as bigint), 0),
            received = 0, fetch_mark = $4
        where id = $1 and write_token = $2 and fetch_url is not null and finished_us is null";
    SET_LENGTH -> () = "update upload set length = $2, counted = $2
        where id = $1 and coalesce(length, $2) = $2 and received <= $2";
    /// $2: the final upload; a partial one is used by one only.
    USE -> LengthRow = "update upload set used_by = $2, counted = 0, expires_us = $3
        where id = $1 and tenant = $4 and asset is null and finished_us is not null and used_by is null
            and expires_us > $5
        returning received as length";
    PARTIAL -> PartialRow = "select finished_us is not null as finished, used_by from upload
        where id = $1 and tenant = $2 and asset is null and expires_us > $3";
    GIVE_UP_PARTIAL -> () = "update upload set expires_us = $2
        where id = $1 and asset is null and used_by is null";
    FORGET_PARTIAL -> () = "delete from upload where id = $1 and asset is null";
    /// A lease that ends after $6 was written by a clock that was ahead, and would keep everybody out until then.
    CLAIM -> () = "update upload set writer = $2, write_token = $3, write_until_us = $4
        where id = $1 and finished_us is null and (coalesce(write_until_us, 0) <= $5 or write_until_us > $6)";
    COUNTED -> CountedRow = "select counted from upload where id = $1";
    PROMISE -> () = "update upload set counted = $3 where id = $1 and write_token = $2";
    CLAIMED_UNTIL -> UntilRow = "select write_until_us from upload where id = $1";
    RENEW -> () = "update upload set write_until_us = $3 where id = $1 and write_token = $2";
    RELEASE -> () = "update upload set writer = null, write_token = null, write_until_us = null, received = $3,
            counted = coalesce(length, $3), expires_us = $4
        where id = $1 and write_token = $2";
    RELEASE_WRITER -> () = "update upload set writer = null, write_token = null, write_until_us = null,
            counted = coalesce(length, received)
        where writer = $1";
    REVOKE -> () = "update upload set writer = null, write_token = null, write_until_us = null, counted = received
        where length is null and write_until_us <= $1";
    FINISH -> () = "update upload set received = length, finished_us = $2, writer = null, write_token = null,
            write_until_us = null, fetch_url = null, fetch_mark = null
        where id = $1 and finished_us is null";
    FORGET -> () = "delete from upload where asset = $1";
}

#[derive(sqlx::FromRow)]
struct UploadRow {
    #[sqlx(try_from = "String")]
    id: UploadId,
    asset: Option<String>,
    #[sqlx(try_from = "String")]
    tenant: TenantId,
    length: Option<i64>,
    #[sqlx(try_from = "i64")]
    received: u64,
    metadata: String,
    concat: Option<String>,
    fetch_url: Option<String>,
    fetch_mark: Option<String>,
    expires_us: i64,
    finished_us: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct UntilRow {
    write_until_us: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct CountedRow {
    #[sqlx(try_from = "i64")]
    counted: u64,
}

#[derive(sqlx::FromRow)]
struct LengthRow {
    #[sqlx(try_from = "i64")]
    length: u64,
}

#[derive(sqlx::FromRow)]
struct PartialRow {
    finished: bool,
    #[sqlx(rename = "used_by")]
    user: Option<String>,
}

impl TryFrom<UploadRow> for Upload {
    type Error = CatalogueError;
    fn try_from(row: UploadRow) -> Result<Self> {
        let asset = row.asset.map(|asset| asset.parse()).transpose();
        let length = row.length.map(u64::try_from).transpose();
        let mark = row.fetch_mark;
        Ok(Self {
            asset: asset.map_err(|e| corrupt("upload", "asset", row.id.as_str(), e))?,
            length: length.map_err(|e| corrupt("upload", "length", row.id.as_str(), e))?,
            id: row.id,
            tenant: row.tenant,
            offset: row.received,
            metadata: row.metadata,
            concat: row.concat,
            fetch: row.fetch_url.map(|url| Fetch { url, mark }),
            expires: Timestamp(row.expires_us),
            finished: row.finished_us.map(Timestamp),
        })
    }
}

fn uploads(rows: Vec<UploadRow>) -> Result<Vec<Upload>> {
    rows.into_iter().map(Upload::try_from).collect()
}

pub(crate) async fn add(tx: &mut Tx, upload: &Upload, now: Timestamp) -> Result<()> {
    let Upload { id, asset, tenant, offset, metadata, concat, expires, .. } = upload;
    let length = upload.length.map(|length| stored_number("length", length)).transpose()?;
    let (asset, concat, offset) = (asset.as_ref(), concat.as_deref(), stored_number("offset", *offset)?);
    let counted = length.unwrap_or(offset);
    tx.exec(ADD, (id, asset, tenant, length, offset, counted, metadata, concat, now, *expires)).await?;
    Ok(())
}

/// Adds what stands for the file of an asset that is made from none: finished, without bytes of its own, but with
/// `counted` bytes towards its tenant's limit.
pub(crate) async fn add_none(
    tx: &mut Tx,
    id: &UploadId,
    asset: &AssetId,
    tenant: &TenantId,
    counted: u64,
    now: Timestamp,
) -> Result<()> {
    tx.exec(ADD_NONE, (id, asset, tenant, stored_number("bytes", counted)?, now)).await?;
    Ok(())
}

/// An upload of this tenant that is open at `now` or finished.
pub(crate) async fn find(
    tx: &mut Tx,
    tenant: &TenantId,
    id: &UploadId,
    now: Timestamp,
) -> Result<Option<Upload>> {
    tx.opt(FIND, (tenant, id, now)).await?.map(Upload::try_from).transpose()
}

/// An upload of this tenant, in whatever state.
pub(crate) async fn by_id(tx: &mut Tx, tenant: &TenantId, id: &UploadId) -> Result<Option<Upload>> {
    tx.opt(BY_ID, (id, tenant)).await?.map(Upload::try_from).transpose()
}

/// Notes where an upload is fetched from.
pub(crate) async fn set_fetch(tx: &mut Tx, id: &UploadId, url: &str) -> Result<()> {
    tx.exec(FETCH, (id, url)).await?;
    Ok(())
}

/// Lets what is fetched begin anew; whether the lease still held it.
pub(crate) async fn restart(
    tx: &mut Tx,
    lease: &WriteLease,
    length: Option<u64>,
    mark: Option<&str>,
) -> Result<bool> {
    let length = length.map(|length| stored_number("length", length)).transpose()?;
    Ok(tx.exec(RESTART, (&lease.upload, &lease.token, length, mark)).await? == 1)
}

/// The upload of an asset, in whatever state.
pub(crate) async fn of_asset(tx: &mut Tx, asset: &AssetId) -> Result<Upload> {
    tx.one(OF_ASSET, (asset,)).await?.try_into()
}

/// Up to `limit` open uploads whose time was over by `now`, longest over first.
pub(crate) async fn expired(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<Vec<Upload>> {
    uploads(tx.all(EXPIRED, (now, limit)).await?)
}

/// Up to `limit` partial uploads, finished or not, whose time was over by `now`, longest over first.
pub(crate) async fn expired_partials(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<Vec<Upload>> {
    uploads(tx.all(EXPIRED_PARTIALS, (now, limit)).await?)
}

/// Up to `limit` open uploads that miss nothing but being finished, and that nobody is at work on at `now`.
pub(crate) async fn complete(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<Vec<Upload>> {
    uploads(tx.all(COMPLETE, (now, limit)).await?)
}

/// Sets the length of an upload that has none; whether it has this one now.
pub(crate) async fn set_length(tx: &mut Tx, id: &UploadId, length: u64) -> Result<bool> {
    Ok(tx.exec(SET_LENGTH, (id, stored_number("length", length)?)).await? == 1)
}

/// Gives a finished partial upload to a final one; its length, or `None` when it may not have it.
pub(crate) async fn use_partial(
    tx: &mut Tx,
    id: &UploadId,
    user: &Upload,
    now: Timestamp,
) -> Result<Option<u64>> {
    let row = tx.opt(USE, (id, &user.id, user.expires, &user.tenant, now)).await?;
    Ok(row.map(|row| row.length))
}

/// Whether a partial upload is finished and whether a final one has it; `None` when there is none.
pub(crate) async fn partial(
    tx: &mut Tx,
    tenant: &TenantId,
    id: &UploadId,
    now: Timestamp,
) -> Result<Option<(bool, bool)>> {
    let row = tx.opt(PARTIAL, (id, tenant, now)).await?;
    Ok(row.map(|row| (row.finished, row.user.is_some())))
}

/// Ends the time of a partial upload that no final one has; whether it did.
pub(crate) async fn give_up_partial(tx: &mut Tx, id: &UploadId, now: Timestamp) -> Result<bool> {
    Ok(tx.exec(GIVE_UP_PARTIAL, (id, now)).await? == 1)
}

pub(crate) async fn forget_partial(tx: &mut Tx, id: &UploadId) -> Result<()> {
    tx.exec(FORGET_PARTIAL, (id,)).await?;
    Ok(())
}

/// Gives an open upload to a writer unless another one has it at `now`; whether it did.
pub(crate) async fn claim(
    tx: &mut Tx,
    lease: &WriteLease,
    writer: &WorkerId,
    until: Timestamp,
    now: Timestamp,
    latest: Timestamp,
) -> Result<bool> {
    Ok(tx.exec(CLAIM, (&lease.upload, writer, &lease.token, until, now, latest)).await? == 1)
}

/// Bytes that an upload counts for.
pub(crate) async fn counted(tx: &mut Tx, id: &UploadId) -> Result<u64> {
    Ok(tx.one(COUNTED, (id,)).await?.counted)
}

/// Counts so many bytes for an upload whose length is not known, until its lease is given back.
pub(crate) async fn promise(tx: &mut Tx, lease: &WriteLease, bytes: u64) -> Result<()> {
    tx.exec(PROMISE, (&lease.upload, &lease.token, stored_number("offset", bytes)?)).await?;
    Ok(())
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

/// Ends the leases on uploads without a length whose time was over by `now`, and what was promised under them.
pub(crate) async fn revoke(tx: &mut Tx, now: Timestamp) -> Result<()> {
    tx.exec(REVOKE, (now,)).await?;
    Ok(())
}

pub(crate) async fn release_writer(tx: &mut Tx, writer: &WorkerId) -> Result<u64> {
    Ok(tx.exec(RELEASE_WRITER, (writer,)).await?)
}

/// Marks an upload all of whose bytes are there as finished.
pub(crate) async fn finish(tx: &mut Tx, id: &UploadId, now: Timestamp) -> Result<()> {
    tx.exec(FINISH, (id, now)).await?;
    Ok(())
}

pub(crate) async fn forget(tx: &mut Tx, asset: &AssetId) -> Result<()> {
    tx.exec(FORGET, (asset,)).await?;
    Ok(())
}
