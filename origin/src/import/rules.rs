//! Where files may be fetched from: schemes, hosts and ports that the operator allows, and addresses that are the
//! public internet's unless the operator says otherwise. Every address is held against it, also the next one of a
//! redirect; what names resolve to is judged where the connection is made (`httpkit::outbound`).

use axum::http::Uri;
use httpkit::{AddressError, Networks, outbound::Reach};
use settings::HostPattern;
use url::Url;

/// Why an address may not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The operator allows no host at all.
    #[error("imports are off on this server; its operator turns them on with import.allow")]
    Off,
    /// It is no address that makes sense here.
    #[error("{0}")]
    Url(&'static str),
    /// The operator does not allow this host or port.
    #[error("{0} is not among the hosts that this server's operator allows")]
    Host(String),
    /// It leads to a machine that is not on the public internet.
    #[error("{0} is not on the public internet")]
    Private(String),
}

/// What the operator allows.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    hosts: Vec<HostPattern>,
    http: bool,
    reach: Reach,
}

impl Rules {
    /// Reads the settings, which were validated.
    ///
    /// # Errors
    /// [`AddressError`] for networks that are none.
    pub(crate) fn new(settings: &settings::Import) -> Result<Self, AddressError> {
        Ok(Self {
            hosts: settings.allow.iter().filter_map(|text| HostPattern::parse(text)).collect(),
            http: settings.allow_http,
            reach: Reach::PublicAnd(Networks::parse(&settings.allow_private)?),
        })
    }

    /// Where connections may lead to.
    pub(crate) fn reach(&self) -> Reach {
        self.reach.clone()
    }

    /// Reads an address that somebody gave.
    pub(crate) fn read(&self, text: &str) -> Result<(Url, Uri), Refused> {
        if self.hosts.is_empty() {
            return Err(Refused::Off);
        }
        let url = Url::parse(text.trim())
            .map_err(|_| Refused::Url("an address such as https://films.example/a.mov is expected"))?;
        self.check(url)
    }

    /// Holds an address against the rules; the same as a request's target.
    pub(crate) fn check(&self, mut url: Url) -> Result<(Url, Uri), Refused> {
        url.set_fragment(None);
        let usual = match url.scheme() {
            "https" => 443,
            "http" if self.http => 80,
            "http" => return Err(Refused::Url("only https:// is fetched on this server")),
            _ => return Err(Refused::Url("only https:// and http:// can be fetched")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Url("a name and password in the address are not sent; take them out"));
        }
        let host = url.host_str().unwrap_or_default();
        let port = url.port().unwrap_or(usual);
        if !self.hosts.iter().any(|pattern| pattern.matches(host, port, usual)) {
            return Err(Refused::Host(shown(&url)));
        }
        let uri: Uri = url.as_str().parse().map_err(|_| Refused::Url("the address cannot be requested"))?;
        self.reach.check(&uri).map_err(|private| Refused::Private(private.0))?;
        Ok((url, uri))
    }
}

/// Host and port of an address, for people; the rest may hold secrets.
pub(crate) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The name that the file of an address has: its path's last part, decoded.
pub(crate) fn file_name(url: &Url) -> String {
    let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    // The URL library reads `+` and `%XX` of a query; a path has only the latter.
    let query = format!("n={}", last.replace('+', "%2B").replace('&', "%26"));
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.next().map(|(_, name)| name.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(allow: &[&str], http: bool, private: &[&str]) -> Rules {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let settings = settings::Import {
            allow: texts(allow),
            allow_http: http,
            allow_private: texts(private),
            ..settings::Import::default()
        };
        Rules::new(&settings).expect("networks")
    }

    #[test]
    fn without_hosts_imports_are_off() {
        assert_eq!(rules(&[], true, &["0.0.0.0/0"]).read("https://a.example/"), Err(Refused::Off));
    }

    #[test]
    fn scheme_host_and_port_are_the_operators_choice() {
        let strict = rules(&["a.example", "*.b.example:8443"], false, &[]);
        let read = |text: &str| strict.read(text).map(|(url, _)| url.to_string());
        assert_eq!(read(" https://A.example/x?y#z ").as_deref(), Ok("https://a.example/x?y"));
        assert_eq!(read("https://c.b.example:8443/").as_deref(), Ok("https://c.b.example:8443/"));
        assert!(matches!(read("http://a.example/"), Err(Refused::Url(_))));
        assert!(matches!(read("ftp://a.example/"), Err(Refused::Url(_))));
        assert!(matches!(read("file:///etc/passwd"), Err(Refused::Url(_))));
        assert!(matches!(read("https://me:secret@a.example/"), Err(Refused::Url(_))));
        assert!(matches!(read("a.example/x"), Err(Refused::Url(_))));
        assert_eq!(read("https://a.example:22/"), Err(Refused::Host("a.example:22".into())));
        assert_eq!(read("https://b.example:8443/"), Err(Refused::Host("b.example:8443".into())));
        assert!(rules(&["a.example"], true, &[]).read("http://a.example/").is_ok());
    }

    /// Every spelling of an address that is not public, allowed as a host by a careless operator.
    #[test]
    fn an_allowed_host_opens_no_private_network() {
        let hosts = [
            "127.0.0.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[fe80::1]",
            "[fd00::1]",
            "[2002:7f00:1::]",
        ];
        for host in hosts {
            let careless = rules(&[&format!("{host}:*")], true, &[]);
            let refused = careless.read(&format!("http://{host}/film.mov"));
            assert!(matches!(refused, Err(Refused::Private(_))), "{host}: {refused:?}");
        }
        let lan = rules(&["10.0.0.1"], true, &["10.0.0.0/24"]);
        assert!(lan.read("http://10.0.0.1/").is_ok() && lan.read("http://10.0.1.1/").is_err());
    }

    #[test]
    fn a_file_is_named_by_its_address() {
        let name = |text: &str| file_name(&Url::parse(text).expect("a URL"));
        assert_eq!(name("https://a.example/films/A%20film+1.mov?token=x"), "A film+1.mov");
        assert_eq!(name("https://a.example/a&b=c.mov"), "a&b=c.mov");
        assert_eq!(name("https://a.example/"), "");
        assert_eq!(name("https://a.example/..%2F..%2Fx%00.mov"), "../../x\0.mov");
    }

    proptest! {
        #[test]
        fn no_address_panics_and_what_passes_is_allowed(text in "(https?://)?\\PC{0,60}") {
            let strict = rules(&["a.example", "*.b.example"], true, &[]);
            if let Ok((url, uri)) = strict.read(&text) {
                let host = url.host_str().expect("a host");
                prop_assert!(host.trim_end_matches('.') == "a.example" || host.trim_end_matches('.').ends_with(".b.example"));
                prop_assert_eq!(uri.host(), Some(host), "what is asked is what was judged");
                file_name(&url);
            }
        }
    }
}
