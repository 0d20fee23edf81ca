//! Playback tokens: a signed statement of what may be watched until when, carried in the path
//! (`/p/{token}/media/…`) so that relative URIs keep it. A token names no viewer; all viewers of an expiry
//! bucket share it, and with it their URLs.
//!
//! # Format, version 1
//!
//! The token is base64url without padding (RFC 4648 §5) of:
//!
//! | bytes | content |
//! |---|---|
//! | 1 | version, `1` |
//! | 8 | key id: the first bytes of the public key's SHA-256 thumbprint (RFC 7638) |
//! | 8 | expiry, seconds since 1970, big-endian |
//! | 1 + n | length and UTF-8 text of the asset |
//! | 1 + n | length and UTF-8 text of the audience |
//! | 64 | Ed25519 signature (RFC 8032) over `nexus playback token\0` and all of the above |
//!
//! Ed25519 is deterministic: equal claims make equal tokens. Verification is strict (canonical base64,
//! canonical signatures, nothing left over), so exactly one text is valid per statement.

mod error;
pub mod jwks;
mod sign;
mod token;
mod verify;

pub use error::TokenError;
pub use jwks::Jwks;
pub use sign::Signer;
pub use token::Claims;
pub use verify::Verifier;

/// `at_s` rounded up to a multiple of `bucket_s` seconds (0 counts as 1), so that viewers share URLs.
#[must_use]
pub fn round_up(at_s: i64, bucket_s: u32) -> i64 {
    let bucket = i64::from(bucket_s.max(1));
    let over = at_s.rem_euclid(bucket);
    if over == 0 { at_s } else { at_s.saturating_add(bucket - over) }
}
