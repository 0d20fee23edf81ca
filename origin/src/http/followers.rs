//! How many follow events at once: each holds a connection and a place in the bus.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base::TenantId;

/// Followers of one process.
const ALL_MAX: usize = 5_000;
/// Followers of one tenant in one process.
const TENANT_MAX: usize = 500;

type Counts = HashMap<TenantId, usize>;

/// Counts followers; clones share the count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Followers(Arc<Mutex<Counts>>);

/// A follower's place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Follower {
    all: Followers,
    tenant: TenantId,
}

impl Followers {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more of a tenant; none when too many follow.
    pub(crate) fn join(&self, tenant: &TenantId) -> Option<Follower> {
        let mut counts = self.counts();
        let all: usize = counts.values().sum();
        let own = counts.get(tenant).copied().unwrap_or_default();
        if all >= ALL_MAX || own >= TENANT_MAX {
            metrics::counter!("nexus_events_followers_refused_total").increment(1);
            return None;
        }
        counts.insert(tenant.clone(), own + 1);
        metrics::gauge!("nexus_events_followers").increment(1.0);
        Some(Follower { all: self.clone(), tenant: tenant.clone() })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut counts = self.all.counts();
        match counts.get_mut(&self.tenant) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(counts.remove(&self.tenant)),
        }
        metrics::gauge!("nexus_events_followers").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_and_all_of_them_are_bounded_and_places_come_back() {
        let (ambient, _) = testkit::ambient();
        let followers = Followers::default();
        let tenant: TenantId = ambient.id();
        let mut places: Vec<_> = (0..TENANT_MAX).map(|_| followers.join(&tenant).expect("room")).collect();
        assert!(followers.join(&tenant).is_none());
        places.pop();
        places.push(followers.join(&tenant).expect("room again"));
        for _ in 1..ALL_MAX / TENANT_MAX {
            let other: TenantId = ambient.id();
            places.extend((0..TENANT_MAX).map(|_| followers.join(&other).expect("room")));
        }
        assert!(followers.join(&ambient.id()).is_none());
        drop(places);
        assert!(followers.counts().is_empty());
    }
}
