//! Who holds a job, and who no longer does.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use base::WorkerId;
use futures_util::future::join_all;
use testkit::both_dbs;

use super::{Bench, LEASE, counts};
use crate::{Claim, JobsError};

/// Every way to settle or keep `claim` is refused, and what was prepared beside it is undone.
async fn is_powerless(bench: &Bench, claim: &Claim) {
    let queue = &bench.queue;
    let prepared = async || {
        let mut tx = bench.db.write().await.unwrap();
        queue.enqueue(&mut tx, bench.job("follow-up", "a")).await.unwrap();
        tx
    };
    let lost = |error: JobsError| assert!(matches!(error, JobsError::LeaseLost), "{error:?}");
    lost(queue.heartbeat(claim, LEASE).await.unwrap_err());
    lost(queue.complete(prepared().await, claim).await.unwrap_err());
    lost(queue.retry(prepared().await, claim, "late", Duration::ZERO).await.unwrap_err());
    lost(queue.fail(prepared().await, claim, "late").await.unwrap_err());
    lost(queue.release(claim).await.unwrap_err());
    assert!(bench.claim(&["follow-up"]).await.is_none(), "nothing of it became real");
}

both_dbs!(an_expired_lease_is_taken_over_and_its_token_refused, |db| async move {
    let bench = Bench::new(&db);
    bench.add(bench.job("probe", "a")).await;
    let first = bench.take().await;
    bench.clock.advance(LEASE - Duration::from_micros(1));
    assert!(bench.claim(&["probe"]).await.is_none(), "the lease still runs");
    bench.clock.advance(Duration::from_micros(1));
    let second = bench.take().await;
    assert_eq!((&second.id, second.attempt, second.failures, second.interruptions), (&first.id, 2, 0, 1));
    is_powerless(&bench, &first).await;
    let _ = bench.complete(&second).await.unwrap();
    is_powerless(&bench, &second).await;
    assert_eq!(bench.depth().await, []);
});

both_dbs!(a_claim_is_powerless_once_settled_given_back_or_cancelled, |db| async move {
    let bench = Bench::new(&db);
    bench.add(bench.job("probe", "a")).await;

    let claim = bench.take().await;
    let tx = db.write().await.unwrap();
    let _ = bench.queue.retry(tx, &claim, "again", Duration::ZERO).await.unwrap();
    is_powerless(&bench, &claim).await;

    let claim = bench.take().await;
    bench.queue.release(&claim).await.unwrap();
    is_powerless(&bench, &claim).await;

    let claim = bench.take().await;
    bench.queue.release_worker(&bench.worker).await.unwrap();
    is_powerless(&bench, &claim).await;

    let claim = bench.take().await;
    let _ = bench.queue.fail(db.write().await.unwrap(), &claim, "broken").await.unwrap();
    is_powerless(&bench, &claim).await;

    bench.add(bench.job("probe", "b")).await;
    let claim = bench.take().await;
    let mut tx = db.write().await.unwrap();
    assert_eq!(bench.queue.cancel_subject(&mut tx, &bench.tenant, "b").await.unwrap(), 1);
    tx.commit().await.unwrap();
    is_powerless(&bench, &claim).await;
});

both_dbs!(a_heartbeat_keeps_the_job, |db| async move {
    let bench = Bench::new(&db);
    bench.add(bench.job("probe", "a")).await;
    let claim = bench.take().await;
    for _ in 0..5 {
        bench.clock.advance(LEASE - Duration::from_secs(1));
        let until = bench.queue.heartbeat(&claim, LEASE).await.unwrap();
        assert_eq!(until, bench.ambient.now() + LEASE);
        assert!(bench.claim(&["probe"]).await.is_none());
    }
    let _ = bench.complete(&claim).await.unwrap();
});

