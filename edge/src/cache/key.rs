//! What makes two requests ask for the same stored answer (RFC 9111 §2).

use std::sync::Arc;

use httpkit::encoding::Coding;

/// Whether a token was verified for the request. The two never share an answer: bytes that the upstream gave
/// us because we vouched for a viewer are not for those for whom we did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    Public,
    Verified,
}

/// The cache key. The token and the query are not part of it; the coding is the one asked of the upstream,
/// which stands for `Vary: Accept-Encoding`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub path: Arc<str>,
    pub coding: Coding,
    pub access: Access,
}

impl Key {
    /// Whether it is `path` or something below it.
    pub(crate) fn lies_under(&self, path: &str) -> bool {
        let rest = self.path.strip_prefix(path.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_segments_lie_under_a_path() {
        let key = Key { path: "/media/ab/v1/x.m4s".into(), coding: Coding::Identity, access: Access::Public };
        for path in ["/media/ab", "/media/ab/", "/media/ab/v1", "/media/ab/v1/x.m4s", "/media/"] {
            assert!(key.lies_under(path), "{path}");
        }
        for path in ["/media/a", "/media/abc", "/media/ab/v1/x", "/media/ab/v1/x.m4s/y"] {
            assert!(!key.lies_under(path), "{path}");
        }
    }
}
