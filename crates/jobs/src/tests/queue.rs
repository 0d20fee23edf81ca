//! Adding, ordering, settling and removing jobs.

use std::time::Duration;

use base::TenantId;
use futures_util::future::join_all;
use serde_json::json;
use testkit::both_dbs;

use super::{Bench, counts};
use crate::{JobsError, NewJob, Outcome, PAYLOAD_BYTES_MAX, REASON_BYTES_MAX, store};

both_dbs!(statements_prepare, |db| async move {
    db.prepare(&store::all_statements()).await.expect("every statement is accepted");
});

both_dbs!(a_job_is_claimed_with_all_it_carries_and_completed, |db| async move {
    let bench = Bench::new(&db);
    let payload = json!({"asset": "a", "chunk": 7, "text": "é\"\\", "nested": [null, 1.5]});
    let id = bench.add(NewJob { payload: payload.clone(), ..bench.job("chunk", "a") }).await;
    let claim = bench.take().await;
    assert_eq!((&claim.id, &claim.tenant, claim.kind.as_str()), (&id, &bench.tenant, "chunk"));
    assert_eq!((claim.subject.as_str(), &claim.payload), ("a", &payload));
    assert_eq!((claim.attempt, claim.failures, claim.interruptions), (1, 0, 0));
    assert!(bench.claim(&["chunk"]).await.is_none(), "it is taken");
    assert_eq!(bench.depth().await, counts(&[("chunk", "running", 1)]));
    assert_eq!(bench.complete(&claim).await.unwrap().outcome(), Outcome::Completed);
    assert_eq!(bench.depth().await, []);
});

both_dbs!(a_payload_is_read_as_the_handlers_type_or_refused, |db| async move {
    let bench = Bench::new(&db);
    bench.add(NewJob { payload: json!({"chunk": 7}), ..bench.job("chunk", "a") }).await;
    let claim = bench.take().await;
    #[derive(serde::Deserialize)]
    struct Chunk {
        chunk: u32,
    }
    assert_eq!(claim.payload::<Chunk>().unwrap().chunk, 7);
    assert!(matches!(claim.payload::<Vec<u8>>(), Err(JobsError::Payload(_))));
});

both_dbs!(a_job_of_an_undone_transaction_never_was, |db| async move {
    let bench = Bench::new(&db);
    let mut tx = db.write().await.unwrap();
    bench.queue.enqueue(&mut tx, bench.job("probe", "a")).await.unwrap();
    drop(tx);
    assert!(bench.claim(&["probe"]).await.is_none());
});

both_dbs!(only_asked_kinds_are_claimed, |db| async move {
    let bench = Bench::new(&db);
    bench.add(bench.job("probe", "a")).await;
    assert!(bench.claim(&["chunk"]).await.is_none());
    assert!(bench.claim(&[]).await.is_none());
    assert!(bench.claim(&["chunk", "probe"]).await.is_some());
});

both_dbs!(urgent_then_long_due_jobs_go_first, |db| async move {
    let bench = Bench::new(&db);
    for (subject, priority, after_seconds) in
        [("late", 0, 3), ("early", 0, 1), ("urgent", 5, 2), ("idle", -1, 0)]
    {
        let delay = Duration::from_secs(after_seconds);
        bench.add(NewJob { priority, delay, ..bench.job("probe", subject) }).await;
    }
    bench.clock.advance(Duration::from_secs(3));
    let mut order = Vec::new();
    while let Some(claim) = bench.claim(&["probe"]).await {
        order.push(claim.subject);
    }
    assert_eq!(order, ["urgent", "early", "late", "idle"]);
});

both_dbs!(jobs_go_in_the_order_they_were_added_and_keep_their_place, |db| async move {
    let bench = Bench::new(&db);
    let mut added = Vec::new();
    for _ in 0..12 {
        added.push(bench.add(bench.job("probe", "a")).await);
        bench.clock.advance(Duration::from_micros(1));
    }
    let (given_back, retried) = (bench.take().await, bench.take().await);
    bench.queue.release(&given_back).await.unwrap();
    let tx = db.write().await.unwrap();
    let _ = bench.queue.retry(tx, &retried, "again", Duration::ZERO).await.unwrap();
    for expected in added {
        assert_eq!(bench.take().await.id, expected);
    }
});

