//! Jobs, claims and the rules of their retries.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base::{JobId, TenantId, Timestamp, WorkerId};
use db::DbError;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::JobsError;

/// The largest payload, as JSON text. What is bigger belongs into a row or an object.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;
/// The longest reason kept with a job; the rest is cut.
pub const REASON_BYTES_MAX: usize = 2048;

const BACKOFF_FIRST: Duration = Duration::from_secs(2);
const BACKOFF_MAX: Duration = Duration::from_secs(300);

/// Work to be done.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Whose work it is.
    pub tenant: TenantId,
    /// Which handler does it.
    pub kind: &'static str,
    /// What it is about, such as an asset's identifier; see [`crate::Queue::cancel_subject`].
    pub subject: String,
    /// What the handler needs to know.
    pub payload: Value,
    /// Larger goes first; 0 is normal.
    pub priority: i32,
    /// Not before so long from now; by the clock of whoever claims it, so to within what clocks differ.
    pub delay: Duration,
    /// While a job with this key waits or runs in the tenant, adding another changes nothing. A running job
    /// counts: choose a key that names the state to be worked on (a version), not merely the object.
    pub dedupe: Option<String>,
}

impl NewJob {
    /// A job of normal priority, to be run at once.
    pub fn new(tenant: TenantId, kind: &'static str, subject: impl Into<String>, payload: Value) -> Self {
        let subject = subject.into();
        Self { tenant, kind, subject, payload, priority: 0, delay: Duration::ZERO, dedupe: None }
    }
}

/// A job held under a lease. Only [`crate::Queue::claim`] makes one: its token is what lets the holder, and
/// nobody else, settle the job.
#[derive(Clone)]
pub struct Claim {
    /// The job.
    pub id: JobId,
    /// Whose work it is.
    pub tenant: TenantId,
    /// Which handler does it.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// What the handler needs to know.
    pub payload: Value,
    /// Counts claims from 1 and never repeats, so it may name what this attempt writes.
    pub attempt: u32,
    /// Attempts that reported failure or panicked.
    pub failures: u32,
    /// Leases that ended without a word from their holder.
    pub interruptions: u32,
    /// When the lease ends unless renewed.
    pub lease_until: Timestamp,
    pub(crate) token: String,
    pub(crate) settling: Arc<AtomicBool>,
}

impl Claim {
    /// The payload as the handler's own type.
    ///
    /// # Errors
    /// [`JobsError::Payload`] when it does not fit.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, JobsError> {
        T::deserialize(&self.payload).map_err(JobsError::Payload)
    }

    /// Whether the holder is settling, or has: then a lease that is gone may be its own doing.
    pub(crate) fn is_settling(&self) -> bool {
        self.settling.load(Ordering::SeqCst)
    }

    pub(crate) fn begin_settling(&self) -> Settling<'_> {
        self.settling.store(true, Ordering::SeqCst);
        Settling { claim: self, outcome: None }
    }
}

/// A settlement under way; without [`Settling::done`] it did not happen.
pub(crate) struct Settling<'a> {
    claim: &'a Claim,
    outcome: Option<Outcome>,
}

impl Settling<'_> {
    pub(crate) fn done(mut self, outcome: Outcome) -> Settled {
        self.outcome = Some(outcome);
        Settled(outcome)
    }
}

impl Drop for Settling<'_> {
    fn drop(&mut self) {
        self.claim.settling.store(self.outcome.is_some(), Ordering::SeqCst);
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("subject", &self.subject)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// How a claim ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Completed,
    /// Waits for another attempt.
    Retried,
    /// Waits until what it needs is there again.
    Postponed,
    /// Rests as dead.
    Failed,
    /// Done, and waits for its next time.
    Repeated,
}

/// Proof that a claim was settled and the transaction that did so is durable. Only [`crate::Queue::complete`],
/// [`crate::Queue::repeat`], [`crate::Queue::retry`], [`crate::Queue::postpone`] and [`crate::Queue::fail`] make one.
#[derive(Debug)]
#[must_use]
pub struct Settled(Outcome);

impl Settled {
    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.0
    }
}

/// Why a handler could not settle its claim; the worker loop does it instead.
#[derive(Debug)]
pub enum Failure {
    /// Another attempt may succeed.
    Retry {
        /// Words for whoever owns the job's subject.
        reason: String,
        /// How long to wait; `None` lets the failures so far decide.
        delay: Option<Duration>,
    },
    /// What every job needs is away, such as the database or the object store: an attempt says nothing about this
    /// job. It waits, however long that lasts, and no failure is counted.
    Away {
        /// Words for whoever runs the server.
        reason: String,
    },
    /// No attempt will succeed.
    Fatal {
        /// Words for whoever owns the job's subject.
        reason: String,
    },
    /// The lease is gone: there is nothing left to settle.
    LeaseLost,
}

