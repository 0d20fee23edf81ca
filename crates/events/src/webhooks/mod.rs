//! Webhooks: a tenant's events, posted to addresses of its choice, signed as Standard Webhooks 1.0.0 says.
//!
//! Each numbered event of an offered kind becomes one delivery per address of its tenant (`Webhooks::plan`,
//! behind a cursor that survives restarts). A delivery is attempted under a lease until it is taken or eleven
//! attempts in about 26 hours have failed. At least once: a receiver may get a message twice and knows it by
//! `webhook-id`. In order: a later event of a subject waits until the earlier one is taken or given up.
//!
//! An address that took nothing from a delivery's first attempt to its last is disabled, as is one that answers
//! 410; `webhook.disabled` tells the tenant. What waited for it is given up.
//!
//! Sending itself is not done here but by a [`Courier`].

mod model;
mod post;
mod sign;
pub(crate) mod store;

use std::{fmt::Write as _, sync::Arc, time::Duration};

use base::{Ambient, DeliveryId, Page, PageRequest, TenantId, Timestamp, WebhookId};
use db::{Db, Tx};
use serde_json::json;
use tokio::sync::Notify;

pub use model::{
    DELIVERIES_KEPT, DESCRIPTION_CHARS_MAX, Delivery, DeliveryState, Letter, NewWebhook, Outcome,
    ROTATION_OVERLAP, Revealed, URL_BYTES_MAX, WAITING_MAX, WEBHOOKS_MAX, Webhook, WebhookPatch, check_url,
};
pub use post::{Courier, PostOptions, post};
pub use sign::MasterKey;

use crate::{Cursor, Event, EventsError, Outbox, store as outbox};
use model::{Verdict, check_description, check_kinds};
use store::{End, StoredWebhook};

/// An address was disabled because it takes nothing; also what its tenant is told. Payload: `webhook`, `url`,
/// `reason`.
pub const WEBHOOK_DISABLED: &str = "webhook.disabled";
/// What a test message says it is.
pub const WEBHOOK_PING: &str = "webhook.ping";

/// The cursor of [`Webhooks::plan`].
const CURSOR: &str = "webhooks";
/// Events looked at in one transaction.
const PLAN_ROWS_MAX: u32 = 256;
/// How long an attempt is its holder's; the longest attempt is shorter.
const LEASE: Duration = Duration::from_secs(60);
/// Deliveries forgotten in one transaction.
const SWEEP_ROWS_MAX: u32 = 1_000;
/// Sorts after every identifier.
const BEFORE_ALL: &str = "~";
const SWITCHED_OFF: &str = "switched off";
const SAID_GONE: &str = "its server answered 410: nothing more is wanted";
const TOOK_NOTHING: &str = "it took nothing for more than a day";

/// The service. Clones share the wake-up of who sends.
#[derive(Clone, Debug)]
pub struct Webhooks {
    db: Db,
    ambient: Ambient,
    outbox: Outbox,
    master: MasterKey,
    offered: &'static [&'static str],
    plain: bool,
    waiting_max: u32,
    wake: Arc<Notify>,
}

