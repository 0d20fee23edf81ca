//! Pure rules: how a secret is written, read and compared, what names are taken, and how long things last.
//!
//! A secret is `PREFIX ID "_" RANDOM`: the identifier of its row (26 characters) and 256 random bits as
//! unpadded base64url (43 characters). The identifier finds the row; only the random part is secret. It is
//! kept as its SHA-256: against 256 bits of entropy there is nothing to guess, so a slow hash buys nothing.

use std::{fmt, str::FromStr, time::Duration};

use base::{ApiKeyId, Role, TenantId, Timestamp, UserId};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{IdentityError, Result, Scopes};

/// How long a session lasts, counted from its sign-in. Use does not extend it.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// How many sessions one person or key may have; a further sign-in ends the oldest.
pub const SESSIONS_MAX: u32 = 50;
/// How long a set-up link works.
pub const SETUP_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// How old a key's last-used time may be before a use writes it again.
pub const LAST_USED_RESOLUTION: Duration = Duration::from_secs(60);
/// The longest name of a key or a tenant, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// The longest name to sign in with, in characters: that of an e-mail address (RFC 5321 §4.5.3.1, less the
/// angle brackets of a path).
pub const USER_NAME_CHARS_MAX: usize = 254;

/// What the text of an API key starts with.
pub(crate) const KEY_PREFIX: &str = "nx_";
/// What the text of a session starts with.
pub(crate) const SESSION_PREFIX: &str = "ns_";
/// What the text of a set-up link's secret starts with.
pub(crate) const SETUP_PREFIX: &str = "nu_";

/// A credential's text. Exists once, when it is made; printed by nothing but [`Secret::expose`].
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The text, for the one place that hands it to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn write(prefix: &str, id: impl fmt::Display, random: &[u8; 32]) -> Self {
        Self(format!("{prefix}{id}_{}", URL_SAFE_NO_PAD.encode(random)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// The SHA-256 of a secret's random part: what is stored, and what a presented secret is compared by.
#[derive(Clone, Copy)]
pub(crate) struct SecretHash([u8; 32]);

impl SecretHash {
    pub(crate) fn of(random: &[u8; 32]) -> Self {
        Self(Sha256::digest(random).into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether `stored` is this hash, in a time that does not depend on where they differ.
    pub(crate) fn matches(&self, stored: &[u8]) -> bool {
        self.0.ct_eq(stored).into()
    }
}

/// A presented secret, read but not yet believed: the row it names and what that row's hash must be.
pub(crate) struct Presented<I> {
    pub(crate) id: I,
    pub(crate) hash: SecretHash,
}

impl<I: FromStr> Presented<I> {
    /// Reads a credential's text; `None` for any text that [`Secret::write`] would not make.
    pub(crate) fn read(prefix: &str, text: &str) -> Option<Self> {
        let (id, random) = text.strip_prefix(prefix)?.split_once('_')?;
        let random: [u8; 32] = URL_SAFE_NO_PAD.decode(random).ok()?.try_into().ok()?;
        Some(Self { id: id.parse().ok()?, hash: SecretHash::of(&random) })
    }
}

/// The set-up link's secret: `PREFIX RANDOM`, for there is but one.
pub(crate) fn write_setup(random: &[u8; 32]) -> Secret {
    Secret(format!("{SETUP_PREFIX}{}", URL_SAFE_NO_PAD.encode(random)))
}

/// Reads what [`write_setup`] wrote; `None` for any other text.
pub(crate) fn read_setup(text: &str) -> Option<SecretHash> {
    let random = URL_SAFE_NO_PAD.decode(text.strip_prefix(SETUP_PREFIX)?).ok()?;
    Some(SecretHash::of(&random.try_into().ok()?))
}

/// A key that is wanted.
#[derive(Clone, Debug)]
pub struct KeyWish {
    /// What to call it, 1 to [`NAME_CHARS_MAX`] characters.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// How far it reaches within that.
    pub scopes: Scopes,
    /// How long it works; until it is revoked when not given.
    pub lifetime: Option<Duration>,
}

/// A key that has just been made. The only time its secret is known.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The key's identifier, for listing and revoking.
    pub id: ApiKeyId,
    /// The tenant it opens.
    pub tenant: TenantId,
    /// What it may do.
    pub role: Role,
    /// What its owner keeps.
    pub secret: Secret,
}

/// A session that has just been made, for the cookie.
#[derive(Clone, Debug)]
pub struct SessionToken {
    /// The cookie's value.
    pub secret: Secret,
    /// When it stops working.
    pub expires: Timestamp,
}

/// A key as its tenant's admins see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The key's identifier.
    pub id: ApiKeyId,
    /// What its maker called it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// How far it reaches within that.
    pub scopes: Scopes,
    /// When it was made.
    pub created: Timestamp,
    /// When it stops working by itself.
    pub expires: Option<Timestamp>,
    /// When it was last used, to within [`LAST_USED_RESOLUTION`].
    pub last_used: Option<Timestamp>,
    /// When it was revoked; `None` while it works.
    pub revoked: Option<Timestamp>,
}

impl KeyInfo {
    /// Whether the key opens anything at `now`.
    #[must_use]
    pub fn works(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| expires > now)
    }
}

/// A tenant: whose assets, people and keys see nothing of another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The tenant's identifier.
    pub id: TenantId,
    /// What it is called.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
}

/// A person as their tenant's admins see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The person's identifier.
    pub id: UserId,
    /// The tenant they belong to.
    pub tenant: TenantId,
    /// What they sign in with, in lower case.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// When they were added.
    pub created: Timestamp,
    /// When they last signed in.
    pub last_sign_in: Option<Timestamp>,
    /// When they were disabled; `None` while they may sign in.
    pub disabled: Option<Timestamp>,
}

