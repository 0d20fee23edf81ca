//! All SQL of the queue.
//!
//! Every change by a lease's holder names the lease's token, so it changes nothing once somebody else holds
//! the job. Locks are taken on domain rows first and job rows last (a claim is settled at the end of its
//! transaction; cancelling follows the domain's change), so settling and cancelling cannot deadlock.

use std::sync::Arc;

use base::{JobId, TenantId, Timestamp, WorkerId};
use db::{DbError, Json, Tx, statements};
use serde_json::Value;

use crate::{Claim, DeadJob, Depth, NewJob};

statements! {
    INSERT -> () = "insert into job (id, tenant, kind, subject, payload, priority, run_after_us, visible_us,
            dedupe, state, attempt, failures, interruptions, created_us, updated_us)
        values ($1, $2, $3, $4, $5, $6, $7, $7, $8, 'waiting', 0, 0, 0, $9, $9)
        on conflict (tenant, dedupe) where state <> 'dead' do nothing";
    FIND_DEDUPE -> IdRow = "select id from job where tenant = $1 and dedupe = $2 and state <> 'dead'";
    DUE -> IdRow = "select id from job where state <> 'dead' and visible_us <= $1
            and kind in (select value from json_each($2)) limit 1",
        pg = "select id from job where state <> 'dead' and visible_us <= $1
            and kind in (select jsonb_array_elements_text($2)) limit 1";
    /// PostgreSQL: `skip locked` lets claimers pass each other, and locking a row checks again, on its newest
    /// version, that it is still due.
    CLAIM -> ClaimRow = "update job set state = 'running', visible_us = $3, worker = $4, token = $5,
            attempt = attempt + 1,
            interruptions = interruptions + case when state = 'running' then 1 else 0 end, updated_us = $1
        where id = (select id from job where state <> 'dead' and visible_us <= $1
            and kind in (select value from json_each($2)) order by priority desc, run_after_us, id limit 1)
        returning id, tenant, kind, subject, payload, attempt, failures, interruptions",
        pg = "update job set state = 'running', visible_us = $3, worker = $4, token = $5,
            attempt = attempt + 1,
            interruptions = interruptions + case when state = 'running' then 1 else 0 end, updated_us = $1
        where id = (select id from job where state <> 'dead' and visible_us <= $1
            and kind in (select jsonb_array_elements_text($2)) order by priority desc, run_after_us, id limit 1
            for update skip locked)
        returning id, tenant, kind, subject, payload, attempt, failures, interruptions";
    EXTEND -> () = "update job set visible_us = $3, updated_us = $4 where id = $1 and token = $2";
    COMPLETE -> () = "delete from job where id = $1 and token = $2";
    RETRY -> () = "update job set state = 'waiting', visible_us = $3, worker = null, token = null,
            failures = failures + 1, reason = $4, updated_us = $5
        where id = $1 and token = $2";
    FAIL -> () = "update job set state = 'dead', worker = null, token = null, failures = failures + 1,
            reason = $3, updated_us = $4
        where id = $1 and token = $2";
    RELEASE -> () = "update job set state = 'waiting', visible_us = $3, worker = null, token = null,
            updated_us = $3
        where id = $1 and token = $2";
    RELEASE_WORKER -> () = "update job set state = 'waiting', visible_us = $2, worker = null, token = null,
            interruptions = interruptions + 1, updated_us = $2
        where worker = $1";
    CANCEL_DEDUPE -> () = "delete from job where tenant = $1 and dedupe = $2 and state <> 'dead'";
    CANCEL_SUBJECT -> () = "delete from job where tenant = $1 and subject = $2";
    DEPTH -> DepthRow = "select kind, state, count(*) as jobs, min(visible_us) as oldest
        from job group by kind, state order by kind, state";
    DEAD -> DeadRow = "select id, kind, subject, attempt, coalesce(reason, '') as reason, updated_us
        from job where tenant = $1 and state = 'dead' order by id desc limit $2";
    SWEEP_DEAD -> () = "delete from job where id in
        (select id from job where state = 'dead' and updated_us < $1 order by updated_us limit $2)";
}

#[derive(sqlx::FromRow)]
struct IdRow {
    #[sqlx(try_from = "String")]
    id: JobId,
}

#[derive(sqlx::FromRow)]
struct ClaimRow {
    #[sqlx(try_from = "String")]
    id: JobId,
    #[sqlx(try_from = "String")]
    tenant: TenantId,
    kind: String,
    subject: String,
    payload: Json<Value>,
    #[sqlx(try_from = "i64")]
    attempt: u32,
    #[sqlx(try_from = "i64")]
    failures: u32,
    #[sqlx(try_from = "i64")]
    interruptions: u32,
}

#[derive(sqlx::FromRow)]
struct DepthRow {
    kind: String,
    state: String,
    #[sqlx(try_from = "i64")]
    jobs: u64,
    oldest: i64,
}

