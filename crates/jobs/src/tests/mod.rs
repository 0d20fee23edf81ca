//! Behaviour on both engines.

mod clocks;
mod fairness;
mod instance;
mod leases;
mod losses;
mod queue;
mod shift;
mod survey;
mod watch;
mod worker;

use std::time::Duration;

use base::{Ambient, TenantId, WorkerId};
use db::Db;
use serde_json::json;
use testkit::FakeClock;

use crate::{Claim, NewJob, Queue};

const LEASE: Duration = Duration::from_secs(60);

/// A queue with a clock to move and the names tests need.
struct Bench {
    db: Db,
    queue: Queue,
    ambient: Ambient,
    clock: FakeClock,
    tenant: TenantId,
    worker: WorkerId,
}

impl Bench {
    fn new(db: &Db) -> Self {
        let (ambient, clock) = testkit::ambient();
        let queue = Queue::new(db.clone(), ambient.clone());
        let (tenant, worker) = (ambient.id(), ambient.id());
        Self { db: db.clone(), queue, ambient, clock, tenant, worker }
    }

    fn job(&self, kind: &'static str, subject: &str) -> NewJob {
        NewJob::new(self.tenant.clone(), kind, subject, json!({ "subject": subject }))
    }

    async fn add(&self, job: NewJob) -> base::JobId {
        let mut tx = self.db.write().await.unwrap();
        let id = self.queue.enqueue(&mut tx, job).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    async fn claim(&self, kinds: &[&str]) -> Option<Claim> {
        self.queue.claim(&self.worker, kinds, LEASE).await.unwrap()
    }

    /// The claim of the one job there is.
    async fn take(&self) -> Claim {
        self.claim(&["probe", "chunk"]).await.expect("a job is due")
    }

    async fn complete(&self, claim: &Claim) -> Result<crate::Settled, crate::JobsError> {
        self.queue.complete(self.db.write().await.unwrap(), claim).await
    }

    /// How many jobs of each kind and state there are.
    async fn depth(&self) -> Vec<(String, String, u64)> {
        let depths = self.queue.depth(None).await.unwrap();
        depths.into_iter().map(|depth| (depth.kind, depth.state, depth.jobs)).collect()
    }
}

fn counts(expected: &[(&str, &str, u64)]) -> Vec<(String, String, u64)> {
    expected.iter().map(|(kind, state, jobs)| ((*kind).to_owned(), (*state).to_owned(), *jobs)).collect()
}
