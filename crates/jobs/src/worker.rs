//! The worker loop: claims, runs handlers under a heartbeat, and settles what they leave unsettled.

use std::{convert::Infallible, future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use base::{Timestamp, WorkerId};
use db::Tx;
use futures_util::FutureExt as _;
use lifecycle::{CancellationToken, Tasks};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tracing::{Instrument as _, info, info_span, warn};

use crate::{
    Claim, Failure, JobsError, Outcome, Queue, Settled,
    model::{away_pause, backoff},
};

/// The pause after a claim that failed.
const CLAIM_RETRY: Duration = Duration::from_secs(1);
/// The shortest wait for a renewal before the clock is looked at again.
const LEFT_MIN: Duration = Duration::from_millis(1);
/// The longest a cancelled job goes on.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How a worker works.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Whom leases belong to; see [`crate::Instance`].
    pub worker: WorkerId,
    /// The kinds its handler knows.
    pub kinds: Vec<&'static str>,
    /// Jobs at a time, from 1.
    pub concurrency: usize,
    /// How long a job stays with a worker that is not heard of; renewed every third of it.
    pub lease: Duration,
    /// How often to look for jobs of other processes and jobs that fall due.
    pub poll: Duration,
    /// Failures after which a job is given up, from 1.
    pub attempts_max: u32,
    /// Lost leases after which a job is given up, from 1: it may be what kills its workers.
    pub interruptions_max: u32,
}

