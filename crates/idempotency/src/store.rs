//! All SQL of this room. Each function is one statement within the caller's transaction.

use base::{TenantId, Timestamp};
use db::{DbError, Tx, statements};

use crate::{Answer, ROWS_MAX};

statements! {
    FORGET_EXPIRED -> () = "delete from idempotency where tenant = $1 and name = $2 and expires_us <= $3";
    CLAIM -> () = "insert into idempotency (tenant, name, fingerprint, status, body, expires_us)
        select $1, $2, $3, 0, '', $4
        where (select count(*) from idempotency where tenant = $1) < $5
        on conflict (tenant, name) do nothing",
        pg = "insert into idempotency (tenant, name, fingerprint, status, body, expires_us)
        select $1, $2, $3, 0, '', cast($4 as bigint)
        where (select count(*) from idempotency where tenant = $1) < $5
        on conflict (tenant, name) do nothing";
    FIND -> KeptRow = "select fingerprint, status, body from idempotency where tenant = $1 and name = $2";
    KEEP -> () = "update idempotency set status = $3, body = $4 where tenant = $1 and name = $2";
    SWEEP -> () = "delete from idempotency where expires_us <= $1 and name in
        (select name from idempotency where expires_us <= $1 order by expires_us limit $2)";
}

#[derive(sqlx::FromRow)]
struct KeptRow {
    fingerprint: String,
    #[sqlx(try_from = "i64")]
    status: u16,
    body: String,
}

/// An answer and which request it was for.
pub(crate) struct Kept {
    pub fingerprint: String,
    pub answer: Answer,
}

pub(crate) async fn forget_expired(
    tx: &mut Tx,
    tenant: &TenantId,
    key: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.exec(FORGET_EXPIRED, (tenant, key, now)).await.map(drop)
}

/// Whether the key was free. While another transaction holds it uncommitted, this one waits.
pub(crate) async fn claim(
    tx: &mut Tx,
    tenant: &TenantId,
    key: &str,
    fingerprint: &str,
    expires: Timestamp,
) -> Result<bool, DbError> {
    Ok(tx.exec(CLAIM, (tenant, key, fingerprint, expires, ROWS_MAX)).await? == 1)
}

pub(crate) async fn find(tx: &mut Tx, tenant: &TenantId, key: &str) -> Result<Option<Kept>, DbError> {
    let row = tx.opt(FIND, (tenant, key)).await?;
    let answer = |row: &KeptRow| Answer { status: row.status, body: row.body.clone() };
    Ok(row.map(|row| Kept { answer: answer(&row), fingerprint: row.fingerprint }))
}

pub(crate) async fn keep(tx: &mut Tx, tenant: &TenantId, key: &str, answer: &Answer) -> Result<(), DbError> {
    tx.exec(KEEP, (tenant, key, u32::from(answer.status), &answer.body)).await.map(drop)
}

/// Forgets up to about `limit` answers that expired by `now`; how many.
pub(crate) async fn sweep(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<u64, DbError> {
    tx.exec(SWEEP, (now, limit)).await
}
