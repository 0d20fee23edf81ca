//! The queue's service.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base::{Ambient, JobId, TenantId, Timestamp, WorkerId};
use db::{Db, Tx};
use serde_json::Value;
use tokio::sync::{Notify, futures::Notified};

use crate::{
    Claim, DeadJob, Depth, JobsError, NewJob, Outcome, PAYLOAD_BYTES_MAX, RunningJob, Settled, Waiting,
    WorkerSeen,
    leases::{Lease, Leases},
    model::bounded_reason,
    store::{self, NewLease, survey},
};

const DEDUPE_ROUNDS: usize = 3;
const SWEEP_ROWS_MAX: u32 = 1000;
/// Looks for a job that no other claimer is taking at this moment, before the caller waits for the next poll.
const CLAIM_ROUNDS: usize = 3;
/// Leases that are watched; more than there are workers in any installation.
const LEASES_MAX: u32 = 10_000;

/// The queue of a database; clones share its wake-up.
#[derive(Clone, Debug)]
pub struct Queue {
    db: Db,
    ambient: Ambient,
    wake: Arc<Notify>,
    leases: Arc<Mutex<Leases>>,
    /// The wall clock when the queue was opened, and the clock that nobody sets.
    opened: (Timestamp, Duration),
}

impl Queue {
    /// The queue kept in `db`.
    #[must_use]
    pub fn new(db: Db, ambient: Ambient) -> Self {
        let opened = (ambient.now(), ambient.monotonic());
        Self { db, ambient, wake: Arc::new(Notify::new()), leases: Arc::default(), opened }
    }

