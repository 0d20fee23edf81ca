//! The worker loop: what becomes of attempts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use db::Tx;
use lifecycle::Tasks;
use testkit::{both_dbs, both_empty_dbs};
use tokio::sync::{Barrier, mpsc};

use super::{
    Bench, LEASE, counts,
    shift::{Shift, completed, options},
};
use crate::{Claim, Failure, Handler, JobsError, NewJob, Queue, Settled, WorkerOptions, work};

both_dbs!(added_jobs_wake_the_worker_and_are_done, |db| async move {
    let (done, mut seen) = mpsc::unbounded_channel();
    let shift = Shift::start(&db, 2, |bench| {
        let (db, queue) = (bench.db.clone(), bench.queue.clone());
        move |claim| {
            let (db, queue, done) = (db.clone(), queue.clone(), done.clone());
            Box::pin(async move {
                let subject = claim.subject.clone();
                let settled = completed(db, queue, claim).await;
                let _ = done.send(subject);
                settled
            })
        }
    });
    for subject in ["a", "b", "c", "d", "e"] {
        shift.bench.add(shift.bench.job("probe", subject)).await;
        assert_eq!(seen.recv().await.as_deref(), Some(subject));
    }
    shift.end().await;
    assert_eq!(shift.bench.depth().await, []);
});

both_dbs!(as_many_jobs_run_at_once_as_allowed_and_no_more, |db| async move {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (done, mut seen) = mpsc::unbounded_channel();
    let shift = Shift::start(&db, 3, |bench| {
        let (db, queue) = (bench.db.clone(), bench.queue.clone());
        let (running, most, together) = (running.clone(), most.clone(), Arc::new(Barrier::new(3)));
        move |claim| {
            let (db, queue, done) = (db.clone(), queue.clone(), done.clone());
            let (running, most, together) = (running.clone(), most.clone(), together.clone());
            Box::pin(async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // Passes only when three run at once.
                together.wait().await;
                running.fetch_sub(1, Ordering::SeqCst);
                let settled = completed(db, queue, claim).await;
                let _ = done.send(());
                settled
            })
        }
    });
    for _ in 0..9 {
        shift.bench.add(shift.bench.job("chunk", "a")).await;
    }
    for _ in 0..9 {
        seen.recv().await.expect("a job is done");
    }
    shift.end().await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
});

both_dbs!(failures_are_retried_and_then_given_up_with_the_domains_rows, |db| async move {
    let attempts = Arc::new(AtomicUsize::new(0));
    let mut shift = Shift::start(&db, 1, |_| {
        let attempts = attempts.clone();
        move |claim| {
            let attempts = attempts.clone();
            Box::pin(async move {
                assert_eq!(attempts.fetch_add(1, Ordering::SeqCst) + 1, claim.attempt as usize);
                Err(Failure::Retry {
                    reason: format!("attempt {}", claim.attempt),
                    delay: Some(Duration::ZERO),
                })
            })
        }
    });
    shift.bench.add(shift.bench.job("probe", "a")).await;
    assert_eq!(shift.given_up.recv().await.as_deref(), Some("attempt 3"));
    shift.end().await;
    assert_eq!(attempts.load(Ordering::SeqCst), 3);
    let expected = counts(&[("probe", "dead", 1), ("tombstone", "waiting", 1)]);
    assert_eq!(shift.bench.depth().await, expected);
    let dead = shift.bench.queue.dead(&shift.bench.tenant, 10).await.unwrap();
    assert_eq!((dead[0].reason.as_str(), dead[0].attempt), ("attempt 3", 3));
});

both_dbs!(a_failure_waits_before_the_next_attempt, |db| async move {
    let (done, mut seen) = mpsc::unbounded_channel();
    let shift = Shift::start(&db, 1, |_| {
        move |claim| {
            let done = done.clone();
            Box::pin(async move {
                let _ = done.send(claim.attempt);
                Err(Failure::retry("not now"))
            })
        }
    });
    shift.bench.add(shift.bench.job("probe", "a")).await;
    assert_eq!(seen.recv().await, Some(1));
    shift.end().await;
    shift.bench.clock.advance(Duration::from_micros(999_999));
    assert!(shift.bench.claim(&["probe"]).await.is_none(), "the pause is a second at least");
    shift.bench.clock.advance(Duration::from_micros(1_000_001));
    assert_eq!(shift.bench.take().await.attempt, 2, "and two at most");
});

