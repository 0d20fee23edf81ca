//! Numbers in JSON bodies.

use serde::{Deserialize, Deserializer, de::Error};

/// A whole number however it is written: JSON has one kind of number, and 60.0 is 60 (JSON Schema, 6.1.1).
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let Some(number) = Option::<f64>::deserialize(deserializer)? else { return Ok(None) };
    let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    if !fits {
        return Err(D::Error::custom(format!("{number} is no whole number from 0 to {}", u32::MAX)));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range")]
    Ok(Some(number as u32))
}
