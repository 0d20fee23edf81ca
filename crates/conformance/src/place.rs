//! Where bytes are: an absolute URI, and a range within it.

use std::{fmt, sync::Arc};

use url::Url;

/// A resource or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Absolute URI without fragment.
    pub uri: Arc<str>,
    /// First byte and the byte after the last; `None` is the whole resource.
    pub range: Option<(u64, u64)>,
}

impl Place {
    /// The whole of a resource.
    #[must_use]
    pub const fn whole(uri: Arc<str>) -> Self {
        Self { uri, range: None }
    }

    /// Whether `inner`, of the same file, lies within this place.
    #[must_use]
    pub fn covers(&self, inner: &Self) -> bool {
        match (self.range, inner.range) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some((start, end)), Some((first, last))) => start <= first && last <= end,
        }
    }

    /// Where the part begins in its file, in bytes.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.range.map_or(0, |(start, _)| start)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.range {
            None => f.write_str(&self.uri),
            Some((start, end)) => write!(f, "{} bytes {start}..{end}", self.uri),
        }
    }
}

/// Longest URI reference followed, in bytes.
pub(crate) const REFERENCE_MAX: usize = 4096;

/// Why a reference leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReferenceError {
    #[error("`{0}` is not a URI reference")]
    Invalid(String),
    #[error("a reference of more than {REFERENCE_MAX} bytes is not followed")]
    Long,
    #[error("`{0}` leaves the {1} source it was found in for {2}, and is not followed")]
    Scheme(String, String, String),
}

/// Resolves `reference` against the resource it stands in (RFC 3986 section 5).
///
/// A reference may move between http and https, but never from the network to local files or the other way:
/// a playlist from a stranger must not name files of this machine.
pub(crate) fn resolve(base: &str, reference: &str) -> Result<Arc<str>, ReferenceError> {
    if reference.len() > REFERENCE_MAX {
        return Err(ReferenceError::Long);
    }
    let invalid = || ReferenceError::Invalid(reference.to_owned());
    let base = Url::parse(base).map_err(|_| invalid())?;
    let mut url = base.join(reference).map_err(|_| invalid())?;
    if family(base.scheme()) != family(url.scheme()) {
        let (from, to) = (base.scheme().to_owned(), url.scheme().to_owned());
        return Err(ReferenceError::Scheme(reference.to_owned(), from, to));
    }
    url.set_fragment(None);
    Ok(Arc::from(url.as_str()))
}

fn family(scheme: &str) -> &str {
    if scheme == "https" { "http" } else { scheme }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_resolve_like_a_browser_does() {
        let base = "https://host/a/hls.m3u8?token=1";
        assert_eq!(&*resolve(base, "v1/x.m4s").unwrap(), "https://host/a/v1/x.m4s");
        assert_eq!(&*resolve(base, "/x.m4s#t=1").unwrap(), "https://host/x.m4s");
        assert_eq!(&*resolve(base, "http://cdn/x").unwrap(), "http://cdn/x");
        assert_eq!(&*resolve("file:///d/a.m3u8", "../b").unwrap(), "file:///b");
        assert_eq!(&*resolve("blob://store/media/a/hls.m3u8", "v1/x").unwrap(), "blob://store/media/a/v1/x");
    }

    #[test]
    fn references_never_cross_from_network_to_files() {
        for (base, reference) in [
            ("https://host/a.m3u8", "file:///etc/passwd"),
            ("file:///d/a.m3u8", "http://169.254.169.254/latest"),
            ("https://host/a.m3u8", "data:text/plain,x"),
        ] {
            assert!(matches!(resolve(base, reference), Err(ReferenceError::Scheme(..))), "{reference}");
        }
        assert!(matches!(resolve("https://host/", "https://["), Err(ReferenceError::Invalid(_))));
        assert_eq!(resolve("https://host/", &"x".repeat(5000)), Err(ReferenceError::Long));
    }
}