both_dbs!(a_job_waits_for_its_time, |db| async move {
    let bench = Bench::new(&db);
    let delay = Duration::from_secs(10);
    bench.add(NewJob { delay, ..bench.job("probe", "a") }).await;
    bench.clock.advance(Duration::from_micros(9_999_999));
    assert!(bench.claim(&["probe"]).await.is_none());
    bench.clock.advance(Duration::from_micros(1));
    assert!(bench.claim(&["probe"]).await.is_some());
});

both_dbs!(a_dedupe_key_is_taken_while_its_job_lives, |db| async move {
    let bench = Bench::new(&db);
    let keyed = || NewJob { dedupe: Some("probe a 1".to_owned()), ..bench.job("probe", "a") };
    let first = bench.add(keyed()).await;
    assert_eq!(bench.add(keyed()).await, first);
    let claim = bench.take().await;
    assert_eq!(bench.add(keyed()).await, first, "a running job keeps its key");
    let stranger: TenantId = bench.ambient.id();
    assert_ne!(bench.add(NewJob { tenant: stranger, ..keyed() }).await, first, "keys are a tenant's own");
    let _ = bench.complete(&claim).await.unwrap();
    let second = bench.add(keyed()).await;
    assert_ne!(second, first);

    let claims = [bench.take().await, bench.take().await];
    let claim = claims.into_iter().find(|claim| claim.id == second).expect("one of the two");
    let _ = bench.queue.fail(db.write().await.unwrap(), &claim, "broken").await.unwrap();
    assert_ne!(bench.add(keyed()).await, claim.id, "a dead job frees its key");
});

both_dbs!(one_dedupe_key_added_by_many_at_once_makes_one_job, |db| async move {
    let bench = Bench::new(&db);
    let keyed = || NewJob { dedupe: Some("k".to_owned()), ..bench.job("probe", "a") };
    let ids = join_all((0..16).map(|_| bench.add(keyed()))).await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(bench.depth().await, counts(&[("probe", "waiting", 1)]));
});

both_dbs!(a_postponed_job_waits_and_counts_nothing, |db| async move {
    let bench = Bench::new(&db);
    bench.add(bench.job("probe", "a")).await;
    let claim = bench.take().await;
    let tx = db.write().await.unwrap();
    let settled = bench.queue.postpone(tx, &claim, "away", Duration::from_secs(5)).await.unwrap();
    assert_eq!(settled.outcome(), Outcome::Postponed);
    assert!(bench.claim(&["probe"]).await.is_none());
    bench.clock.advance(Duration::from_secs(5));
    let again = bench.take().await;
    assert_eq!((again.attempt, again.failures, again.interruptions), (2, 0, 0));
});

both_dbs!(a_retried_job_waits_and_counts_its_failure, |db| async move {
    let bench = Bench::new(&db);
    bench.add(bench.job("probe", "a")).await;
    let claim = bench.take().await;
    let tx = db.write().await.unwrap();
    let settled = bench.queue.retry(tx, &claim, "no space", Duration::from_secs(5)).await.unwrap();
    assert_eq!(settled.outcome(), Outcome::Retried);
    assert!(bench.claim(&["probe"]).await.is_none());
    bench.clock.advance(Duration::from_secs(5));
    let again = bench.take().await;
    assert_eq!((again.attempt, again.failures, again.interruptions), (2, 1, 0));
});

