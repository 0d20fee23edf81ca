//! Numbers in JSON bodies, and fields that may be null.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// A whole number however it is written: JSON has one kind of number, and 60.0 is 60 (JSON Schema, 6.1.1).
#[derive(Clone, Copy, Serialize)]
#[serde(transparent)]
pub(super) struct Whole(pub u32);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
        if !fits {
            return Err(D::Error::custom(format!("{number} is no whole number from 0 to {}", u32::MAX)));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range")]
        Ok(Self(number as u32))
    }
}

/// A whole number, or none.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    Ok(Option::<Whole>::deserialize(deserializer)?.map(|Whole(number)| number))
}

/// A field that was sent, null or not, apart from one that was not.
pub(super) fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}
