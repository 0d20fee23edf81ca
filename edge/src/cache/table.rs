//! Stored answers and running fills under one lock, so that a request finds the one or the other and never
//! starts a second fill.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use base::Timestamp;
use bytes::Bytes;
use http::Response;
use metrics::{Counter, Gauge};

use super::{
    fills::{Fills, FillsMax, Joined},
    flow::{Flow, Settled, Turn},
    freshness::Usable,
    key::Key,
    store::{Store, Stored},
};
use crate::error::FillError;

/// What a request finds.
pub(crate) enum Look {
    /// An answer to use as it is.
    Fresh(Arc<Stored>),
    /// An answer to use as it is; the ticket, if any, is for asking the upstream meanwhile.
    WhileRevalidating(Arc<Stored>, Option<Ticket>),
    /// A fill to wait for. With a ticket the fill is the requester's to start. `stale` is what it replaces.
    Fill { flow: Arc<Flow>, ticket: Option<Ticket>, stale: bool },
    /// Too many fills are running.
    Full,
}

struct Meters {
    evictions: Counter,
    bytes: Gauge,
    fills: Gauge,
    full: Counter,
}

struct Inner {
    store: Store,
    fills: Fills,
    meters: Meters,
}

/// The cache's table.
pub(crate) struct Table(Mutex<Inner>);

impl Inner {
    /// The running fill of a key, or a new one with its ticket.
    fn join(
        &mut self,
        table: &Arc<Table>,
        key: &Key,
        replaces: Option<Arc<Stored>>,
    ) -> Option<(Arc<Flow>, Option<Ticket>)> {
        match self.fills.join(key) {
            Joined::Running(flow) => Some((flow, None)),
            Joined::Full => None,
            Joined::New(flow) => {
                let ticket = Ticket {
                    table: Arc::clone(table),
                    key: key.clone(),
                    flow: Arc::clone(&flow),
                    replaces,
                    promised_bytes: 0,
                };
                Some((flow, Some(ticket)))
            }
        }
    }

    fn fill(&mut self, table: &Arc<Table>, key: &Key, replaces: Option<Arc<Stored>>) -> Look {
        let stale = replaces.is_some();
        self.join(table, key, replaces).map_or(Look::Full, |(flow, ticket)| Look::Fill {
            flow,
            ticket,
            stale,
        })
    }

    fn report(&mut self) {
        self.meters.evictions.increment(self.store.take_evictions());
        self.meters.bytes.set(bytes_as_gauge(self.store.stored_bytes()));
        self.meters.fills.set(bytes_as_gauge(self.fills.len() as u64));
    }
}

/// Gauges are floating-point; sizes below 2^53 are exact.
#[expect(clippy::cast_precision_loss, reason = "a gauge is for people")]
fn bytes_as_gauge(value: u64) -> f64 {
    value as f64
}

