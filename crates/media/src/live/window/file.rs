//! Names of what a live list points at.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ObjectError;

/// A file of a rendition, by the last part of its URL. Every file has exactly one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LiveFile {
    /// `init-{k}.mp4`: a header (EXT-X-MAP).
    Init(u32),
    /// `{msn}.m4s`: a whole segment.
    Segment(u64),
    /// `{msn}.{part}.m4s`: a part of a segment, counted from 0.
    Part(u64, u32),
}

impl fmt::Display for LiveFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Init(k) => write!(f, "init-{k}.mp4"),
            Self::Segment(msn) => write!(f, "{msn}.m4s"),
            Self::Part(msn, part) => write!(f, "{msn}.{part}.m4s"),
        }
    }
}

impl FromStr for LiveFile {
    type Err = ObjectError;
    fn from_str(text: &str) -> Result<Self, ObjectError> {
        let file = if let Some(k) = text.strip_prefix("init-").and_then(|rest| rest.strip_suffix(".mp4")) {
            Self::Init(number(k)?)
        } else {
            let stem = text.strip_suffix(".m4s").ok_or(ObjectError::Path)?;
            match stem.split_once('.') {
                Some((msn, part)) => Self::Part(number(msn)?, number(part)?),
                None => Self::Segment(number(stem)?),
            }
        };
        if file.to_string() == text { Ok(file) } else { Err(ObjectError::Number) }
    }
}

fn number<N: FromStr>(text: &str) -> Result<N, ObjectError> {
    text.parse().map_err(|_| ObjectError::Number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn other_spellings_are_refused() {
        for text in ["", ".m4s", "1", "01.m4s", "+1.m4s", "1.m4s?x", "1.2.3.m4s", "1..m4s", "init-.mp4"] {
            assert!(text.parse::<LiveFile>().is_err(), "{text}");
        }
        for text in ["init-01.mp4", "init-4294967296.mp4", "18446744073709551616.m4s", "1.-1.m4s", "../1.m4s"]
        {
            assert!(text.parse::<LiveFile>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn names_round_trip(msn: u64, part: u32) {
            for file in [LiveFile::Init(part), LiveFile::Segment(msn), LiveFile::Part(msn, part)] {
                prop_assert_eq!(file.to_string().parse::<LiveFile>(), Ok(file));
            }
        }
    }
}
