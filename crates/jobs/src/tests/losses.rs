//! The worker loop: attempts that are kept, lost, dropped and given back.

use std::time::Duration;

use testkit::both_dbs;
use tokio::sync::mpsc;

use super::{
    Bench, LEASE, counts,
    shift::{Shift, Tell, completed, endless},
};

both_dbs!(a_cancelled_job_drops_its_running_attempt, |db| async move {
    let (say, mut heard) = mpsc::unbounded_channel();
    let shift = Shift::start(&db, 1, |_| move |_| endless(&say));
    shift.bench.add(shift.bench.job("probe", "a")).await;
    assert_eq!(heard.recv().await, Some("started"));
    let mut tx = db.write().await.unwrap();
    shift.bench.queue.cancel_subject(&mut tx, &shift.bench.tenant, "a").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(heard.recv().await, Some("dropped"));
    shift.end().await;
    assert_eq!(shift.bench.depth().await, []);
});

both_dbs!(a_job_taken_over_drops_the_attempt_of_the_loser, |db| async move {
    let (say, mut heard) = mpsc::unbounded_channel();
    let shift = Shift::start(&db, 1, |_| move |_| endless(&say));
    let bench = &shift.bench;
    bench.add(bench.job("probe", "a")).await;
    assert_eq!(heard.recv().await, Some("started"));
    let usurper: base::WorkerId = bench.ambient.id();
    let taken = loop {
        // A heartbeat may come in between; then time passes again.
        bench.clock.advance(Shift::LEASE);
        if let Some(claim) = bench.queue.claim(&usurper, &["probe"], LEASE).await.unwrap() {
            break claim;
        }
    };
    assert_eq!(heard.recv().await, Some("dropped"));
    let _ = bench.complete(&taken).await.expect("the new holder is not disturbed");
    shift.end().await;
});

/// Waits until the one job's lease is renewed from the present moment of the clock.
async fn renewed(bench: &Bench) {
    let until = bench.ambient.now() + Shift::LEASE;
    while bench.queue.depth(None).await.unwrap()[0].oldest < until {
        tokio::task::yield_now().await;
    }
}

both_dbs!(the_heartbeat_keeps_a_long_job, |db| async move {
    let (say, mut heard) = mpsc::unbounded_channel();
    let shift = Shift::start(&db, 1, |_| move |_| endless(&say));
    let bench = &shift.bench;
    bench.add(bench.job("probe", "a")).await;
    assert_eq!(heard.recv().await, Some("started"));
    for _ in 0..4 {
        bench.clock.advance(Shift::LEASE * 2 / 3);
        renewed(bench).await;
        // Two renewals, for a second one shows that the worker knows of the first.
        bench.clock.advance(Duration::from_micros(1));
        renewed(bench).await;
        assert!(bench.claim(&["probe"]).await.is_none());
    }
    assert!(heard.try_recv().is_err(), "it still runs");
    shift.end().await;
});

both_dbs!(an_attempt_is_not_dropped_for_settling_itself, |db| async move {
    let (say, mut heard) = mpsc::unbounded_channel();
    let shift = Shift::start(&db, 1, |bench| {
        let (db, queue) = (bench.db.clone(), bench.queue.clone());
        move |claim| {
            let (db, queue, say) = (db.clone(), queue.clone(), say.clone());
            let tell = Tell(say.clone());
            Box::pin(async move {
                let settled = completed(db, queue, claim).await;
                // Several heartbeats find the lease gone meanwhile.
                tokio::time::sleep(Shift::LEASE * 2).await;
                let _ = say.send("finished");
                drop(tell);
                settled
            })
        }
    });
    shift.bench.add(shift.bench.job("probe", "a")).await;
    assert_eq!(heard.recv().await, Some("finished"));
    shift.end().await;
});

both_dbs!(stopping_drops_the_attempt_and_gives_the_job_back, |db| async move {
    let (say, mut heard) = mpsc::unbounded_channel();
    let shift = Shift::start(&db, 1, |_| move |_| endless(&say));
    shift.bench.add(shift.bench.job("probe", "a")).await;
    assert_eq!(heard.recv().await, Some("started"));
    shift.bench.add(shift.bench.job("probe", "b")).await;
    shift.end().await;
    assert_eq!(heard.recv().await, Some("dropped"));
    assert_eq!(heard.recv().await, None, "the second job was not begun");
    assert_eq!(shift.bench.depth().await, counts(&[("probe", "waiting", 2)]));
    let first = shift.bench.take().await;
    let second = shift.bench.take().await;
    assert_eq!(first.attempt + second.attempt, 3, "one of them was begun before");
    assert_eq!((first.failures, first.interruptions), (0, 0));
    assert_eq!((second.failures, second.interruptions), (0, 0));
});

both_dbs!(a_holder_that_cannot_renew_stops_when_its_lease_ends, |db| async move {
    let (say, mut heard) = mpsc::unbounded_channel();
    let shift = Shift::start(&db, 1, |_| move |_| endless(&say));
    shift.bench.add(shift.bench.job("probe", "a")).await;
    assert_eq!(heard.recv().await, Some("started"));
    db.close().await;
    assert!(heard.try_recv().is_err(), "the lease still runs");
    shift.bench.clock.advance(Shift::LEASE * 2);
    assert_eq!(heard.recv().await, Some("dropped"));
    shift.end().await;
});

both_dbs!(a_holder_whose_renewal_hangs_stops_when_its_lease_ends, |db| async move {
    let (say, mut heard) = mpsc::unbounded_channel();
    let shift = Shift::start(&db, 1, |_| move |_| endless(&say));
    let bench = &shift.bench;
    bench.add(bench.job("probe", "a")).await;
    assert_eq!(heard.recv().await, Some("started"));
    let mut blocks = db.write().await.unwrap();
    assert_eq!(bench.queue.cancel_subject(&mut blocks, &bench.tenant, "a").await.unwrap(), 1);
    bench.clock.advance(Shift::LEASE * 2);
    assert_eq!(heard.recv().await, Some("dropped"));
    drop(blocks);
    shift.end().await;
});

both_dbs!(a_job_that_keeps_losing_its_workers_is_given_up_unrun, |db| async move {
    let bench = Bench::new(&db);
    bench.add(bench.job("probe", "a")).await;
    for _ in 0..2 {
        bench.take().await;
        bench.queue.release_worker(&bench.worker).await.unwrap();
    }
    let mut shift = Shift::start(&db, 1, |_| |_| panic!("it must not run"));
    assert_eq!(shift.given_up.recv().await.as_deref(), Some("it was interrupted 2 times"));
    shift.end().await;
    assert_eq!(shift.bench.depth().await, counts(&[("probe", "dead", 1), ("tombstone", "waiting", 1)]));
});
