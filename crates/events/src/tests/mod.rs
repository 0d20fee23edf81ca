//! Behaviour on both engines.

mod bus;
mod outbox;
mod sequence;
mod webhooks;

use std::time::Duration;

use base::{Ambient, Clock as _, TenantId};
use db::Db;
use serde_json::{Value, json};
use testkit::FakeClock;

use crate::{Bus, Event, Outbox, PumpOptions, Subscription, pump::Pump};

/// An outbox with a clock to move and the names tests need.
struct Bench {
    db: Db,
    outbox: Outbox,
    ambient: Ambient,
    clock: FakeClock,
    tenant: TenantId,
}

impl Bench {
    fn new(db: &Db) -> Self {
        let (ambient, clock) = testkit::ambient();
        let tenant = ambient.id();
        Self { db: db.clone(), outbox: Outbox::new(db.clone(), ambient.clone()), ambient, clock, tenant }
    }

    /// Another tenant on the same machine.
    fn stranger(&self) -> Self {
        Self { tenant: self.ambient.id(), ..self.sibling(self.ambient.clone(), &self.clock) }
    }

    /// The same tenant on another machine, an hour behind.
    fn behind(&self) -> Self {
        let (ambient, clock) = testkit::seeded_ambient(2);
        clock.set(self.clock.now() - Duration::from_secs(3600));
        self.sibling(ambient, &clock)
    }

    fn sibling(&self, ambient: Ambient, clock: &FakeClock) -> Self {
        let outbox = Outbox::new(self.db.clone(), ambient.clone());
        Self { db: self.db.clone(), outbox, ambient, clock: clock.clone(), tenant: self.tenant.clone() }
    }

    async fn append(&self, subject: &str, payload: Value) {
        let mut tx = self.db.write().await.unwrap();
        self.outbox.append(&mut tx, &self.tenant, "thing.happened", subject, payload).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A bus and a pump that moves only when told to.
    async fn bus(&self, capacity: usize) -> (Bus, Pump) {
        let bus = Bus::open(self.outbox.clone(), capacity).await.unwrap();
        let pump = Pump::new(bus.clone(), PumpOptions::default());
        (bus, pump)
    }
}

/// What has arrived so far.
fn arrived(subscription: &mut Subscription) -> Vec<std::sync::Arc<Event>> {
    use futures_util::FutureExt as _;
    // Unconstrained: the runtime would else stop a long look half way to let others run.
    let next = || tokio::task::unconstrained(subscription.next()).now_or_never();
    std::iter::from_fn(next).map(|next| next.expect("no lag")).collect()
}

fn numbers(events: &[std::sync::Arc<Event>]) -> Vec<Value> {
    events.iter().map(|event| event.payload.clone()).collect()
}

fn seqs<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<i64> {
    events.into_iter().map(|event| event.seq.expect("a place in the sequence")).collect()
}

fn count(last: i64) -> Vec<Value> {
    (1..=last).map(|number| json!(number)).collect()
}
