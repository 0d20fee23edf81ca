//! Gauges and forgetting.

use std::{collections::BTreeMap, time::Duration};

use testkit::both_dbs;

use super::Bench;
use crate::watch::{DEAD_KEPT, look};

both_dbs!(gauges_follow_the_queue_and_old_dead_jobs_are_forgotten, |db| async move {
    let bench = Bench::new(&db);
    bench.add(bench.job("probe", "a")).await;
    bench.clock.advance(Duration::from_secs(4));
    let mut known = BTreeMap::new();
    look(&bench.queue, &mut known).await.unwrap();
    let waiting = ("probe".to_owned(), "waiting".to_owned());
    assert_eq!(known.iter().collect::<Vec<_>>(), [(&waiting, &(1, 4.0))]);

    let claim = bench.take().await;
    let _ = bench.queue.fail(db.write().await.unwrap(), &claim, "broken").await.unwrap();
    look(&bench.queue, &mut known).await.unwrap();
    let dead = ("probe".to_owned(), "dead".to_owned());
    assert_eq!(known.keys().collect::<Vec<_>>(), [&dead], "the waiting gauge went to zero and is dropped");

    bench.clock.advance(DEAD_KEPT);
    look(&bench.queue, &mut known).await.unwrap();
    assert_eq!(bench.depth().await.len(), 1, "kept to the last moment");
    bench.clock.advance(Duration::from_micros(1));
    look(&bench.queue, &mut known).await.unwrap();
    assert_eq!(bench.depth().await, []);
});
