//! Behaviour on both engines. This file builds the ground the others stand on: a database, a creator, and publishers
//! that come with what opens their channel.

mod broadcasts;
mod channels;
mod keys;
mod limits;
mod record;
mod recording;
mod upkeep;

use std::time::Duration;

use ::events::{Bus, PumpOptions};
use base::{PageRequest, TenantId, WorkerId};
use futures_util::future::join_all;
use testkit::{FakeClock, both_dbs};

use super::*;

const MASTER: [u8; 32] = [7; 32];

both_dbs!(statements_prepare, |db| async move {
    db.prepare(&store::all_statements()).await.expect("every statement is accepted");
});

struct Ground {
    db: Db,
    live: Live,
    clock: FakeClock,
    ambient: Ambient,
    creator: Principal,
}

impl Ground {
    fn new(db: Db) -> Self {
        let (ambient, clock) = testkit::ambient();
        let outbox = Outbox::new(db.clone(), ambient.clone());
        let live = Live::new(db.clone(), outbox, ambient.clone(), MasterKey::new(&MASTER), false);
        let creator = principal(ambient.id(), Role::Creator);
        Self { db, live, clock, ambient, creator }
    }

    /// Another process on the same database, with a memory of its own.
    fn elsewhere(&self) -> Live {
        let outbox = Outbox::new(self.db.clone(), self.ambient.clone());
        Live::new(self.db.clone(), outbox, self.ambient.clone(), MasterKey::new(&MASTER), false)
    }

    async fn create(&self, name: &str) -> Revealed {
        self.try_create(&self.creator, Choices::named(name)).await.expect("made")
    }

    async fn try_create(&self, principal: &Principal, choices: Choices) -> Result<Revealed> {
        let mut tx = self.db.write().await?;
        let made = self.live.create(&mut tx, principal, choices).await?;
        tx.commit().await?;
        Ok(made)
    }

    async fn admission(&self, key: &settings::Secret) -> Admission {
        self.live.authenticate(key.expose()).await.expect("a database").expect("a good key")
    }

    /// A channel whose broadcast a process holds.
    async fn on_air(&self, holder: &WorkerId) -> (Revealed, Begun) {
        let made = self.create("studio").await;
        let admission = self.admission(&made.key).await;
        let begun = self.live.begin(&admission, holder, &obs()).await.expect("begun");
        self.live.flowing(&begun.lease).await.expect("flows");
        (made, begun)
    }

    async fn state(&self, id: &ChannelId) -> (State, Option<Broadcast>) {
        let (channel, broadcast) = self.live.state(&self.creator, id).await.expect("a channel");
        (channel.state, broadcast)
    }

    fn worker(&self) -> WorkerId {
        self.ambient.id()
    }

    /// The events about a channel: their kinds, and of a change of state the state.
    async fn events(&self, id: &ChannelId) -> Vec<String> {
        let outbox = Outbox::new(self.db.clone(), self.ambient.clone());
        let bus = Bus::open(outbox.clone(), 64).await.expect("a bus");
        let observer: TenantId = self.ambient.id();
        let mut heard = bus.subscribe(&observer);
        let mut tx = self.db.write().await.expect("begins");
        outbox.append(&mut tx, &observer, "test.end", "", serde_json::Value::Null).await.expect("appended");
        tx.commit().await.expect("commits");
        // What was committed before the last event is numbered with it, or before.
        let end = async { heard.next().await.expect("the last event") };
        tokio::select! {
            _ = ::events::pump(bus.clone(), lifecycle::Tasks::new(), PumpOptions::default()) => unreachable!(),
            _ = end => {}
        }
        let all = outbox.since(&self.creator.tenant, 0, 1_000).await.expect("events").into_iter();
        let about = all.filter(|event| event.subject == id.as_str());
        let told = about.map(|event| match event.kind.as_str() {
            events::STATE => {
                let moved: events::ChannelState = serde_json::from_value(event.payload).expect("a payload");
                moved.state
            }
            events::ENDED => {
                let ended: events::Ended = serde_json::from_value(event.payload).expect("a payload");
                format!("{} {}", event.kind, ended.reason)
            }
            kind => kind.to_owned(),
        });
        told.collect()
    }
}

fn principal(tenant: TenantId, role: Role) -> Principal {
    Principal { tenant, subject: "key:test".to_owned(), role }
}

fn obs() -> Publisher {
    Publisher { protocol: Protocol::Rtmp, encoder: "OBS 31\n".to_owned() }
}

fn srt() -> Publisher {
    Publisher { protocol: Protocol::Srt, encoder: "ffmpeg".to_owned() }
}

/// How long somebody who may not publish is told to wait.
fn wait(refused: Result<Begun>) -> Duration {
    match refused {
        Err(LiveError::Busy { wait }) => wait,
        other => panic!("not refused: {other:?}"),
    }
}
