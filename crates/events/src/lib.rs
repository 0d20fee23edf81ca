//! Outbox table, in-process bus and webhooks, at least once.
//!
//! An event is appended in the transaction that makes it true, so it exists exactly when that transaction
//! does. [`pump`] gives committed events their place in one sequence and broadcasts them to this process's
//! subscribers in that order; every process that runs a pump on the database broadcasts every event.
//!
//! Order: events of one subject keep the order of the transactions that wrote them; across subjects the
//! order follows the writers' clocks.
//!
//! At least once: a subscriber that remembers the last [`Event::seq`] it dealt with and, after a restart, a
//! lost connection or [`SubscriptionError::Lagged`], reads [`Outbox::since`] before it goes on, misses
//! nothing within the retention; it may meet the last events twice.
//!
//! *Volatile* events (progress) skip the table: they reach who listens now in this process, or nobody.
//!
//! *Webhooks* carry events to addresses of a tenant's choice; see [`webhooks`].
//!
//! Absent on purpose: the meaning of any kind, HTTP (webhooks are sent by a [`webhooks::Courier`]), and reactions
//! to events (`origin` wires those).

mod bus;
mod cursor;
mod error;
mod outbox;
mod pump;
mod store;
pub mod webhooks;

#[cfg(test)]
mod tests;

pub use bus::{Bus, Event, Subscription};
pub use cursor::Cursor;
pub use error::{EventsError, SubscriptionError};
pub use outbox::{Outbox, PAYLOAD_BYTES_MAX};
pub use pump::{PumpOptions, pump};
