//! Names of a broadcast's renditions.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ObjectError;

/// A rendition of a broadcast, by its part of the URL. Every one has exactly one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RenditionName {
    /// `source`: the encoder's own pictures.
    Source,
    /// `video-360`: a lower rung, by its height in lines.
    Rung(u32),
    /// `audio`: the encoder's sound.
    Audio,
}

impl RenditionName {
    /// Whether it carries pictures.
    #[must_use]
    pub const fn is_video(self) -> bool {
        !matches!(self, Self::Audio)
    }
}

impl fmt::Display for RenditionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source => f.write_str("source"),
            Self::Rung(height) => write!(f, "video-{height}"),
            Self::Audio => f.write_str("audio"),
        }
    }
}

impl FromStr for RenditionName {
    type Err = ObjectError;
    fn from_str(text: &str) -> Result<Self, ObjectError> {
        match text {
            "source" => Ok(Self::Source),
            "audio" => Ok(Self::Audio),
            _ => {
                let height = text.strip_prefix("video-").and_then(crate::object::canonical_number);
                height.map(Self::Rung).ok_or(ObjectError::Track)
            }
        }
    }
}

impl TryFrom<String> for RenditionName {
    type Error = ObjectError;
    fn try_from(text: String) -> Result<Self, ObjectError> {
        text.parse()
    }
}

impl From<RenditionName> for String {
    fn from(name: RenditionName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling() {
        for name in [RenditionName::Source, RenditionName::Rung(360), RenditionName::Audio] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        for text in ["", "Source", "video-", "video-0360", "video-+1", "audio-0", "video-4294967296"] {
            assert!(text.parse::<RenditionName>().is_err(), "{text}");
        }
    }
}
