//! Secrets and signatures of Standard Webhooks 1.0.0 (<https://www.standardwebhooks.com>).
//!
//! No secret is stored. An address's secret is derived from a master key, which the database does not hold, and
//! a random nonce, which it does: whoever reads the database alone can sign nothing.

use std::fmt;

use base::{Timestamp, WebhookId};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use settings::Secret;
use sha2::Sha256;

/// Random bytes a secret is derived from.
pub(crate) const NONCE_BYTES: usize = 16;
/// What tells a secret for HMAC signatures (Standard Webhooks, "Secret encoding").
const SECRET_PREFIX: &str = "whsec_";

/// The key that the secrets of all addresses are derived from: the same in every process that delivers.
#[derive(Clone)]
pub struct MasterKey {
    keyed: Hmac<Sha256>,
    id: String,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").field("id", &self.id).finish_non_exhaustive()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

impl MasterKey {
    /// A master key of at least 32 bytes that cannot be guessed.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let keyed = keyed(bytes);
        let mut naming = keyed.clone();
        naming.update(b"nexus webhook master key");
        let named = naming.finalize().into_bytes();
        let id = named.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { keyed, id }
    }

    /// Which key it is; tells nothing about it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The 32 bytes that sign for an address since the rotation that drew `nonce`.
    pub(crate) fn derive(&self, webhook: &WebhookId, nonce: &[u8]) -> SigningKey {
        let mut derived = self.keyed.clone();
        derived.update(b"nexus webhook secret");
        derived.update(webhook.as_str().as_bytes());
        derived.update(nonce);
        SigningKey(derived.finalize().into_bytes().into())
    }
}

/// What signs for one address.
pub(crate) struct SigningKey([u8; 32]);

impl SigningKey {
    /// As the receiver keeps it.
    pub(crate) fn text(&self) -> Secret {
        Secret::new(format!("{SECRET_PREFIX}{}", STANDARD.encode(self.0)))
    }

    /// The signature of a message sent at `at`.
    pub(crate) fn sign(&self, id: &str, at: Timestamp, body: &str) -> String {
        let mut mac = keyed(&self.0);
        mac.update(format!("{id}.{}.{body}", at.seconds()).as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `openssl dgst -sha256 -mac HMAC`.
    #[test]
    fn a_signature_is_what_other_programs_compute() {
        let key = SigningKey(*b"0123456789abcdef0123456789abcdef");
        let signed = key.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            Timestamp(1_614_265_330_000_000),
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,hK4CWvngkaAwjY1pABLuUbOIkEJjW9tAapq1no4ojG0=");
        assert_eq!(key.text().expose(), "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    }

    #[test]
    fn secrets_differ_by_master_key_address_and_nonce() {
        let (ambient, _) = testkit::ambient();
        let (one, other): (WebhookId, WebhookId) = (ambient.id(), ambient.id());
        let master = MasterKey::new(&[1; 32]);
        let text = |master: &MasterKey, id, nonce: &[u8]| master.derive(id, nonce).text().expose().to_owned();
        let all = [
            text(&master, &one, &[0; NONCE_BYTES]),
            text(&master, &one, &[1; NONCE_BYTES]),
            text(&master, &other, &[0; NONCE_BYTES]),
            text(&MasterKey::new(&[2; 32]), &one, &[0; NONCE_BYTES]),
        ];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
        assert_eq!(text(&master, &one, &[0; NONCE_BYTES]), all[0]);
        assert!(!format!("{master:?}").contains(&all[0]));
    }
}
