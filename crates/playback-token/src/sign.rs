//! Minting.

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};

use crate::{
    Claims, Jwks, TokenError, jwks,
    token::{KEY_ID_BYTES, KeyId, payload, seal, signed},
};

pub(crate) fn key_id(key: &ed25519_dalek::VerifyingKey) -> KeyId {
    let mut id = [0; KEY_ID_BYTES];
    id.copy_from_slice(&jwks::thumbprint(key)[..KEY_ID_BYTES]);
    id
}

/// A private key that mints tokens. `Debug` does not show it; dropping it wipes it.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    key_id: KeyId,
}

impl Signer {
    /// A key from 32 unpredictable bytes.
    #[must_use]
    pub fn generate(seed: [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(&seed);
        Self { key_id: key_id(&key.verifying_key()), key }
    }

    /// The key that [`Signer::to_bytes`] gave.
    ///
    /// # Errors
    /// [`TokenError::BadKey`] unless there are 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TokenError> {
        bytes.try_into().map(Self::generate).map_err(|_| TokenError::BadKey)
    }

    /// The private key, for keeping it.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The public key as a key set.
    #[must_use]
    pub fn jwks(&self) -> Jwks {
        Jwks::of([&self.key.verifying_key()])
    }

    /// The token of these claims. Equal claims give the equal token, so that all viewers of an expiry bucket
    /// share their URLs.
    ///
    /// # Errors
    /// [`TokenError::UnfitClaim`].
    pub fn mint(&self, claims: &Claims) -> Result<String, TokenError> {
        let payload = payload(self.key_id, claims)?;
        let signature = self.key.sign(&signed(&payload));
        Ok(seal(payload, signature.to_bytes()))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}
