//! The token itself: its claims and its bytes.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::TokenError;

/// What may be watched, by whose customers, until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The asset or channel that may be watched; at most 255 bytes.
    pub asset: String,
    /// For whom it was minted: the tenant; at most 255 bytes.
    pub audience: String,
    /// When it ends, in seconds since 1970; already rounded up to a bucket ([`crate::round_up`]).
    pub expires_s: i64,
}

pub(crate) const VERSION: u8 = 1;
pub(crate) const KEY_ID_BYTES: usize = 8;
pub(crate) const SIGNATURE_BYTES: usize = 64;
/// The longest token text that is looked at.
pub(crate) const TEXT_MAX: usize = 800;
/// Signed in front of the payload, so that no other signature of the key can pass for a token.
const CONTEXT: &[u8] = b"nexus playback token\0";

/// A key as tokens name it: the beginning of its thumbprint.
pub(crate) type KeyId = [u8; KEY_ID_BYTES];

/// A token taken apart, nothing about it proven.
#[derive(Debug)]
pub(crate) struct Opened {
    pub key_id: KeyId,
    pub claims: Claims,
    pub signed: Vec<u8>,
    pub signature: [u8; SIGNATURE_BYTES],
}

fn push_text(out: &mut Vec<u8>, name: &'static str, text: &str) -> Result<(), TokenError> {
    let length = u8::try_from(text.len()).map_err(|_| TokenError::UnfitClaim(name))?;
    out.push(length);
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// Version, key id, expiry, asset, audience.
pub(crate) fn payload(key_id: KeyId, claims: &Claims) -> Result<Vec<u8>, TokenError> {
    let expires = u64::try_from(claims.expires_s).map_err(|_| TokenError::UnfitClaim("expires_s"))?;
    let mut out = vec![VERSION];
    out.extend_from_slice(&key_id);
    out.extend_from_slice(&expires.to_be_bytes());
    push_text(&mut out, "asset", &claims.asset)?;
    push_text(&mut out, "audience", &claims.audience)?;
    Ok(out)
}

/// The bytes that are signed for a payload.
pub(crate) fn signed(payload: &[u8]) -> Vec<u8> {
    [CONTEXT, payload].concat()
}

pub(crate) fn seal(mut payload: Vec<u8>, signature: [u8; SIGNATURE_BYTES]) -> String {
    payload.extend_from_slice(&signature);
    URL_SAFE_NO_PAD.encode(payload)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let [length] = take::<1>(rest)?;
    let (text, tail) = rest.split_at_checked(usize::from(length))?;
    *rest = tail;
    String::from_utf8(text.to_vec()).ok()
}

fn read_payload(mut rest: &[u8]) -> Option<(KeyId, Claims)> {
    let rest = &mut rest;
    let [version] = take::<1>(rest)?;
    let key_id = take::<KEY_ID_BYTES>(rest)?;
    let expires_s = i64::try_from(u64::from_be_bytes(take(rest)?)).ok()?;
    let claims = Claims { asset: take_text(rest)?, audience: take_text(rest)?, expires_s };
    (version == VERSION && rest.is_empty()).then_some((key_id, claims))
}

/// Takes a token apart; the base64 must be canonical and nothing may be left over.
pub(crate) fn open(text: &str) -> Option<Opened> {
    let bytes = (text.len() <= TEXT_MAX).then(|| URL_SAFE_NO_PAD.decode(text).ok())??;
    let (payload, signature) = bytes.split_last_chunk::<SIGNATURE_BYTES>()?;
    let (key_id, claims) = read_payload(payload)?;
    Some(Opened { key_id, claims, signed: signed(payload), signature: *signature })
}
