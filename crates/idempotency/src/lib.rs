//! Answers kept under the `Idempotency-Key` of the request that created something
//! (draft-ietf-httpapi-idempotency-key-header-07), so that a client that heard no answer may ask again.
//!
//! A key is claimed and its answer kept in the transaction that creates the thing: both exist, or neither. A
//! request that failed leaves its key free.
//!
//! While a request with a key is being handled, another one with it in the same process is refused
//! ([`IdempotencyError::InFlight`]); one in another process waits for the first and then gets its answer.
//!
//! Absent on purpose: HTTP, and what is created.

mod error;
mod store;

#[cfg(test)]
mod tests;

use std::{
    collections::HashSet,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base::{Ambient, TenantId};
use db::{Db, Tx};
use sha2::{Digest as _, Sha256};

pub use error::IdempotencyError;

/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 255;
/// How long an answer is kept.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Answers kept for one tenant.
pub const ROWS_MAX: u32 = 10_000;

const SWEEP_ROWS_MAX: u32 = 1_000;

/// The answer a request got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its JSON body, without what must not be stored.
    pub body: String,
}

type Held = (TenantId, String);

/// The service. Clones share what is being handled.
#[derive(Clone, Debug)]
pub struct Idempotency {
    db: Db,
    ambient: Ambient,
    held: Arc<Mutex<HashSet<Held>>>,
}

/// A key whose request is being handled in this process; dropping it lets the next one in.
#[derive(Debug)]
pub struct Turn {
    held: Arc<Mutex<HashSet<Held>>>,
    key: Held,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// What tells a request from another: its method, path and body.
#[must_use]
pub fn fingerprint(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Idempotency {
    /// A service over a migrated database.
    #[must_use]
    pub fn new(db: Db, ambient: Ambient) -> Self {
        Self { db, ambient, held: Arc::default() }
    }

    /// Begins the transaction in which something is created and its answer kept.
    ///
    /// # Errors
    /// [`IdempotencyError::Db`].
    pub async fn transaction(&self) -> Result<Tx, IdempotencyError> {
        Ok(self.db.write().await?)
    }

    /// Begins the turn of a tenant's key.
    ///
    /// # Errors
    /// [`IdempotencyError::Key`] unless the key is 1 to [`KEY_BYTES_MAX`] bytes of visible ASCII;
    /// [`IdempotencyError::InFlight`].
    pub fn enter(&self, tenant: &TenantId, key: &str) -> Result<Turn, IdempotencyError> {
        let fits =
            (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits {
            return Err(IdempotencyError::Key);
        }
        let key = (tenant.clone(), key.to_owned());
        if !self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone()) {
            return Err(IdempotencyError::InFlight);
        }
        Ok(Turn { held: Arc::clone(&self.held), key })
    }

    /// The answer kept under the key, or none: then it is claimed, and [`Idempotency::keep`] is to follow in
    /// the same transaction.
    ///
    /// # Errors
    /// [`IdempotencyError::Reused`] when the key came with another request; [`IdempotencyError::Full`];
    /// [`IdempotencyError::Db`].
    pub async fn claim(
        &self,
        tx: &mut Tx,
        turn: &Turn,
        fingerprint: &str,
    ) -> Result<Option<Answer>, IdempotencyError> {
        let (now, (tenant, key)) = (self.ambient.now(), &turn.key);
        store::forget_expired(tx, tenant, key, now).await?;
        if store::claim(tx, tenant, key, fingerprint, now + KEPT).await? {
            return Ok(None);
        }
        let kept = store::find(tx, tenant, key).await?.ok_or(IdempotencyError::Full)?;
        if kept.fingerprint != fingerprint {
            return Err(IdempotencyError::Reused);
        }
        Ok(Some(kept.answer))
    }

    /// Keeps the answer under the claimed key.
    ///
    /// # Errors
    /// [`IdempotencyError::Db`].
    pub async fn keep(&self, tx: &mut Tx, turn: &Turn, answer: &Answer) -> Result<(), IdempotencyError> {
        let (tenant, key) = &turn.key;
        Ok(store::keep(tx, tenant, key, answer).await?)
    }

    /// Forgets answers whose time is over; how many.
    ///
    /// # Errors
    /// [`IdempotencyError::Db`].
    pub async fn sweep(&self) -> Result<u64, IdempotencyError> {
        let mut swept = 0;
        loop {
            let mut tx = self.db.write().await?;
            let rows = store::sweep(&mut tx, self.ambient.now(), SWEEP_ROWS_MAX).await?;
            tx.commit().await?;
            swept += rows;
            if rows < u64::from(SWEEP_ROWS_MAX) {
                return Ok(swept);
            }
        }
    }
}
