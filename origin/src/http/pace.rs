//! How often one address may ask for what costs a write, by a token bucket each.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use base::Timestamp;

/// Requests at once after a silence.
const BURST: u32 = 200;
/// The time in which one more becomes possible: fifty a second, for many people behind one address.
const REFILL: Duration = Duration::from_millis(20);
/// Addresses remembered.
const ADDRESSES_MAX: usize = 20_000;

/// Who asked how often lately. An address is a network of /64 for IPv6, which one subscriber has whole.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<HashMap<IpAddr, Timestamp>>);

fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX))),
    }
}

impl Pace {
    /// Whether this request fits; if not, it is not counted. Kept is when the bucket will be full again.
    pub(crate) fn admit(&self, address: IpAddr, now: Timestamp) -> bool {
        let mut full_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= ADDRESSES_MAX {
            full_at.retain(|_, at| *at > now);
        }
        let key = subscriber(address);
        let next = full_at.get(&key).copied().unwrap_or(now).max(now) + REFILL;
        let room = full_at.contains_key(&key) || full_at.len() < ADDRESSES_MAX;
        let admitted = room && next.since(now) <= REFILL * BURST;
        if admitted {
            full_at.insert(key, next);
        } else {
            metrics::counter!("nexus_plays_refused_total").increment(1);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(pace: &Pace, address: &str, now: Timestamp) -> usize {
        let address = address.parse().expect("an address");
        (0..BURST * 2).filter(|_| pace.admit(address, now)).count()
    }

    #[test]
    fn a_burst_is_taken_and_then_as_many_as_time_allows() {
        let (pace, now) = (Pace::default(), testkit::START);
        assert_eq!(admitted(&pace, "192.0.2.1", now), BURST as usize);
        assert_eq!(admitted(&pace, "192.0.2.2", now), BURST as usize, "another address");
        assert_eq!(admitted(&pace, "192.0.2.1", now + REFILL * 3), 3);
        assert_eq!(admitted(&pace, "192.0.2.1", now + Duration::from_secs(60)), BURST as usize);
        assert_eq!(admitted(&pace, "2001:db8::1", now), BURST as usize);
        assert_eq!(admitted(&pace, "2001:db8::2", now), 0, "the same subscriber");
    }

    #[test]
    fn memory_is_bounded_and_comes_free() {
        let (pace, now) = (Pace::default(), testkit::START);
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        let numbers = 0..u32::try_from(ADDRESSES_MAX).expect("fits");
        assert!(numbers.clone().all(|n| pace.admit(address(n), now)));
        assert!(!pace.admit(address(u32::MAX), now));
        assert!(pace.admit(address(7), now), "those known go on");
        assert!(pace.admit(address(u32::MAX), now + REFILL * 2));
    }
}
