//! Why a token, a key or a key set is refused.

/// Why a token, a key or a key set is refused. All of it may be told to the caller: nothing here depends on
/// a secret.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// The text is no token of a known version.
    #[error("not a playback token")]
    Malformed,
    /// No key that is known here signed it; fresh keys may help.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The signature is not the key's over these claims.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// The token is past its expiry.
    #[error("the token has expired")]
    Expired,
    /// The token is for something else.
    #[error("the token is for another asset")]
    OtherAsset,
    /// A claim cannot be put into a token: text of more than 255 bytes, or an expiry before 1970.
    #[error("the claim {0} does not fit into a token")]
    UnfitClaim(&'static str),
    /// The bytes are not an Ed25519 key.
    #[error("not an Ed25519 key")]
    BadKey,
    /// The text is not a JSON Web Key Set, or one with more keys than are taken.
    #[error("not a usable key set: {0}")]
    BadKeySet(String),
}
