//! Channels, their stream keys and their broadcasts: who may send, what is being sent, and who holds it.
//!
//! Owns the tables `channel`, `broadcast`, what is kept of broadcasts (`record.rs`) and `live_limit`, and announces what becomes of them ([`events`]).
//!
//! Three callers, three groups of functions:
//! - requests pass the [`Principal`] they act for, and see only its tenant's rows (`channels.rs`, `limits.rs`);
//! - viewers have no tenant: [`Live::channel_public`] answers for any channel and leaves it to the caller to ask who
//!   may watch;
//! - whoever takes publishers has them shown to [`Live::authenticate`] or [`Live::srt`], begins or takes over the
//!   channel's broadcast ([`Live::begin`]) and writes under its [`Lease`] from then on (`broadcasts.rs`).
//!
//! One broadcast of a channel is open at a time, and one process holds it. The lease is renewed every
//! [`RENEW_EVERY`]; a process that could not renew it for [`LEASE`] stops sending before anybody else may begin.
//!
//! Never opens a socket, never touches media, never writes a playlist, never sees HTTP; does not ask the admission
//! address itself.

mod broadcasts;
mod channels;
mod error;
pub mod events;
mod keys;
mod leases;
mod limits;
mod model;
mod record;
mod recording;
mod store;
mod upkeep;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::events::Outbox;
use base::{Ambient, ChannelId, Principal, Role};
use db::{Db, Tx};

pub use base::Visibility;
pub use broadcasts::{Begun, LEASE, Lease, RENEW_EVERY};
pub use error::{LiveError, Result};
pub use keys::Admission;
pub use limits::{Limits, OwnLimits, Used};
pub use model::{
    Broadcast, Channel, ChannelPatch, Choices, DETAIL_CHARS_MAX, DVR_SECONDS_DEFAULT, DVR_SECONDS_MAX, Dvr,
    ENCODER_CHARS_MAX, End, EndReason, IllegalStep, Ladder, MasterKey, NAME_CHARS_MAX, Protocol, Publisher,
    RUNG_HEIGHT_MAX, RUNG_HEIGHT_MIN, RUNGS_MAX, Revealed, State, Step,
};
pub use record::{REWOUND_AFTERWARDS, Recorded};
pub use recording::{RECORDED_AFTERWARDS, ToRecord};
pub use upkeep::{BROADCASTS_KEPT, FRUITLESS_KEPT, GRACE};

use leases::Sightings;
use store::channel::StoredChannel;

/// The service. Clones share what this process has seen of others' leases.
#[derive(Clone, Debug)]
pub struct Live {
    db: Db,
    outbox: Outbox,
    ambient: Ambient,
    master: MasterKey,
    plain: bool,
    limits: Limits,
    sightings: Arc<Mutex<Sightings>>,
}

impl Live {
    /// A service over a migrated database. `master` is what SRT passphrases are derived from; `plain` also takes
    /// admission addresses without TLS.
    #[must_use]
    pub fn new(db: Db, outbox: Outbox, ambient: Ambient, master: MasterKey, plain: bool) -> Self {
        Self { db, outbox, ambient, master, plain, limits: Limits::NONE, sightings: Arc::default() }
    }

    fn sightings(&self) -> MutexGuard<'_, Sightings> {
        // What is remembered is whole after every step; a panic elsewhere does not spoil it.
        self.sightings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds a channel of the principal's tenant.
    async fn hold_own(&self, tx: &mut Tx, principal: &Principal, id: &ChannelId) -> Result<StoredChannel> {
        let held = store::channel::lock(tx, id).await?;
        held.filter(|held| held.channel.tenant == principal.tenant).ok_or(LiveError::NotFound)
    }
}

fn needs(principal: &Principal, role: Role) -> Result<()> {
    if principal.may(role) { Ok(()) } else { Err(LiveError::Forbidden { needs: role }) }
}
