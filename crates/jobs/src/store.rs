//! All SQL of the queue.
//!
//! Every change by a lease's holder names the lease's token, so it changes nothing once somebody else holds
//! the job. Locks are taken on domain rows first and job rows last (a claim is settled at the end of its
//! transaction; cancelling follows the domain's change), so settling and cancelling cannot deadlock.

pub(crate) mod survey;

use std::{sync::Arc, time::Duration};

use base::{JobId, TenantId, Timestamp, WorkerId};
use db::{DbError, Json, Tx, statements};
use serde_json::Value;

use crate::{Claim, NewJob, leases::Lease};

statements! {
    INSERT -> () = "insert into job (id, tenant, kind, subject, payload, priority, run_after_us, visible_us,
            dedupe, state, attempt, failures, interruptions, created_us, updated_us)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', 0, 0, 0, $10, $10)
        on conflict (tenant, dedupe) where state <> 'dead' do nothing";
    FIND_DEDUPE -> IdRow = "select id from job where tenant = $1 and dedupe = $2 and state <> 'dead'";
    DUE -> IdRow = "select id from job where state = 'waiting' and visible_us <= $1
            and kind in (select value from json_each($2)) limit 1",
        pg = "select id from job where state = 'waiting' and visible_us <= $1
            and kind in (select jsonb_array_elements_text($2)) limit 1";
    /// The tenant with the fewest running jobs first; see docs/decisions/fair-queue.md. It walks the tenants that
    /// have jobs, and looks at the first due ones of each: what it costs does not grow with the jobs that wait.
    ///
    /// PostgreSQL: the n-th job of a tenant counts as if those before it ran, for others may be claiming them at
    /// this moment. `skip locked` lets claimers pass each other, and locking a row checks again, on its newest
    /// version, that it is still due.
    CLAIM -> ClaimRow = "update job set state = 'running', visible_us = $3, worker = $4, token = $5,
            attempt = attempt + 1, lease_us = $6, beats = 0, claimed_us = $1, updated_us = $1
        where id = (
            with recursive owner(tenant) as (
                select min(tenant) from job where state = 'waiting'
                union all
                select (select min(j.tenant) from job j where j.state = 'waiting' and j.tenant > owner.tenant)
                from owner where owner.tenant is not null
            ), head as (
                select (select j.id from job j where j.tenant = owner.tenant and j.state = 'waiting'
                        and j.visible_us <= $1 and j.kind in (select value from json_each($2))
                        order by j.priority desc, j.run_after_us, j.id limit 1) as id,
                    (select count(*) from job b where b.tenant = owner.tenant and b.state = 'running') as running
                from owner where owner.tenant is not null
            )
            select j.id from head join job j on j.id = head.id
            order by head.running, j.priority desc, j.run_after_us, j.id limit 1)
        returning id, tenant, kind, subject, payload, attempt, failures, interruptions",
        pg = "update job set state = 'running', visible_us = $3, worker = $4, token = $5,
            attempt = attempt + 1, lease_us = $6, beats = 0, claimed_us = $1, updated_us = $1
        where id = (
            with recursive owner(tenant) as (
                select min(tenant) from job where state = 'waiting'
                union all
                select (select min(j.tenant) from job j where j.state = 'waiting' and j.tenant > owner.tenant)
                from owner where owner.tenant is not null
            ), head as (
                select due.id, due.priority, due.run_after_us, busy.running + row_number() over (
                    partition by owner.tenant order by due.priority desc, due.run_after_us, due.id) as running
                from owner
                cross join lateral (select count(*) as running from job b where b.tenant = owner.tenant
                    and b.state = 'running') busy
                cross join lateral (select j.id, j.priority, j.run_after_us from job j
                    where j.tenant = owner.tenant and j.state = 'waiting' and j.visible_us <= $1 and j.kind in (select jsonb_array_elements_text($2))
                    order by j.priority desc, j.run_after_us, j.id limit 4) due
                order by running, priority desc, run_after_us, id limit 32
            )
            select j.id from head join job j on j.id = head.id
            where j.state = 'waiting' and j.visible_us <= $1
            order by head.running, head.priority desc, head.run_after_us, j.id limit 1
            for update of j skip locked)
        returning id, tenant, kind, subject, payload, attempt, failures, interruptions";
    HOLDS -> IdRow = "select id from job where id = $1 and token = $2";
    EXTEND -> () = "update job set visible_us = $3, lease_us = $4, beats = beats + 1, updated_us = $5
        where id = $1 and token = $2";
    LEASES -> LeaseRow = "select id, token, beats, lease_us from job
        where state = 'running' and token is not null limit $1";
    TAKE_BACK -> () = "update job set state = 'waiting', visible_us = 0, worker = null, token = null,
            interruptions = interruptions + 1, updated_us = $4
        where id = $1 and token = $2 and beats = $3";
    COMPLETE -> () = "delete from job where id = $1 and token = $2";
    RETRY -> () = "update job set state = 'waiting', visible_us = $3, worker = null, token = null,
            failures = failures + 1, reason = $4, updated_us = $5
        where id = $1 and token = $2";
    POSTPONE -> () = "update job set state = 'waiting', visible_us = $3, worker = null, token = null,
            reason = $4, updated_us = $5
        where id = $1 and token = $2";
    FAIL -> () = "update job set state = 'dead', worker = null, token = null, failures = failures + 1,
            reason = $3, updated_us = $4
        where id = $1 and token = $2";
    /// The next time is a new job in all but its identifier and the number of its attempts.
    REPEAT -> () = "update job set state = 'waiting', visible_us = $3, run_after_us = $5, payload = $4,
            worker = null, token = null, failures = 0, interruptions = 0, reason = null, updated_us = $5
        where id = $1 and token = $2";
    RELEASE -> () = "update job set state = 'waiting', visible_us = 0, worker = null, token = null,
            updated_us = $3
        where id = $1 and token = $2";
    RELEASE_WORKER -> () = "update job set state = 'waiting', visible_us = 0, worker = null, token = null,
            interruptions = interruptions + 1, updated_us = $2
        where worker = $1";
    CANCEL_DEDUPE -> () = "delete from job where tenant = $1 and dedupe = $2 and state <> 'dead'";
    CANCEL_SUBJECT -> () = "delete from job where tenant = $1 and subject = $2";
    SWEEP_DEAD -> () = "delete from job where id in
        (select id from job where state = 'dead' and updated_us < $1 order by updated_us limit $2)";
}