both_dbs!(a_failed_job_rests_with_its_reason_until_swept, |db| async move {
    let bench = Bench::new(&db);
    let id = bench.add(bench.job("probe", "a")).await;
    let claim = bench.take().await;
    let reason = format!("\0{}", "é".repeat(REASON_BYTES_MAX));
    let _ = bench.queue.fail(db.write().await.unwrap(), &claim, &reason).await.unwrap();
    bench.clock.advance(Duration::from_secs(3600));
    assert!(bench.claim(&["probe"]).await.is_none(), "it rests");

    let dead = bench.queue.dead(&bench.tenant, 10).await.unwrap();
    assert_eq!((&dead[0].id, dead[0].kind.as_str(), dead[0].subject.as_str()), (&id, "probe", "a"));
    assert_eq!((dead[0].attempt, dead[0].at), (1, testkit::START));
    assert!(dead[0].reason.starts_with(" é") && dead[0].reason.len() <= REASON_BYTES_MAX);
    assert_eq!(bench.queue.dead(&bench.ambient.id(), 10).await.unwrap(), [], "another tenant sees nothing");

    assert_eq!(bench.queue.sweep_dead(testkit::START).await.unwrap(), 0);
    assert_eq!(bench.queue.sweep_dead(bench.ambient.now()).await.unwrap(), 1);
    assert_eq!(bench.depth().await, []);
});

both_dbs!(jobs_are_cancelled_by_key_and_by_subject, |db| async move {
    let bench = Bench::new(&db);
    let keyed = |key: &str, subject| NewJob { dedupe: Some(key.to_owned()), ..bench.job("probe", subject) };
    for job in [keyed("1", "a"), keyed("2", "a"), keyed("3", "a"), keyed("4", "b")] {
        bench.add(job).await;
    }
    let running = bench.take().await;
    let mut tx = db.write().await.unwrap();
    let queue = &bench.queue;
    assert!(!queue.cancel(&mut tx, &bench.ambient.id(), "3").await.unwrap(), "keys are a tenant's own");
    assert!(queue.cancel(&mut tx, &bench.tenant, "3").await.unwrap());
    assert!(!queue.cancel(&mut tx, &bench.tenant, "3").await.unwrap());
    tx.commit().await.unwrap();
    let mut tx = db.write().await.unwrap();
    let left = if running.subject == "a" { 2 } else { 1 };
    let cancelled = queue.cancel_subject(&mut tx, &bench.tenant, &running.subject).await.unwrap();
    assert!(cancelled >= 1 && cancelled <= left, "{cancelled}");
    tx.commit().await.unwrap();
    assert!(matches!(bench.complete(&running).await, Err(JobsError::LeaseLost)));
});

both_dbs!(an_oversized_payload_is_refused, |db| async move {
    let bench = Bench::new(&db);
    let mut tx = db.write().await.unwrap();
    let job = NewJob { payload: json!("x".repeat(PAYLOAD_BYTES_MAX)), ..bench.job("probe", "a") };
    let refused = bench.queue.enqueue(&mut tx, job).await;
    assert!(matches!(refused, Err(JobsError::PayloadTooLarge(bytes)) if bytes == PAYLOAD_BYTES_MAX + 2));
});

both_dbs!(depth_counts_by_kind_and_state, |db| async move {
    let bench = Bench::new(&db);
    for (kind, after_seconds) in [("probe", 0), ("chunk", 7), ("chunk", 9)] {
        let delay = Duration::from_secs(after_seconds);
        bench.add(NewJob { delay, ..bench.job(kind, "a") }).await;
    }
    let claim = bench.take().await;
    let expected = counts(&[("chunk", "waiting", 2), ("probe", "running", 1)]);
    assert_eq!(bench.depth().await, expected);
    let depths = bench.queue.depth(None).await.unwrap();
    assert_eq!(depths[0].oldest, testkit::START + Duration::from_secs(7));
    assert_eq!(depths[1].oldest, claim.lease_until);
});

both_dbs!(whoever_registered_before_the_commit_is_woken, |db| async move {
    let bench = Bench::new(&db);
    let mut wake = std::pin::pin!(bench.queue.notified());
    wake.as_mut().enable();
    let mut tx = db.write().await.unwrap();
    bench.queue.enqueue(&mut tx, bench.job("probe", "a")).await.unwrap();
    assert!(futures_util::poll!(wake.as_mut()).is_pending(), "nothing is there before the commit");
    tx.commit().await.unwrap();
    assert!(futures_util::poll!(wake).is_ready());
});
