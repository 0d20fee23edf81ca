//! A running worker, and handlers for it.

use std::{future::pending, sync::Arc, time::Duration};

use db::{Db, Tx};
use futures_util::future::BoxFuture;
use lifecycle::Tasks;
use tokio::sync::mpsc;

use super::{Bench, LEASE};
use crate::{Claim, Failure, Handler, NewJob, Queue, Settled, WorkerOptions, work};

pub(super) type Attempt = BoxFuture<'static, Result<Settled, Failure>>;

/// A handler made of a closure, which says what it sees.
pub(super) struct Script<F> {
    run: F,
    queue: Queue,
    given_up: mpsc::UnboundedSender<String>,
}

impl<F: Fn(Claim) -> Attempt + Send + Sync + 'static> Handler for Script<F> {
    fn run(&self, claim: &Claim) -> impl Future<Output = Result<Settled, Failure>> + Send {
        (self.run)(claim.clone())
    }

    /// Leaves a job behind, as a domain would leave rows.
    async fn give_up(&self, tx: &mut Tx, claim: &Claim, reason: &str) -> Result<(), Failure> {
        let tombstone = NewJob::new(claim.tenant.clone(), "tombstone", reason, serde_json::json!(null));
        self.queue.enqueue(tx, tombstone).await?;
        let _ = self.given_up.send(reason.to_owned());
        Ok(())
    }
}

pub(super) fn options(bench: &Bench) -> WorkerOptions {
    WorkerOptions {
        worker: bench.worker.clone(),
        kinds: vec!["probe", "chunk"],
        concurrency: 1,
        lease: LEASE,
        // Only wake-ups count here.
        poll: Duration::from_secs(3600),
        attempts_max: 3,
        interruptions_max: 2,
    }
}

/// A running worker. Its clock stands still unless moved; only its heartbeat follows real time.
pub(super) struct Shift {
    pub(super) bench: Bench,
    pub(super) tasks: Tasks,
    pub(super) given_up: mpsc::UnboundedReceiver<String>,
}

impl Shift {
    pub(super) const LEASE: Duration = Duration::from_millis(60);

    pub(super) fn start<F>(db: &Db, concurrency: usize, run: impl FnOnce(&Bench) -> F) -> Self
    where
        F: Fn(Claim) -> Attempt + Send + Sync + 'static,
    {
        let bench = Bench::new(db);
        let options = WorkerOptions { concurrency, lease: Self::LEASE, ..options(&bench) };
        Self::start_with(bench, options, run)
    }

    pub(super) fn start_with<F>(bench: Bench, options: WorkerOptions, run: impl FnOnce(&Bench) -> F) -> Self
    where
        F: Fn(Claim) -> Attempt + Send + Sync + 'static,
    {
        let (sender, given_up) = mpsc::unbounded_channel();
        let handler = Script { run: run(&bench), queue: bench.queue.clone(), given_up: sender };
        let tasks = Tasks::new();
        tasks.spawn_critical("jobs", work(bench.queue.clone(), tasks.clone(), options, Arc::new(handler)));
        Self { bench, tasks, given_up }
    }

    pub(super) async fn end(&self) {
        self.tasks.shutdown(Duration::from_secs(30)).await.expect("every task ends");
        assert!(!self.tasks.crashed());
    }
}

pub(super) async fn completed(db: Db, queue: Queue, claim: Claim) -> Result<Settled, Failure> {
    Ok(queue.complete(db.write().await?, &claim).await?)
}

/// Sends when dropped.
pub(super) struct Tell(pub(super) mpsc::UnboundedSender<&'static str>);

impl Drop for Tell {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

/// An attempt that never ends and says when it starts and when it is dropped.
pub(super) fn endless(say: &mpsc::UnboundedSender<&'static str>) -> Attempt {
    let (say, tell) = (say.clone(), Tell(say.clone()));
    Box::pin(async move {
        let _tell = tell;
        let _ = say.send("started");
        pending().await
    })
}
