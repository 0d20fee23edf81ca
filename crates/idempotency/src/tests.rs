//! Behaviour on both engines.

use std::time::Duration;

use base::{Ambient, TenantId};
use db::Db;
use testkit::both_dbs;

use crate::{Answer, Idempotency, IdempotencyError, KEPT, fingerprint, store};

both_dbs!(statements_prepare, |db| async move {
    db.prepare(store::ALL).await.expect("every statement is accepted");
});

struct Bench {
    db: Db,
    ambient: Ambient,
    clock: testkit::FakeClock,
    service: Idempotency,
    tenant: TenantId,
}

impl Bench {
    fn new(db: &Db) -> Self {
        let (ambient, clock) = testkit::ambient();
        let service = Idempotency::new(db.clone(), ambient.clone());
        Self { db: db.clone(), tenant: ambient.id(), ambient, clock, service }
    }

    /// A request as a handler performs it: the kept answer, or `made` kept from now on.
    async fn request(&self, key: &str, print: &str, made: &str) -> Result<String, IdempotencyError> {
        let turn = self.service.enter(&self.tenant, key)?;
        let mut tx = self.db.write().await?;
        if let Some(kept) = self.service.claim(&mut tx, &turn, print).await? {
            return Ok(kept.body);
        }
        let answer = Answer { status: 201, body: made.to_owned() };
        self.service.keep(&mut tx, &turn, &answer).await?;
        tx.commit().await?;
        Ok(made.to_owned())
    }
}

both_dbs!(a_key_gets_the_same_answer_for_the_same_request_only, |db| async move {
    let bench = Bench::new(&db);
    assert_eq!(bench.request("k", "one", "first").await.expect("made"), "first");
    assert_eq!(bench.request("k", "one", "second").await.expect("kept"), "first");
    assert!(matches!(bench.request("k", "other", "x").await, Err(IdempotencyError::Reused)));
    let stranger = Bench { tenant: bench.ambient.id(), ..Bench::new(&db) };
    assert_eq!(stranger.request("k", "other", "theirs").await.expect("made"), "theirs");
});

both_dbs!(a_request_that_failed_leaves_its_key_free, |db| async move {
    let bench = Bench::new(&db);
    let turn = bench.service.enter(&bench.tenant, "k").expect("free");
    let mut tx = db.write().await.expect("begins");
    assert!(bench.service.claim(&mut tx, &turn, "one").await.expect("claimed").is_none());
    let meanwhile = bench.service.enter(&bench.tenant, "k");
    assert!(matches!(meanwhile, Err(IdempotencyError::InFlight)));
    drop((tx, turn));
    assert_eq!(bench.request("k", "other", "made").await.expect("free again"), "made");
});

both_dbs!(another_process_waits_for_the_first_ones_answer, |db| async move {
    let bench = Bench::new(&db);
    let other = Bench { tenant: bench.tenant.clone(), ..Bench::new(&db) };
    let turn = bench.service.enter(&bench.tenant, "k").expect("free");
    let mut tx = db.write().await.expect("begins");
    assert!(bench.service.claim(&mut tx, &turn, "one").await.expect("claimed").is_none());
    let first = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let answer = Answer { status: 201, body: "first".to_owned() };
        bench.service.keep(&mut tx, &turn, &answer).await.expect("kept");
        tx.commit().await.expect("commits");
    };
    let ((), second) = futures_util::future::join(first, other.request("k", "one", "second")).await;
    assert_eq!(second.expect("the first one's"), "first");
});

both_dbs!(answers_are_forgotten_after_their_time, |db| async move {
    let bench = Bench::new(&db);
    bench.request("a", "one", "first").await.expect("made");
    bench.request("b", "one", "first").await.expect("made");
    bench.clock.advance(KEPT - Duration::from_secs(1));
    assert_eq!(bench.service.sweep().await.expect("swept"), 0);
    assert_eq!(bench.request("a", "one", "second").await.expect("kept"), "first");
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.request("a", "other", "second").await.expect("expired"), "second");
    assert_eq!(bench.service.sweep().await.expect("swept"), 1);
});

both_dbs!(keys_are_short_and_visible, |db| async move {
    let bench = Bench::new(&db);
    for bad in ["", "a b", "\u{e9}", &"x".repeat(256)] {
        assert!(matches!(bench.service.enter(&bench.tenant, bad), Err(IdempotencyError::Key)), "{bad:?}");
    }
    assert!(bench.service.enter(&bench.tenant, &"x".repeat(255)).is_ok());
});

#[test]
fn a_fingerprint_knows_where_its_parts_end() {
    assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
    assert_eq!(fingerprint(&["ab", "c"]), fingerprint(&["ab", "c"]));
}
