//! What is kept and brought of one kind of media, within bounds of its own: neither kind pushes the other out of
//! memory, and requests that an origin holds take no turns of those that it answers at once.

use std::{sync::Arc, time::Duration};

use http::Extensions;
use httpkit::Place;
use metrics::{Counter, Gauge};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    EdgeOptions,
    cache::{FillLimits, Filler, FillsMax, Means, Table},
    error::FillError,
};

/// The longest an origin is waited for that holds a request: three target durations of six seconds
/// (draft-pantos-hls-rfc8216bis-22 section 6.2.5.2), and what the network takes.
pub(crate) const HELD_MAX: Duration = Duration::from_secs(24);
/// Fills known at once for each request to the upstream that may run at once; the others wait their turn.
const FILLS_PER_REQUEST: usize = 8;
/// Requests at once that the upstream may hold; none waits its turn. A rendition has two or three at a time.
const HELD_REQUESTS_MAX: usize = 4_096;
/// Those of one path. Players of a list differ in what they have, in delta updates, codings and tokens, a few dozen ways
/// in all; one channel under many made-up requests holds up no other.
const HELD_REQUESTS_OF_PATH_MAX: usize = 128;
/// Viewers who may wait at once; more are refused with 503.
const WAITERS_MAX: usize = 32_768;

pub(crate) struct Meters {
    pub hits: Counter,
    pub misses: Counter,
    pub collapsed: Counter,
    pub failed: Counter,
}

impl Meters {
    fn register(kind: &'static str) -> Self {
        let requests = |result: &'static str| metrics::counter!("nexus_edge_requests_total", "kind" => kind, "result" => result);
        Self {
            hits: requests("hit"),
            misses: requests("miss"),
            collapsed: requests("collapsed"),
            failed: requests("failed"),
        }
    }
}

/// Viewers who wait for what is to come.
struct Waiters {
    places: Arc<Semaphore>,
    waiting: Gauge,
    refused: Counter,
}

impl Waiters {
    /// At most so many.
    fn new(max: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(max)),
            waiting: metrics::gauge!("nexus_edge_waiters"),
            refused: metrics::counter!("nexus_edge_refused_waiters_total"),
        }
    }

    fn admit(&self) -> Result<Waiter, FillError> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.refused.increment(1);
            return Err(FillError::Crowded);
        };
        self.waiting.increment(1.0);
        Ok(Waiter { waiting: self.waiting.clone(), _place: place })
    }
}

/// One of them, until dropped.
pub(crate) struct Waiter {
    waiting: Gauge,
    _place: OwnedSemaphorePermit,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.waiting.decrement(1.0);
    }
}

/// The cache of one kind of media.
pub(crate) struct Shelf {
    pub table: Arc<Table>,
    pub filler: Arc<Filler>,
    pub meters: Meters,
    waiters: Option<Waiters>,
}

impl Shelf {
    /// Of films and music.
    pub(crate) fn of_media(options: &EdgeOptions, means: Means) -> Self {
        let limits = FillLimits {
            object_bytes_max: options.object_bytes_max,
            requests_max: options.upstream_requests_max,
            timeout: options.upstream_timeout,
            held: false,
        };
        let total = options.upstream_requests_max.saturating_mul(FILLS_PER_REQUEST);
        let fills_max = FillsMax { total, per_path: total };
        Self {
            table: Table::new("media", options.cache_bytes_max, fills_max),
            filler: Arc::new(Filler::new("media", means, limits)),
            meters: Meters::register("media"),
            waiters: None,
        }
    }

    /// Of what is on air.
    pub(crate) fn of_live(options: &EdgeOptions, means: Means) -> Self {
        let limits = FillLimits {
            object_bytes_max: options.object_bytes_max.min(options.live_bytes_max),
            requests_max: HELD_REQUESTS_MAX,
            timeout: options.upstream_timeout.max(HELD_MAX),
            held: true,
        };
        let fills_max = FillsMax { total: HELD_REQUESTS_MAX, per_path: HELD_REQUESTS_OF_PATH_MAX };
        Self {
            table: Table::new("live", options.live_bytes_max, fills_max),
            filler: Arc::new(Filler::new("live", means, limits)),
            meters: Meters::register("live"),
            waiters: Some(Waiters::new(WAITERS_MAX)),
        }
    }

    /// Begins a wait for a fill. Where the upstream holds requests, whoever waits gives up its place among the
    /// requests at once, which are few beside viewers, and takes one here.
    pub(crate) fn wait(&self, request: &Extensions) -> Result<Option<Waiter>, FillError> {
        let Some(waiters) = &self.waiters else { return Ok(None) };
        let waiter = waiters.admit()?;
        if let Some(place) = request.get::<Place>() {
            place.leave();
        }
        Ok(Some(waiter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_so_many_do_not_wait_until_one_has_left() {
        let waiters = Waiters::new(2);
        let (first, _second) = (waiters.admit().expect("a place"), waiters.admit().expect("a place"));
        assert_eq!(waiters.admit().err(), Some(FillError::Crowded));
        drop(first);
        let third = waiters.admit();
        assert!(third.is_ok());
        assert_eq!(waiters.admit().err(), Some(FillError::Crowded));
    }
}
