//! What an edge needs to know to start.

use std::time::Duration;

use base::Ambient;
use http::HeaderValue;
use playback_token::Jwks;
use settings::Secret;

use crate::{EdgeError, Keys};

/// Requests to the upstream at once, unless said otherwise.
const UPSTREAM_REQUESTS_MAX: usize = 512;

/// What proves to the upstream that the edge verified a token for a request: a secret the two share.
#[derive(Clone, Debug)]
pub struct Credential(Secret);

impl Credential {
    /// The credential of this secret.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// A fresh one, for an edge and an origin in the same process.
    #[must_use]
    pub fn random(ambient: &Ambient) -> Self {
        let text: String = ambient.bytes::<32>().iter().map(|byte| format!("{byte:02x}")).collect();
        Self(Secret::new(text))
    }

    /// The secret, for the origin.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    pub(crate) fn to_header(&self) -> Result<HeaderValue, EdgeError> {
        let mut value = HeaderValue::from_str(self.0.expose()).map_err(|_| EdgeError::Credential)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// What an edge needs to know.
#[derive(Clone, Debug)]
pub struct EdgeOptions {
    /// Bytes of memory for cached objects and running fills.
    pub cache_bytes_max: u64,
    /// The same for live media, which are kept apart: neither pushes the other out.
    pub live_bytes_max: u64,
    /// Bytes of the largest object that is cached; larger ones go through.
    pub object_bytes_max: u64,
    /// To wait for a turn at the upstream, for its headers and for each piece of a body; for live media at least as
    /// long as an origin holds a request.
    pub upstream_timeout: Duration,
    /// Requests to the upstream at once.
    pub upstream_requests_max: usize,
    /// The public keys of playback tokens.
    pub keys: Keys,
    /// What tells the upstream that a token was verified; without it the upstream refuses private media.
    pub credential: Option<Credential>,
    /// Time.
    pub ambient: Ambient,
}

impl EdgeOptions {
    /// The options that a settings section stands for; keys are fetched from the upstream.
    #[must_use]
    pub fn from_settings(settings: &settings::Edge, ambient: Ambient) -> Self {
        let every = Duration::from_secs(settings.jwks_refresh_seconds.into());
        Self {
            cache_bytes_max: u64::from(settings.cache_memory_mb) << 20,
            live_bytes_max: u64::from(settings.live_memory_mb) << 20,
            object_bytes_max: u64::from(settings.cache_object_max_mb) << 20,
            upstream_timeout: Duration::from_secs(settings.upstream_timeout_seconds.into()),
            upstream_requests_max: UPSTREAM_REQUESTS_MAX,
            keys: Keys::Fetched { every },
            credential: Some(settings.credential.clone()).filter(|secret| !secret.is_empty()).map(Credential),
            ambient,
        }
    }

    /// The same with another credential.
    #[must_use]
    pub fn with_credential(self, credential: Credential) -> Self {
        Self { credential: Some(credential), ..self }
    }

    /// The same with these keys and no fetching.
    #[must_use]
    pub fn with_keys(self, keys: Jwks) -> Self {
        Self { keys: Keys::Fixed(keys), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_options() {
        let section =
            settings::Edge { cache_memory_mb: 3, jwks_refresh_seconds: 7, ..settings::Edge::default() };
        let options = EdgeOptions::from_settings(&section, lifecycle::system());
        assert_eq!(options.cache_bytes_max, 3 << 20);
        assert!(matches!(options.keys, Keys::Fetched { every } if every.as_secs() == 7));
        assert!(options.credential.is_none(), "an empty credential is none");
        let secret = settings::Edge { credential: Secret::new("x\ny"), ..section };
        let credential = EdgeOptions::from_settings(&secret, lifecycle::system()).credential;
        assert!(matches!(
            credential.map(|credential| credential.to_header()),
            Some(Err(EdgeError::Credential))
        ));
    }

    #[test]
    fn a_credential_is_random_and_not_shown() {
        let ambient = lifecycle::system();
        let (one, other) = (Credential::random(&ambient), Credential::random(&ambient));
        assert_ne!(one.secret().expose(), other.secret().expose());
        assert_eq!(one.secret().expose().len(), 64);
        let shown = format!("{one:?} {:?}", one.to_header().expect("a header"));
        assert!(!shown.contains(one.secret().expose()));
    }
}