both_dbs!(a_job_given_back_is_due_at_once_and_blames_nobody, |db| async move {
    let bench = Bench::new(&db);
    bench.add(bench.job("probe", "a")).await;
    bench.queue.release(&bench.take().await).await.unwrap();
    let again = bench.take().await;
    assert_eq!((again.attempt, again.failures, again.interruptions), (2, 0, 0));
});

both_dbs!(a_dead_workers_jobs_are_due_at_once, |db| async move {
    let bench = Bench::new(&db);
    for subject in ["a", "b", "c"] {
        bench.add(bench.job("probe", subject)).await;
    }
    let mine = bench.take().await;
    let other: WorkerId = bench.ambient.id();
    for _ in 0..2 {
        bench.queue.claim(&other, &["probe"], LEASE).await.unwrap().expect("a job is due");
    }
    assert_eq!(bench.queue.release_worker(&other).await.unwrap(), 2);
    assert_eq!(bench.depth().await, counts(&[("probe", "running", 1), ("probe", "waiting", 2)]));
    let again = bench.take().await;
    assert_eq!((again.attempt, again.interruptions), (2, 1));
    let _ = bench.complete(&mine).await.expect("another worker's end does not touch mine");
});

both_dbs!(many_claimers_take_each_job_once, |db| async move {
    let bench = Bench::new(&db);
    const JOBS: usize = 120;
    for index in 0..JOBS {
        bench.add(bench.job("chunk", &index.to_string())).await;
    }
    let claimer = async || {
        let worker: WorkerId = bench.ambient.id();
        let mut taken = Vec::new();
        while let Some(claim) = bench.queue.claim(&worker, &["chunk"], LEASE).await.unwrap() {
            taken.push(claim.subject.clone());
            let _ = bench.complete(&claim).await.unwrap();
        }
        taken
    };
    let mut taken = join_all((0..12).map(|_| claimer())).await.concat();
    // A claimer that finds only locked rows on PostgreSQL goes home early; one more round takes the rest.
    taken.extend(claimer().await);
    taken.sort_by_key(|subject| subject.parse::<usize>().expect("a number"));
    let expected: Vec<_> = (0..JOBS).map(|index| index.to_string()).collect();
    assert_eq!(taken, expected);
});

// Workers that fall asleep over their jobs, while time passes, and wake up to settle them late.
both_dbs!(each_job_is_completed_once_however_sleepy_its_workers, |db| async move {
    let bench = Bench::new(&db);
    const JOBS: usize = 30;
    for index in 0..JOBS {
        bench.add(bench.job("chunk", &index.to_string())).await;
    }
    let completed = Mutex::new(BTreeMap::<String, u32>::new());
    let refused = AtomicU32::new(0);
    let settle = async |claim: &Claim| match bench.complete(claim).await {
        Ok(_) => *completed.lock().unwrap().entry(claim.subject.clone()).or_default() += 1,
        Err(JobsError::LeaseLost) => {
            refused.fetch_add(1, Ordering::Relaxed);
        }
        Err(error) => panic!("{error:?}"),
    };
    let sleepy = async || {
        let worker: WorkerId = bench.ambient.id();
        let mut asleep = Vec::new();
        while completed.lock().unwrap().len() < JOBS {
            bench.clock.advance(LEASE / 10);
            let Some(claim) = bench.queue.claim(&worker, &["chunk"], LEASE).await.unwrap() else { continue };
            if bench.ambient.bytes::<1>()[0] < 128 {
                settle(&claim).await;
            } else {
                asleep.push(claim);
            }
            if asleep.len() > 3 {
                settle(&asleep.remove(0)).await;
            }
        }
        for claim in &asleep {
            settle(claim).await;
        }
    };
    join_all((0..8).map(|_| sleepy())).await;
    let completed = completed.into_inner().unwrap();
    assert_eq!(completed.len(), JOBS);
    assert!(completed.values().all(|times| *times == 1), "{completed:?}");
    assert!(refused.into_inner() > 0, "some woke too late, or this showed nothing");
    assert_eq!(bench.depth().await, []);
});
