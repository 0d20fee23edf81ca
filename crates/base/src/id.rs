//! Application-made identifiers: 26 characters of Crockford base 32, lower case, sortable by creation time.
//!
//! The layout is that of a ULID (48 bits of milliseconds, 80 bits of entropy); the entropy also makes an
//! identifier unguessable, which unlisted media rely on.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 26;

/// Text that is not an identifier.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an identifier: 26 characters of 0-9 and a-z without i, l, o, u are expected")]
pub struct IdError;

fn encode(at: Timestamp, entropy: [u8; 10]) -> String {
    let millis = u64::try_from(at.millis()).unwrap_or(0) & 0xffff_ffff_ffff;
    let mut value = u128::from(millis) << 80;
    for (index, byte) in entropy.iter().enumerate() {
        value |= u128::from(*byte) << (72 - 8 * index);
    }
    (0..LENGTH).map(|index| char::from(ALPHABET[((value >> (125 - 5 * index)) & 31) as usize])).collect()
}

fn check(text: &str) -> Result<(), IdError> {
    let known = text.bytes().all(|byte| ALPHABET.contains(&byte));
    if text.len() == LENGTH && known && text.as_bytes()[0] < b'8' { Ok(()) } else { Err(IdError) }
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The 26 characters.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<(Timestamp, [u8; 10])> for $name {
            fn from((at, entropy): (Timestamp, [u8; 10])) -> Self {
                Self(encode(at, entropy))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                check(&text).map(|()| Self(text))
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )*};
}

identifiers! {
    /// An account that owns assets, keys and quotas; every row of a domain carries one.
    TenantId;
    /// A person.
    UserId;
    /// An API key (not its secret).
    ApiKeyId;
    /// A signed-in browser.
    SessionId;
    /// A film, a piece of music or a recording.
    AssetId;
    /// A resumable upload.
    UploadId;
    /// A unit of background work.
    JobId;
    /// A process that claims jobs.
    WorkerId;
    /// An outbox entry.
    EventId;
    /// A record of the audit log.
    AuditId;
    /// An address that events are posted to.
    WebhookId;
    /// An event on its way to one address.
    DeliveryId;
    /// Somebody's watching of an asset.
    PlayId;
    /// A place where somebody broadcasts, again and again.
    ChannelId;
    /// What a channel sent from one publisher's coming to its end.
    BroadcastId;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn identifiers_round_trip_and_sort_by_time(a in 0i64..1 << 57, b in 0i64..1 << 57, e in any::<[u8; 10]>()) {
            let (first, second) = (AssetId::from((Timestamp(a), e)), AssetId::from((Timestamp(b), e)));
            prop_assert_eq!(first.as_str().parse::<AssetId>(), Ok(first.clone()));
            let order = Timestamp(a).millis().cmp(&Timestamp(b).millis());
            prop_assert_eq!(first.cmp(&second), order);
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<AssetId>();
        }
    }

    #[test]
    fn entropy_fills_the_last_sixteen_characters() {
        let zero = AssetId::from((Timestamp(0), [0; 10]));
        assert_eq!(zero.as_str(), "0".repeat(26));
        let full = AssetId::from((Timestamp(0), [255; 10]));
        assert_eq!(full.as_str(), format!("{}{}", "0".repeat(10), "z".repeat(16)));
    }
}
