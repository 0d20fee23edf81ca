//! Verifying, with public keys alone.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::{
    Claims, Jwks, TokenError,
    sign::key_id,
    token::{KeyId, Opened, open},
};

/// The public keys whose tokens are accepted.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: Vec<(KeyId, VerifyingKey)>,
}

impl Verifier {
    /// Accepts the Ed25519 signing keys of a set; an empty set accepts nothing.
    ///
    /// # Errors
    /// [`TokenError::BadKey`], [`TokenError::BadKeySet`].
    pub fn new(keys: &Jwks) -> Result<Self, TokenError> {
        let keys = keys.keys()?;
        Ok(Self { keys: keys.into_iter().map(|key| (key_id(&key), key)).collect() })
    }

    fn check_signature(&self, opened: &Opened) -> Result<(), TokenError> {
        let mut named = self.keys.iter().filter(|(id, _)| *id == opened.key_id).peekable();
        named.peek().ok_or(TokenError::UnknownKey)?;
        let signature = Signature::from_bytes(&opened.signature);
        let genuine = named.any(|(_, key)| key.verify_strict(&opened.signed, &signature).is_ok());
        if genuine { Ok(()) } else { Err(TokenError::BadSignature) }
    }

    /// Proves that `token` allows watching `asset` at `now_s` (seconds since 1970).
    ///
    /// The work is bounded by a token's length and one signature check per key of that id. Nothing secret is
    /// involved, so differing durations reveal nothing.
    ///
    /// # Errors
    /// [`TokenError::Malformed`], [`TokenError::UnknownKey`], [`TokenError::BadSignature`],
    /// [`TokenError::Expired`], [`TokenError::OtherAsset`]; the signature is judged before the claims.
    pub fn verify(&self, token: &str, now_s: i64, asset: &str) -> Result<Claims, TokenError> {
        let opened = open(token).ok_or(TokenError::Malformed)?;
        self.check_signature(&opened)?;
        opened.claims.check(now_s, asset)?;
        Ok(opened.claims)
    }
}

