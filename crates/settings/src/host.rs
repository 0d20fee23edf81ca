//! Which hosts an operator means: `films.example`, `*.example.com`, `films.example:8443`, `192.0.2.7:*`.

use url::Host;

/// A pattern of hosts and ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    /// As URLs write it: in lower case, names in ASCII (punycode), IPv6 addresses in brackets.
    host: String,
    /// Whether names below it are meant instead of itself.
    below: bool,
    port: Ports,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ports {
    /// The scheme's own.
    Usual,
    One(u16),
    Any,
}

impl HostPattern {
    /// Reads a pattern; `None` for what is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = split(text.trim())?;
        let (host, below) = host.strip_prefix("*.").map_or((host, false), |rest| (rest, true));
        let host = match Host::parse(host).ok()? {
            // A pattern below an address means nothing; a single label would open a whole top-level domain.
            Host::Ipv4(_) | Host::Ipv6(_) if below => return None,
            Host::Domain(name) if name.contains('*') || (below && !name.contains('.')) => return None,
            host => host.to_string(),
        };
        (!host.is_empty()).then_some(Self { host, below, port })
    }

    /// Whether a URL's host, as the URL writes it after parsing, and port are meant; `usual` is the port of its
    /// scheme.
    #[must_use]
    pub fn matches(&self, host: &str, port: u16, usual: u16) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        let host_fits = if self.below {
            let label = host.strip_suffix(self.host.as_str()).and_then(|rest| rest.strip_suffix('.'));
            label.is_some_and(|label| !label.is_empty())
        } else {
            host == self.host
        };
        let port_fits = match self.port {
            Ports::Usual => port == usual,
            Ports::One(one) => port == one,
            Ports::Any => true,
        };
        host_fits && port_fits
    }
}

/// The host and its ports; a colon within brackets is the address's own.
fn split(text: &str) -> Option<(&str, Ports)> {
    let after_address = text.rfind(']').map_or(0, |end| end + 1);
    let Some(colon) = text[after_address..].find(':').map(|at| at + after_address) else {
        return Some((text, Ports::Usual));
    };
    let port = match &text[colon + 1..] {
        "*" => Ports::Any,
        digits => Ports::One(digits.parse().ok().filter(|port| *port > 0)?),
    };
    Some((&text[..colon], port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    fn fits(pattern: &str, url: &str) -> bool {
        let url = Url::parse(url).expect("a URL");
        let usual = if url.scheme() == "http" { 80 } else { 443 };
        let (host, port) = (url.host_str().expect("a host"), url.port().unwrap_or(usual));
        HostPattern::parse(pattern).expect("a pattern").matches(host, port, usual)
    }

    #[test]
    fn a_name_is_itself_and_a_star_is_what_is_below() {
        assert!(fits("films.example", "https://films.example/a"));
        assert!(fits("Films.EXAMPLE", "https://films.example./a"));
        assert!(!fits("films.example", "https://a.films.example/"));
        assert!(!fits("films.example", "https://evilfilms.example/"));
        assert!(
            fits("*.example.com", "https://a.example.com/")
                && fits("*.example.com", "https://a.b.example.com/")
        );
        assert!(
            !fits("*.example.com", "https://example.com/")
                && !fits("*.example.com", "https://evilexample.com/")
        );
        assert!(!fits("*.example.com", "https://example.com.evil.test/"));
        assert!(fits("b\u{fc}cher.example", "https://xn--bcher-kva.example/"));
    }

    #[test]
    fn a_port_is_the_schemes_own_unless_it_is_named() {
        assert!(fits("a.example", "http://a.example/") && fits("a.example", "https://a.example:443/"));
        assert!(!fits("a.example", "https://a.example:8443/") && !fits("a.example", "https://a.example:80/"));
        assert!(
            fits("a.example:8443", "https://a.example:8443/")
                && !fits("a.example:8443", "https://a.example/")
        );
        assert!(fits("127.0.0.1:*", "http://127.0.0.1:5555/") && fits("[::1]:*", "http://[::1]:5555/"));
    }

    #[test]
    fn an_address_in_disguise_is_the_address() {
        for url in ["http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/"] {
            assert!(fits("127.0.0.1", url), "{url}");
            assert!(!fits("*.example.com", url), "{url}");
        }
    }

    #[test]
    fn what_would_open_too_much_is_no_pattern() {
        for text in [
            "",
            "*",
            "*.",
            "*.com",
            "**.a.example",
            "a.*.example",
            "*.10.0.0.1",
            "a:0",
            "a:x",
            "a/b",
            "a b",
            "[::1",
        ] {
            assert_eq!(HostPattern::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}", host in "\\PC{0,40}") {
            if let Some(pattern) = HostPattern::parse(&text) {
                let _ = pattern.matches(&host, 443, 443);
            }
        }

        #[test]
        fn a_star_takes_only_names_that_end_in_its_own(host in "[a-z0-9.-]{0,30}") {
            let pattern = HostPattern::parse("*.example.com").expect("a pattern");
            let ends = host.trim_end_matches('.').ends_with(".example.com");
            prop_assert!(!pattern.matches(&host, 443, 443) || ends);
        }
    }
}
