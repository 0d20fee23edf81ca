//! Entity tags (RFC 9110 §8.8.3).

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderValue;
use sha2::{Digest, Sha256};

/// An entity tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag {
    weak: bool,
    opaque: String,
}

const fn is_etagc(byte: u8) -> bool {
    byte == 0x21 || (byte >= 0x23 && byte != 0x7f)
}

impl ETag {
    /// A strong tag; `None` when `opaque` holds a quote, a space, a control or a non-ASCII character.
    #[must_use]
    pub fn strong(opaque: &str) -> Option<Self> {
        let valid = opaque.bytes().all(|byte| byte.is_ascii() && is_etagc(byte));
        valid.then(|| Self { weak: false, opaque: opaque.to_owned() })
    }

    /// The strong tag of these bytes: the first 128 bits of their SHA-256.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        Self { weak: false, opaque: URL_SAFE_NO_PAD.encode(&digest[..16]) }
    }

    /// The strong tag of the same content under a content coding, which is another representation
    /// (RFC 9110 §8.8.3.3).
    #[must_use]
    pub fn coded(&self, coding: &str) -> Self {
        Self { weak: self.weak, opaque: format!("{}-{coding}", self.opaque) }
    }

    /// Reads one tag, such as `"abc"` or `W/"abc"`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (tag, rest) = take(text.trim())?;
        rest.is_empty().then_some(tag)
    }

    /// Whether the tag is weak.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        self.weak
    }

    /// The text between the quotes.
    #[must_use]
    pub fn opaque(&self) -> &str {
        &self.opaque
    }

    /// Strong comparison (RFC 9110 §8.8.3.2): equal and neither is weak.
    #[must_use]
    pub fn same_strong(&self, other: &Self) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Weak comparison (RFC 9110 §8.8.3.2): equal but for weakness.
    #[must_use]
    pub fn same_weak(&self, other: &Self) -> bool {
        self.opaque == other.opaque
    }

    /// The header value.
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.to_string()).expect("a tag holds only visible and non-ASCII characters")
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\"{}\"", if self.weak { "W/" } else { "" }, self.opaque)
    }
}

fn take(text: &str) -> Option<(ETag, &str)> {
    let (weak, quoted) = text.strip_prefix("W/").map_or((false, text), |rest| (true, rest));
    let inside = quoted.strip_prefix('"')?;
    let (opaque, rest) = inside.split_once('"')?;
    opaque.bytes().all(is_etagc).then(|| (ETag { weak, opaque: opaque.to_owned() }, rest))
}

/// Whether `list` (the value of If-Match or If-None-Match) is `*` or holds a tag that `matches`; `None` when
/// it is malformed.
pub(crate) fn list_matches(list: &str, matches: impl Fn(&ETag) -> bool) -> Option<bool> {
    if list.trim() == "*" {
        return Some(true);
    }
    let mut rest = list.trim_start_matches([' ', '\t', ',']);
    let mut found = false;
    while !rest.is_empty() {
        let (tag, after) = take(rest)?;
        found |= matches(&tag);
        let after = after.trim_start_matches([' ', '\t']);
        if !after.is_empty() && !after.starts_with(',') {
            return None;
        }
        rest = after.trim_start_matches([' ', '\t', ',']);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn comparison_follows_the_table_of_the_rfc() {
        let tag = |text| ETag::parse(text).expect("a tag");
        let rows = [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
        ];
        for (left, right, strong, weak) in rows {
            assert_eq!(tag(left).same_strong(&tag(right)), strong, "{left} {right}");
            assert_eq!(tag(left).same_weak(&tag(right)), weak, "{left} {right}");
        }
    }

    #[test]
    fn lists_may_hold_commas_inside_tags_and_empty_elements() {
        let wanted = ETag::strong("a,b").expect("a tag");
        assert_eq!(list_matches(", \"x\" ,, W/\"a,b\"", |tag| tag.same_weak(&wanted)), Some(true));
        assert_eq!(list_matches("\"x\", \"y\"", |tag| tag.same_weak(&wanted)), Some(false));
        assert_eq!(list_matches("\"x\" \"a,b\"", |tag| tag.same_weak(&wanted)), None);
        assert_eq!(list_matches("a,b", |tag| tag.same_weak(&wanted)), None);
    }

    #[test]
    fn unfit_text_makes_no_tag() {
        for text in ["with space", "quote\"", "ümlaut", "\n"] {
            assert_eq!(ETag::strong(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn tags_round_trip(text in "[!#-~]{0,40}", weak in any::<bool>()) {
            let tag = ETag { weak, opaque: text };
            prop_assert_eq!(ETag::parse(&tag.to_string()), Some(tag.clone()));
            let (header, text) = (tag.to_header(), tag.to_string());
            prop_assert_eq!(header.as_bytes(), text.as_bytes());
        }

        #[test]
        fn different_bytes_have_different_tags(a: Vec<u8>, b: Vec<u8>) {
            prop_assert_eq!(a == b, ETag::of(&a) == ETag::of(&b));
        }

        #[test]
        fn no_list_panics(text in ".{0,60}") {
            let _ = list_matches(&text, |_| false);
        }
    }
}
