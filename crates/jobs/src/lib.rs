//! Queue table, leases with heartbeat and fencing, worker loop.
//!
//! A job is a row. A worker claims it for a period under a fresh token and keeps it by heartbeat; whoever
//! stops being heard of loses it, and cannot settle it any more. Work happens at least once; its result is
//! recorded exactly once, because a claim is settled under its token in the very transaction that writes
//! the result's rows, and [`Queue::complete`] takes that transaction by value and commits it:
//!
//! ```
//! use jobs::{Claim, Failure, Queue, Settled};
//!
//! async fn finish(db: &db::Db, queue: &Queue, claim: &Claim) -> Result<Settled, Failure> {
//!     let mut tx = db.write().await?;
//!     // the domain's rows go here, into `tx`
//!     queue.complete(tx, claim).await.map_err(Failure::from)
//! }
//! # let _ = finish;
//! ```
//!
//! A [`Handler`] returns [`Settled`], which nothing else makes: it cannot forget to settle, and without the
//! claim's token it cannot settle at all.
//!
//! Three counters, kept apart: `attempt` counts claims and never repeats, so it may name objects; `failures`
//! counts attempts that said they failed; `interruptions` counts leases that ended in silence. A job given
//! back at shutdown counts as neither of the latter.
//!
//! Leases do not ask what time it is: whoever sees one unchanged for as long as it lasts, by a clock that nobody
//! sets, takes it back. Clocks that differ or jump cost nothing but that pauses are longer or shorter.
//!
//! Absent on purpose: what any job does, and results (they are the domain's rows).

mod error;
mod instance;
mod leases;
mod model;
mod presence;
mod queue;
mod store;
mod watch;
mod worker;

#[cfg(test)]
mod tests;

pub use error::JobsError;
pub use instance::Instance;
pub use model::{
    Claim, DeadJob, Depth, Failure, NewJob, Outcome, PAYLOAD_BYTES_MAX, REASON_BYTES_MAX, RunningJob,
    Settled, Waiting, WorkerSeen,
};
pub use presence::{Presence, attend};
pub use queue::Queue;
pub use watch::watch;
pub use worker::{Handler, WorkerOptions, work};
