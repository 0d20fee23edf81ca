//! Stream keys and SRT passphrases: how they are made, written, read and compared.
//!
//! A stream key is `nl_CHANNEL_RANDOM`: the channel's identifier (26 characters), which finds its row, and 192 random
//! bits as unpadded base64url (32 characters), of which the SHA-256 is kept. Against 192 bits of entropy there is
//! nothing to guess, so a slow hash buys nothing.
//!
//! An SRT passphrase cannot be kept as a hash: both sides derive the key of the encryption from it
//! (draft-sharabayko-srt-01 §6). It is derived from a master key, which the database does not hold, and a nonce,
//! which it does (docs/decisions/stream-keys.md).

use std::fmt;

use base::ChannelId;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use settings::Secret;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// What the text of a stream key starts with.
const KEY_PREFIX: &str = "nl_";
/// Random bytes of a stream key: 192 bits, 32 characters.
pub(crate) const KEY_BYTES: usize = 24;
/// Random bytes that a passphrase is derived from.
pub(crate) const NONCE_BYTES: usize = 24;
/// Bytes of a passphrase: 192 bits, 32 characters, where libsrt takes 10 to 79 (`SRTO_PASSPHRASE`) and ffmpeg says 64.
const PASSPHRASE_BYTES: usize = 24;

/// A channel's stream key, to be shown once.
pub(crate) fn write_key(channel: &ChannelId, random: &[u8; KEY_BYTES]) -> Secret {
    Secret::new(format!("{KEY_PREFIX}{channel}_{}", URL_SAFE_NO_PAD.encode(random)))
}

/// The SHA-256 of a stream key's random part: what is stored, and what a presented key is compared by.
#[derive(Clone, Copy)]
pub(crate) struct KeyHash([u8; 32]);

impl KeyHash {
    pub(crate) fn of(random: &[u8; KEY_BYTES]) -> Self {
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

/// A presented stream key, read but not yet believed: the channel it names and what that channel's hash must be.
pub(crate) struct Presented {
    pub(crate) channel: ChannelId,
    pub(crate) hash: KeyHash,
}

impl Presented {
    /// Reads a key's text; `None` for any text that [`write_key`] would not make.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (channel, random) = text.strip_prefix(KEY_PREFIX)?.split_once('_')?;
        let random: [u8; KEY_BYTES] = URL_SAFE_NO_PAD.decode(random).ok()?.try_into().ok()?;
        Some(Self { channel: channel.parse().ok()?, hash: KeyHash::of(&random) })
    }
}

/// The key that SRT passphrases are derived from: the same in every process that takes SRT.
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

impl MasterKey {
    /// A master key of at least 32 bytes that cannot be guessed.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let keyed = Hmac::<Sha256>::new_from_slice(bytes).expect("HMAC takes keys of any length");
        let mut naming = keyed.clone();
        naming.update(b"nexus live master key");
        let named = naming.finalize().into_bytes();
        let id = named.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { keyed, id }
    }

    /// Which key it is; tells nothing about it.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The passphrase of a channel since the rotation that drew `nonce`.
    pub(crate) fn passphrase(&self, channel: &ChannelId, nonce: &[u8]) -> Secret {
        let mut derived = self.keyed.clone();
        derived.update(b"nexus srt passphrase");
        derived.update(channel.as_str().as_bytes());
        derived.update(nonce);
        let bytes = derived.finalize().into_bytes();
        Secret::new(URL_SAFE_NO_PAD.encode(&bytes[..PASSPHRASE_BYTES]))
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn channel(entropy: u8) -> ChannelId {
        ChannelId::from((Timestamp(1_700_000_000_000_000), [entropy; 10]))
    }

    proptest! {
        #[test]
        fn a_key_reads_back_and_matches_only_its_own_hash(random: [u8; KEY_BYTES], other: [u8; KEY_BYTES]) {
            let key = write_key(&channel(7), &random);
            let presented = Presented::read(key.expose()).expect("own text");
            prop_assert_eq!(presented.channel, channel(7));
            prop_assert!(presented.hash.matches(KeyHash::of(&random).as_bytes()));
            prop_assert_eq!(presented.hash.matches(KeyHash::of(&other).as_bytes()), random == other);
        }

        #[test]
        fn one_changed_character_never_matches(random: [u8; KEY_BYTES], at in 0usize..62, to in "[0-9A-Za-z_-]") {
            let mut text = write_key(&channel(7), &random).expose().to_owned();
            prop_assume!(text[at..=at] != to);
            text.replace_range(at..=at, &to);
            let believed = Presented::read(&text)
                .is_some_and(|p| p.channel == channel(7) && p.hash.matches(KeyHash::of(&random).as_bytes()));
            prop_assert!(!believed, "{}", text);
        }

        #[test]
        fn no_text_panics(text in "(nl_)?.{0,80}") {
            let _ = Presented::read(&text);
        }
    }

    #[test]
    fn a_hash_of_another_length_does_not_match() {
        assert!(!KeyHash::of(&[0; KEY_BYTES]).matches(&[]));
    }

    #[test]
    fn passphrases_differ_by_master_key_channel_and_nonce_and_fit_srt() {
        let master = MasterKey::new(&[1; 32]);
        let text = |master: &MasterKey, channel: &ChannelId, nonce: u8| {
            master.passphrase(channel, &[nonce; NONCE_BYTES]).expose().to_owned()
        };
        let all = [
            text(&master, &channel(1), 0),
            text(&master, &channel(1), 1),
            text(&master, &channel(2), 0),
            text(&MasterKey::new(&[2; 32]), &channel(1), 0),
        ];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
        assert_eq!(text(&master, &channel(1), 0), all[0]);
        assert!((10..=79).contains(&all[0].len()), "{}", all[0].len());
        assert!(!format!("{master:?}").contains(&all[0]));
    }

    #[test]
    fn debug_shows_no_key() {
        let key = write_key(&channel(1), &[9; KEY_BYTES]);
        assert!(!format!("{key:?}").contains(&key.expose()[30..]));
    }
}
