//! What operators look at: depths, running and dead jobs, workers.

use base::{JobId, TenantId, Timestamp, WorkerId};
use db::{DbError, Tx, statements};

use crate::{DeadJob, Depth, RunningJob, Waiting, WorkerSeen};

statements! {
    DEPTH -> DepthRow = "select kind, state, count(*) as jobs, min(case state when 'waiting' then run_after_us
            when 'running' then visible_us else updated_us end) as oldest
        from job where tenant = coalesce($1, tenant) group by kind, state order by kind, state";
    RUNNING -> RunningRow = "select id, tenant, kind, subject, worker, attempt, failures, interruptions, reason,
            coalesce(claimed_us, updated_us) as claimed_us, visible_us
        from job where state = 'running' and tenant = coalesce($1, tenant) order by claimed_us, id limit $2";
    WAITING -> WaitingRow = "select tenant, count(*) as jobs, min(run_after_us) as oldest
        from job where state = 'waiting' and tenant = coalesce($1, tenant)
        group by tenant order by jobs desc, tenant limit $2";
    SEE_WORKER -> () = "insert into worker (id, name, slots, started_us, seen_us) values ($1, $2, $3, $4, $4)
        on conflict (id) do update set seen_us = excluded.seen_us";
    FORGET_WORKER -> () = "delete from worker where id = $1";
    FORGET_WORKERS -> () = "delete from worker where seen_us < $1";
    WORKERS -> WorkerRow = "select w.id, w.name, w.slots, w.started_us, w.seen_us,
            (select count(*) from job j where j.worker = w.id and j.state = 'running') as running
        from worker w order by w.id limit $1";
    DEAD -> DeadRow = "select id, kind, subject, attempt, coalesce(reason, '') as reason, updated_us
        from job where tenant = $1 and state = 'dead' order by id desc limit $2";
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
struct RunningRow {
    #[sqlx(try_from = "String")]
    id: JobId,
    #[sqlx(try_from = "String")]
    tenant: TenantId,
    kind: String,
    subject: String,
    worker: Option<String>,
    #[sqlx(try_from = "i64")]
    attempt: u32,
    #[sqlx(try_from = "i64")]
    failures: u32,
    #[sqlx(try_from = "i64")]
    interruptions: u32,
    reason: Option<String>,
    claimed_us: i64,
    visible_us: i64,
}

#[derive(sqlx::FromRow)]
struct WaitingRow {
    #[sqlx(try_from = "String")]
    tenant: TenantId,
    #[sqlx(try_from = "i64")]
    jobs: u64,
    oldest: i64,
}

#[derive(sqlx::FromRow)]
struct WorkerRow {
    #[sqlx(try_from = "String")]
    id: WorkerId,
    name: String,
    #[sqlx(try_from = "i64")]
    slots: u32,
    started_us: i64,
    seen_us: i64,
    #[sqlx(try_from = "i64")]
    running: u32,
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

pub(crate) async fn depth(tx: &mut Tx, tenant: Option<&TenantId>) -> Result<Vec<Depth>, DbError> {
    let rows = tx.all(DEPTH, (tenant,)).await?;
    let depth = |row: DepthRow| Depth {
        kind: row.kind,
        state: row.state,
        jobs: row.jobs,
        oldest: Timestamp(row.oldest),
    };
    Ok(rows.into_iter().map(depth).collect())
}

/// Jobs under a lease, of one tenant or of all, longest claimed first.
pub(crate) async fn running(
    tx: &mut Tx,
    tenant: Option<&TenantId>,
    limit: u32,
) -> Result<Vec<RunningJob>, DbError> {
    let rows = tx.all(RUNNING, (tenant, limit)).await?;
    let running = |row: RunningRow| RunningJob {
        id: row.id,
        tenant: row.tenant,
        kind: row.kind,
        subject: row.subject,
        worker: row.worker,
        attempt: row.attempt,
        failures: row.failures,
        interruptions: row.interruptions,
        reason: row.reason,
        claimed: Timestamp(row.claimed_us),
        lease_until: Timestamp(row.visible_us),
    };
    Ok(rows.into_iter().map(running).collect())
}

/// How many jobs wait, by tenant, the most first.
pub(crate) async fn waiting(
    tx: &mut Tx,
    tenant: Option<&TenantId>,
    limit: u32,
) -> Result<Vec<Waiting>, DbError> {
    let rows = tx.all(WAITING, (tenant, limit)).await?;
    let waiting =
        |row: WaitingRow| Waiting { tenant: row.tenant, jobs: row.jobs, oldest: Timestamp(row.oldest) };
    Ok(rows.into_iter().map(waiting).collect())
}

pub(crate) async fn see_worker(
    tx: &mut Tx,
    worker: &WorkerId,
    name: &str,
    slots: u32,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.exec(SEE_WORKER, (worker, name, slots, now)).await?;
    Ok(())
}

pub(crate) async fn forget_worker(tx: &mut Tx, worker: &WorkerId) -> Result<(), DbError> {
    tx.exec(FORGET_WORKER, (worker,)).await?;
    Ok(())
}

pub(crate) async fn forget_workers(tx: &mut Tx, before: Timestamp) -> Result<(), DbError> {
    tx.exec(FORGET_WORKERS, (before,)).await?;
    Ok(())
}

pub(crate) async fn workers(tx: &mut Tx, limit: u32) -> Result<Vec<WorkerSeen>, DbError> {
    let rows = tx.all(WORKERS, (limit,)).await?;
    let seen = |row: WorkerRow| WorkerSeen {
        id: row.id,
        name: row.name,
        slots: row.slots,
        running: row.running,
        started: Timestamp(row.started_us),
        seen: Timestamp(row.seen_us),
    };
    Ok(rows.into_iter().map(seen).collect())
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
