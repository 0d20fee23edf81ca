//! Appending, reading again, forgetting.

use std::time::Duration;

use serde_json::json;
use testkit::both_dbs;

use super::{Bench, count, seqs};
use crate::{Cursor, EventsError, PAYLOAD_BYTES_MAX, PumpOptions, store};

both_dbs!(statements_prepare, |db| async move {
    db.prepare(store::ALL).await.expect("every statement is accepted");
    db.prepare(crate::webhooks::store::ALL).await.expect("every statement is accepted");
});

both_dbs!(an_event_is_read_again_with_all_it_carries, |db| async move {
    let bench = Bench::new(&db);
    let payload = json!({"title": "é\"\\", "nested": [null, 1.5]});
    bench.append("a", payload.clone()).await;
    assert_eq!(bench.outbox.since(&bench.tenant, 0, 10).await.unwrap(), [], "it has no place yet");
    assert_eq!(bench.outbox.sequence().await.unwrap(), 0);
    let event = bench.outbox.since(&bench.tenant, 0, 10).await.unwrap().remove(0);
    assert_eq!((event.seq, &event.tenant, event.kind.as_str()), (Some(1), &bench.tenant, "thing.happened"));
    assert_eq!((event.subject.as_str(), event.payload, event.at), ("a", payload, testkit::START));
    assert_eq!(bench.outbox.head().await.unwrap(), 1);
});

both_dbs!(an_event_of_an_undone_transaction_never_was, |db| async move {
    let bench = Bench::new(&db);
    let mut tx = db.write().await.unwrap();
    bench.outbox.append(&mut tx, &bench.tenant, "thing.happened", "a", json!(0)).await.unwrap();
    drop(tx);
    bench.append("a", json!(1)).await;
    bench.outbox.sequence().await.unwrap();
    let events = bench.outbox.since(&bench.tenant, 0, 10).await.unwrap();
    assert_eq!(events.iter().map(|event| &event.payload).collect::<Vec<_>>(), [&json!(1)]);
});

both_dbs!(reading_goes_on_where_it_stopped_and_stays_within_the_tenant, |db| async move {
    let bench = Bench::new(&db);
    let stranger = bench.stranger();
    for number in 1..=5 {
        bench.append("a", json!(number)).await;
        stranger.append("a", json!("not yours")).await;
    }
    bench.outbox.sequence().await.unwrap();
    let mut read = Vec::new();
    let mut last = 0;
    while let Some(event) = bench.outbox.since(&bench.tenant, last, 2).await.unwrap().last().cloned() {
        read.extend(bench.outbox.since(&bench.tenant, last, 2).await.unwrap());
        last = event.seq.unwrap();
    }
    assert_eq!(read.iter().map(|event| event.payload.clone()).collect::<Vec<_>>(), count(5));
    assert!(seqs(&read).is_sorted());
});

both_dbs!(an_oversized_payload_is_refused, |db| async move {
    let bench = Bench::new(&db);
    let mut tx = db.write().await.unwrap();
    let payload = json!("x".repeat(PAYLOAD_BYTES_MAX));
    let refused = bench.outbox.append(&mut tx, &bench.tenant, "thing.happened", "a", payload).await;
    assert!(matches!(refused, Err(EventsError::PayloadTooLarge(bytes)) if bytes == PAYLOAD_BYTES_MAX + 2));
});

both_dbs!(events_are_forgotten_after_their_retention, |db| async move {
    let bench = Bench::new(&db);
    let (_bus, mut pump) = bench.bus(16).await;
    let options = PumpOptions::default();
    bench.append("a", json!(1)).await;
    pump.turn().await.unwrap();
    bench.clock.advance(options.retention);
    bench.append("a", json!(2)).await;
    pump.turn().await.unwrap();
    assert_eq!(bench.outbox.since(&bench.tenant, 0, 10).await.unwrap().len(), 2, "kept to the last moment");
    bench.clock.advance(options.sweep);
    pump.turn().await.unwrap();
    let kept = bench.outbox.since(&bench.tenant, 0, 10).await.unwrap();
    assert_eq!(seqs(&kept), [2]);
    bench.clock.advance(Duration::from_secs(1));
    bench.append("a", json!(3)).await;
    pump.turn().await.unwrap();
    assert_eq!(bench.outbox.head().await.unwrap(), 3, "numbers are never given twice");
});

both_dbs!(a_cursor_stays_until_it_is_told_to_pass, |db| async move {
    let bench = Bench::new(&db);
    bench.append("a", json!("before")).await;
    bench.outbox.sequence().await.unwrap();
    let cursor = Cursor::open(&bench.outbox, "test").await.unwrap();
    assert_eq!(cursor.next().await.unwrap(), []);
    bench.append("a", json!(1)).await;
    bench.stranger().append("a", json!(2)).await;
    bench.outbox.sequence().await.unwrap();
    assert_eq!(seqs(&cursor.next().await.unwrap()), [2, 3], "of all tenants");
    cursor.pass(2).await.unwrap();
    let again = Cursor::open(&bench.outbox, "test").await.unwrap();
    assert_eq!(seqs(&again.next().await.unwrap()), [3]);
    again.pass(3).await.unwrap();
    cursor.pass(2).await.unwrap();
    assert_eq!(cursor.next().await.unwrap(), [], "never back");
    let other = Cursor::open(&bench.outbox, "other").await.unwrap();
    assert_eq!(other.next().await.unwrap(), []);
});
