//! Whom a request comes from, seen through proxies that are trusted (RFC 7239 and X-Forwarded-For).

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue};

use crate::error::AddressError;

const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The other end of the connection, added to each request by [`crate::serve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The client's address: the peer's, or what trusted proxies say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

/// How the client reached us: by TLS to our own listener, or by what trusted proxies say; plain HTTP where
/// none says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS, which we or a proxy ended.
    Https,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    base: u128,
    ones: u32,
}

/// IPv4 addresses as IPv4-mapped IPv6 ones, so that both families compare alike.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_ipv6_mapped()),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let address: IpAddr = address.trim().parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let ones = length.map_or(Some(width), |length| length.trim().parse().ok())?;
        (ones <= width).then(|| Self { base: bits(address), ones: ones + 128 - width })
    }

    fn holds(self, address: IpAddr) -> bool {
        let differing = (self.base ^ bits(address)).leading_zeros();
        differing >= self.ones
    }
}

/// Some networks; clones share them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Arc<[Network]>);

impl Networks {
    /// Reads addresses and CIDR networks.
    ///
    /// # Errors
    /// The first text that is neither.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, AddressError> {
        let read =
            |text: &T| Network::parse(text.as_ref()).ok_or_else(|| AddressError(text.as_ref().to_owned()));
        texts.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an address is in one of them; an IPv4-mapped one is where its IPv4 address is.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }
}

/// The networks whose forwarding headers are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Networks);

impl TrustedProxies {
    /// Reads addresses and CIDR networks.
    ///
    /// # Errors
    /// The first text that is neither.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, AddressError> {
        Networks::parse(texts).map(Self)
    }

    fn holds(&self, address: IpAddr) -> bool {
        self.0.holds(address)
    }

    /// The client's address: the right-most one that is not a trusted proxy's. Headers of an untrusted peer
    /// are ignored; where both kinds of header are present and disagree, one of them was not written by our
    /// proxy, so the peer's address is all that is known.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.holds(peer) {
            return peer;
        }
        let standard = self.walk(peer, &hops(headers, &FORWARDED, forwarded_for));
        let customary = self.walk(peer, &hops(headers, &X_FORWARDED_FOR, node_address));
        match (standard, customary) {
            (Some(one), Some(other)) if one != other => peer,
            (one, other) => one.or(other).unwrap_or(peer),
        }
    }

    /// `None` when there are no hops; an unreadable hop ends the walk at the last known address.
    fn walk(&self, peer: IpAddr, hops: &[Option<IpAddr>]) -> Option<IpAddr> {
        let mut seen = peer;
        for hop in hops.iter().rev() {
            let Some(address) = hop else { break };
            seen = *address;
            if !self.holds(seen) {
                break;
            }
        }
        (!hops.is_empty()).then_some(seen)
    }

    /// The scheme the client used.
    #[must_use]
    pub fn scheme(&self, peer: IpAddr, headers: &HeaderMap) -> Scheme {
        let last = |name: &HeaderName| {
            let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
            value.rsplit(',').next().map(str::to_owned)
        };
        let secure = self.holds(peer)
            && (last(&X_FORWARDED_PROTO).is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https"))
                || last(&FORWARDED).is_some_and(|hop| parameter(&hop, "proto").as_deref() == Some("https")));
        if secure { Scheme::Https } else { Scheme::Http }
    }

    /// Adds [`ClientAddr`] and [`Scheme`] to a request's extensions, if its [`Peer`] is known.
    pub(crate) fn identify(&self, headers: &HeaderMap, extensions: &mut Extensions) {
        let Some(&Peer(peer)) = extensions.get::<Peer>() else { return };
        extensions.insert(ClientAddr(self.client(peer.ip(), headers)));
        if extensions.get::<Scheme>() != Some(&Scheme::Https) {
            extensions.insert(self.scheme(peer.ip(), headers));
        }
    }
}

fn hops(headers: &HeaderMap, name: &HeaderName, read: fn(&str) -> Option<IpAddr>) -> Vec<Option<IpAddr>> {
    let texts = headers.get_all(name).iter().map(|value: &HeaderValue| value.to_str().unwrap_or(""));
    texts.flat_map(|text| text.split(',')).map(read).collect()
}

/// The value of a parameter of one `Forwarded` element, unquoted, in lower case.
fn parameter(element: &str, wanted: &str) -> Option<String> {
    let pair = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pair.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))?;
    Some(value.trim().trim_matches('"').to_ascii_lowercase())
}

fn forwarded_for(element: &str) -> Option<IpAddr> {
    parameter(element, "for").and_then(|node| node_address(&node))
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn node_address(node: &str) -> Option<IpAddr> {
    let node = node.trim();
    let bare = node.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(node);
    bare.parse().ok().or_else(|| node.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn client(peer: &str, pairs: &[(&'static str, &str)]) -> String {
        let trusted = TrustedProxies::parse(&["10.0.0.0/8", "fd00::/8"]).expect("networks");
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).expect("a header"));
        }
        trusted.client(peer.parse().expect("an address"), &headers).to_string()
    }

    #[test]
    fn only_trusted_peers_are_believed() {
        let forged = [("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=1.2.3.4")];
        assert_eq!(client("192.0.2.9", &forged), "192.0.2.9");
        assert_eq!(client(PROXY, &forged), "1.2.3.4");
        assert_eq!(client(PROXY, &[]), PROXY);
    }

    #[test]
    fn the_right_most_untrusted_hop_is_the_client() {
        assert_eq!(client(PROXY, &[("x-forwarded-for", "6.6.6.6, 198.51.100.7, 10.9.9.9")]), "198.51.100.7");
        let split = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "198.51.100.7:4711")];
        assert_eq!(client(PROXY, &split), "198.51.100.7");
        assert_eq!(client(PROXY, &[("forwarded", "for=\"[2001:db8::7]:80\";proto=https")]), "2001:db8::7");
        assert_eq!(client("fd00::1", &[("x-forwarded-for", "2001:db8::8")]), "2001:db8::8");
    }

    #[test]
    fn nonsense_and_contradiction_end_at_what_is_known() {
        assert_eq!(client(PROXY, &[("x-forwarded-for", "1.2.3.4, unknown")]), PROXY);
        assert_eq!(client(PROXY, &[("forwarded", "for=_hidden")]), PROXY);
        let contradiction = [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "198.51.100.7")];
        assert_eq!(client(PROXY, &contradiction), PROXY);
    }

    #[test]
    fn the_scheme_comes_from_the_nearest_proxy() {
        let trusted = TrustedProxies::parse(&["10.0.0.1"]).expect("an address");
        let headers = HeaderMap::from_iter([(X_FORWARDED_PROTO, HeaderValue::from_static("http, https"))]);
        let peer = |text: &str| text.parse().expect("an address");
        assert_eq!(trusted.scheme(peer(PROXY), &headers), Scheme::Https);
        assert_eq!(trusted.scheme(peer("10.0.0.2"), &headers), Scheme::Http);
    }

    #[test]
    fn what_came_by_tls_to_us_stays_so() {
        let trusted = TrustedProxies::parse(&["10.0.0.1"]).expect("an address");
        let headers = HeaderMap::from_iter([(X_FORWARDED_PROTO, HeaderValue::from_static("http"))]);
        let mut extensions = Extensions::new();
        extensions.insert(Peer(SocketAddr::from(([10, 0, 0, 1], 1))));
        trusted.identify(&headers, &mut extensions);
        assert_eq!(extensions.get::<Scheme>(), Some(&Scheme::Http));
        extensions.insert(Scheme::Https);
        trusted.identify(&headers, &mut extensions);
        assert_eq!(extensions.get::<Scheme>(), Some(&Scheme::Https));
    }

    #[test]
    fn networks_are_checked() {
        for text in ["10.0.0.0/33", "10.0.0", "::/129", "", "localhost"] {
            assert_eq!(TrustedProxies::parse(&[text]), Err(AddressError(text.to_owned())));
        }
        let all = TrustedProxies::parse(&["0.0.0.0/0"]).expect("a network");
        assert!(all.holds("203.0.113.1".parse().expect("an address")));
        assert!(!all.holds("2001:db8::1".parse().expect("an address")));
    }

    proptest! {
        #[test]
        fn no_header_panics(text in "[ -~]{0,60}") {
            client(PROXY, &[("forwarded", &text), ("x-forwarded-for", &text)]);
        }
    }
}
