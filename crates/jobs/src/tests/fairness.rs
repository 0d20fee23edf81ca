//! Whose turn it is: docs/decisions/fair-queue.md.

use std::collections::BTreeMap;

use base::{TenantId, WorkerId};
use futures_util::future::join_all;
use testkit::both_dbs;

use super::{Bench, LEASE};
use crate::NewJob;

impl Bench {
    async fn add_for(&self, tenant: &TenantId, jobs: usize, priority: i32) {
        let mut tx = self.db.write().await.unwrap();
        for index in 0..jobs {
            let job = NewJob { tenant: tenant.clone(), priority, ..self.job("chunk", &index.to_string()) };
            self.queue.enqueue(&mut tx, job).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    fn tenants<const N: usize>(&self) -> [TenantId; N] {
        std::array::from_fn(|_| self.ambient.id())
    }
}

both_dbs!(a_thousand_jobs_of_one_do_not_starve_the_one_job_of_another, |db| async move {
    let bench = Bench::new(&db);
    let [many, few] = bench.tenants();
    bench.add_for(&many, 1_000, 50).await;
    let first = bench.take().await;
    assert_eq!(first.tenant, many, "nobody else is there");
    bench.add_for(&few, 1, 0).await;
    assert_eq!(bench.take().await.tenant, few, "it has nothing running, whatever its priority");
    assert_eq!(bench.take().await.tenant, many);
});

both_dbs!(running_jobs_are_shared_out_evenly, |db| async move {
    let bench = Bench::new(&db);
    let tenants: [TenantId; 3] = bench.tenants();
    for (tenant, jobs) in tenants.iter().zip([20, 20, 2]) {
        bench.add_for(tenant, jobs, 0).await;
    }
    let mut shares = BTreeMap::<TenantId, u32>::new();
    for _ in 0..10 {
        *shares.entry(bench.take().await.tenant).or_default() += 1;
    }
    assert_eq!(tenants.map(|tenant| shares[&tenant]), [4, 4, 2]);
});

both_dbs!(a_lost_lease_is_no_running_job, |db| async move {
    let bench = Bench::new(&db);
    let [busy, other] = bench.tenants();
    bench.add_for(&busy, 3, 0).await;
    for _ in 0..2 {
        bench.take().await;
    }
    bench.add_for(&other, 1, 0).await;
    bench.clock.advance(LEASE);
    let next = bench.take().await;
    assert_eq!(
        (next.tenant, next.interruptions),
        (busy, 1),
        "nobody has anything running; the oldest goes first"
    );
    assert_eq!(bench.take().await.tenant, other);
});

both_dbs!(among_equals_priority_then_age_decide, |db| async move {
    let bench = Bench::new(&db);
    let [old, young, urgent] = bench.tenants();
    for (tenant, priority) in [(&old, 0), (&young, 0), (&urgent, 7)] {
        bench.add_for(tenant, 2, priority).await;
        bench.clock.advance(LEASE);
    }
    let mut order = Vec::new();
    for _ in 0..6 {
        order.push(bench.take().await.tenant);
    }
    assert_eq!(order, [&urgent, &old, &young, &urgent, &old, &young].map(Clone::clone));
});

both_dbs!(jobs_that_are_not_due_or_of_other_kinds_hide_nobody, |db| async move {
    let bench = Bench::new(&db);
    let [later, other] = bench.tenants();
    let delay = LEASE;
    for index in 0..10 {
        let of = |kind| NewJob { tenant: later.clone(), priority: 9, ..bench.job(kind, &index.to_string()) };
        bench.add(NewJob { delay, ..of("chunk") }).await;
        bench.add(of("sweep")).await;
    }
    bench.add_for(&later, 1, 0).await;
    bench.add_for(&other, 1, 0).await;
    assert_eq!(bench.take().await.tenant, later);
    assert_eq!(bench.take().await.tenant, other);
    assert!(bench.claim(&["chunk"]).await.is_none());
});

// On PostgreSQL claimers meet; on SQLite its single writer lines them up.
both_dbs!(claimers_that_meet_share_out_evenly_too, |db| async move {
    let bench = Bench::new(&db);
    let tenants: [TenantId; 4] = bench.tenants();
    for tenant in &tenants {
        bench.add_for(tenant, 8, 0).await;
    }
    let claimer = async || {
        let worker: WorkerId = bench.ambient.id();
        let mut taken = Vec::new();
        while taken.len() < 2 {
            let Some(claim) = bench.queue.claim(&worker, &["chunk"], LEASE).await.unwrap() else { continue };
            taken.push(claim);
        }
        taken
    };
    let taken = join_all((0..8).map(|_| claimer())).await.concat();
    let mut ids: Vec<_> = taken.iter().map(|claim| &claim.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 16, "each job once");
    let shares = tenants.map(|tenant| taken.iter().filter(|claim| claim.tenant == tenant).count());
    // Claims that do not see each other yet may put a tenant ahead by as many.
    assert!(shares.iter().all(|share| (1..=8).contains(share)), "{shares:?}");
    assert_eq!(shares.iter().sum::<usize>(), 16);
});
