//! The in-process bus.

use std::sync::Arc;

use base::{EventId, TenantId, Timestamp};
use serde_json::Value;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{EventsError, Outbox, SubscriptionError};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The same however often the event is delivered.
    pub id: EventId,
    /// Its place among all events of the database; `None` for a volatile event.
    pub seq: Option<i64>,
    /// To whom it happened; nobody else hears of it.
    pub tenant: TenantId,
    /// What happened, as `thing.happened`.
    pub kind: String,
    /// What it happened to, such as an asset's identifier.
    pub subject: String,
    /// The kind's own facts.
    pub payload: Value,
    /// When.
    pub at: Timestamp,
}

/// Delivers events within the process; clones share the subscribers.
#[derive(Clone, Debug)]
pub struct Bus {
    outbox: Outbox,
    sender: broadcast::Sender<Arc<Event>>,
    start: i64,
}

impl Bus {
    /// A bus that delivers every event committed from now on, to subscribers that may each fall `capacity`
    /// events behind before they lose the oldest.
    ///
    /// # Errors
    /// [`EventsError::Db`].
    pub async fn open(outbox: Outbox, capacity: usize) -> Result<Self, EventsError> {
        let start = outbox.head().await?;
        Ok(Self { outbox, sender: broadcast::Sender::new(capacity.max(1)), start })
    }

    /// The events of a tenant from now on.
    #[must_use]
    pub fn subscribe(&self, tenant: &TenantId) -> Subscription {
        Subscription { tenant: Some(tenant.clone()), receiver: self.sender.subscribe() }
    }

    /// The events of all tenants from now on, for this process's own work.
    #[must_use]
    pub fn subscribe_all(&self) -> Subscription {
        Subscription { tenant: None, receiver: self.sender.subscribe() }
    }

    /// A tenant's events after `seq`, oldest first; `None` when they cannot all be told: more than `limit`, swept
    /// by now, or `seq` is beyond the last one there is.
    ///
    /// # Errors
    /// [`EventsError::Db`].
    pub async fn missed(
        &self,
        tenant: &TenantId,
        seq: i64,
        limit: u32,
    ) -> Result<Option<Vec<Event>>, EventsError> {
        if !self.outbox.reaches_back_to(seq).await? {
            return Ok(None);
        }
        let events = self.outbox.since(tenant, seq, limit.saturating_add(1)).await?;
        Ok(Some(events).filter(|events| events.len() <= limit as usize))
    }

    /// Tells present subscribers of something that is worth no row, such as progress.
    pub fn volatile(&self, tenant: &TenantId, kind: &str, subject: &str, payload: Value) {
        self.send(self.outbox.event(tenant, kind, subject, payload));
    }

    pub(crate) fn send(&self, event: Event) {
        // An error says that nobody listens, which is fine.
        let _ = self.sender.send(Arc::new(event));
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The sequence number the bus was opened at.
    pub(crate) fn start(&self) -> i64 {
        self.start
    }
}

/// Events as they happen: one tenant's, or everybody's.
#[derive(Debug)]
pub struct Subscription {
    tenant: Option<TenantId>,
    receiver: broadcast::Receiver<Arc<Event>>,
}

impl Subscription {
    /// The next event. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// [`SubscriptionError`]; after `Lagged` the subscription goes on.
    pub async fn next(&mut self) -> Result<Arc<Event>, SubscriptionError> {
        loop {
            match self.receiver.recv().await {
                Ok(event) if self.tenant.as_ref().is_none_or(|own| *own == event.tenant) => return Ok(event),
                Ok(_) => {}
                Err(RecvError::Lagged(dropped)) => {
                    metrics::counter!("nexus_events_lagged_total").increment(dropped);
                    return Err(SubscriptionError::Lagged(dropped));
                }
                Err(RecvError::Closed) => return Err(SubscriptionError::Closed),
            }
        }
    }
}