both_dbs!(what_is_away_is_waited_for_and_counts_nothing, |db| async move {
    let (done, mut seen) = mpsc::unbounded_channel();
    let shift = Shift::start(&db, 1, |_| {
        move |claim| {
            let done = done.clone();
            Box::pin(async move {
                let _ = done.send(claim.attempt);
                Err(Failure::away("the store is away"))
            })
        }
    });
    shift.bench.add(shift.bench.job("probe", "a")).await;
    assert_eq!(seen.recv().await, Some(1));
    shift.end().await;
    assert!(shift.bench.claim(&["probe"]).await.is_none(), "it rests");
    shift.bench.clock.advance(Duration::from_secs(2));
    let again = shift.bench.take().await;
    assert_eq!((again.attempt, again.failures, again.interruptions), (2, 0, 0));
});

both_dbs!(a_fatal_failure_is_given_up_at_once, |db| async move {
    let mut shift = Shift::start(&db, 1, |_| |_| Box::pin(async { Err(Failure::fatal("not a film")) }));
    shift.bench.add(shift.bench.job("probe", "a")).await;
    assert_eq!(shift.given_up.recv().await.as_deref(), Some("not a film"));
    shift.end().await;
    let expected = counts(&[("probe", "dead", 1), ("tombstone", "waiting", 1)]);
    assert_eq!(shift.bench.depth().await, expected);
});

both_dbs!(a_panic_is_a_failure_and_the_worker_goes_on, |db| async move {
    let (done, mut seen) = mpsc::unbounded_channel();
    let shift = Shift::start(&db, 1, |bench| {
        let (db, queue) = (bench.db.clone(), bench.queue.clone());
        move |claim| {
            let (db, queue, done) = (db.clone(), queue.clone(), done.clone());
            Box::pin(async move {
                assert!(claim.subject != "bad", "a planted panic");
                let settled = completed(db, queue, claim).await;
                let _ = done.send(());
                settled
            })
        }
    });
    shift.bench.add(NewJob { priority: 1, ..shift.bench.job("probe", "bad") }).await;
    shift.bench.add(shift.bench.job("probe", "good")).await;
    seen.recv().await.expect("the good job is done");
    shift.end().await;
    assert_eq!(shift.bench.depth().await, counts(&[("probe", "waiting", 1)]));
    shift.bench.clock.advance(Duration::from_secs(2));
    let bad = shift.bench.take().await;
    assert_eq!((bad.attempt, bad.failures), (2, 1));
});

both_dbs!(a_job_whose_giving_up_fails_stays_and_leaves_no_rows, |db| async move {
    struct Stubborn(Queue, mpsc::UnboundedSender<()>);
    impl Handler for Stubborn {
        async fn run(&self, _: &Claim) -> Result<Settled, Failure> {
            Err(Failure::fatal("broken"))
        }
        async fn give_up(&self, tx: &mut Tx, claim: &Claim, _: &str) -> Result<(), Failure> {
            let row = NewJob::new(claim.tenant.clone(), "tombstone", "a", serde_json::json!(null));
            self.0.enqueue(tx, row).await?;
            let _ = self.1.send(());
            Err(JobsError::DedupeContended.into())
        }
    }
    let bench = Bench::new(&db);
    bench.add(bench.job("probe", "a")).await;
    let (say, mut heard) = mpsc::unbounded_channel();
    let tasks = Tasks::new();
    let handler = Arc::new(Stubborn(bench.queue.clone(), say));
    tasks.spawn_critical("jobs", work(bench.queue.clone(), tasks.clone(), options(&bench), handler));
    heard.recv().await.expect("it tries to give up");
    tasks.shutdown(Duration::from_secs(30)).await.unwrap();
    assert_eq!(bench.depth().await, counts(&[("probe", "running", 1)]), "it comes back with its lease's end");
    bench.clock.advance(LEASE);
    assert_eq!(bench.take().await.interruptions, 1);
});

both_empty_dbs!(a_worker_outlives_a_database_that_refuses, |database| async move {
    // Without its tables, it refuses every claim.
    let db = database.open().await.unwrap();
    let (done, mut seen) = mpsc::unbounded_channel();
    let bench = Bench::new(&db);
    let options = WorkerOptions { poll: Duration::from_millis(1), ..options(&bench) };
    let shift = Shift::start_with(bench, options, |bench| {
        let (db, queue) = (bench.db.clone(), bench.queue.clone());
        move |claim| {
            let (db, queue, done) = (db.clone(), queue.clone(), done.clone());
            Box::pin(async move {
                let settled = completed(db, queue, claim).await;
                let _ = done.send(());
                settled
            })
        }
    });
    // For some looks to fail; what counts is what happens afterwards.
    tokio::time::sleep(Duration::from_millis(20)).await;
    db.migrate().await.unwrap();
    shift.bench.add(shift.bench.job("probe", "a")).await;
    seen.recv().await.expect("it is done after all");
    shift.end().await;
});
