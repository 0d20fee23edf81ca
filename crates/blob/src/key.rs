//! Keys.

use std::fmt;

use crate::BlobError;

/// The name of an object: 1 to 512 bytes of `a-z 0-9 . _ - /`, with no empty, `.` or `..` part, so that it is
/// a safe relative path and a valid S3 key alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The longest key, in bytes.
    pub const BYTES_MAX: usize = 512;

    /// Checks `text`.
    ///
    /// # Errors
    /// [`BlobError::BadKey`].
    pub fn new(text: impl Into<String>) -> Result<Self, BlobError> {
        let text = text.into();
        let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/".contains(&byte);
        let parts_fit = text.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        if text.len() <= Self::BYTES_MAX && parts_fit && text.bytes().all(known) {
            Ok(Self(text))
        } else {
            Err(BlobError::BadKey(text))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn path_tricks_are_refused() {
        for text in ["", "/a", "a/", "a//b", "../a", "a/../b", "./a", "A", "a b", "a\0", "a\\b", "ä"] {
            assert!(Key::new(text).is_err(), "{text:?}");
        }
        assert!(Key::new("a".repeat(513)).is_err());
        assert!(Key::new("assets/01j/v1/video-720/00001.a1.m4s").is_ok());
    }

    proptest! {
        #[test]
        fn an_accepted_key_stays_below_its_root(text in ".{0,30}") {
            if let Ok(key) = Key::new(text) {
                let path = std::path::Path::new("/root").join(key.as_str());
                prop_assert!(path.starts_with("/root"));
                prop_assert!(path.components().all(|part| part != std::path::Component::ParentDir));
            }
        }
    }
}
