//! What ETags say. Most servers give an object that was written by one request the MD5 of its bytes as its ETag;
//! S3 promises it for what is not encrypted with a key of its own. Whether this server does is seen at the start.

use std::ops::Range;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};

/// Hexadecimal digits of an MD5.
const DIGITS: usize = 32;

/// What a server's ETags are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tags {
    /// The MD5 of what was written by one request.
    Md5,
    /// Nothing that can be told.
    Opaque,
}

/// A digest on its way, and the ETag it is to come to; without one, anything is right.
#[derive(Default)]
pub(super) struct Digest {
    running: Option<Md5>,
    expected: String,
}

fn bare(tag: &str) -> &str {
    tag.trim_matches('"')
}

/// An MD5; the ETag of an object that was made of parts has a dash and their number behind it.
fn is_md5(tag: &str) -> bool {
    tag.len() == DIGITS && tag.bytes().all(|digit| digit.is_ascii_hexdigit())
}

fn hex(digest: Md5) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `Content-MD5` (RFC 1864), by which a server refuses what does not arrive as it was sent, before it replaces
/// anything. Not all of those that speak S3 hold a body against the digest that its signature covers.
pub(super) fn content_md5(bytes: &[u8]) -> String {
    STANDARD.encode(Md5::digest(bytes))
}

impl Tags {
    /// By the ETag that `bytes` got.
    pub(super) fn learn(bytes: &[u8], tag: &str) -> Self {
        if hex(Md5::new_with_prefix(bytes)).eq_ignore_ascii_case(bare(tag)) {
            Self::Md5
        } else {
            Self::Opaque
        }
    }

    /// The digest of bytes whose ETag comes later.
    pub(super) fn of(self, bytes: &[u8]) -> Digest {
        let running = (self == Self::Md5).then(|| Md5::new_with_prefix(bytes));
        Digest { running, expected: String::new() }
    }

    /// The digest of bytes that are to come, of an object with this ETag.
    pub(super) fn expecting(self, tag: &str) -> Digest {
        let known = self == Self::Md5 && is_md5(bare(tag));
        Digest { running: known.then(Md5::new), expected: bare(tag).to_owned() }
    }
}

impl Digest {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(running) = &mut self.running {
            running.update(bytes);
        }
    }

    /// Whether the bytes so far are those of an object with this ETag, as far as can be told.
    pub(super) fn fits(self, tag: &str) -> bool {
        self.expecting(tag).is_right()
    }

    fn expecting(self, tag: &str) -> Self {
        let tag = bare(tag);
        Self { running: self.running.filter(|_| is_md5(tag)), expected: tag.to_owned() }
    }

    /// Whether the bytes so far are all of those that were expected, as far as can be told.
    pub(super) fn is_right(&self) -> bool {
        self.running.as_ref().is_none_or(|running| hex(running.clone()).eq_ignore_ascii_case(&self.expected))
    }
}

/// Whether a `Content-Range` (RFC 9110 section 14.4) says that `range` is all of the object.
pub(super) fn is_whole(content_range: &str, range: &Range<u64>) -> bool {
    let length = content_range.rsplit_once('/').and_then(|(_, length)| length.parse().ok());
    range.start == 0 && length.is_some_and(|length: u64| length <= range.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_whose_tags_are_md5_is_known_by_one() {
        let empty = "\"d41d8cd98f00b204e9800998ecf8427e\"";
        assert_eq!(Tags::learn(b"", empty), Tags::Md5);
        assert_eq!(Tags::learn(b"nexus", empty), Tags::Opaque);
        assert_eq!(Tags::learn(b"", ""), Tags::Opaque);
    }

    #[test]
    fn wrong_bytes_do_not_fit_and_what_cannot_be_told_does() {
        // RFC 1321, appendix A.5.
        let abc = "\"900150983cd24fb0d6963f7d28e17f72\"";
        assert!(Tags::Md5.of(b"abc").fits(abc) && !Tags::Md5.of(b"abd").fits(abc));
        assert!(Tags::Md5.of(b"abd").fits("\"900150983cd24fb0d6963f7d28e17f72-2\""));
        assert!(Tags::Opaque.of(b"abd").fits(abc) && Tags::Md5.of(b"abd").fits("\"900150983cd24fb0\""));
        let mut coming = Tags::Md5.expecting(abc);
        coming.update(b"ab");
        assert!(!coming.is_right());
        coming.update(b"c");
        assert!(coming.is_right());
    }

    #[test]
    fn a_body_is_announced_by_its_digest() {
        assert_eq!(content_md5(b""), "1B2M2Y8AsgTpgAmY7PhCfg==");
    }

    #[test]
    fn a_range_is_whole_when_nothing_lies_outside() {
        assert!(is_whole("bytes 0-4/5", &(0..5)) && is_whole("bytes 0-4/5", &(0..9)));
        assert!(!is_whole("bytes 0-3/5", &(0..4)) && !is_whole("bytes 1-4/5", &(1..5)));
        assert!(!is_whole("bytes 0-4/*", &(0..5)));
    }
}
