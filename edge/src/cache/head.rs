//! An answer's status and headers, as stored (RFC 9111 §3.1).

use base::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, response::Parts};
use httpkit::{ETag, conditional::Validators, date};

/// Fields that concern one connection or one hop (RFC 9110 §7.6.1), and fields that we write ourselves.
const NOT_STORED: [HeaderName; 12] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-authentication-info"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::AGE,
    httpkit::X_REQUEST_ID,
];

/// Fields that a 304 does not update: they describe the stored bytes (RFC 9111 §3.2).
const NOT_UPDATED: [HeaderName; 4] =
    [header::CONTENT_ENCODING, header::CONTENT_TYPE, header::CONTENT_RANGE, header::ETAG];

/// Status and end-to-end headers of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub validators: Validators,
    /// How many bytes the whole body has, where known.
    pub length: Option<u64>,
}

fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    named.iter().chain(&NOT_STORED).for_each(|name| {
        headers.remove(name);
    });
    headers
}

/// A header of one value as text.
pub(crate) fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn validators(headers: &HeaderMap) -> Validators {
    Validators {
        etag: text(headers, header::ETAG).and_then(ETag::parse),
        modified_s: text(headers, header::LAST_MODIFIED).and_then(date::parse),
    }
}

impl Head {
    /// The head of an answer received at `received`; a missing Date is filled in (RFC 9110 §6.6.1).
    pub(crate) fn of(parts: Parts, length: Option<u64>, received: Timestamp) -> Self {
        let mut headers = end_to_end(parts.headers);
        if !headers.contains_key(header::DATE) {
            let now = HeaderValue::from_str(&date::format(received.seconds()));
            headers.extend(now.map(|now| (header::DATE, now)));
        }
        Self { status: parts.status, validators: validators(&headers), headers, length }
    }

    /// Whether a 304 is about this very representation: one that names another tag is not.
    pub(crate) fn is_meant_by(&self, not_modified: &HeaderMap) -> bool {
        let named = text(not_modified, header::ETAG).and_then(ETag::parse);
        match (named, &self.validators.etag) {
            (Some(named), Some(own)) => named.same_weak(own),
            (Some(_), None) => false,
            (None, _) => true,
        }
    }

    /// This head with the fields of a 304 put over it (RFC 9111 §3.2).
    pub(crate) fn updated(&self, not_modified: HeaderMap) -> Self {
        let mut fresh = end_to_end(not_modified);
        for name in NOT_UPDATED {
            fresh.remove(name);
        }
        let mut headers = self.headers.clone();
        for name in fresh.keys() {
            headers.remove(name);
        }
        for (name, value) in &fresh {
            headers.append(name, value.clone());
        }
        Self { headers, ..self.clone() }
    }

    /// Adds the conditions that ask whether this head is still current (RFC 9111 §4.3.1); whether there are
    /// any.
    pub(crate) fn ask_if_current(&self, headers: &mut HeaderMap) -> bool {
        for (stored, condition) in
            [(header::ETAG, header::IF_NONE_MATCH), (header::LAST_MODIFIED, header::IF_MODIFIED_SINCE)]
        {
            if let Some(value) = self.headers.get(stored) {
                headers.insert(condition, value.clone());
            }
        }
        self.can_be_validated()
    }

    pub(crate) fn can_be_validated(&self) -> bool {
        self.headers.contains_key(header::ETAG) || self.headers.contains_key(header::LAST_MODIFIED)
    }

    /// Bytes of memory the headers take, roughly.
    pub(crate) fn weight(&self) -> u64 {
        self.headers.iter().map(|(name, value)| (name.as_str().len() + value.len() + 64) as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    fn head(pairs: &[(&str, &str)]) -> Head {
        let mut builder = Response::builder();
        for (name, value) in pairs {
            builder = builder.header(*name, *value);
        }
        let (parts, ()) = builder.body(()).expect("a response").into_parts();
        Head::of(parts, None, Timestamp(784_111_777_000_000))
    }

    #[test]
    fn hop_by_hop_fields_and_those_they_name_are_dropped() {
        let head = head(&[
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("transfer-encoding", "chunked"),
            ("x-request-id", "abc"),
            ("content-type", "video/mp4"),
        ]);
        let names: Vec<_> = head.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["content-type", "date"]);
        assert_eq!(head.headers[header::DATE], "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn a_304_updates_all_but_what_describes_the_bytes() {
        let stored = head(&[
            ("etag", "\"a\""),
            ("content-type", "video/mp4"),
            ("cache-control", "max-age=1"),
            ("x-a", "1"),
        ]);
        let fresh = head(&[
            ("etag", "W/\"a\""),
            ("content-type", "text/plain"),
            ("cache-control", "max-age=9"),
            ("date", "Mon, 07 Nov 1994 08:49:37 GMT"),
        ]);
        assert!(stored.is_meant_by(&fresh.headers));
        let updated = stored.updated(fresh.headers);
        for (name, value) in [
            ("etag", "\"a\""),
            ("content-type", "video/mp4"),
            ("cache-control", "max-age=9"),
            ("x-a", "1"),
            ("date", "Mon, 07 Nov 1994 08:49:37 GMT"),
        ] {
            assert_eq!(updated.headers[name], value, "{name}");
        }
        let other = head(&[("etag", "\"b\"")]);
        assert!(!stored.is_meant_by(&other.headers));
        assert!(stored.is_meant_by(&HeaderMap::new()));
    }
}
