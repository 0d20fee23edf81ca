//! `/api/v1/jobs`, `/api/v1/workers`, `/api/v1/disk`: what the machines do, for administrators.
//!
//! Queue and machines are shared by all tenants. Administrators of the first tenant, who run the installation, see
//! all of it; those of others see their own tenant's jobs.

use axum::extract::State;
use base::{Principal, TenantId};
use catalogue::DiskUse;
use httpkit::{Json, Problem};
use jobs::{DeadJob, Depth, RunningJob, Waiting, WorkerSeen};
use serde::Serialize;

use super::{
    auth::Member,
    error::problem,
    table::{ADMIN, Routes},
};
use crate::Origin;

/// Rows of one kind in an answer: what a person can look through.
const ROWS_MAX: u32 = 100;

#[derive(Serialize)]
struct JobsView {
    /// The server's clock, to tell ages by.
    now_ms: i64,
    states: Vec<DepthView>,
    running: Vec<RunningView>,
    waiting: Vec<WaitingView>,
    dead: Vec<DeadView>,
}

#[derive(Serialize)]
struct DepthView {
    kind: String,
    state: String,
    jobs: u64,
    oldest_ms: i64,
}

#[derive(Serialize)]
struct RunningView {
    id: String,
    kind: String,
    subject: String,
    tenant: String,
    worker: Option<String>,
    attempt: u32,
    failures: u32,
    interruptions: u32,
    claimed_ms: i64,
    lease_until_ms: i64,
    reason: Option<String>,
}

#[derive(Serialize)]
struct WaitingView {
    tenant: String,
    jobs: u64,
    oldest_ms: i64,
}

#[derive(Serialize)]
struct DeadView {
    id: String,
    kind: String,
    subject: String,
    attempt: u32,
    reason: String,
    at_ms: i64,
}

#[derive(Serialize)]
struct WorkersView {
    now_ms: i64,
    items: Vec<WorkerView>,
}

#[derive(Serialize)]
struct WorkerView {
    id: String,
    name: String,
    slots: u32,
    running: u32,
    started_ms: i64,
    seen_ms: i64,
}

#[derive(Serialize)]
struct DiskView {
    items: Vec<DiskRow>,
}

#[derive(Serialize)]
struct DiskRow {
    asset: String,
    title: String,
    source_bytes: u64,
    media_bytes: u64,
}

pub(super) fn routes() -> Routes {
    Routes::new().get("/api/v1/jobs", ADMIN, jobs).get("/api/v1/workers", ADMIN, workers).get(
        "/api/v1/disk",
        ADMIN,
        disk,
    )
}

/// The tenant whose jobs the caller sees; `None` for all.
fn sight<'a>(origin: &Origin, caller: &'a Principal) -> Option<&'a TenantId> {
    (caller.tenant != origin.home).then_some(&caller.tenant)
}

async fn jobs(State(origin): State<Origin>, Member(caller): Member) -> Result<Json<JobsView>, Problem> {
    let tenant = sight(&origin, &caller);
    let queue = &origin.queue;
    Ok(Json(JobsView {
        now_ms: origin.queue.now().millis(),
        states: views(queue.depth(tenant).await.map_err(problem)?),
        running: views(queue.running(tenant, ROWS_MAX).await.map_err(problem)?),
        waiting: views(queue.waiting(tenant, ROWS_MAX).await.map_err(problem)?),
        dead: views(queue.dead(&caller.tenant, ROWS_MAX).await.map_err(problem)?),
    }))
}

async fn workers(State(origin): State<Origin>, Member(caller): Member) -> Result<Json<WorkersView>, Problem> {
    if sight(&origin, &caller).is_some() {
        return Err(Problem::forbidden("only administrators of the first tenant see the machines"));
    }
    let items = views(origin.queue.workers(ROWS_MAX).await.map_err(problem)?);
    Ok(Json(WorkersView { now_ms: origin.queue.now().millis(), items }))
}

async fn disk(State(origin): State<Origin>, Member(caller): Member) -> Result<Json<DiskView>, Problem> {
    let items = views(origin.catalogue.disk(&caller, ROWS_MAX).await.map_err(problem)?);
    Ok(Json(DiskView { items }))
}

fn views<T, V: From<T>>(rows: Vec<T>) -> Vec<V> {
    rows.into_iter().map(V::from).collect()
}

impl From<Depth> for DepthView {
    fn from(depth: Depth) -> Self {
        Self { kind: depth.kind, state: depth.state, jobs: depth.jobs, oldest_ms: depth.oldest.millis() }
    }
}

impl From<RunningJob> for RunningView {
    fn from(job: RunningJob) -> Self {
        Self {
            id: job.id.into(),
            kind: job.kind,
            subject: job.subject,
            tenant: job.tenant.into(),
            worker: job.worker,
            attempt: job.attempt,
            failures: job.failures,
            interruptions: job.interruptions,
            claimed_ms: job.claimed.millis(),
            lease_until_ms: job.lease_until.millis(),
            reason: job.reason,
        }
    }
}

impl From<Waiting> for WaitingView {
    fn from(waiting: Waiting) -> Self {
        Self { tenant: waiting.tenant.into(), jobs: waiting.jobs, oldest_ms: waiting.oldest.millis() }
    }
}

impl From<DeadJob> for DeadView {
    fn from(job: DeadJob) -> Self {
        let DeadJob { id, kind, subject, attempt, reason, at } = job;
        Self { id: id.into(), kind, subject, attempt, reason, at_ms: at.millis() }
    }
}

impl From<WorkerSeen> for WorkerView {
    fn from(worker: WorkerSeen) -> Self {
        Self {
            id: worker.id.into(),
            name: worker.name,
            slots: worker.slots,
            running: worker.running,
            started_ms: worker.started.millis(),
            seen_ms: worker.seen.millis(),
        }
    }
}

impl From<DiskUse> for DiskRow {
    fn from(disk: DiskUse) -> Self {
        let DiskUse { asset, title, source, media } = disk;
        Self { asset: asset.into(), title, source_bytes: source, media_bytes: media }
    }
}
