//! The queue's service.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use base::{Ambient, JobId, TenantId, Timestamp, WorkerId};
use db::{Db, Tx};
use tokio::sync::{Notify, futures::Notified};

use crate::{
    Claim, DeadJob, Depth, JobsError, NewJob, Outcome, PAYLOAD_BYTES_MAX, Settled,
    model::bounded_reason,
    store::{self, NewLease},
};

const DEDUPE_ROUNDS: usize = 3;
const SWEEP_ROWS_MAX: u32 = 1000;

/// The queue of a database; clones share its wake-up.
#[derive(Clone, Debug)]
pub struct Queue {
    db: Db,
    ambient: Ambient,
    wake: Arc<Notify>,
}

impl Queue {
    /// The queue kept in `db`.
    #[must_use]
    pub fn new(db: Db, ambient: Ambient) -> Self {
        Self { db, ambient, wake: Arc::new(Notify::new()) }
    }

    /// Adds a job that becomes real when `tx` commits, and wakes this process's workers then. With a dedupe
    /// key in use, the identifier of the job that has it.
    ///
    /// # Errors
    /// [`JobsError::PayloadTooLarge`]; [`JobsError::DedupeContended`] in the unlikely case that others keep
    /// finishing jobs of the same key; [`JobsError::Db`].
    pub async fn enqueue(&self, tx: &mut Tx, job: NewJob) -> Result<JobId, JobsError> {
        let bytes = job.payload.to_string().len();
        if bytes > PAYLOAD_BYTES_MAX {
            return Err(JobsError::PayloadTooLarge(bytes));
        }
        let id: JobId = self.ambient.id();
        for _ in 0..DEDUPE_ROUNDS {
            if store::insert(tx, &id, &job, self.ambient.now()).await? {
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

    /// Takes the first due job of these kinds for `lease`: by priority, then by the time from which it was to
    /// run, which is when it was added unless it said otherwise. Jobs that come back keep their place.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn claim(
        &self,
        worker: &WorkerId,
        kinds: &[&str],
        lease: Duration,
    ) -> Result<Option<Claim>, JobsError> {
        let now = self.ambient.now();
        // A look that takes no lock: idle workers leave SQLite's only writer alone.
        if !store::is_due(&mut self.db.read().await?, kinds, now).await? {
            return Ok(None);
        }
        let lease = NewLease { worker, token: self.token(), until: now + lease };
        let mut tx = self.db.write().await?;
        let claim = store::claim(&mut tx, kinds, lease, now).await?;
        tx.commit().await?;
        Ok(claim)
    }

    /// Makes the lease last `lease` from now; its new end.
    ///
    /// # Errors
    /// [`JobsError::LeaseLost`] when the claim no longer holds its job; [`JobsError::Db`].
    pub async fn heartbeat(&self, claim: &Claim, lease: Duration) -> Result<Timestamp, JobsError> {
        let now = self.ambient.now();
        let mut tx = self.db.write().await?;
        held(store::extend(&mut tx, claim, now + lease, now).await?)?;
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
        let (now, reason) = (self.ambient.now(), bounded_reason(reason));
        let settling = claim.begin_settling();
        held(store::retry(&mut tx, claim, &reason, now + delay, now).await?)?;
        tx.wake_after_commit(&self.wake);
        tx.commit().await?;
        Ok(settling.done(Outcome::Retried))
    }

    /// Lets the job rest as dead with its reason, and commits `tx`.
    ///
    /// # Errors
    /// [`JobsError::LeaseLost`], and `tx` is undone; [`JobsError::Db`].
    pub async fn fail(&self, mut tx: Tx, claim: &Claim, reason: &str) -> Result<Settled, JobsError> {
        let settling = claim.begin_settling();
        held(store::fail(&mut tx, claim, &bounded_reason(reason), self.ambient.now()).await?)?;
        tx.commit().await?;
        Ok(settling.done(Outcome::Failed))
    }

    /// Gives the job back untouched, to be claimed at once; counts neither as failure nor as interruption.
    ///
    /// # Errors
    /// [`JobsError::LeaseLost`]; [`JobsError::Db`].
    pub async fn release(&self, claim: &Claim) -> Result<(), JobsError> {
        let mut tx = self.db.write().await?;
        held(store::release(&mut tx, claim, self.ambient.now()).await?)?;
        tx.wake_after_commit(&self.wake);
        Ok(tx.commit().await?)
    }

    /// Gives back every job that `worker`, known to be dead, still holds; how many.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn release_worker(&self, worker: &WorkerId) -> Result<u64, JobsError> {
        let mut tx = self.db.write().await?;
        let released = store::release_worker(&mut tx, worker, self.ambient.now()).await?;
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

    /// How many jobs there are of each kind and state.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn depth(&self) -> Result<Vec<Depth>, JobsError> {
        Ok(store::depth(&mut self.db.read().await?).await?)
    }

    /// A tenant's dead jobs, newest first.
    ///
    /// # Errors
    /// [`JobsError::Db`].
    pub async fn dead(&self, tenant: &TenantId, limit: u32) -> Result<Vec<DeadJob>, JobsError> {
        Ok(store::dead(&mut self.db.read().await?, tenant, limit).await?)
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

fn held(holds: bool) -> Result<(), JobsError> {
    if holds { Ok(()) } else { Err(JobsError::LeaseLost) }
}
