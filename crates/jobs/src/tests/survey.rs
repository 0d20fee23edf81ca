//! What operators see, and jobs that come again.

use std::time::Duration;

use serde_json::json;
use testkit::both_dbs;

use super::{Bench, LEASE, counts};
use crate::{
    JobsError, NewJob, Outcome, Presence,
    presence::{FORGOTTEN_AFTER, sign},
};

both_dbs!(operators_see_what_runs_and_what_waits, |db| async move {
    let bench = Bench::new(&db);
    let other: base::TenantId = bench.ambient.id();
    bench.add(bench.job("probe", "a")).await;
    let first = bench.take().await;
    let tx = db.write().await.unwrap();
    let _ = bench.queue.retry(tx, &first, "no space", Duration::ZERO).await.unwrap();
    bench.clock.advance(Duration::from_secs(1));
    let again = bench.take().await;
    for subject in ["b", "c"] {
        bench.add(NewJob { tenant: other.clone(), ..bench.job("chunk", subject) }).await;
    }
    let [running] = &bench.queue.running(None, 10).await.unwrap()[..] else { panic!("one runs") };
    assert_eq!((&running.id, running.kind.as_str(), running.subject.as_str()), (&again.id, "probe", "a"));
    assert_eq!((running.attempt, running.failures, running.interruptions), (2, 1, 0));
    assert_eq!(running.worker.as_deref(), Some(bench.worker.as_str()));
    assert_eq!(running.reason.as_deref(), Some("no space"));
    assert_eq!((running.claimed, running.lease_until), (bench.ambient.now(), again.lease_until));
    let [waiting] = &bench.queue.waiting(None, 10).await.unwrap()[..] else { panic!("one tenant waits") };
    assert_eq!((&waiting.tenant, waiting.jobs, waiting.oldest), (&other, 2, bench.ambient.now()));

    let (mine, theirs) = (Some(&bench.tenant), Some(&other));
    assert!(bench.queue.running(theirs, 10).await.unwrap().is_empty());
    assert!(bench.queue.waiting(mine, 10).await.unwrap().is_empty());
    let depth = bench.queue.depth(theirs).await.unwrap();
    assert_eq!(depth.iter().map(|depth| depth.jobs).collect::<Vec<_>>(), [2]);
});

both_dbs!(workers_are_seen_until_they_leave_or_fall_silent, |db| async move {
    let bench = Bench::new(&db);
    let presence = Presence { worker: bench.worker.clone(), name: "host:7".to_owned(), slots: 2 };
    sign(&bench.queue, &presence).await.unwrap();
    bench.add(bench.job("probe", "a")).await;
    let _claim = bench.take().await;
    bench.clock.advance(Duration::from_secs(10));
    sign(&bench.queue, &presence).await.unwrap();
    let [seen] = &bench.queue.workers(10).await.unwrap()[..] else { panic!("one worker") };
    assert_eq!((&seen.id, seen.name.as_str(), seen.slots, seen.running), (&bench.worker, "host:7", 2, 1));
    assert_eq!((seen.started, seen.seen), (testkit::START, bench.ambient.now()));

    bench.clock.advance(FORGOTTEN_AFTER + Duration::from_secs(1));
    let later = Presence { worker: bench.ambient.id(), ..presence };
    sign(&bench.queue, &later).await.unwrap();
    let ids: Vec<_> = bench.queue.workers(10).await.unwrap().into_iter().map(|seen| seen.id).collect();
    assert_eq!(ids, std::slice::from_ref(&later.worker));
    bench.queue.forget_worker(&later.worker).await.unwrap();
    assert_eq!(bench.queue.workers(10).await.unwrap(), []);
});

both_dbs!(a_job_that_comes_again_starts_anew_with_its_own_payload, |db| async move {
    let bench = Bench::new(&db);
    bench.add(NewJob { dedupe: Some("round".to_owned()), ..bench.job("probe", "a") }).await;
    let first = bench.take().await;
    let tx = db.write().await.unwrap();
    let _ = bench.queue.retry(tx, &first, "no space", Duration::ZERO).await.unwrap();
    let second = bench.take().await;
    assert!(bench.queue.holds(&second).await.unwrap() && !bench.queue.holds(&first).await.unwrap());
    let tx = db.write().await.unwrap();
    let settled = bench.queue.repeat(tx, &second, &json!({"at": 7}), LEASE).await.unwrap();
    assert_eq!(settled.outcome(), Outcome::Repeated);
    assert!(!bench.queue.holds(&second).await.unwrap());
    assert!(bench.claim(&["probe"]).await.is_none(), "it rests");
    bench.clock.advance(LEASE);
    let third = bench.take().await;
    assert_eq!((&third.id, &third.payload), (&first.id, &json!({"at": 7})));
    assert_eq!((third.attempt, third.failures, third.interruptions), (3, 0, 0));
    let late = bench.queue.repeat(db.write().await.unwrap(), &second, &json!({}), LEASE).await;
    assert!(matches!(late, Err(JobsError::LeaseLost)), "{late:?}");
    assert_eq!(bench.depth().await, counts(&[("probe", "running", 1)]));
});