impl Failure {
    /// Another attempt may succeed, after the usual pause.
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::Retry { reason: reason.into(), delay: None }
    }

    /// What every job needs is away.
    pub fn away(reason: impl Into<String>) -> Self {
        Self::Away { reason: reason.into() }
    }

    /// No attempt will succeed.
    pub fn fatal(reason: impl Into<String>) -> Self {
        Self::Fatal { reason: reason.into() }
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        if error.is_passing() { Self::away(error.to_string()) } else { Self::retry(error.to_string()) }
    }
}

impl From<JobsError> for Failure {
    fn from(error: JobsError) -> Self {
        match error {
            JobsError::LeaseLost => Self::LeaseLost,
            JobsError::Db(error) => error.into(),
            JobsError::Payload(_) | JobsError::PayloadTooLarge(_) => Self::fatal(error.to_string()),
            other => Self::retry(other.to_string()),
        }
    }
}

/// Jobs of one kind in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depth {
    /// The kind.
    pub kind: String,
    /// `waiting`, `running` or `dead`.
    pub state: String,
    /// How many.
    pub jobs: u64,
    /// The earliest time from which one may be (or might have been) claimed.
    pub oldest: Timestamp,
}

/// A job under a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningJob {
    /// The job.
    pub id: JobId,
    /// Whose work it is.
    pub tenant: TenantId,
    /// Which handler does it.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Who holds it; see [`WorkerSeen::id`].
    pub worker: Option<String>,
    /// Claims so far, this one included.
    pub attempt: u32,
    /// Attempts before that said they failed.
    pub failures: u32,
    /// Leases before that ended in silence.
    pub interruptions: u32,
    /// Why the last attempt that failed did.
    pub reason: Option<String>,
    /// When it was claimed.
    pub claimed: Timestamp,
    /// When the lease ends unless renewed.
    pub lease_until: Timestamp,
}

/// How many jobs of a tenant wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The tenant.
    pub tenant: TenantId,
    /// How many, those among them whose time has not come.
    pub jobs: u64,
    /// From when the first was to run.
    pub oldest: Timestamp,
}

/// A process that claims jobs, as far as it was heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerSeen {
    /// Whom leases belong to.
    pub id: WorkerId,
    /// Which process it is, for people.
    pub name: String,
    /// Jobs at a time.
    pub slots: u32,
    /// Jobs it holds.
    pub running: u32,
    /// When it began.
    pub started: Timestamp,
    /// When it was heard of last.
    pub seen: Timestamp,
}

/// A job that rests, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadJob {
    /// The job.
    pub id: JobId,
    /// Which handler gave up.
    pub kind: String,
    /// What it was about.
    pub subject: String,
    /// Claims it took.
    pub attempt: u32,
    /// Why it was given up.
    pub reason: String,
    /// When it was given up.
    pub at: Timestamp,
}

/// Doublings of the pause of a job that waits for what is away: it is to go on soon after that is back.
const AWAY_DOUBLINGS: u32 = 4;

/// The pause of a job's `attempt`-th claim (from 1) that found something away: 2 s to 16 s, of which `random` takes
/// up to half.
pub(crate) fn away_pause(attempt: u32, random: u8) -> Duration {
    backoff(attempt.clamp(1, AWAY_DOUBLINGS), random)
}

/// The pause after the `failures`-th failure (from 1): doubling from 2 s to 5 min, of which `random` takes
/// away up to half so that jobs that failed together do not return together.
pub(crate) fn backoff(failures: u32, random: u8) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let full = BACKOFF_FIRST.saturating_mul(1 << doublings).min(BACKOFF_MAX);
    full - full / 2 * u32::from(random) / 255
}

/// `reason` without its end beyond [`REASON_BYTES_MAX`], and without NUL, which PostgreSQL refuses.
pub(crate) fn bounded_reason(reason: &str) -> String {
    let mut end = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].replace('\0', " ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn backoff_stays_between_half_and_whole(failures in 0u32.., random in any::<u8>()) {
            let whole = backoff(failures, 0);
            let drawn = backoff(failures, random);
            prop_assert!(drawn <= whole && drawn * 2 + Duration::from_nanos(2) >= whole);
            prop_assert!(whole >= BACKOFF_FIRST && whole <= BACKOFF_MAX);
            prop_assert!(backoff(failures.saturating_add(1), 0) >= whole);
        }

        #[test]
        fn a_bounded_reason_is_a_prefix(reason in "[aé☃]{0,1500}") {
            let kept = bounded_reason(&reason);
            prop_assert!(reason.starts_with(&kept) && kept.len() <= REASON_BYTES_MAX);
            prop_assert!(kept.len() + 4 > REASON_BYTES_MAX || kept == reason);
        }
    }

    #[test]
    fn who_waits_for_what_is_away_goes_on_soon_after() {
        assert_eq!([0, 1, 2, 4, 1000].map(|attempt| away_pause(attempt, 0).as_secs()), [2, 2, 4, 16, 16]);
    }

    #[test]
    fn backoff_doubles() {
        let seconds: Vec<_> = (1..=9).map(|failures| backoff(failures, 0).as_secs()).collect();
        assert_eq!(seconds, [2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(backoff(1, 255), Duration::from_secs(1));
    }
}
