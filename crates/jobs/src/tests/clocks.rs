//! Clocks that differ and jump: docs/decisions/leases.md.

use std::time::Duration;

use base::Timestamp;
use testkit::both_dbs;

use super::{Bench, LEASE};
use crate::Queue;

const HOUR: Duration = Duration::from_secs(3600);

/// Another process on the same database, whose clock shows something else.
fn beside(bench: &Bench, at: Timestamp) -> Bench {
    let (ambient, clock) = testkit::seeded_ambient(7);
    clock.set(at);
    let queue = Queue::new(bench.db.clone(), ambient.clone());
    let (tenant, worker) = (bench.tenant.clone(), ambient.id());
    Bench { db: bench.db.clone(), queue, ambient, clock, tenant, worker }
}

/// Lets the same time pass for both.
fn pass(both: [&Bench; 2], by: Duration) {
    both.iter().for_each(|bench| bench.clock.advance(by));
}

async fn a_lease_is_kept_and_lost_in_its_own_time(bench: &Bench, other: &Bench) {
    bench.add(bench.job("probe", "a")).await;
    let claim = bench.take().await;
    for _ in 0..4 {
        assert!(other.claim(&["probe"]).await.is_none(), "it is held");
        pass([bench, other], LEASE - Duration::from_secs(1));
        bench.queue.heartbeat(&claim, LEASE).await.expect("held");
    }
    assert!(other.claim(&["probe"]).await.is_none(), "seen with its last renewal");
    pass([bench, other], LEASE - Duration::from_micros(1));
    assert!(other.claim(&["probe"]).await.is_none(), "not yet");
    pass([bench, other], Duration::from_micros(1));
    assert!(bench.queue.now() >= claim.lease_until, "its holder has given it up before");
    let taken = other.take().await;
    assert_eq!((taken.id, taken.attempt, taken.interruptions), (claim.id.clone(), 2, 1));
    assert!(bench.complete(&claim).await.is_err());
}

both_dbs!(a_process_an_hour_ahead_takes_no_lease_before_its_time, |db| async move {
    let bench = Bench::new(&db);
    a_lease_is_kept_and_lost_in_its_own_time(&bench, &beside(&bench, testkit::START + HOUR)).await;
});

both_dbs!(a_process_an_hour_behind_takes_a_lost_lease_in_time, |db| async move {
    let bench = Bench::new(&db);
    a_lease_is_kept_and_lost_in_its_own_time(&bench, &beside(&bench, testkit::START - HOUR)).await;
});

both_dbs!(a_clock_that_is_set_moves_no_lease_and_no_pause, |db| async move {
    for jump in [testkit::START + HOUR, testkit::START - HOUR] {
        let bench = Bench::new(&db);
        bench.add(bench.job("probe", "running")).await;
        let claim = bench.take().await;
        bench.add(bench.job("probe", "retried")).await;
        let retried = bench.take().await;
        let tx = db.write().await.unwrap();
        let _ = bench.queue.retry(tx, &retried, "later", Duration::from_secs(5)).await.unwrap();
        bench.clock.set(jump);
        assert!(bench.claim(&["probe"]).await.is_none(), "one is held, the other rests");
        bench.clock.advance(Duration::from_secs(5));
        assert_eq!(bench.take().await.id, retried.id);
        let _ = bench.complete(&claim).await.expect("still held");
        bench.queue.release_worker(&bench.worker).await.unwrap();
        let _ = bench.complete(&bench.take().await).await.unwrap();
    }
});

both_dbs!(what_is_added_by_a_clock_ahead_is_done_by_one_behind, |db| async move {
    let bench = Bench::new(&db);
    let behind = beside(&bench, testkit::START - HOUR);
    bench.add(bench.job("probe", "a")).await;
    let claim = behind.take().await;
    behind.queue.release(&claim).await.unwrap();
    assert_eq!(behind.take().await.id, claim.id, "what is given back is due at once everywhere");
});