impl Table {
    /// At most `bytes_max` bytes of answers and `fills_max` fills of a kind, by which its metrics are known.
    pub(crate) fn new(kind: &'static str, bytes_max: u64, fills_max: FillsMax) -> Arc<Self> {
        let meters = Meters {
            evictions: metrics::counter!("nexus_edge_evictions_total", "kind" => kind),
            bytes: metrics::gauge!("nexus_edge_cache_bytes", "kind" => kind),
            fills: metrics::gauge!("nexus_edge_fills_in_flight", "kind" => kind),
            full: metrics::counter!("nexus_edge_refused_fills_total", "kind" => kind),
        };
        let (store, fills) = (Store::new(bytes_max), Fills::new(fills_max));
        Arc::new(Self(Mutex::new(Inner { store, fills, meters })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is stored at `path` and below it. Fills that are running serve who waits for them and are not
    /// stored.
    pub(crate) fn purge(&self, path: &str) {
        let mut inner = self.lock();
        inner.fills.purge(path);
        inner.store.purge(path);
        inner.report();
    }

    /// Finds what there is for `key`.
    pub(crate) fn look(self: &Arc<Self>, key: &Key, now: Timestamp) -> Look {
        let mut inner = self.lock();
        let found = inner.store.get(key).map(|stored| (stored.policy.usable(now), stored));
        let look = match found {
            Some((Usable::Fresh, stored)) => return Look::Fresh(stored),
            Some((Usable::WhileRevalidating, stored)) => {
                let joined = inner.join(self, key, Some(Arc::clone(&stored)));
                Look::WhileRevalidating(stored, joined.and_then(|(_, ticket)| ticket))
            }
            Some((Usable::Stale, stored)) => inner.fill(self, key, Some(stored)),
            None => inner.fill(self, key, None),
        };
        match look {
            Look::Full => inner.meters.full.increment(1),
            _ => inner.report(),
        }
        look
    }
}

/// The right and the duty to fill one key. However it is dropped, the fill is over for everyone and the key
/// is free again.
pub(crate) struct Ticket {
    table: Arc<Table>,
    key: Key,
    flow: Arc<Flow>,
    replaces: Option<Arc<Stored>>,
    promised_bytes: u64,
}

impl Ticket {
    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// The stale answer that the fill may confirm.
    pub(super) fn replaces(&self) -> Option<&Arc<Stored>> {
        self.replaces.as_ref()
    }

    /// Sets memory aside for `bytes` more bytes; `false` when there is none.
    pub(super) fn promise(&mut self, bytes: u64) -> bool {
        let mut inner = self.table.lock();
        let granted = inner.store.promise(bytes);
        if granted {
            self.promised_bytes += bytes;
            inner.report();
        }
        granted
    }

    /// Bytes set aside so far.
    pub(super) fn promised_bytes(&self) -> u64 {
        self.promised_bytes
    }

    pub(super) fn begin(&self, turn: Turn) {
        self.flow.set_turn(turn);
    }

    pub(super) fn push(&self, piece: Bytes) {
        self.flow.push(piece);
    }

    pub(super) fn flow(&self) -> &Flow {
        &self.flow
    }

    /// Frees the key, puts `change` into effect in the same moment unless the key was purged meanwhile, and gives
    /// promised memory back.
    fn close(&mut self, change: impl FnOnce(&mut Store, &Key)) {
        let mut inner = self.table.lock();
        inner.store.release(std::mem::take(&mut self.promised_bytes));
        if inner.fills.remove(&self.key, &self.flow) {
            change(&mut inner.store, &self.key);
        }
        inner.report();
    }

    /// The whole answer has arrived, its `last` piece now; `stored` is what is kept of it, and `turn` what those who
    /// wait are told that were told nothing yet.
    pub(super) fn complete(mut self, last: Bytes, stored: Option<Arc<Stored>>, turn: Option<Turn>) {
        self.close(|store, key| match stored {
            Some(stored) => store.insert(key.clone(), stored),
            None => drop(store.remove(key)),
        });
        self.flow.finish(last, turn);
    }

    /// A stored answer, with a policy that says how it goes on, serves everyone.
    pub(super) fn settle(mut self, stored: Arc<Stored>, how: Settled) {
        let kept = Arc::clone(&stored);
        self.close(|store, key| store.insert(key.clone(), kept));
        self.flow.set_turn(Turn::Settled(stored, how));
    }

    /// The answer is for one requester only. What was stored is obsolete, unless the upstream merely failed.
    pub(super) fn pass(mut self, response: Response<Body>) {
        let failed = response.status().is_server_error();
        self.close(|store, key| {
            if !failed {
                store.remove(key);
            }
        });
        self.flow.set_passed(response);
    }

    /// There is no answer, or not all of one.
    pub(super) fn fail(mut self, error: FillError) {
        self.close(|_, _| {});
        self.flow.fail(error);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.close(|_, _| {});
        if !self.flow.is_over() {
            self.flow.fail(FillError::Abandoned);
        }
    }
}
