//! The credential that a request bears.

use http::{HeaderMap, header};

/// The credential of an `Authorization: Bearer` header. The scheme's name is told by any case and ends with spaces
/// (RFC 9110 §11.1, §11.4); white space around a field's value is no part of it (RFC 9110 §5.5). None for another
/// scheme, an empty credential, or what is not visible ASCII.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, credential) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim_start())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn borne(value: &'static [u8]) -> Option<String> {
        let value = HeaderValue::from_bytes(value).expect("a value");
        bearer(&HeaderMap::from_iter([(header::AUTHORIZATION, value)])).map(str::to_owned)
    }

    #[test]
    fn the_scheme_has_any_case_and_spaces_end_it() {
        for value in [&b"Bearer abc"[..], b"bearer abc", b"BEARER abc", b" Bearer   abc ", b"Bearer abc\t"] {
            assert_eq!(borne(value).as_deref(), Some("abc"), "{value:?}");
        }
        assert_eq!(borne(b"Bearer a b").as_deref(), Some("a b"), "a wrong credential, not another one");
    }

    #[test]
    fn other_schemes_and_empty_credentials_bear_nothing() {
        for value in [&b"abc"[..], b"", b"Bearer", b"Bearer ", b"Basic abc", b"Bearerabc", b"Bearer \xff"] {
            assert_eq!(borne(value), None, "{value:?}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
