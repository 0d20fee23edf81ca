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