#[derive(sqlx::FromRow)]
struct IdRow {
    #[sqlx(try_from = "String")]
    id: JobId,
}

#[derive(sqlx::FromRow)]
struct LeaseRow {
    #[sqlx(try_from = "String")]
    id: JobId,
    token: String,
    beats: i64,
    #[sqlx(try_from = "i64")]
    lease_us: u64,
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

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Whether the row was added; not when its dedupe key is taken.
pub(crate) async fn insert(
    tx: &mut Tx,
    id: &JobId,
    job: &NewJob,
    due: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let (payload, priority, place) = (Json(&job.payload), i64::from(job.priority), now + job.delay);
    let dedupe = job.dedupe.as_ref();
    let values = (id, &job.tenant, job.kind, &job.subject, payload, priority, place, due, dedupe, now);
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
    pub length: Duration,
    pub until: Timestamp,
}

pub(crate) async fn claim(
    tx: &mut Tx,
    kinds: &[&str],
    lease: NewLease<'_>,
    now: Timestamp,
) -> Result<Option<Claim>, DbError> {
    let length = micros(lease.length);
    let values = (now, Json(kinds), lease.until, lease.worker, &lease.token, length);
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

/// Whether the claim holds its job now.
pub(crate) async fn holds(tx: &mut Tx, claim: &Claim) -> Result<bool, DbError> {
    Ok(tx.opt(HOLDS, (&claim.id, &claim.token)).await?.is_some())
}

/// Whether the claim still held its job, as for every function below that takes one.
pub(crate) async fn extend(
    tx: &mut Tx,
    claim: &Claim,
    length: Duration,
    now: Timestamp,
) -> Result<bool, DbError> {
    let values = (&claim.id, &claim.token, now + length, micros(length), now);
    Ok(tx.exec(EXTEND, values).await? == 1)
}

/// The leases there are.
pub(crate) async fn leases(tx: &mut Tx, limit: u32) -> Result<Vec<Lease>, DbError> {
    let lease = |row: LeaseRow| Lease {
        job: row.id,
        token: row.token,
        beats: row.beats,
        length: Duration::from_micros(row.lease_us),
    };
    Ok(tx.all(LEASES, (limit,)).await?.into_iter().map(lease).collect())
}

/// Whether the job was still under this lease, not renewed since it was seen, and waits again.
pub(crate) async fn take_back(tx: &mut Tx, lease: &Lease, now: Timestamp) -> Result<bool, DbError> {
    Ok(tx.exec(TAKE_BACK, (&lease.job, &lease.token, lease.beats, now)).await? == 1)
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

pub(crate) async fn postpone(
    tx: &mut Tx,
    claim: &Claim,
    reason: &str,
    at: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    Ok(tx.exec(POSTPONE, (&claim.id, &claim.token, at, reason, now)).await? == 1)
}

pub(crate) async fn fail(tx: &mut Tx, claim: &Claim, reason: &str, now: Timestamp) -> Result<bool, DbError> {
    Ok(tx.exec(FAIL, (&claim.id, &claim.token, reason, now)).await? == 1)
}

pub(crate) async fn repeat(
    tx: &mut Tx,
    claim: &Claim,
    payload: &Value,
    due: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    Ok(tx.exec(REPEAT, (&claim.id, &claim.token, due, Json(payload), now)).await? == 1)
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

pub(crate) async fn sweep_dead(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<u64, DbError> {
    tx.exec(SWEEP_DEAD, (before, limit)).await
}

#[cfg(test)]
pub(crate) fn all_statements() -> Vec<db::Statement> {
    [ALL, survey::ALL].concat()
}
