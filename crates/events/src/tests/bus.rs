//! Delivery to subscribers.

use std::time::Duration;

use lifecycle::Tasks;
use serde_json::json;
use testkit::both_dbs;

use super::{Bench, arrived, count, numbers};
use crate::{Bus, PumpOptions, SubscriptionError, pump};

both_dbs!(every_event_since_the_bus_opened_arrives_once_in_order, |db| async move {
    let bench = Bench::new(&db);
    bench.append("a", json!("before")).await;
    bench.outbox.sequence().await.unwrap();
    let (bus, mut pump) = bench.bus(2000).await;
    let mut subscription = bus.subscribe(&bench.tenant);
    // More than one numbering and one reading take.
    let mut tx = db.write().await.unwrap();
    for number in 1..=600 {
        bench.outbox.append(&mut tx, &bench.tenant, "thing.happened", "a", json!(number)).await.unwrap();
    }
    tx.commit().await.unwrap();
    pump.turn().await.unwrap();
    pump.turn().await.unwrap();
    assert_eq!(numbers(&arrived(&mut subscription)), count(600));
});

both_dbs!(a_commit_wakes_the_pump_and_stopping_ends_it, |db| async move {
    let bench = Bench::new(&db);
    let bus = Bus::open(bench.outbox.clone(), 16).await.unwrap();
    let tasks = Tasks::new();
    let options = PumpOptions { poll: Duration::from_secs(3600), ..PumpOptions::default() };
    tasks.spawn_critical("events", pump(bus.clone(), tasks.clone(), options));
    let mut subscription = bus.subscribe(&bench.tenant);
    for number in 1..=5 {
        bench.append("a", json!(number)).await;
        assert_eq!(subscription.next().await.unwrap().payload, json!(number));
    }
    tasks.shutdown(Duration::from_secs(30)).await.expect("it ends");
    assert!(!tasks.crashed());
});

both_dbs!(a_tenant_hears_only_its_own_events, |db| async move {
    let bench = Bench::new(&db);
    let stranger = bench.stranger();
    let (bus, mut pump) = bench.bus(16).await;
    let (mut subscription, mut all) = (bus.subscribe(&bench.tenant), bus.subscribe_all());
    stranger.append("a", json!("not yours")).await;
    bus.volatile(&stranger.tenant, "thing.moves", "a", json!("not yours"));
    bench.append("a", json!(1)).await;
    pump.turn().await.unwrap();
    assert_eq!(numbers(&arrived(&mut subscription)), count(1));
    assert_eq!(arrived(&mut all).len(), 3, "but the process's own work hears everything");
});

both_dbs!(volatile_events_reach_who_listens_and_leave_no_row, |db| async move {
    let bench = Bench::new(&db);
    let (bus, mut pump) = bench.bus(16).await;
    bus.volatile(&bench.tenant, "thing.moves", "a", json!("nobody listens"));
    let mut subscription = bus.subscribe(&bench.tenant);
    bus.volatile(&bench.tenant, "thing.moves", "a", json!(1));
    pump.turn().await.unwrap();
    let events = arrived(&mut subscription);
    assert_eq!((events.len(), events[0].seq, events[0].payload.clone()), (1, None, json!(1)));
    assert_eq!(bench.outbox.head().await.unwrap(), 0);
});

both_dbs!(a_slow_subscriber_is_told_and_goes_on, |db| async move {
    let bench = Bench::new(&db);
    let (bus, mut pump) = bench.bus(4).await;
    let (mut slow, mut prompt) = (bus.subscribe(&bench.tenant), bus.subscribe(&bench.tenant));
    let mut heard = Vec::new();
    for number in 1..=10 {
        bench.append("a", json!(number)).await;
        pump.turn().await.unwrap();
        heard.extend(arrived(&mut prompt));
    }
    assert_eq!(numbers(&heard), count(10), "a prompt one is not disturbed");
    assert_eq!(slow.next().await, Err(SubscriptionError::Lagged(6)));
    let last = bench.outbox.since(&bench.tenant, 0, 6).await.unwrap();
    assert_eq!(last.len(), 6, "what was dropped can be read again");
    assert_eq!(numbers(&arrived(&mut slow)), [json!(7), json!(8), json!(9), json!(10)]);
});

both_dbs!(what_the_database_held_up_is_delivered_later, |db| async move {
    let bench = Bench::new(&db);
    let (bus, mut pump) = bench.bus(16).await;
    let mut subscription = bus.subscribe(&bench.tenant);
    // A pump of another process numbers the events before this one looks.
    bench.append("a", json!(1)).await;
    bench.outbox.sequence().await.unwrap();
    bench.append("a", json!(2)).await;
    pump.turn().await.unwrap();
    assert_eq!(numbers(&arrived(&mut subscription)), count(2));
});

both_dbs!(what_was_missed_is_told_if_all_of_it_can_be, |db| async move {
    let bench = Bench::new(&db);
    let stranger = bench.stranger();
    let (bus, mut pump) = bench.bus(16).await;
    let missed = async |seq, limit| {
        let missed = bus.missed(&bench.tenant, seq, limit).await.unwrap();
        missed.map(|events| events.iter().map(|event| event.payload.clone()).collect::<Vec<_>>())
    };
    assert_eq!(missed(0, 10).await, Some(Vec::new()), "nothing has happened yet");
    assert_eq!(missed(1, 10).await, None, "of another database");
    stranger.append("a", json!("not yours")).await;
    for number in 1..=3 {
        bench.append("a", json!(number)).await;
    }
    pump.turn().await.unwrap();
    assert_eq!(missed(0, 3).await, Some(count(3)));
    assert_eq!(missed(3, 3).await, Some(vec![json!(3)]));
    assert_eq!(missed(4, 3).await, Some(Vec::new()));
    assert_eq!(missed(0, 2).await, None, "too many");
    bench.clock.advance(PumpOptions::default().retention + PumpOptions::default().sweep);
    pump.turn().await.unwrap();
    assert_eq!(missed(0, 10).await, None, "swept");
    assert_eq!(missed(4, 10).await, Some(Vec::new()));
});
