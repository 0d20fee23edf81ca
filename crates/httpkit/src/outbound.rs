//! Requests to addresses that outsiders chose, such as a webhook's: only the public internet is reached, so
//! that nobody uses the server to speak to what stands behind its firewall (server-side request forgery).
//!
//! Names are resolved here and the connection is made to the addresses that were judged, so a name that
//! answers differently the second time gains nothing. Redirects are not followed by the client.

use std::{
    error::Error,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
};

use http::Uri;
use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;

use crate::Networks;

/// Where a client may connect to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Anywhere: the addresses come from settings or from whoever runs the command.
    #[default]
    Anywhere,
    /// Globally reachable unicast addresses only.
    Public,
    /// Those, and the networks that an operator names.
    PublicAnd(Networks),
}

/// A name or address that leads to no public address.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0} is not on the public internet")]
pub struct NotPublic(pub String);

/// Whether an address is globally reachable unicast, by IANA's special-purpose registries (RFC 6890), and for
/// IPv6 within 2000::/3. Addresses that carry an IPv4 address (mapped, RFC 4291 §2.5.5.2; NAT64, RFC 6052) are
/// judged by that one.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => carried_v4(v6).map_or_else(|| is_public_v6(v6), is_public_v4),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network, private use, loopback, link-local, multicast and reserved.
        (0 | 10 | 127 | 224..=255, _, _) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Shared address space (RFC 6598), IETF protocols, 6to4 relays, benchmarking.
        (100, 64..=127, _) | (192, 0, 0) | (192, 88, 99) | (198, 18..=19, _) => true,
        // Documentation (RFC 5737).
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !special
}

fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let nat64 = address.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
    let [.., a, b, c, d] = address.octets();
    address.to_ipv4_mapped().or_else(|| nat64.then(|| Ipv4Addr::new(a, b, c, d)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let special = match (first, second) {
        // IETF protocols with Teredo (2001::/23), documentation (RFC 3849, RFC 9637), 6to4.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x2002, _) | (0x3fff, 0..=0xfff) => true,
        _ => false,
    };
    (0x2000..=0x3fff).contains(&first) && !special
}

impl Reach {
    /// Refuses a target whose host is written as an address out of reach. Names are judged when they are
    /// resolved.
    ///
    /// # Errors
    /// [`NotPublic`].
    pub fn check(&self, uri: &Uri) -> Result<(), NotPublic> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(address) if !self.admits(address) => Err(NotPublic(host.to_owned())),
            _ => Ok(()),
        }
    }

    fn admits(&self, address: IpAddr) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Public => is_public(address),
            Self::PublicAnd(networks) => is_public(address) || networks.holds(address),
        }
    }
}

/// Resolves names by the system's resolver and keeps the addresses within reach.
#[derive(Clone, Debug)]
pub(crate) struct Resolver(pub Reach);

type Found = std::vec::IntoIter<SocketAddr>;

impl Service<Name> for Resolver {
    type Response = Found;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Found, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.0.clone();
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.is_empty() {
                return Err(io::Error::other("the name has no address").into());
            }
            let within: Vec<_> = found.into_iter().filter(|found| reach.admits(found.ip())).collect();
            if within.is_empty() {
                return Err(NotPublic(name.as_str().to_owned()).into());
            }
            Ok(within.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        let judge = |text: &str| is_public(text.parse().expect("an address"));
        for public in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert!(judge(public), "{public}");
        }
        for special in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!judge(special), "{special}");
        }
    }

    #[test]
    fn a_target_written_as_an_address_is_judged_by_it() {
        let check = |text: &str| Reach::Public.check(&text.parse().expect("a uri")).is_ok();
        assert!(check("https://1.1.1.1/") && check("https://a.example/") && check("https://[2606:4700::1]/"));
        assert!(!check("https://127.0.0.1:8080/") && !check("https://[::1]/") && !check("https://10.0.0.1/"));
        assert!(Reach::Anywhere.check(&"http://127.0.0.1/".parse().expect("a uri")).is_ok());
    }

    #[test]
    fn an_operator_may_open_a_network_and_nothing_beside_it() {
        let reach = Reach::PublicAnd(Networks::parse(&["10.1.0.0/16", "fd00::/8"]).expect("networks"));
        let admits = |text: &str| reach.admits(text.parse().expect("an address"));
        assert!(admits("10.1.2.3") && admits("::ffff:10.1.2.3") && admits("fd00::1") && admits("1.1.1.1"));
        assert!(
            !admits("10.2.0.1") && !admits("::ffff:10.2.0.1") && !admits("127.0.0.1") && !admits("fe80::1")
        );
    }
}
