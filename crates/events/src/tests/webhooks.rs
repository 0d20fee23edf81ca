//! Webhooks on a clock of their own: what is sent when, to whom, how often and in which order.

use std::time::Duration;

use base::{DeliveryId, PageRequest, WebhookId};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::join_all;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use testkit::both_dbs;

use super::Bench;
use crate::{
    EventsError,
    webhooks::{
        DELIVERIES_KEPT, Delivery, DeliveryState, Letter, MasterKey, NewWebhook, Outcome, ROTATION_OVERLAP,
        Revealed, WEBHOOK_DISABLED, WEBHOOKS_MAX, WebhookPatch, Webhooks,
    },
};

const OFFERED: &[&str] = &["thing.happened", "thing.ended"];
const OK: Outcome = Outcome::Answered(200);
const HOUR: Duration = Duration::from_secs(3_600);

impl Bench {
    fn webhooks_of(&self, master: &[u8]) -> Webhooks {
        let (db, ambient, outbox) = (self.db.clone(), self.ambient.clone(), self.outbox.clone());
        Webhooks::new(db, ambient, outbox, MasterKey::new(master), OFFERED, false)
    }

    /// Webhooks whose cursor stands at the end of what was committed so far.
    async fn webhooks(&self) -> Webhooks {
        let webhooks = self.webhooks_of(&[7; 32]);
        webhooks.plan().await.unwrap();
        webhooks
    }

    async fn address(&self, webhooks: &Webhooks, kinds: &[&str]) -> Revealed {
        let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let new = NewWebhook { url: "https://a.example/hook".to_owned(), description: String::new(), kinds };
        let mut tx = self.db.write().await.unwrap();
        let made = webhooks.create(&mut tx, &self.tenant, new).await.unwrap();
        tx.commit().await.unwrap();
        made
    }

    /// Appends events of these subjects in order, and makes deliveries of them.
    async fn happen(&self, webhooks: &Webhooks, subjects: &[&str]) {
        for (number, subject) in (1..).zip(subjects) {
            self.append(subject, json!(number)).await;
        }
        self.planned(webhooks).await;
    }

    async fn planned(&self, webhooks: &Webhooks) {
        while self.outbox.sequence().await.unwrap() > 0 {}
        webhooks.plan().await.unwrap();
    }
}

/// Sends all that is due now, each with what `answer` says; what was sent, as subject-like payloads.
async fn send(webhooks: &Webhooks, mut answer: impl FnMut(&Letter) -> Outcome) -> Vec<Letter> {
    let mut sent = Vec::new();
    while let Some(letter) = webhooks.claim().await.unwrap() {
        assert!(webhooks.settle(&letter, &answer(&letter)).await.unwrap());
        sent.push(letter);
    }
    sent
}

fn data(letters: &[Letter]) -> Vec<Value> {
    letters.iter().map(|letter| content(letter)["data"].clone()).collect()
}

fn content(letter: &Letter) -> Value {
    serde_json::from_str(&letter.body).unwrap()
}