impl Webhooks {
    /// A service over a migrated database. `offered` are the kinds of events that may be asked for; `plain`
    /// also takes addresses without TLS.
    #[must_use]
    pub fn new(
        db: Db,
        ambient: Ambient,
        outbox: Outbox,
        master: MasterKey,
        offered: &'static [&'static str],
        plain: bool,
    ) -> Self {
        let wake = Arc::new(Notify::new());
        Self { db, ambient, outbox, master, offered, plain, waiting_max: WAITING_MAX, wake }
    }

    /// The same with room for fewer waiting deliveries, for tests of the bound.
    #[cfg(test)]
    pub(crate) fn with_room(self, waiting_max: u32) -> Self {
        Self { waiting_max, ..self }
    }

    /// Adds an address in the caller's transaction.
    ///
    /// # Errors
    /// [`EventsError::Invalid`] for an address, description or kind that is not taken;
    /// [`EventsError::TooMany`] beyond [`WEBHOOKS_MAX`]; [`EventsError::Db`].
    pub async fn create(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        new: NewWebhook,
    ) -> Result<Revealed, EventsError> {
        let now = self.ambient.now();
        let webhook = Webhook {
            id: self.ambient.id(),
            tenant: tenant.clone(),
            url: check_url(&new.url, self.plain)?,
            description: check_description(&new.description)?,
            kinds: check_kinds(&new.kinds, self.offered)?,
            created: now,
            updated: now,
            accepted: None,
            failing: None,
            disabled: None,
        };
        if store::count(tx, tenant).await? >= i64::from(WEBHOOKS_MAX) {
            return Err(EventsError::TooMany { what: "webhooks", limit: WEBHOOKS_MAX });
        }
        let nonce = self.ambient.bytes::<{ sign::NONCE_BYTES }>();
        store::add(tx, &webhook, self.master.id(), &nonce).await?;
        let secret = self.master.derive(&webhook.id, &nonce).text();
        Ok(Revealed { webhook, secret })
    }

    /// A tenant's webhook.
    ///
    /// # Errors
    /// [`EventsError::NotFound`]; [`EventsError::Db`].
    pub async fn find(&self, tenant: &TenantId, id: &WebhookId) -> Result<Webhook, EventsError> {
        let found = store::find(&mut self.db.read().await?, id).await?;
        own(found, tenant).map(|stored| stored.webhook)
    }

    /// A tenant's webhooks, newest first. The cursor is the identifier of the last one seen.
    ///
    /// # Errors
    /// [`EventsError::Db`].
    pub async fn list(&self, tenant: &TenantId, page: &PageRequest) -> Result<Page<Webhook>, EventsError> {
        let before = page.after.as_deref().unwrap_or(BEFORE_ALL);
        let mut tx = self.db.read().await?;
        let items = store::list(&mut tx, tenant, before, page.limit.saturating_add(1)).await?;
        Ok(Page::cut(items, page.limit, |webhook| webhook.id.to_string()))
    }

    /// Changes an address; what it is then. Switching it off gives up what waits for it.
    ///
    /// # Errors
    /// As for [`Webhooks::create`] and [`Webhooks::find`].
    pub async fn update(
        &self,
        tenant: &TenantId,
        id: &WebhookId,
        patch: WebhookPatch,
    ) -> Result<Webhook, EventsError> {
        let mut tx = self.db.write().await?;
        let mut webhook = own(store::lock(&mut tx, id).await?, tenant)?.webhook;
        if let Some(url) = patch.url {
            webhook.url = check_url(&url, self.plain)?;
        }
        if let Some(description) = patch.description {
            webhook.description = check_description(&description)?;
        }
        if let Some(kinds) = patch.kinds {
            webhook.kinds = check_kinds(&kinds, self.offered)?;
        }
        webhook.updated = self.ambient.now();
        store::change(&mut tx, &webhook).await?;
        match (patch.enabled, webhook.disabled.is_some()) {
            (Some(true), true) => store::enable(&mut tx, id).await?,
            (Some(false), false) => store::disable(&mut tx, id, SWITCHED_OFF, webhook.updated).await?,
            _ => {}
        }
        let changed = own(store::find(&mut tx, id).await?, tenant)?.webhook;
        tx.commit().await?;
        Ok(changed)
    }

    /// Removes an address and what waits for it.
    ///
    /// # Errors
    /// [`EventsError::NotFound`]; [`EventsError::Db`].
    pub async fn remove(&self, tenant: &TenantId, id: &WebhookId) -> Result<(), EventsError> {
        let mut tx = self.db.write().await?;
        own(store::lock(&mut tx, id).await?, tenant)?;
        store::remove(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }

    /// Gives an address another secret. The one before signs too for [`ROTATION_OVERLAP`].
    ///
    /// # Errors
    /// [`EventsError::NotFound`]; [`EventsError::Db`].
    pub async fn rotate(&self, tenant: &TenantId, id: &WebhookId) -> Result<Revealed, EventsError> {
        let (now, nonce) = (self.ambient.now(), self.ambient.bytes::<{ sign::NONCE_BYTES }>());
        let mut tx = self.db.write().await?;
        own(store::lock(&mut tx, id).await?, tenant)?;
        store::rotate(&mut tx, id, self.master.id(), &nonce, now + ROTATION_OVERLAP, now).await?;
        let webhook = own(store::find(&mut tx, id).await?, tenant)?.webhook;
        tx.commit().await?;
        Ok(Revealed { webhook, secret: self.master.derive(id, &nonce).text() })
    }

    /// The secret an address was made with, for a repeated answer to its making; `None` once it was changed.
    ///
    /// # Errors
    /// [`EventsError::Db`].
    pub async fn first_secret(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        id: &WebhookId,
    ) -> Result<Option<settings::Secret>, EventsError> {
        let stored = store::find(tx, id).await?.filter(|stored| stored.webhook.tenant == *tenant);
        let untouched = |stored: &StoredWebhook| stored.webhook.updated == stored.webhook.created;
        let unrotated = stored.filter(|stored| untouched(stored) && stored.nonces.old.is_none());
        Ok(unrotated.map(|stored| self.master.derive(id, &stored.nonces.nonce).text()))
    }

    /// Queues a test message to an address, which goes the way of all others.
    ///
    /// # Errors
    /// [`EventsError::NotFound`]; [`EventsError::Disabled`]; [`EventsError::Db`].
    pub async fn ping(&self, tenant: &TenantId, id: &WebhookId) -> Result<Delivery, EventsError> {
        let mut tx = self.db.write().await?;
        let webhook = own(store::lock(&mut tx, id).await?, tenant)?.webhook;
        if webhook.disabled.is_some() {
            return Err(EventsError::Disabled);
        }
        let event = self.outbox.event(tenant, WEBHOOK_PING, id.as_str(), json!({"webhook": id}));
        let event = Event { seq: Some(event.at.micros()), ..event };
        let delivery: DeliveryId = self.ambient.id();
        if !store::enqueue(&mut tx, &delivery, id, &event, self.waiting_max, event.at).await? {
            return Err(EventsError::TooMany { what: "waiting deliveries", limit: WAITING_MAX });
        }
        let queued = store::delivery(&mut tx, &delivery).await?.ok_or(EventsError::NotFound)?;
        tx.wake_after_commit(&self.wake);
        tx.commit().await?;
        Ok(queued)
    }

    /// Deliveries to an address, newest first; finished ones for [`DELIVERIES_KEPT`]. The cursor is the
    /// identifier of the last one seen.
    ///
    /// # Errors
    /// [`EventsError::NotFound`]; [`EventsError::Db`].
    pub async fn deliveries(
        &self,
        tenant: &TenantId,
        id: &WebhookId,
        page: &PageRequest,
    ) -> Result<Page<Delivery>, EventsError> {
        let mut tx = self.db.read().await?;
        own(store::find(&mut tx, id).await?, tenant)?;
        let before = page.after.as_deref().unwrap_or(BEFORE_ALL);
        let items = store::deliveries(&mut tx, id, before, page.limit.saturating_add(1)).await?;
        Ok(Page::cut(items, page.limit, |delivery| delivery.id.to_string()))
    }

    /// Makes deliveries of the events numbered since the last time. The first call ever begins with the events
    /// that come after it.
    pub(crate) async fn plan(&self) -> Result<(), EventsError> {
        let cursor = Cursor::open(&self.outbox, CURSOR).await?;
        while !cursor.next().await?.is_empty() {
            self.plan_some().await?;
        }
        Ok(())
    }

    /// One batch, under the cursor's lock, so that its deliveries and its move are one step.
    async fn plan_some(&self) -> Result<(), EventsError> {
        let mut tx = self.db.write().await?;
        let seen = outbox::lock_cursor(&mut tx, CURSOR).await?;
        let batch = outbox::after(&mut tx, seen, PLAN_ROWS_MAX).await?;
        for event in batch.iter().filter(|event| self.offered.contains(&event.kind.as_str())) {
            self.plan_event(&mut tx, event).await?;
        }
        if let Some(last) = batch.last().and_then(|event| event.seq) {
            outbox::move_cursor(&mut tx, CURSOR, last).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn plan_event(&self, tx: &mut Tx, event: &Event) -> Result<(), EventsError> {
        let now = self.ambient.now();
        for webhook in store::list(tx, &event.tenant, BEFORE_ALL, WEBHOOKS_MAX).await? {
            if webhook.disabled.is_some() || !webhook.kinds.contains(&event.kind) {
                continue;
            }
            let id: DeliveryId = self.ambient.id();
            if !store::enqueue(tx, &id, &webhook.id, event, self.waiting_max, now).await? {
                metrics::counter!("nexus_webhooks_dropped_total").increment(1);
                tracing::warn!(webhook = %webhook.id, event = %event.id, "an event was dropped for a webhook: too many wait");
            }
        }
        Ok(())
    }

    /// Takes a due delivery for [`LEASE`], signed for this moment.
    pub(crate) async fn claim(&self) -> Result<Option<Letter>, EventsError> {
        let now = self.ambient.now();
        let key_id = self.master.id();
        // A look that takes no lock: idle senders leave SQLite's only writer alone.
        if !store::is_due(&mut self.db.read().await?, key_id, now).await? {
            return Ok(None);
        }
        let token = self.token();
        let mut tx = self.db.write().await?;
        let Some(claimed) = store::claim(&mut tx, key_id, &token, now + LEASE, now).await? else {
            return Ok(None);
        };
        let stored = store::find(&mut tx, &claimed.webhook).await?.ok_or(EventsError::NotFound)?;
        tx.commit().await?;
        let signature = self.signature(&stored, claimed.event.as_str(), now, &claimed.body);
        Ok(Some(Letter {
            id: claimed.id,
            webhook: claimed.webhook,
            url: stored.webhook.url,
            event: claimed.event,
            timestamp_s: now.seconds(),
            signature,
            body: claimed.body,
            attempts: claimed.attempts,
            first: claimed.first,
            token,
        }))
    }

    fn signature(&self, stored: &StoredWebhook, id: &str, now: Timestamp, body: &str) -> String {
        let nonces = &stored.nonces;
        let old = nonces.old.as_ref().filter(|(_, until)| now < *until).map(|(nonce, _)| nonce);
        let signatures = [Some(&nonces.nonce), old]
            .into_iter()
            .flatten()
            .map(|nonce| self.master.derive(&stored.webhook.id, nonce).sign(id, now, body));
        signatures.collect::<Vec<_>>().join(" ")
    }

    /// Writes down how an attempt ended; `false` when its lease was over and somebody else has the delivery.
    pub(crate) async fn settle(&self, letter: &Letter, outcome: &Outcome) -> Result<bool, EventsError> {
        let now = self.ambient.now();
        let verdict = outcome.verdict(letter.attempts, self.ambient.bytes::<1>()[0]);
        let mut tx = self.db.write().await?;
        let Some(stored) = store::lock(&mut tx, &letter.webhook).await? else { return Ok(false) };
        let reason = (verdict != Verdict::Delivered).then(|| outcome.reason());
        let (state, due) = match verdict {
            Verdict::Delivered => (DeliveryState::Delivered, now),
            Verdict::Retry(pause) => (DeliveryState::Waiting, now + pause),
            Verdict::GiveUp | Verdict::Gone => (DeliveryState::Failed, now),
        };
        let end = End { state, due, status: outcome.status(), reason: reason.as_deref() };
        if !store::settle(&mut tx, &letter.id, &letter.token, end, now).await? {
            return Ok(false);
        }
        self.judge(&mut tx, &stored.webhook, letter, verdict).await?;
        tx.wake_after_commit(&self.wake);
        tx.commit().await?;
        Ok(true)
    }

    /// What an attempt says about its address.
    async fn judge(
        &self,
        tx: &mut Tx,
        webhook: &Webhook,
        letter: &Letter,
        verdict: Verdict,
    ) -> Result<(), EventsError> {
        let (id, now) = (&webhook.id, self.ambient.now());
        if verdict == Verdict::Delivered {
            return Ok(store::accepted(tx, id, now).await?);
        }
        store::failing(tx, id, now).await?;
        let took_nothing = webhook.accepted.is_none_or(|accepted| accepted < letter.first);
        match verdict {
            Verdict::Gone => self.disable(tx, webhook, SAID_GONE).await,
            Verdict::GiveUp if took_nothing => self.disable(tx, webhook, TOOK_NOTHING).await,
            _ => Ok(()),
        }
    }

    async fn disable(&self, tx: &mut Tx, webhook: &Webhook, reason: &str) -> Result<(), EventsError> {
        if webhook.disabled.is_some() {
            return Ok(());
        }
        let Webhook { id, tenant, url, .. } = webhook;
        store::disable(tx, id, reason, self.ambient.now()).await?;
        tracing::warn!(webhook = %id, %tenant, "a webhook was disabled: {reason}");
        let payload = json!({"webhook": id, "url": url, "reason": reason});
        self.outbox.append(tx, tenant, WEBHOOK_DISABLED, id.as_str(), payload).await
    }

    /// Forgets deliveries that ended more than [`DELIVERIES_KEPT`] ago; how many wait.
    pub(crate) async fn sweep(&self) -> Result<i64, EventsError> {
        let before = self.ambient.now() - DELIVERIES_KEPT;
        loop {
            let mut tx = self.db.write().await?;
            let swept = store::sweep(&mut tx, before, SWEEP_ROWS_MAX).await?;
            tx.commit().await?;
            if swept < u64::from(SWEEP_ROWS_MAX) {
                return Ok(store::waiting(&mut self.db.read().await?).await?);
            }
        }
    }

    fn token(&self) -> String {
        self.ambient.bytes::<16>().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

fn own(found: Option<StoredWebhook>, tenant: &TenantId) -> Result<StoredWebhook, EventsError> {
    found.filter(|stored| stored.webhook.tenant == *tenant).ok_or(EventsError::NotFound)
}