/// Whether a use at `now` is worth writing down.
pub(crate) fn use_is_news(last_used: Option<Timestamp>, now: Timestamp) -> bool {
    last_used.is_none_or(|last| now.since(last) >= LAST_USED_RESOLUTION)
}

/// Checks the name of a key or tenant: 1 to [`NAME_CHARS_MAX`] characters, none of them a control character.
pub(crate) fn check_name(field: &'static str, name: &str) -> Result<()> {
    let fits = (1..=NAME_CHARS_MAX).contains(&name.chars().count());
    if fits && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let problem = format!("1 to {NAME_CHARS_MAX} characters without control characters are expected");
    Err(IdentityError::Invalid { field, problem })
}

/// The name to sign in with, as it is stored and compared: in lower case, without space around it.
///
/// # Errors
/// [`IdentityError::Invalid`] unless it has 1 to [`USER_NAME_CHARS_MAX`] characters, none of them space or a
/// control character.
pub(crate) fn user_name(text: &str) -> Result<String> {
    let name = text.trim();
    let fits = (1..=USER_NAME_CHARS_MAX).contains(&name.chars().count());
    if fits && !name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Ok(name.to_lowercase());
    }
    let problem =
        format!("an e-mail address or a name of 1 to {USER_NAME_CHARS_MAX} characters without spaces");
    Err(IdentityError::Invalid { field: "name", problem })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> ApiKeyId {
        ApiKeyId::from((Timestamp(1_700_000_000_000_000), [7; 10]))
    }

    proptest! {
        #[test]
        fn a_secret_reads_back_and_matches_only_its_own_hash(random: [u8; 32], other: [u8; 32]) {
            let secret = Secret::write(KEY_PREFIX, id(), &random);
            let presented = Presented::<ApiKeyId>::read(KEY_PREFIX, secret.expose()).expect("own text");
            prop_assert_eq!(presented.id, id());
            prop_assert!(presented.hash.matches(SecretHash::of(&random).as_bytes()));
            prop_assert_eq!(presented.hash.matches(SecretHash::of(&other).as_bytes()), random == other);
        }

        #[test]
        fn one_changed_character_never_matches(random: [u8; 32], at in 0usize..73, to in "[0-9A-Za-z_-]") {
            let secret = Secret::write(KEY_PREFIX, id(), &random);
            let mut text = secret.expose().to_owned();
            prop_assume!(text[at..=at] != to);
            text.replace_range(at..=at, &to);
            let believed = Presented::<ApiKeyId>::read(KEY_PREFIX, &text)
                .is_some_and(|p| p.id == id() && p.hash.matches(SecretHash::of(&random).as_bytes()));
            prop_assert!(!believed, "{} opens what {} does", text, secret.expose());
        }

        #[test]
        fn no_text_panics(text in "(nx_)?.{0,80}") {
            let _ = Presented::<ApiKeyId>::read(KEY_PREFIX, &text);
        }
    }

    #[test]
    fn a_session_is_not_a_key() {
        let secret = Secret::write(SESSION_PREFIX, id(), &[1; 32]);
        assert!(Presented::<ApiKeyId>::read(KEY_PREFIX, secret.expose()).is_none());
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = Secret::write(KEY_PREFIX, id(), &[1; 32]);
        let key = NewKey {
            id: id(),
            tenant: TenantId::from((Timestamp(0), [0; 10])),
            role: Role::Owner,
            secret: secret.clone(),
        };
        let random = &secret.expose()[30..];
        assert!(!format!("{key:?} {secret:?}").contains(random));
    }

    #[test]
    fn a_hash_of_another_length_does_not_match() {
        assert!(!SecretHash::of(&[0; 32]).matches(&[]));
    }

    #[test]
    fn a_use_is_written_once_a_minute() {
        let last = Timestamp(0);
        assert!(use_is_news(None, last));
        assert!(!use_is_news(Some(last), last + Duration::from_secs(59)));
        assert!(use_is_news(Some(last), last + LAST_USED_RESOLUTION));
    }

    #[test]
    fn names_are_bounded() {
        assert!(check_name("name", "laptop").is_ok());
        assert!(check_name("name", &"é".repeat(NAME_CHARS_MAX)).is_ok());
        for bad in ["", "a\0b", &"a".repeat(NAME_CHARS_MAX + 1)] {
            assert!(check_name("name", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn people_are_named_alike_however_it_is_typed() {
        assert_eq!(user_name(" Ada@Home.Example ").expect("a name"), "ada@home.example");
        assert_eq!(user_name("ÉLODIE").expect("a name"), "élodie");
        for bad in ["", "  ", "a b", "a\tb", "a\0", &"a".repeat(USER_NAME_CHARS_MAX + 1)] {
            assert!(user_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_set_up_link_reads_back() {
        let secret = write_setup(&[7; 32]);
        let hash = read_setup(secret.expose()).expect("own text");
        assert!(hash.matches(SecretHash::of(&[7; 32]).as_bytes()));
        for wrong in ["", "nu_", "nu_AAAA", &secret.expose()[3..]] {
            assert!(read_setup(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_key_works_until_it_is_revoked_or_expires() {
        let key = KeyInfo {
            id: id(),
            name: "k".to_owned(),
            role: Role::Viewer,
            scopes: Scopes::whole(),
            created: Timestamp(0),
            expires: Some(Timestamp(5)),
            last_used: None,
            revoked: None,
        };
        assert!(key.works(Timestamp(4)) && !key.works(Timestamp(5)));
        assert!(!KeyInfo { revoked: Some(Timestamp(1)), ..key }.works(Timestamp(2)));
    }
}
