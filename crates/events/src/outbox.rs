//! The outbox's service.

use std::sync::Arc;

use base::{Ambient, TenantId, Timestamp};
use db::{Db, Tx};
use serde_json::Value;
use tokio::sync::{Notify, futures::Notified};

use crate::{Event, EventsError, store};

/// The largest payload, as JSON text.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

const BATCH_ROWS_MAX: u32 = 256;
const SWEEP_ROWS_MAX: u32 = 1000;

/// The outbox of a database; clones share its wake-up.
#[derive(Clone, Debug)]
pub struct Outbox {
    db: Db,
    ambient: Ambient,
    wake: Arc<Notify>,
}

impl Outbox {
    /// The outbox kept in `db`.
    #[must_use]
    pub fn new(db: Db, ambient: Ambient) -> Self {
        Self { db, ambient, wake: Arc::new(Notify::new()) }
    }

    /// Adds an event that becomes real when `tx` commits, and wakes this process's pump then. `kind` is
    /// `thing.happened`; `subject` is whose events keep their order, such as an asset's identifier.
    ///
    /// # Errors
    /// [`EventsError::PayloadTooLarge`]; [`EventsError::Db`].
    pub async fn append(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        kind: &str,
        subject: &str,
        payload: Value,
    ) -> Result<(), EventsError> {
        let bytes = payload.to_string().len();
        if bytes > PAYLOAD_BYTES_MAX {
            return Err(EventsError::PayloadTooLarge(bytes));
        }
        store::insert(tx, &self.event(tenant, kind, subject, payload)).await?;
        tx.wake_after_commit(&self.wake);
        Ok(())
    }

    /// A tenant's events after `seq`, oldest first, at most `limit` of them.
    ///
    /// # Errors
    /// [`EventsError::Db`].
    pub async fn since(&self, tenant: &TenantId, seq: i64, limit: u32) -> Result<Vec<Event>, EventsError> {
        Ok(store::since(&mut self.db.read().await?, tenant, seq, limit).await?)
    }

    /// The last sequence number given.
    ///
    /// # Errors
    /// [`EventsError::Db`].
    pub async fn head(&self) -> Result<i64, EventsError> {
        Ok(store::head(&mut self.db.read().await?).await?)
    }

    /// Whether every event after `seq` is still there, and `seq` was given.
    pub(crate) async fn reaches_back_to(&self, seq: i64) -> Result<bool, EventsError> {
        let mut tx = self.db.read().await?;
        let head = store::head(&mut tx).await?;
        let oldest = store::oldest(&mut tx).await?.unwrap_or(head.saturating_add(1));
        Ok(seq <= head && oldest <= seq.saturating_add(1))
    }

    /// Numbers what was committed since the last time; how many events are left unnumbered.
    pub(crate) async fn sequence(&self) -> Result<i64, EventsError> {
        // A look that takes no lock: idle pumps leave SQLite's only writer alone.
        let waiting = store::unnumbered(&mut self.db.read().await?).await?;
        metrics::gauge!("nexus_events_unnumbered").set(u32::try_from(waiting).unwrap_or(u32::MAX));
        if waiting == 0 {
            return Ok(0);
        }
        let mut tx = self.db.write().await?;
        let numbered = store::sequence(&mut tx, BATCH_ROWS_MAX).await?;
        tx.commit().await?;
        Ok(waiting.saturating_sub_unsigned(numbered).max(0))
    }

    pub(crate) async fn after(&self, seq: i64) -> Result<Vec<Event>, EventsError> {
        Ok(store::after(&mut self.db.read().await?, seq, BATCH_ROWS_MAX).await?)
    }

    /// Forgets up to 1000 numbered events from before `before`; how many.
    pub(crate) async fn sweep(&self, before: Timestamp) -> Result<u64, EventsError> {
        let mut tx = self.db.write().await?;
        let swept = store::sweep(&mut tx, before, SWEEP_ROWS_MAX).await?;
        tx.commit().await?;
        Ok(swept)
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) fn notified(&self) -> Notified<'_> {
        self.wake.notified()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ambient.now()
    }

    /// An event of this moment, without a place in the sequence.
    pub(crate) fn event(&self, tenant: &TenantId, kind: &str, subject: &str, payload: Value) -> Event {
        Event {
            id: self.ambient.id(),
            seq: None,
            tenant: tenant.clone(),
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            payload,
            at: self.ambient.now(),
        }
    }
}
