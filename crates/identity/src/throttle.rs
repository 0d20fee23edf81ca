//! How often a password may be tried: per name across all processes, per address within one.
//!
//! Tries are counted before the password is looked at, so that many at once count like many in a row, and
//! forgotten when one succeeds.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base::Timestamp;
use sha2::{Digest, Sha256};

/// Tries for one name within [`NAME_WINDOW`] (NIST SP 800-63B-4 §3.2.2 allows at most 100 in a row).
pub const NAME_TRIES_MAX: u32 = 10;
/// How long tries for a name are remembered, counted from the first.
pub const NAME_WINDOW: Duration = Duration::from_secs(15 * 60);
/// Tries from one address, or from one IPv6 network of 64 bits, within [`ADDRESS_WINDOW`].
pub const ADDRESS_TRIES_MAX: u32 = 50;
/// How long tries from an address are remembered, counted from the first.
pub const ADDRESS_WINDOW: Duration = Duration::from_secs(15 * 60);
/// Addresses that are remembered at once; when there are more, those whose windows end first are forgotten.
const ADDRESSES_MAX: usize = 10_000;

/// Where the tries for a name are counted: the first 16 bits of its SHA-256.
pub(crate) fn bucket(name: &str) -> i64 {
    let hash = Sha256::digest(name);
    i64::from(u16::from_be_bytes([hash[0], hash[1]]))
}

#[derive(Clone, Copy, Debug)]
struct Tries {
    count: u32,
    began: Timestamp,
}

/// Counts by address. Clones share what they count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses(Arc<Mutex<HashMap<Ipv6Addr, Tries>>>);

impl Addresses {
    /// Counts a try.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub(crate) fn take(&self, address: IpAddr, now: Timestamp) -> Result<(), Duration> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = network(address);
        if known.len() >= ADDRESSES_MAX && !known.contains_key(&key) {
            make_room(&mut known, now);
        }
        let tries = known.entry(key).or_insert(Tries { count: 0, began: now });
        if tries.began + ADDRESS_WINDOW <= now {
            *tries = Tries { count: 0, began: now };
        }
        if tries.count >= ADDRESS_TRIES_MAX {
            return Err((tries.began + ADDRESS_WINDOW).since(now));
        }
        tries.count += 1;
        Ok(())
    }

    /// Takes back a try that succeeded.
    pub(crate) fn give_back(&self, address: IpAddr) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tries) = known.get_mut(&network(address)) {
            tries.count = tries.count.saturating_sub(1);
        }
    }
}

/// One household or machine: an IPv4 address, or the first 64 bits of an IPv6 one (RFC 4291 §2.5.4).
fn network(address: IpAddr) -> Ipv6Addr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64),
    }
}

/// Forgets what is over, and the oldest tenth if all still counts: each try pays for a look at few of them.
fn make_room(known: &mut HashMap<Ipv6Addr, Tries>, now: Timestamp) {
    known.retain(|_, tries| tries.began + ADDRESS_WINDOW > now);
    if known.len() < ADDRESSES_MAX {
        return;
    }
    let mut begins: Vec<_> = known.values().map(|tries| tries.began).collect();
    let (_, &mut youngest, _) = begins.select_nth_unstable(ADDRESSES_MAX / 10);
    known.retain(|_, tries| tries.began > youngest);
    let forgotten = begins.len() - known.len();
    metrics::counter!("nexus_sign_in_addresses_forgotten_total").increment(forgotten as u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(last: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0x0a00_0000 + last).into()
    }

    #[test]
    fn an_address_may_try_so_often_in_a_while() {
        let (addresses, start) = (Addresses::default(), Timestamp(0));
        for _ in 0..ADDRESS_TRIES_MAX {
            assert_eq!(addresses.take(v4(1), start), Ok(()));
        }
        let later = start + Duration::from_secs(60);
        assert_eq!(addresses.take(v4(1), later), Err(ADDRESS_WINDOW - Duration::from_secs(60)));
        assert_eq!(addresses.take(v4(2), later), Ok(()), "another address is not concerned");
        addresses.give_back(v4(1));
        assert_eq!(addresses.take(v4(1), later), Ok(()));
        assert_eq!(addresses.take(v4(1), start + ADDRESS_WINDOW), Ok(()));
    }

    #[test]
    fn neighbours_in_an_ipv6_network_count_together_and_mapped_addresses_as_what_they_are() {
        let same = ["2001:db8::1", "2001:db8::ffff:1"].map(|text| network(text.parse().expect("an address")));
        assert_eq!(same[0], same[1]);
        assert_ne!(same[0], network("2001:db8:0:1::1".parse().expect("an address")));
        assert_eq!(network("::ffff:10.0.0.1".parse().expect("an address")), network(v4(1)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let addresses = Addresses::default();
        for last in 0..20_000u32 {
            assert_eq!(addresses.take(v4(last), Timestamp(last.into())), Ok(()));
            assert!(addresses.0.lock().expect("not poisoned").len() <= ADDRESSES_MAX, "{last}");
        }
        let known = addresses.0.lock().expect("not poisoned");
        assert!(known.contains_key(&network(v4(19_999))) && !known.contains_key(&network(v4(0))));
    }

    #[test]
    fn names_fall_into_a_bounded_number_of_buckets() {
        assert_eq!(bucket("ada"), bucket("ada"));
        assert_ne!(bucket("ada"), bucket("bob"));
        assert!((0..65_536).contains(&bucket("anybody")));
    }
}