/// What a receiver does with `whsec_…`, a message and its headers (Standard Webhooks, "Verifying signatures").
fn verified(secret: &settings::Secret, letter: &Letter) -> bool {
    let key = STANDARD.decode(secret.expose().strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.{}", letter.event, letter.timestamp_s, letter.body).as_bytes());
    let expected = STANDARD.encode(mac.finalize().into_bytes());
    letter.signature.split(' ').any(|signature| signature.strip_prefix("v1,") == Some(expected.as_str()))
}

async fn deliveries(bench: &Bench, webhooks: &Webhooks, id: &WebhookId) -> Vec<Delivery> {
    let page = PageRequest::new(Some(200), None);
    webhooks.deliveries(&bench.tenant, id, &page).await.unwrap().items
}

both_dbs!(an_event_becomes_one_signed_letter_for_each_address_that_wants_it, |db| async move {
    let bench = Bench::new(&db);
    let stranger = bench.stranger();
    bench.append("a", json!("before there was an address")).await;
    bench.outbox.sequence().await.unwrap();
    let webhooks = bench.webhooks().await;
    let all = bench.address(&webhooks, &[]).await;
    let other = bench.address(&webhooks, &["thing.ended"]).await;
    stranger.address(&webhooks, &[]).await;
    bench.happen(&webhooks, &["a"]).await;
    webhooks.plan().await.unwrap();

    let sent = send(&webhooks, |_| OK).await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    let expected = json!({"type": "thing.happened", "timestamp": "2026-01-01T00:00:00.000Z", "data": 1});
    assert_eq!(content(&sent[0]), expected);
    assert_eq!((&sent[0].webhook, sent[0].timestamp_s), (&all.webhook.id, testkit::START.seconds()));
    assert!(verified(&all.secret, &sent[0]) && !verified(&other.secret, &sent[0]));
    let told = deliveries(&bench, &webhooks, &all.webhook.id).await;
    assert_eq!((told.len(), told[0].state, told[0].attempts), (1, DeliveryState::Delivered, 1));
    assert_eq!((told[0].status, told[0].event.clone()), (Some(200), sent[0].event.clone()));
    assert!(webhooks.find(&bench.tenant, &all.webhook.id).await.unwrap().accepted.is_some());
});

both_dbs!(a_later_event_of_a_subject_waits_for_the_earlier_one, |db| async move {
    let bench = Bench::new(&db);
    let webhooks = bench.webhooks().await;
    bench.address(&webhooks, &[]).await;
    bench.happen(&webhooks, &["a", "a", "b", "a"]).await;
    let first =
        send(&webhooks, |letter| if content(letter)["data"] == 1 { Outcome::Answered(500) } else { OK })
            .await;
    assert_eq!(data(&first), [json!(1), json!(3)], "the other subject is not held up");
    bench.clock.advance(Duration::from_secs(3));
    assert!(webhooks.claim().await.unwrap().is_none(), "before the pause is over");
    bench.clock.advance(Duration::from_secs(4));
    let later = send(&webhooks, |_| OK).await;
    assert_eq!(data(&later), [json!(1), json!(2), json!(4)]);
    assert_eq!(later[0].event, first[0].event, "the same message");
    assert_eq!(later[0].body, first[0].body);
    assert!(later[0].timestamp_s > first[0].timestamp_s && later[0].signature != first[0].signature);
});

both_dbs!(an_address_that_takes_nothing_for_a_day_is_disabled_and_its_tenant_told, |db| async move {
    let bench = Bench::new(&db);
    let webhooks = bench.webhooks().await;
    let id = bench.address(&webhooks, &[]).await.webhook.id;
    bench.happen(&webhooks, &["a", "a"]).await;
    let mut attempts = 0;
    let disabled = loop {
        attempts += send(&webhooks, |_| Outcome::Failed("connection refused".to_owned())).await.len();
        let webhook = webhooks.find(&bench.tenant, &id).await.unwrap();
        if let Some((at, reason)) = webhook.disabled {
            assert!(reason.contains("more than a day"), "{reason}");
            break at;
        }
        assert_eq!(webhook.failing, Some(testkit::START));
        bench.clock.advance(Duration::from_secs(1).max(HOUR / 60));
    };
    assert_eq!(attempts, 11);
    assert!((HOUR * 20..HOUR * 32).contains(&disabled.since(testkit::START)));
    let all = deliveries(&bench, &webhooks, &id).await;
    assert!(all.iter().all(|delivery| delivery.state == DeliveryState::Failed), "{all:?}");
    assert_eq!(all.iter().map(|delivery| delivery.attempts).collect::<Vec<_>>(), [0, 11]);
    bench.outbox.sequence().await.unwrap();
    let told = bench.outbox.since(&bench.tenant, 0, 10).await.unwrap();
    let told: Vec<_> = told.iter().filter(|event| event.kind == WEBHOOK_DISABLED).collect();
    assert_eq!((told.len(), told[0].subject.as_str()), (1, id.as_str()));

    bench.happen(&webhooks, &["a"]).await;
    assert!(send(&webhooks, |_| OK).await.is_empty(), "nothing is sent to it");
    assert!(matches!(webhooks.ping(&bench.tenant, &id).await, Err(EventsError::Disabled)));
    let patch = WebhookPatch { enabled: Some(true), ..WebhookPatch::default() };
    let enabled = webhooks.update(&bench.tenant, &id, patch).await.unwrap();
    assert_eq!((enabled.disabled, enabled.failing), (None, None));
    bench.happen(&webhooks, &["a"]).await;
    assert_eq!(send(&webhooks, |_| OK).await.len(), 1);
});

both_dbs!(an_address_that_takes_others_keeps_going_when_one_is_given_up, |db| async move {
    let bench = Bench::new(&db);
    let webhooks = bench.webhooks().await;
    let id = bench.address(&webhooks, &[]).await.webhook.id;
    bench.happen(&webhooks, &["bad"]).await;
    let mut tries = 0;
    while tries < 11 {
        let sent =
            send(&webhooks, |letter| if content(letter)["data"] == 1 { Outcome::Answered(400) } else { OK });
        tries += data(&sent.await).iter().filter(|number| **number == 1).count();
        bench.append("good", json!(2)).await;
        bench.planned(&webhooks).await;
        bench.clock.advance(HOUR);
    }
    let webhook = webhooks.find(&bench.tenant, &id).await.unwrap();
    assert_eq!(webhook.disabled, None);
    let all = deliveries(&bench, &webhooks, &id).await;
    let failed: Vec<_> = all.iter().filter(|delivery| delivery.state == DeliveryState::Failed).collect();
    assert_eq!(
        (failed.len(), failed[0].status, failed[0].reason.as_deref()),
        (1, Some(400), Some("status 400"))
    );
});

both_dbs!(a_receiver_that_says_gone_is_left_alone, |db| async move {
    let bench = Bench::new(&db);
    let webhooks = bench.webhooks().await;
    let id = bench.address(&webhooks, &[]).await.webhook.id;
    bench.happen(&webhooks, &["a", "b"]).await;
    let mut first = true;
    let sent =
        send(&webhooks, |_| if std::mem::take(&mut first) { Outcome::Answered(410) } else { OK }).await;
    assert_eq!(sent.len(), 1);
    let (_, reason) = webhooks.find(&bench.tenant, &id).await.unwrap().disabled.unwrap();
    assert!(reason.contains("410"), "{reason}");
});

both_dbs!(a_sender_that_wakes_late_changes_nothing, |db| async move {
    let bench = Bench::new(&db);
    let webhooks = bench.webhooks().await;
    let id = bench.address(&webhooks, &[]).await.webhook.id;
    bench.happen(&webhooks, &["a"]).await;
    let other = bench.webhooks_of(&[7; 32]);
    let late = webhooks.claim().await.unwrap().expect("a letter");
    assert!(other.claim().await.unwrap().is_none(), "it is held");
    bench.clock.advance(Duration::from_secs(61));
    let again = other.claim().await.unwrap().expect("its lease is over");
    assert_eq!(again.id, late.id);
    assert!(!webhooks.settle(&late, &Outcome::Answered(500)).await.unwrap());
    assert!(other.settle(&again, &OK).await.unwrap());
    let told = deliveries(&bench, &webhooks, &id).await;
    assert_eq!((told[0].state, told[0].attempts), (DeliveryState::Delivered, 2));
});

both_dbs!(senders_side_by_side_plan_and_claim_each_delivery_once, |db| async move {
    let bench = Bench::new(&db);
    let webhooks = bench.webhooks().await;
    for _ in 0..3 {
        bench.address(&webhooks, &[]).await;
    }
    let subjects: Vec<String> = (0..8).map(|subject| subject.to_string()).collect();
    for subject in &subjects {
        bench.append(subject, json!(subject)).await;
    }
    bench.outbox.sequence().await.unwrap();
    let senders: Vec<_> = (0..4).map(|_| bench.webhooks_of(&[7; 32])).collect();
    drop(join_all(senders.iter().map(|_| db.read())).await);
    for planned in join_all(senders.iter().map(Webhooks::plan)).await {
        planned.unwrap();
    }
    let sent = join_all(senders.iter().map(|sender| send(sender, |_| OK))).await;
    let mut ids: Vec<DeliveryId> = sent.into_iter().flatten().map(|letter| letter.id).collect();
    ids.sort();
    let sent = ids.len();
    ids.dedup();
    assert_eq!((sent, ids.len()), (24, 24));
});

both_dbs!(an_address_is_not_flooded, |db| async move {
    let bench = Bench::new(&db);
    let webhooks = bench.webhooks().await;
    bench.address(&webhooks, &[]).await;
    bench.happen(&webhooks, &["a", "b", "c", "d", "e", "f"]).await;
    let mut held = Vec::new();
    while let Some(letter) = webhooks.claim().await.unwrap() {
        held.push(letter);
    }
    assert_eq!(held.len(), 4, "attempts at once");
    assert!(webhooks.settle(&held[0], &OK).await.unwrap());
    assert!(webhooks.claim().await.unwrap().is_some());
});

both_dbs!(both_secrets_sign_for_a_day_after_a_rotation, |db| async move {
    let bench = Bench::new(&db);
    let webhooks = bench.webhooks().await;
    let made = bench.address(&webhooks, &[]).await;
    let id = &made.webhook.id;
    let first = async |webhooks: &Webhooks| {
        let mut tx = bench.db.read().await.unwrap();
        webhooks.first_secret(&mut tx, &bench.tenant, id).await.unwrap()
    };
    assert_eq!(first(&webhooks).await, Some(made.secret.clone()));
    bench.clock.advance(HOUR);
    let rotated = webhooks.rotate(&bench.tenant, id).await.unwrap();
    assert_ne!(rotated.secret, made.secret);
    assert_eq!(first(&webhooks).await, None);
    bench.happen(&webhooks, &["a"]).await;
    let during = send(&webhooks, |_| OK).await.remove(0);
    assert!(verified(&made.secret, &during) && verified(&rotated.secret, &during));
    bench.clock.advance(ROTATION_OVERLAP);
    bench.happen(&webhooks, &["a"]).await;
    let after = send(&webhooks, |_| OK).await.remove(0);
    assert!(!verified(&made.secret, &after) && verified(&rotated.secret, &after));
});

both_dbs!(without_the_master_key_nothing_is_sent, |db| async move {
    let bench = Bench::new(&db);
    let webhooks = bench.webhooks().await;
    let id = bench.address(&webhooks, &[]).await.webhook.id;
    bench.happen(&webhooks, &["a"]).await;
    let other = bench.webhooks_of(&[8; 32]);
    assert!(other.claim().await.unwrap().is_none());
    let taken_over = other.rotate(&bench.tenant, &id).await.unwrap();
    assert!(webhooks.claim().await.unwrap().is_none());
    let letter = send(&other, |_| OK).await.remove(0);
    assert!(verified(&taken_over.secret, &letter) && !letter.signature.contains(' '));
});

both_dbs!(a_ping_goes_the_way_of_all_others, |db| async move {
    let bench = Bench::new(&db);
    let webhooks = bench.webhooks().await;
    let made = bench.address(&webhooks, &["thing.ended"]).await;
    let queued = webhooks.ping(&bench.tenant, &made.webhook.id).await.unwrap();
    assert_eq!((queued.kind.as_str(), queued.state), ("webhook.ping", DeliveryState::Waiting));
    let letter = send(&webhooks, |_| OK).await.remove(0);
    assert_eq!((letter.id.clone(), content(&letter)["type"].clone()), (queued.id, json!("webhook.ping")));
    assert!(verified(&made.secret, &letter));
});

both_dbs!(webhooks_are_their_tenants_own_and_bounded, |db| async move {
    let bench = Bench::new(&db);
    let stranger = bench.stranger();
    let webhooks = bench.webhooks().await;
    let id = bench.address(&webhooks, &[]).await.webhook.id;
    let page = PageRequest::new(Some(2), None);
    let missing =
        |result: Result<(), EventsError>| assert!(matches!(result, Err(EventsError::NotFound)), "{result:?}");
    missing(webhooks.find(&stranger.tenant, &id).await.map(drop));
    missing(webhooks.update(&stranger.tenant, &id, WebhookPatch::default()).await.map(drop));
    missing(webhooks.rotate(&stranger.tenant, &id).await.map(drop));
    missing(webhooks.ping(&stranger.tenant, &id).await.map(drop));
    missing(webhooks.deliveries(&stranger.tenant, &id, &page).await.map(drop));
    missing(webhooks.remove(&stranger.tenant, &id).await);
    for _ in 1..WEBHOOKS_MAX {
        bench.clock.advance(Duration::from_secs(1));
        bench.address(&webhooks, &[]).await;
    }
    let new = NewWebhook { url: "https://a.example/".into(), description: String::new(), kinds: Vec::new() };
    let mut tx = db.write().await.unwrap();
    let more = webhooks.create(&mut tx, &bench.tenant, new).await;
    assert!(matches!(more, Err(EventsError::TooMany { limit: WEBHOOKS_MAX, .. })), "{more:?}");
    drop(tx);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = webhooks.list(&bench.tenant, &PageRequest::new(Some(7), after)).await.unwrap();
        seen.extend(page.items.into_iter().map(|webhook| webhook.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), WEBHOOKS_MAX as usize);
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first");
});

both_dbs!(changes_are_kept_and_removal_takes_deliveries_along, |db| async move {
    let bench = Bench::new(&db);
    let webhooks = bench.webhooks().await;
    let id = bench.address(&webhooks, &[]).await.webhook.id;
    bench.happen(&webhooks, &["a"]).await;
    let held = webhooks.claim().await.unwrap().expect("a letter");
    let patch = WebhookPatch {
        url: Some("https://b.example/".to_owned()),
        description: Some(" editing suite ".to_owned()),
        kinds: Some(vec!["thing.ended".to_owned()]),
        enabled: Some(false),
    };
    let changed = webhooks.update(&bench.tenant, &id, patch).await.unwrap();
    assert_eq!((changed.url.as_str(), changed.description.as_str()), ("https://b.example/", "editing suite"));
    assert_eq!(
        (changed.kinds.clone(), changed.disabled.clone().map(|(_, why)| why)),
        (vec!["thing.ended".to_owned()], Some("switched off".to_owned()))
    );
    assert_eq!(webhooks.find(&bench.tenant, &id).await.unwrap(), changed);
    assert!(!webhooks.settle(&held, &OK).await.unwrap(), "switching off gave it up");
    webhooks.remove(&bench.tenant, &id).await.unwrap();
    assert!(matches!(webhooks.find(&bench.tenant, &id).await, Err(EventsError::NotFound)));
});

both_dbs!(finished_deliveries_are_forgotten_and_waiting_ones_bounded, |db| async move {
    let bench = Bench::new(&db);
    let webhooks = bench.webhooks().await;
    let id = bench.address(&webhooks, &[]).await.webhook.id;
    bench.happen(&webhooks, &["a", "b"]).await;
    send(&webhooks, |letter| if content(letter)["data"] == 1 { OK } else { Outcome::Answered(500) }).await;
    bench.clock.advance(DELIVERIES_KEPT);
    assert_eq!((webhooks.sweep().await.unwrap(), deliveries(&bench, &webhooks, &id).await.len()), (1, 2));
    bench.clock.advance(HOUR);
    assert_eq!(webhooks.sweep().await.unwrap(), 1);
    assert_eq!(deliveries(&bench, &webhooks, &id).await.len(), 1, "what waits is kept");

    let webhooks = webhooks.with_room(5);
    for number in 0..10 {
        bench.append(&number.to_string(), json!(0)).await;
    }
    bench.planned(&webhooks).await;
    assert_eq!(webhooks.sweep().await.unwrap(), 5);
    assert!(matches!(webhooks.ping(&bench.tenant, &id).await, Err(EventsError::TooMany { .. })));
});