/// Does jobs.
pub trait Handler: Send + Sync + 'static {
    /// Which of the kinds it knows may be begun now; asked before each claim.
    fn ready(&self, known: &[&'static str]) -> impl Future<Output = Vec<&'static str>> + Send {
        std::future::ready(known.to_vec())
    }

    /// Does one attempt and settles it: objects first, then, in one transaction, the rows and
    /// [`Queue::complete`] (or `retry`, `fail`).
    ///
    /// The future is dropped at an await when the lease is lost or the process stops, also while or after it
    /// settles; what it started must end with it. It must not block its thread: the heartbeat runs on the same one.
    fn run(&self, claim: &Claim) -> impl Future<Output = Result<Settled, Failure>> + Send;

    /// Records, in the transaction in which the job dies, that its work will not be done.
    fn give_up(
        &self,
        tx: &mut Tx,
        claim: &Claim,
        reason: &str,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Works until the soft stage of shutdown, then takes nothing more; attempts still running are dropped and
/// their jobs given back, by tasks that `tasks` tracks.
///
/// # Errors
/// Never; the type is what `Tasks::spawn_critical` takes.
pub async fn work<H: Handler>(
    queue: Queue,
    tasks: Tasks,
    options: WorkerOptions,
    handler: Arc<H>,
) -> Result<(), Infallible> {
    let slots = Arc::new(Semaphore::new(options.concurrency.max(1)));
    let stop = tasks.soft();
    let worker = Arc::new(Worker { queue, options, handler, stop: stop.clone() });
    while let Some(slot) = free_slot(&slots, &stop).await {
        if let Some(claim) = worker.next().await {
            let worker = Arc::clone(&worker);
            tasks.spawn("job", async move { worker.attend(claim, slot).await });
        }
    }
    Ok(())
}

async fn free_slot(slots: &Arc<Semaphore>, stop: &CancellationToken) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        slot = Arc::clone(slots).acquire_owned() => slot.ok(),
    }
}

struct Worker<H> {
    queue: Queue,
    options: WorkerOptions,
    handler: Arc<H>,
    stop: CancellationToken,
}

enum End {
    Settled(Settled),
    Failed(Failure),
    LeaseLost,
    Stopped,
}

impl<H: Handler> Worker<H> {
    /// A claim, or nothing after waiting for one.
    async fn next(&self) -> Option<Claim> {
        let mut wake = std::pin::pin!(self.queue.notified());
        wake.as_mut().enable();
        let mut pause = self.options.poll;
        let kinds = self.handler.ready(&self.options.kinds).await;
        match self.queue.claim(&self.options.worker, &kinds, self.options.lease).await {
            Ok(Some(claim)) => return Some(claim),
            Ok(None) => {}
            Err(error) => {
                metrics::counter!("nexus_jobs_claim_failed_total").increment(1);
                warn!(error = &error as &dyn std::error::Error, "no job could be claimed: {error}");
                pause = pause.min(CLAIM_RETRY);
            }
        }
        tokio::select! {
            () = wake => {}
            () = sleep(pause) => {}
            () = self.stop.cancelled() => {}
        }
        None
    }

    async fn attend(&self, claim: Claim, _slot: OwnedSemaphorePermit) {
        let span = info_span!("job", kind = claim.kind, id = %claim.id, subject = claim.subject, attempt = claim.attempt);
        let settle = async {
            let end = self.attempt(&claim).await;
            let label = self.settle(&claim, end).await;
            metrics::counter!("nexus_jobs_ended_total", "kind" => claim.kind.clone(), "end" => label)
                .increment(1);
        };
        settle.instrument(span).await;
    }

    async fn attempt(&self, claim: &Claim) -> End {
        if claim.interruptions >= self.options.interruptions_max {
            let reason = format!("it was interrupted {} times", claim.interruptions);
            return End::Failed(Failure::Fatal { reason });
        }
        tokio::select! {
            biased;
            ended = AssertUnwindSafe(self.handler.run(claim)).catch_unwind() => match ended {
                Ok(Ok(settled)) => End::Settled(settled),
                Ok(Err(Failure::LeaseLost)) => End::LeaseLost,
                Ok(Err(failure)) => End::Failed(failure),
                Err(panic) => End::Failed(panicked(panic.as_ref())),
            },
            () = self.keep(claim) => End::LeaseLost,
            () = self.stop.cancelled() => End::Stopped,
        }
    }

    /// Renews the lease every third of it, and looks in between whether the job was cancelled; returns once the
    /// lease is lost, or has run out while the database was away: others may start from then on.
    async fn keep(&self, claim: &Claim) {
        let mut until = claim.lease_until;
        while self.queue.now() < until {
            if self.cancelled_before_beat(claim).await {
                return;
            }
            match self.before(until, self.queue.heartbeat(claim, self.options.lease)).await {
                Some(Ok(renewed)) => until = renewed,
                Some(Err(JobsError::LeaseLost)) if claim.is_settling() => {}
                Some(Err(JobsError::LeaseLost)) => return,
                Some(Err(error)) => warn!("the lease was not renewed: {error}"),
                None => warn!("the lease was not renewed in time"),
            }
        }
    }

    /// Waits until the next renewal is due; sooner, and true, when the job is gone before.
    async fn cancelled_before_beat(&self, claim: &Claim) -> bool {
        let third = self.options.lease / 3;
        let looks = third.as_millis().div_ceil(LOOK_EVERY.as_millis()).max(1);
        let pause = third / u32::try_from(looks).unwrap_or(u32::MAX);
        for _ in 1..looks {
            sleep(pause).await;
            // A look that fails says nothing; the renewal has the last word.
            let held = self.queue.holds(claim).await.unwrap_or(true);
            if !held && !claim.is_settling() {
                return true;
            }
        }
        sleep(pause).await;
        false
    }

    /// What `beat` comes to, or nothing when the clock passes `until` first.
    async fn before<T>(&self, until: Timestamp, beat: impl Future<Output = T>) -> Option<T> {
        let mut beat = std::pin::pin!(beat);
        loop {
            let left = until.since(self.queue.now()).max(LEFT_MIN);
            tokio::select! {
                biased;
                result = &mut beat => return Some(result),
                () = sleep(left) => {}
            }
            if self.queue.now() >= until {
                return None;
            }
        }
    }

    async fn settle(&self, claim: &Claim, end: End) -> &'static str {
        match end {
            End::Settled(settled) => outcome_label(settled.outcome()),
            End::Failed(failure) => self.logged(self.settle_failure(claim, failure).await),
            End::LeaseLost => {
                warn!("the lease was lost; the attempt was dropped");
                "lease_lost"
            }
            End::Stopped => {
                info!("stopping: the job is given back");
                self.logged(self.queue.release(claim).await.map(|()| "released").map_err(Failure::from))
            }
        }
    }

    async fn settle_failure(&self, claim: &Claim, failure: Failure) -> Result<&'static str, Failure> {
        let (reason, delay) = match failure {
            Failure::LeaseLost => return Ok("lease_lost"),
            Failure::Fatal { reason } => return self.give_up(claim, &reason).await,
            Failure::Away { reason } => return self.postpone(claim, &reason).await,
            Failure::Retry { reason, delay } => (reason, delay),
        };
        let failures = claim.failures.saturating_add(1);
        if failures >= self.options.attempts_max {
            return self.give_up(claim, &reason).await;
        }
        let delay = delay.unwrap_or_else(|| backoff(failures, self.queue.ambient().bytes::<1>()[0]));
        warn!(reason, delay_s = delay.as_secs(), "the attempt failed and is retried later: {reason}");
        let settled = self.queue.retry(self.queue.db().write().await?, claim, &reason, delay).await?;
        Ok(outcome_label(settled.outcome()))
    }

    async fn postpone(&self, claim: &Claim, reason: &str) -> Result<&'static str, Failure> {
        let delay = away_pause(claim.attempt, self.queue.ambient().bytes::<1>()[0]);
        warn!(reason, delay_s = delay.as_secs(), "the job waits for what is away: {reason}");
        let settled = self.queue.postpone(self.queue.db().write().await?, claim, reason, delay).await?;
        Ok(outcome_label(settled.outcome()))
    }

    async fn give_up(&self, claim: &Claim, reason: &str) -> Result<&'static str, Failure> {
        warn!(reason, "the job is given up: {reason}");
        let mut tx = self.queue.db().write().await?;
        self.handler.give_up(&mut tx, claim, reason).await?;
        Ok(outcome_label(self.queue.fail(tx, claim, reason).await?.outcome()))
    }

    /// A job that cannot even be settled comes back when its lease ends.
    fn logged(&self, settled: Result<&'static str, Failure>) -> &'static str {
        match settled {
            Ok(label) => label,
            Err(Failure::LeaseLost) => "lease_lost",
            Err(Failure::Retry { reason, .. } | Failure::Away { reason } | Failure::Fatal { reason }) => {
                warn!(reason, "the attempt's end could not be recorded: {reason}");
                "unrecorded"
            }
        }
    }
}

fn outcome_label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Retried => "retried",
        Outcome::Postponed => "postponed",
        Outcome::Failed => "failed",
        Outcome::Repeated => "repeated",
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Failure {
    metrics::counter!("nexus_jobs_panics_total").increment(1);
    let words = panic.downcast_ref::<&str>().copied();
    let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Failure::retry(format!("internal error: {}", words.unwrap_or("a panic without words")))
}