impl Claims {
    /// Whether proven claims allow watching `asset` at `now_s`, for callers that keep verdicts.
    ///
    /// # Errors
    /// [`TokenError::Expired`], [`TokenError::OtherAsset`].
    pub fn check(&self, now_s: i64, asset: &str) -> Result<(), TokenError> {
        if now_s >= self.expires_s {
            return Err(TokenError::Expired);
        }
        if self.asset != asset {
            return Err(TokenError::OtherAsset);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Signer, round_up};

    fn signer(seed: u8) -> Signer {
        Signer::generate([seed; 32])
    }

    fn claims() -> Claims {
        Claims { asset: "film".to_owned(), audience: "tenant".to_owned(), expires_s: 1_000 }
    }

    fn verifier(of: &Signer) -> Verifier {
        Verifier::new(&of.jwks()).expect("a key set")
    }

    #[test]
    fn a_token_lasts_until_its_expiry_and_opens_one_asset() {
        let (signer, claims) = (signer(1), claims());
        let token = signer.mint(&claims).expect("minted");
        let verifier = verifier(&signer);
        assert_eq!(verifier.verify(&token, 999, "film"), Ok(claims));
        assert_eq!(verifier.verify(&token, 1_000, "film"), Err(TokenError::Expired));
        assert_eq!(verifier.verify(&token, 999, "film2"), Err(TokenError::OtherAsset));
        assert_eq!(verifier.verify(&token, 999, ""), Err(TokenError::OtherAsset));
    }

    #[test]
    fn keys_rotate_with_overlap() {
        let (old, new) = (signer(1), signer(2));
        let token = old.mint(&claims()).expect("minted");
        let both = Verifier::new(&new.jwks().joined(old.jwks())).expect("a key set");
        assert!(both.verify(&token, 0, "film").is_ok());
        assert!(both.verify(&new.mint(&claims()).expect("minted"), 0, "film").is_ok());
        assert_eq!(verifier(&new).verify(&token, 0, "film"), Err(TokenError::UnknownKey));
        let none = Verifier::new(&Jwks::default()).expect("an empty set");
        assert_eq!(none.verify(&token, 0, "film"), Err(TokenError::UnknownKey));
    }

    #[test]
    fn viewers_of_a_bucket_share_the_token() {
        let token = |at_s: i64| {
            let expires_s = round_up(at_s + 21_600, 3_600);
            signer(1).mint(&Claims { expires_s, ..claims() }).expect("minted")
        };
        assert_eq!(token(1), token(3_600));
        assert_ne!(token(3_600), token(3_601));
    }

    #[test]
    fn claims_that_do_not_fit_are_refused() {
        let long = "x".repeat(256);
        let mint = |claims: Claims| signer(1).mint(&claims);
        assert_eq!(mint(Claims { asset: long.clone(), ..claims() }), Err(TokenError::UnfitClaim("asset")));
        assert_eq!(mint(Claims { audience: long, ..claims() }), Err(TokenError::UnfitClaim("audience")));
        assert_eq!(mint(Claims { expires_s: -1, ..claims() }), Err(TokenError::UnfitClaim("expires_s")));
        let longest = Claims { asset: "a".repeat(255), audience: "b".repeat(255), expires_s: i64::MAX };
        let token = signer(1).mint(&longest).expect("minted");
        assert!(token.len() <= crate::token::TEXT_MAX);
        assert_eq!(verifier(&signer(1)).verify(&token, 0, &longest.asset), Ok(longest));
    }

    #[test]
    fn the_private_key_is_kept_but_not_shown() {
        let first = signer(7);
        let second = Signer::from_bytes(&first.to_bytes()).expect("a key");
        assert_eq!(first.mint(&claims()), second.mint(&claims()));
        assert_eq!(Signer::from_bytes(&[1; 31]).err(), Some(TokenError::BadKey));
        assert!(!format!("{first:?}").contains("7, 7, 7, 7"));
    }

    #[test]
    fn every_mutated_character_and_every_cut_fails() {
        let signer = signer(1);
        let (token, verifier) = (signer.mint(&claims()).expect("minted"), verifier(&signer));
        for at in 0..token.len() {
            assert!(verifier.verify(&token[..at], 0, "film").is_err(), "cut at {at}");
            let own = token.as_bytes()[at];
            let neighbour = if own == b'A' { b'B' } else { b'A' };
            for other in [neighbour, b'=', b'.', b'/', b'+', b'%'] {
                let mut bytes = token.clone().into_bytes();
                bytes[at] = other;
                let mutated = String::from_utf8(bytes).expect("ASCII");
                assert!(verifier.verify(&mutated, 0, "film").is_err(), "{at} {mutated}");
            }
        }
    }

    proptest! {
        #[test]
        fn claims_round_trip(asset in ".{0,40}", audience in ".{0,40}", expires_s in 1i64..) {
            let claims = Claims { asset, audience, expires_s };
            let token = signer(3).mint(&claims).expect("minted");
            let safe = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
            prop_assert!(safe);
            let verified = verifier(&signer(3)).verify(&token, expires_s - 1, &claims.asset);
            prop_assert_eq!(verified, Ok(claims));
        }

        #[test]
        fn any_mutated_byte_fails(at in any::<prop::sample::Index>(), mask in 1u8..) {
            use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
            let token = signer(1).mint(&claims()).expect("minted");
            let mut bytes = URL_SAFE_NO_PAD.decode(token).expect("base64");
            let index = at.index(bytes.len());
            bytes[index] ^= mask;
            let mutated = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert!(verifier(&signer(1)).verify(&mutated, 0, "film").is_err());
        }

        #[test]
        fn no_text_panics_or_passes(text in ".{0,900}", now_s: i64, asset in ".{0,10}") {
            prop_assert!(verifier(&signer(1)).verify(&text, now_s, &asset).is_err());
        }

        #[test]
        fn no_bytes_panic_or_pass(bytes: Vec<u8>, now_s: i64) {
            use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
            let text = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert!(verifier(&signer(1)).verify(&text, now_s, "film").is_err());
        }

        #[test]
        fn rounding_never_shortens_and_never_adds_a_bucket(at_s in 0i64..1 << 40, bucket_s in 1u32..100_000) {
            let rounded = round_up(at_s, bucket_s);
            prop_assert!(rounded >= at_s && rounded - at_s < i64::from(bucket_s));
            prop_assert_eq!(rounded % i64::from(bucket_s), 0);
        }
    }
}
