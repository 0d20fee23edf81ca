//! All SQL of the outbox, and why its sequence has no holes that fill up later.
//!
//! A number drawn while writing (a serial, a time) would not do on PostgreSQL: transactions commit in
//! another order than they drew, so a reader past 7 could miss a 6 that commits afterwards. A counter row
//! updated by every writer would order them, at the price of running all writers of the database one after
//! the other until each is durable, and of deadlocks with the rows they lock besides.
//!
//! So writers draw nothing. They insert rows without `seq`; [`sequence`] numbers rows that are committed, in
//! a transaction of its own that first locks the one row of `outbox_head` and keeps it until it commits.
//! Numberings therefore follow each other: the later one starts from the number the earlier one committed,
//! and whoever sees number n sees every number below it.
//!
//! Within a numbering, rows go by `at_us`, then identifier. `at_us` is the writer's clock, but at least one
//! more than the subject's newest row the writer can see. If one transaction began its append after another
//! on the same subject had committed, it saw that row and follows it, however wrong its clock; and it is not
//! numbered in an earlier batch either, for whoever sees its row sees the other's too, with a smaller `at_us`.

use base::{EventId, TenantId, Timestamp};
use db::{DbError, Json, Tx, statements};
use serde_json::Value;

use crate::Event;

statements! {
    INSERT -> () = "insert into outbox (id, tenant, kind, subject, payload, at_us) values ($1, $2, $3, $4, $5,
        max($6, (select coalesce(max(at_us) + 1, 0) from outbox where tenant = $2 and subject = $4)))",
        pg = "insert into outbox (id, tenant, kind, subject, payload, at_us) values ($1, $2, $3, $4, $5,
        greatest($6, (select coalesce(max(at_us) + 1, 0) from outbox where tenant = $2 and subject = $4)))";
    UNNUMBERED -> (i64,) = "select count(*) from outbox where seq is null";
    /// An update that changes nothing, for its lock.
    LOCK_HEAD -> (i64,) = "update outbox_head set seq = seq where id = 1 returning seq";
    NUMBER -> () = "update outbox set seq = $1 + batch.position from
        (select id, row_number() over (order by at_us, id) as position from outbox
            where seq is null order by at_us, id limit $2) as batch
        where outbox.id = batch.id";
    MOVE_HEAD -> () = "update outbox_head set seq = seq + $1 where id = 1";
    HEAD -> (i64,) = "select seq from outbox_head where id = 1";
    OLDEST -> (Option<i64>,) = "select min(seq) from outbox";
    AFTER -> EventRow = "select id, seq, tenant, kind, subject, payload, at_us from outbox
        where seq > $1 order by seq limit $2";
    SINCE -> EventRow = "select id, seq, tenant, kind, subject, payload, at_us from outbox
        where tenant = $1 and seq > $2 order by seq limit $3";
    BEGIN_CURSOR -> () = "insert into outbox_cursor (name, seq)
        values ($1, (select seq from outbox_head where id = 1)) on conflict (name) do nothing";
    CURSOR -> (i64,) = "select seq from outbox_cursor where name = $1";
    /// An update that changes nothing, for its lock.
    LOCK_CURSOR -> (i64,) = "update outbox_cursor set seq = seq where name = $1 returning seq";
    MOVE_CURSOR -> () = "update outbox_cursor set seq = $2 where name = $1 and seq < $2";
    SWEEP -> () = "delete from outbox where id in
        (select id from outbox where seq is not null and at_us < $1 order by seq limit $2)";
}

#[derive(sqlx::FromRow)]
struct EventRow {
    #[sqlx(try_from = "String")]
    id: EventId,
    seq: i64,
    #[sqlx(try_from = "String")]
    tenant: TenantId,
    kind: String,
    subject: String,
    payload: Json<Value>,
    at_us: i64,
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        Self {
            id: row.id,
            seq: Some(row.seq),
            tenant: row.tenant,
            kind: row.kind,
            subject: row.subject,
            payload: row.payload.0,
            at: Timestamp(row.at_us),
        }
    }
}

pub(crate) async fn insert(tx: &mut Tx, event: &Event) -> Result<(), DbError> {
    let Event { id, tenant, kind, subject, payload, at, .. } = event;
    tx.exec(INSERT, (id, tenant, kind, subject, Json(payload), *at)).await?;
    Ok(())
}

pub(crate) async fn unnumbered(tx: &mut Tx) -> Result<i64, DbError> {
    Ok(tx.one(UNNUMBERED, ()).await?.0)
}

/// Numbers up to `limit` committed rows; how many.
pub(crate) async fn sequence(tx: &mut Tx, limit: u32) -> Result<u64, DbError> {
    let (head,) = tx.one(LOCK_HEAD, ()).await?;
    let numbered = tx.exec(NUMBER, (head, limit)).await?;
    tx.exec(MOVE_HEAD, (i64::try_from(numbered).unwrap_or(i64::MAX),)).await?;
    Ok(numbered)
}

pub(crate) async fn head(tx: &mut Tx) -> Result<i64, DbError> {
    Ok(tx.one(HEAD, ()).await?.0)
}

/// The least number that is still there.
pub(crate) async fn oldest(tx: &mut Tx) -> Result<Option<i64>, DbError> {
    Ok(tx.one(OLDEST, ()).await?.0)
}

pub(crate) async fn after(tx: &mut Tx, seq: i64, limit: u32) -> Result<Vec<Event>, DbError> {
    Ok(tx.all(AFTER, (seq, limit)).await?.into_iter().map(Event::from).collect())
}

pub(crate) async fn since(
    tx: &mut Tx,
    tenant: &TenantId,
    seq: i64,
    limit: u32,
) -> Result<Vec<Event>, DbError> {
    Ok(tx.all(SINCE, (tenant, seq, limit)).await?.into_iter().map(Event::from).collect())
}

pub(crate) async fn sweep(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<u64, DbError> {
    tx.exec(SWEEP, (before, limit)).await
}

/// Makes a cursor at the end of the outbox unless there is one of that name.
pub(crate) async fn begin_cursor(tx: &mut Tx, name: &str) -> Result<(), DbError> {
    tx.exec(BEGIN_CURSOR, (name,)).await.map(drop)
}

/// Where a cursor stands.
pub(crate) async fn cursor(tx: &mut Tx, name: &str) -> Result<Option<i64>, DbError> {
    Ok(tx.opt(CURSOR, (name,)).await?.map(|(seq,)| seq))
}

/// Where a cursor stands; others that lock it wait until this transaction ends.
pub(crate) async fn lock_cursor(tx: &mut Tx, name: &str) -> Result<i64, DbError> {
    Ok(tx.one(LOCK_CURSOR, (name,)).await?.0)
}

/// Moves a cursor forward, never back.
pub(crate) async fn move_cursor(tx: &mut Tx, name: &str, seq: i64) -> Result<(), DbError> {
    tx.exec(MOVE_CURSOR, (name, seq)).await.map(drop)
}
