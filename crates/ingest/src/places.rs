//! How many connections a listener and an address may hold.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of a listener.
pub(crate) struct Places {
    all: Arc<Semaphore>,
    all_max: u32,
    per_address_max: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// Why there is no place, as a label.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Listener,
    Address,
}

impl Full {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Listener => "full",
            Self::Address => "address",
        }
    }
}

/// A place, given back when dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    address: IpAddr,
    _one: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(all_max: usize, per_address_max: usize) -> Arc<Self> {
        let all_max = u32::try_from(all_max.clamp(1, 1_000_000)).unwrap_or(1_000_000);
        let all = Arc::new(Semaphore::new(all_max as usize));
        Arc::new(Self { all, all_max, per_address_max, held: Mutex::default() })
    }

    pub(crate) fn take(self: &Arc<Self>, peer: IpAddr) -> Result<Place, Full> {
        let one = Arc::clone(&self.all).try_acquire_owned().map_err(|_| Full::Listener)?;
        let address = network(peer);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(address).or_default();
        if *count >= self.per_address_max {
            return Err(Full::Address);
        }
        *count += 1;
        drop(held);
        Ok(Place { places: Arc::clone(self), address, _one: one })
    }

    /// How many places are taken.
    pub(crate) fn held(&self) -> usize {
        (self.all_max as usize).saturating_sub(self.all.available_permits())
    }

    /// Waits until all places are free.
    pub(crate) async fn all_free(&self) {
        drop(self.all.acquire_many(self.all_max).await);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

/// Whose connection it is: an IPv4 address, or the /64 that one site of IPv6 has.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_and_the_listener_have_their_limits() {
        let places = Places::new(3, 2);
        let take = |text| places.take(address(text));
        let one = take("192.0.2.1").expect("a place");
        let _two = take("::ffff:192.0.2.1").expect("a place");
        assert_eq!(take("192.0.2.1").err(), Some(Full::Address));
        let _three = take("2001:db8::1").expect("a place");
        assert_eq!(take("192.0.2.9").err(), Some(Full::Listener));
        drop(one);
        take("192.0.2.1").expect("given back");
    }

    #[test]
    fn nothing_is_remembered_of_who_has_left() {
        let places = Places::new(3, 1);
        let place = places.take(address("2001:db8::1")).expect("a place");
        assert_eq!(places.take(address("2001:db8::2")).err(), Some(Full::Address));
        drop(place);
        assert!(places.held.lock().expect("held").is_empty());
    }
}
