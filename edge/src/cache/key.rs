//! What makes two requests ask for the same stored answer (RFC 9111 §2).

use std::{borrow::Cow, sync::Arc};

use httpkit::encoding::Coding;

/// Whether a token was verified for the request. The two never share an answer: bytes that the upstream gave
/// us because we vouched for a viewer are not for those for whom we did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    Public,
    Verified,
}

/// The cache key. The token is not part of it, and of the query only what an answer depends on; the coding is the one
/// asked of the upstream, which stands for `Vary: Accept-Encoding`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub path: Arc<str>,
    /// Delivery directives in their one spelling; mostly empty.
    pub directives: Box<str>,
    pub coding: Coding,
    pub access: Access,
}

impl Key {
    /// Path and query as the upstream is asked for them.
    pub(crate) fn target(&self) -> Cow<'_, str> {
        match &*self.directives {
            "" => Cow::Borrowed(&*self.path),
            directives => Cow::Owned(format!("{}?{directives}", self.path)),
        }
    }

    /// Bytes that it takes, but for its own size.
    pub(crate) fn weight(&self) -> u64 {
        (self.path.len() + self.directives.len()) as u64
    }

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
        let key = Key {
            path: "/media/ab/v1/x.m4s".into(),
            directives: "".into(),
            coding: Coding::Identity,
            access: Access::Public,
        };
        for path in ["/media/ab", "/media/ab/", "/media/ab/v1", "/media/ab/v1/x.m4s", "/media/"] {
            assert!(key.lies_under(path), "{path}");
        }
        for path in ["/media/a", "/media/abc", "/media/ab/v1/x", "/media/ab/v1/x.m4s/y"] {
            assert!(!key.lies_under(path), "{path}");
        }
    }
}