    /// The time by which this process reads and writes the queue: the wall clock's when the queue was opened, and
    /// from then on evenly, however the wall clock is set.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.opened.0 + self.ambient.monotonic().saturating_sub(self.opened.1)
    }

    /// From when a job that is to rest for `delay` may be claimed: without a rest at once, whatever any clock shows.
    fn due(&self, delay: Duration) -> Timestamp {
        if delay.is_zero() { Timestamp(0) } else { self.now() + delay }
    }

    /// Adds a job that becomes real when `tx` commits, and wakes this process's workers then. With a dedupe
    /// key in use, the identifier of the job that has it.
    ///
    /// # Errors
    /// [`JobsError::PayloadTooLarge`]; [`JobsError::DedupeContended`] in the unlikely case that others keep
    /// finishing jobs of the same key; [`JobsError::Db`].
    pub async fn enqueue(&self, tx: &mut Tx, job: NewJob) -> Result<JobId, JobsError> {
        check_payload(&job.payload)?;
        let id: JobId = self.ambient.id();
        for _ in 0..DEDUPE_ROUNDS {
            if store::insert(tx, &id, &job, self.due(job.delay), self.now()).await? {
                tx.wake_after_commit(&self.wake);
                return Ok(id);
            }
            let dedupe = job.dedupe.as_deref().unwrap_or_default();
            if let Some(known) = store::find_dedupe(tx, &job.tenant, dedupe).await? {
                return Ok(known);
            }
        }
        Err(JobsError::DedupeContended)
    }

    /// Takes a due job of these kinds for `lease_length`: of the tenant that has the fewest running jobs, and among its
    /// jobs by priority, then by the time from which it was to run, which is when it was added unless it said
    /// otherwise. Jobs that come back keep their place.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn claim(
        &self,
        worker: &WorkerId,
        kinds: &[&str],
        lease_length: Duration,
    ) -> Result<Option<Claim>, JobsError> {
        for _ in 0..CLAIM_ROUNDS {
            let now = self.now();
            // A look that takes no lock: idle workers leave SQLite's only writer alone.
            let mut look = self.db.read().await?;
            let there = store::leases(&mut look, LEASES_MAX).await?;
            let over = self.leases().look(there, self.ambient.monotonic());
            if over.is_empty() && !store::is_due(&mut look, kinds, now).await? {
                return Ok(None);
            }
            drop(look);
            let lease =
                NewLease { worker, token: self.token(), length: lease_length, until: now + lease_length };
            let mut tx = self.db.write().await?;
            for lease in &over {
                store::take_back(&mut tx, lease, now).await?;
            }
            let claim = store::claim(&mut tx, kinds, lease, now).await?;
            tx.commit().await?;
            if let Some(claim) = claim {
                self.note(&claim, lease_length);
                return Ok(Some(claim));
            }
        }
        Ok(None)
    }

    fn note(&self, claim: &Claim, length: Duration) {
        let lease = Lease { job: claim.id.clone(), token: claim.token.clone(), beats: 0, length };
        self.leases().note(lease, self.ambient.monotonic());
    }

    fn leases(&self) -> MutexGuard<'_, Leases> {
        // What is remembered is whole after every step; a panic elsewhere does not spoil it.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the claim holds its job now; a look that takes no lock and renews nothing.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn holds(&self, claim: &Claim) -> Result<bool, JobsError> {
        Ok(store::holds(&mut self.db.read().await?, claim).await?)
    }

    /// Makes the lease last `lease` from now; its new end.
    ///
    /// # Errors
    /// [`JobsError::LeaseLost`] when the claim no longer holds its job; [`JobsError::Db`].
    pub async fn heartbeat(&self, claim: &Claim, lease: Duration) -> Result<Timestamp, JobsError> {
        let now = self.now();
        let mut tx = self.db.write().await?;
        held(store::extend(&mut tx, claim, lease, now).await?)?;
        tx.commit().await?;
        Ok(now + lease)
    }

    /// Ends the job as done and commits `tx`, which carries the rows the work resulted in: all of it becomes
    /// durable, or none when somebody else holds the job by now.
    ///
    /// # Errors
    /// [`JobsError::LeaseLost`], and `tx` is undone; [`JobsError::Db`].
    pub async fn complete(&self, mut tx: Tx, claim: &Claim) -> Result<Settled, JobsError> {
        let settling = claim.begin_settling();
        held(store::complete(&mut tx, claim).await?)?;
        tx.commit().await?;
        Ok(settling.done(Outcome::Completed))
    }

    /// Ends this time of a job that comes again after `delay`, then with this payload and no failures counted,
    /// and commits `tx`.
    ///
    /// # Errors
    /// [`JobsError::PayloadTooLarge`]; [`JobsError::LeaseLost`], and `tx` is undone; [`JobsError::Db`].
    pub async fn repeat(
        &self,
        mut tx: Tx,
        claim: &Claim,
        payload: &Value,
        delay: Duration,
    ) -> Result<Settled, JobsError> {
        check_payload(payload)?;
        let now = self.now();
        let settling = claim.begin_settling();
        held(store::repeat(&mut tx, claim, payload, self.due(delay), now).await?)?;
        tx.wake_after_commit(&self.wake);
        tx.commit().await?;
        Ok(settling.done(Outcome::Repeated))
    }

    /// Lets the job be attempted again after `delay`, counts a failure, and commits `tx`.
    ///
    /// # Errors
    /// [`JobsError::LeaseLost`], and `tx` is undone; [`JobsError::Db`].
    pub async fn retry(
        &self,
        mut tx: Tx,
        claim: &Claim,
        reason: &str,
        delay: Duration,
    ) -> Result<Settled, JobsError> {
        let (now, reason) = (self.now(), bounded_reason(reason));
        let settling = claim.begin_settling();
        held(store::retry(&mut tx, claim, &reason, self.due(delay), now).await?)?;
        tx.wake_after_commit(&self.wake);
        tx.commit().await?;
        Ok(settling.done(Outcome::Retried))
    }

    /// Lets the job be attempted again after `delay`, because something it needs is away; counts nothing, and
    /// commits `tx`.
    ///
    /// # Errors
    /// [`JobsError::LeaseLost`], and `tx` is undone; [`JobsError::Db`].
    pub async fn postpone(
        &self,
        mut tx: Tx,
        claim: &Claim,
        reason: &str,
        delay: Duration,
    ) -> Result<Settled, JobsError> {
        let (now, reason) = (self.now(), bounded_reason(reason));
        let settling = claim.begin_settling();
        held(store::postpone(&mut tx, claim, &reason, self.due(delay), now).await?)?;
        tx.commit().await?;
        Ok(settling.done(Outcome::Postponed))
    }

    /// Lets the job rest as dead with its reason, and commits `tx`.
    ///
    /// # Errors
    /// [`JobsError::LeaseLost`], and `tx` is undone; [`JobsError::Db`].
    pub async fn fail(&self, mut tx: Tx, claim: &Claim, reason: &str) -> Result<Settled, JobsError> {
        let settling = claim.begin_settling();
        held(store::fail(&mut tx, claim, &bounded_reason(reason), self.now()).await?)?;
        tx.commit().await?;
        Ok(settling.done(Outcome::Failed))
    }

    /// Gives the job back untouched, to be claimed at once; counts neither as failure nor as interruption.
    ///
    /// # Errors
    /// [`JobsError::LeaseLost`]; [`JobsError::Db`].
    pub async fn release(&self, claim: &Claim) -> Result<(), JobsError> {
        let mut tx = self.db.write().await?;
        held(store::release(&mut tx, claim, self.now()).await?)?;
        tx.wake_after_commit(&self.wake);
        Ok(tx.commit().await?)
    }

    /// Gives back every job that `worker`, known to be dead, still holds; how many.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn release_worker(&self, worker: &WorkerId) -> Result<u64, JobsError> {
        let mut tx = self.db.write().await?;
        let released = store::release_worker(&mut tx, worker, self.now()).await?;
        tx.wake_after_commit(&self.wake);
        tx.commit().await?;
        Ok(released)
    }

    /// Removes the waiting or running job of a dedupe key; whether there was one. A running handler is
    /// dropped at its next heartbeat and cannot settle.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn cancel(&self, tx: &mut Tx, tenant: &TenantId, dedupe: &str) -> Result<bool, JobsError> {
        Ok(store::cancel_dedupe(tx, tenant, dedupe).await?)
    }

    /// Removes every job of a subject, dead ones too; how many. Call it after changing the subject's own rows.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn cancel_subject(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        subject: &str,
    ) -> Result<u64, JobsError> {
        Ok(store::cancel_subject(tx, tenant, subject).await?)
    }

    /// Resolves when a job was added or given back in this process after the future was first polled or
    /// `enable`d. Register, then claim, then wait: a job added in between is not missed.
    pub fn notified(&self) -> Notified<'_> {
        self.wake.notified()
    }

    /// How many jobs there are of each kind and state, of one tenant or of all.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn depth(&self, tenant: Option<&TenantId>) -> Result<Vec<Depth>, JobsError> {
        Ok(survey::depth(&mut self.db.read().await?, tenant).await?)
    }

    /// Jobs under a lease, of one tenant or of all, those longest at work first.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn running(&self, tenant: Option<&TenantId>, limit: u32) -> Result<Vec<RunningJob>, JobsError> {
        Ok(survey::running(&mut self.db.read().await?, tenant, limit).await?)
    }

    /// How many jobs wait, of one tenant or by tenant, the most first.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn waiting(&self, tenant: Option<&TenantId>, limit: u32) -> Result<Vec<Waiting>, JobsError> {
        Ok(survey::waiting(&mut self.db.read().await?, tenant, limit).await?)
    }

    /// Notes that a worker is alive, under a name for people, and forgets those silent since `before`.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn see_worker(
        &self,
        worker: &WorkerId,
        name: &str,
        slots: u32,
        before: Timestamp,
    ) -> Result<(), JobsError> {
        let mut tx = self.db.write().await?;
        survey::forget_workers(&mut tx, before).await?;
        survey::see_worker(&mut tx, worker, name, slots, self.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Forgets a worker that ends.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn forget_worker(&self, worker: &WorkerId) -> Result<(), JobsError> {
        let mut tx = self.db.write().await?;
        survey::forget_worker(&mut tx, worker).await?;
        Ok(tx.commit().await?)
    }

    /// The workers heard of, oldest first.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn workers(&self, limit: u32) -> Result<Vec<WorkerSeen>, JobsError> {
        Ok(survey::workers(&mut self.db.read().await?, limit).await?)
    }

    /// A tenant's dead jobs, newest first.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn dead(&self, tenant: &TenantId, limit: u32) -> Result<Vec<DeadJob>, JobsError> {
        Ok(survey::dead(&mut self.db.read().await?, tenant, limit).await?)
    }

    /// Forgets up to 1000 dead jobs that were given up before `before`; how many.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn sweep_dead(&self, before: Timestamp) -> Result<u64, JobsError> {
        let mut tx = self.db.write().await?;
        let swept = store::sweep_dead(&mut tx, before, SWEEP_ROWS_MAX).await?;
        tx.commit().await?;
        Ok(swept)
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    fn token(&self) -> String {
        self.ambient.bytes::<16>().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

fn check_payload(payload: &Value) -> Result<(), JobsError> {
    let bytes = payload.to_string().len();
    if bytes > PAYLOAD_BYTES_MAX { Err(JobsError::PayloadTooLarge(bytes)) } else { Ok(()) }
}

fn held(holds: bool) -> Result<(), JobsError> {
    if holds { Ok(()) } else { Err(JobsError::LeaseLost) }
}
