//! The order of events under concurrent writers.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::future::{join, join_all};
use serde_json::json;
use testkit::both_dbs;

use super::{Bench, arrived, count, numbers, seqs};
use crate::Outbox;

both_dbs!(a_transaction_that_commits_late_is_not_overlooked, |db| async move {
    let bench = Bench::new(&db);
    // On SQLite there is one writer, so nothing can be open beside the others.
    let late = match db.engine() {
        db::Engine::Sqlite => None,
        db::Engine::Postgres => {
            let mut tx = db.write().await.unwrap();
            bench.outbox.append(&mut tx, &bench.tenant, "thing.happened", "late", json!(3)).await.unwrap();
            Some(tx)
        }
    };
    let (bus, mut pump) = bench.bus(16).await;
    let mut subscription = bus.subscribe(&bench.tenant);
    for number in 1..=2 {
        bench.clock.advance(Duration::from_secs(1));
        bench.append("prompt", json!(number)).await;
        pump.turn().await.unwrap();
    }
    match late {
        Some(tx) => tx.commit().await.unwrap(),
        None => bench.append("late", json!(3)).await,
    }
    pump.turn().await.unwrap();
    let events = arrived(&mut subscription);
    assert_eq!(numbers(&events), count(3));
    assert_eq!(seqs(events.iter().map(AsRef::as_ref)), [1, 2, 3]);
});

both_dbs!(a_subjects_events_keep_their_order_whatever_the_clocks_say, |db| async move {
    let bench = Bench::new(&db);
    let behind = bench.behind();
    for number in 1..=10 {
        let writer = if number % 2 == 0 { &behind } else { &bench };
        writer.append("a", json!(number)).await;
    }
    let mut tx = db.write().await.unwrap();
    for number in 11..=20 {
        bench.outbox.append(&mut tx, &bench.tenant, "thing.happened", "a", json!(number)).await.unwrap();
    }
    tx.commit().await.unwrap();
    bench.outbox.sequence().await.unwrap();
    let events = bench.outbox.since(&bench.tenant, 0, 100).await.unwrap();
    assert_eq!(events.iter().map(|event| event.payload.clone()).collect::<Vec<_>>(), count(20));
});

// Writers race each other, two processes' pumps race to number what they wrote, and readers follow.
both_dbs!(readers_miss_nothing_and_see_each_subject_in_order, |db| async move {
    const WRITERS: usize = 6;
    const EVENTS: i64 = 25;
    let bench = Bench::new(&db);
    let done = AtomicBool::new(false);
    let write = async |subject: String| {
        for number in 1..=EVENTS {
            bench.append(&subject, json!(number)).await;
        }
    };
    let follow = async |outbox: Outbox| {
        let (mut seen, mut last) = (Vec::new(), 0);
        loop {
            let finished = done.load(Ordering::SeqCst);
            while outbox.sequence().await.unwrap() > 0 {}
            let batch = outbox.after(last).await.unwrap();
            last = batch.last().and_then(|event| event.seq).unwrap_or(last);
            let quiet = batch.is_empty();
            seen.extend(batch);
            if finished && quiet {
                return seen;
            }
        }
    };
    let writers = async {
        join_all((0..WRITERS).map(|writer| write(writer.to_string()))).await;
        done.store(true, Ordering::SeqCst);
    };
    let followers = join_all((0..2).map(|_| follow(Outbox::new(db.clone(), bench.ambient.clone()))));
    let ((), seen) = join(writers, followers).await;

    let total = i64::try_from(WRITERS).unwrap() * EVENTS;
    for events in &seen {
        assert_eq!(seqs(events), (1..=total).collect::<Vec<_>>(), "every number, once, in order");
        let mut by_subject = BTreeMap::<_, Vec<_>>::new();
        for event in events {
            by_subject.entry(&event.subject).or_default().push(event.payload.clone());
        }
        assert!(by_subject.values().all(|numbers| *numbers == count(EVENTS)), "{by_subject:?}");
    }
});