#[derive(sqlx::FromRow)]
struct DeadRow {
    #[sqlx(try_from = "String")]
    id: JobId,
    kind: String,
    subject: String,
    #[sqlx(try_from = "i64")]
    attempt: u32,
    reason: String,
    updated_us: i64,
}

/// Whether the row was added; not when its dedupe key is taken.
pub(crate) async fn insert(tx: &mut Tx, id: &JobId, job: &NewJob, now: Timestamp) -> Result<bool, DbError> {
    let run_after = job.run_after.unwrap_or(now);
    let (payload, priority) = (Json(&job.payload), i64::from(job.priority));
    let values =
        (id, &job.tenant, job.kind, &job.subject, payload, priority, run_after, job.dedupe.as_ref(), now);
    Ok(tx.exec(INSERT, values).await? == 1)
}

pub(crate) async fn find_dedupe(
    tx: &mut Tx,
    tenant: &TenantId,
    dedupe: &str,
) -> Result<Option<JobId>, DbError> {
    Ok(tx.opt(FIND_DEDUPE, (tenant, dedupe)).await?.map(|row| row.id))
}

pub(crate) async fn is_due(tx: &mut Tx, kinds: &[&str], now: Timestamp) -> Result<bool, DbError> {
    Ok(tx.opt(DUE, (now, Json(kinds))).await?.is_some())
}

/// A lease about to be given.
pub(crate) struct NewLease<'a> {
    pub worker: &'a WorkerId,
    pub token: String,
    pub until: Timestamp,
}

pub(crate) async fn claim(
    tx: &mut Tx,
    kinds: &[&str],
    lease: NewLease<'_>,
    now: Timestamp,
) -> Result<Option<Claim>, DbError> {
    let values = (now, Json(kinds), lease.until, lease.worker, &lease.token);
    let row = tx.opt(CLAIM, values).await?;
    Ok(row.map(|row| Claim {
        id: row.id,
        tenant: row.tenant,
        kind: row.kind,
        subject: row.subject,
        payload: row.payload.0,
        attempt: row.attempt,
        failures: row.failures,
        interruptions: row.interruptions,
        lease_until: lease.until,
        token: lease.token,
        settling: Arc::default(),
    }))
}

/// Whether the claim still held its job, as for every function below that takes one.
pub(crate) async fn extend(
    tx: &mut Tx,
    claim: &Claim,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    Ok(tx.exec(EXTEND, (&claim.id, &claim.token, until, now)).await? == 1)
}

pub(crate) async fn complete(tx: &mut Tx, claim: &Claim) -> Result<bool, DbError> {
    Ok(tx.exec(COMPLETE, (&claim.id, &claim.token)).await? == 1)
}

pub(crate) async fn retry(
    tx: &mut Tx,
    claim: &Claim,
    reason: &str,
    at: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    Ok(tx.exec(RETRY, (&claim.id, &claim.token, at, reason, now)).await? == 1)
}

pub(crate) async fn fail(tx: &mut Tx, claim: &Claim, reason: &str, now: Timestamp) -> Result<bool, DbError> {
    Ok(tx.exec(FAIL, (&claim.id, &claim.token, reason, now)).await? == 1)
}

pub(crate) async fn release(tx: &mut Tx, claim: &Claim, now: Timestamp) -> Result<bool, DbError> {
    Ok(tx.exec(RELEASE, (&claim.id, &claim.token, now)).await? == 1)
}

pub(crate) async fn release_worker(tx: &mut Tx, worker: &WorkerId, now: Timestamp) -> Result<u64, DbError> {
    tx.exec(RELEASE_WORKER, (worker, now)).await
}

pub(crate) async fn cancel_dedupe(tx: &mut Tx, tenant: &TenantId, dedupe: &str) -> Result<bool, DbError> {
    Ok(tx.exec(CANCEL_DEDUPE, (tenant, dedupe)).await? > 0)
}

pub(crate) async fn cancel_subject(tx: &mut Tx, tenant: &TenantId, subject: &str) -> Result<u64, DbError> {
    tx.exec(CANCEL_SUBJECT, (tenant, subject)).await
}

pub(crate) async fn depth(tx: &mut Tx) -> Result<Vec<Depth>, DbError> {
    let rows = tx.all(DEPTH, ()).await?;
    let depth = |row: DepthRow| Depth {
        kind: row.kind,
        state: row.state,
        jobs: row.jobs,
        oldest: Timestamp(row.oldest),
    };
    Ok(rows.into_iter().map(depth).collect())
}

pub(crate) async fn dead(tx: &mut Tx, tenant: &TenantId, limit: u32) -> Result<Vec<DeadJob>, DbError> {
    let rows = tx.all(DEAD, (tenant, limit)).await?;
    let dead = |row: DeadRow| DeadJob {
        id: row.id,
        kind: row.kind,
        subject: row.subject,
        attempt: row.attempt,
        reason: row.reason,
        at: Timestamp(row.updated_us),
    };
    Ok(rows.into_iter().map(dead).collect())
}

pub(crate) async fn sweep_dead(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<u64, DbError> {
    tx.exec(SWEEP_DEAD, (before, limit)).await
}
