//! JSON Web Key Sets (RFC 7517) of Ed25519 keys (RFC 8037).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::TokenError;

/// The most keys a set may hold; a rotation needs two.
pub const KEYS_MAX: usize = 32;
/// The largest key set read, in bytes.
pub const BYTES_MAX: usize = 64 << 10;

const KEY_TYPE: &str = "OKP";
const CURVE: &str = "Ed25519";

/// One key; members that are not needed here are ignored when read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
}

/// A set of public keys, in the form served at `/.well-known/jwks.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

/// The SHA-256 thumbprint of an Ed25519 key (RFC 7638 §3, RFC 8037 §2).
pub(crate) fn thumbprint(key: &VerifyingKey) -> [u8; 32] {
    let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
    Sha256::digest(format!(r#"{{"crv":"{CURVE}","kty":"{KEY_TYPE}","x":"{x}"}}"#)).into()
}

impl Jwk {
    fn of(key: &VerifyingKey) -> Self {
        Self {
            kty: KEY_TYPE.to_owned(),
            crv: Some(CURVE.to_owned()),
            x: Some(URL_SAFE_NO_PAD.encode(key.as_bytes())),
            kid: Some(URL_SAFE_NO_PAD.encode(thumbprint(key))),
            usage: Some("sig".to_owned()),
            alg: Some("EdDSA".to_owned()),
        }
    }

    /// `None` for a key of another type or for another use, which RFC 7517 §5 has us ignore.
    fn key(&self) -> Option<Result<VerifyingKey, TokenError>> {
        let ours = self.kty == KEY_TYPE && self.crv.as_deref() == Some(CURVE);
        let signs = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        (ours && signs).then(|| self.decoded().ok_or(TokenError::BadKey))
    }

    fn decoded(&self) -> Option<VerifyingKey> {
        let bytes = URL_SAFE_NO_PAD.decode(self.x.as_deref()?).ok()?;
        let key = VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok()?;
        (!key.is_weak()).then_some(key)
    }
}

impl Jwks {
    /// The set of these keys.
    pub(crate) fn of<'a>(keys: impl IntoIterator<Item = &'a VerifyingKey>) -> Self {
        Self { keys: keys.into_iter().map(Jwk::of).collect() }
    }

    /// Reads a key set of at most [`BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// [`TokenError::BadKeySet`] when it is not one or is too large.
    pub fn parse(json: &[u8]) -> Result<Self, TokenError> {
        if json.len() > BYTES_MAX {
            return Err(TokenError::BadKeySet(format!("longer than {BYTES_MAX} bytes")));
        }
        serde_json::from_slice(json).map_err(|error| TokenError::BadKeySet(error.to_string()))
    }

    /// The set with the keys of both, for a rotation in which old tokens stay valid.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        let unknown = other.keys.into_iter().filter(|key| !self.keys.contains(key)).collect::<Vec<_>>();
        self.keys.extend(unknown);
        self
    }

    /// The Ed25519 signing keys of the set.
    pub(crate) fn keys(&self) -> Result<Vec<VerifyingKey>, TokenError> {
        if self.keys.len() > KEYS_MAX {
            return Err(TokenError::BadKeySet(format!("more than {KEYS_MAX} keys")));
        }
        self.keys.iter().filter_map(Jwk::key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The public key and thumbprint of RFC 8037, appendices A.2 and A.3.
    const RFC_KEY: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const RFC_THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

    fn set(json: &str) -> Jwks {
        Jwks::parse(json.as_bytes()).expect("a key set")
    }

    #[test]
    fn the_key_of_the_rfc_has_the_thumbprint_of_the_rfc() {
        let keys = set(&format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{RFC_KEY}"}}]}}"#)).keys();
        let key = keys.expect("keys")[0];
        assert_eq!(URL_SAFE_NO_PAD.encode(thumbprint(&key)), RFC_THUMBPRINT);
        let written = serde_json::to_string(&Jwks::of([&key])).expect("JSON");
        assert!(written.contains(RFC_THUMBPRINT) && written.contains(r#""use":"sig""#), "{written}");
        assert_eq!(set(&written).keys().expect("keys"), [key]);
    }

    #[test]
    fn other_keys_are_ignored_and_bad_ones_refused() {
        let rsa = r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"r"}]}"#;
        assert_eq!(set(rsa).keys(), Ok(vec![]));
        let encryption =
            format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{RFC_KEY}","use":"enc"}}]}}"#);
        assert_eq!(set(&encryption).keys(), Ok(vec![]));
        let weak = URL_SAFE_NO_PAD.encode([0u8; 32]);
        for x in ["", "AAAA", "***", weak.as_str()] {
            let bad = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}]}}"#);
            assert_eq!(set(&bad).keys(), Err(TokenError::BadKey), "{x}");
        }
        for text in ["", "[]", "{}", r#"{"keys":[{}]}"#] {
            assert!(matches!(Jwks::parse(text.as_bytes()), Err(TokenError::BadKeySet(_))), "{text}");
        }
        let many = format!(r#"{{"keys":[{}]}}"#, vec![r#"{"kty":"RSA"}"#; KEYS_MAX + 1].join(","));
        assert!(matches!(set(&many).keys(), Err(TokenError::BadKeySet(_))));
        assert!(matches!(Jwks::parse(&vec![b' '; BYTES_MAX + 1]), Err(TokenError::BadKeySet(_))));
    }
}
