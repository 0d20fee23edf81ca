//! Tracks, segments and fragments as they were measured.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{FrameRate, ObjectError, TrackError};

/// The name of a track, unique in a presentation: `video-720` (short side of the rung), `audio-0` or `text-0`
/// (renditions). It is a path part, a DASH Representation id and a database key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TrackName {
    /// A rung, by its short side in pixels.
    Video(u32),
    /// An audio rendition, counted from zero in plan order.
    Audio(u32),
    /// A text rendition, as `Audio`.
    Text(u32),
}

impl TrackName {
    /// Whether the track carries pictures.
    #[must_use]
    pub const fn is_video(self) -> bool {
        matches!(self, Self::Video(_))
    }

    /// What the track carries, in a word.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Video(_) => "video",
            Self::Audio(_) => "audio",
            Self::Text(_) => "text",
        }
    }
}

impl fmt::Display for TrackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Video(short_side) => write!(f, "video-{short_side}"),
            Self::Audio(number) => write!(f, "audio-{number}"),
            Self::Text(number) => write!(f, "text-{number}"),
        }
    }
}

impl FromStr for TrackName {
    type Err = ObjectError;
    fn from_str(text: &str) -> Result<Self, ObjectError> {
        let (kind, number) = text.split_once('-').ok_or(ObjectError::Track)?;
        let number = crate::object::canonical_number(number).ok_or(ObjectError::Track)?;
        match kind {
            "video" => Ok(Self::Video(number)),
            "audio" => Ok(Self::Audio(number)),
            "text" => Ok(Self::Text(number)),
            _ => Err(ObjectError::Track),
        }
    }
}

impl TryFrom<String> for TrackName {
    type Error = ObjectError;
    fn try_from(text: String) -> Result<Self, ObjectError> {
        text.parse()
    }
}

impl From<TrackName> for String {
    fn from(name: TrackName) -> Self {
        name.to_string()
    }
}

/// What the sample description of a CMAF header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "media", rename_all = "snake_case")]
pub enum SampleFormat {
    /// Pictures.
    Video {
        /// Coded width in pixels.
        width: u32,
        /// Coded height in pixels.
        height: u32,
    },
    /// Sound.
    Audio {
        /// Sampling rate in Hz, from the decoder configuration.
        sample_rate: u32,
        /// Channels, from the decoder configuration.
        channels: u32,
    },
    /// Text.
    Text,
}

/// Sample defaults of a track (`trex`, ISO/IEC 14496-12 section 8.8.3), used where a fragment states none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleDefaults {
    /// Ticks per sample.
    pub duration: u32,
    /// Bytes per sample.
    pub size: u32,
    /// Sample flags.
    pub flags: u32,
}

/// What a CMAF header (`ftyp` + `moov`) says about its one track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitInfo {
    /// Track id, the same in every fragment.
    pub track_id: u32,
    /// Ticks per second, at least 1.
    pub timescale: u32,
    /// RFC 6381 codec string made from the decoder configuration, such as `avc1.64001F` or `mp4a.40.2`.
    pub codec: String,
    /// Bytes of the header.
    pub bytes: u64,
    /// Picture or sound properties.
    pub format: SampleFormat,
    /// Sample defaults.
    pub defaults: SampleDefaults,
}

/// What a track is to a viewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum TrackRole {
    /// A rung of the ladder.
    Video {
        /// Frame rate of the output grid.
        fps: FrameRate,
    },
    /// An audio rendition.
    Audio {
        /// BCP 47 language; `und` when unknown.
        language: String,
        /// Name for people, unique among the renditions.
        label: String,
        /// Whether it plays unless another is chosen.
        default: bool,
    },
    /// A text rendition.
    Text {
        /// BCP 47 language; `und` when unknown.
        language: String,
        /// Name for people, unique among the text renditions.
        label: String,
        /// Whether it is shown unless the viewer chooses otherwise.
        default: bool,
    },
}

/// A track of a presentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackInfo {
    /// Its name.
    pub name: TrackName,
    /// What its CMAF header says.
    pub init: InitInfo,
    /// What it is to a viewer.
    pub role: TrackRole,
}

impl TrackInfo {
    /// The text rendition that `plan` asked for; `bytes` is the length of all of it as one file.
    #[must_use]
    pub fn text(plan: &crate::TextPlan, bytes: u64) -> Self {
        let (language, label) = (plan.language.clone(), plan.label.clone());
        let init = InitInfo {
            track_id: 1,
            timescale: crate::captions::TIMESCALE,
            codec: "wvtt".to_owned(),
            bytes,
            format: SampleFormat::Text,
            defaults: SampleDefaults::default(),
        };
        let role = TrackRole::Text { language, label, default: plan.default };
        Self { name: plan.name, init, role }
    }

    /// A rung.
    ///
    /// # Errors
    /// [`TrackError::WrongMedia`] when the name or the header is not of video.
    pub fn video(name: TrackName, init: InitInfo, fps: FrameRate) -> Result<Self, TrackError> {
        match (name, init.format) {
            (TrackName::Video(_), SampleFormat::Video { .. }) => {
                Ok(Self { name, init, role: TrackRole::Video { fps } })
            }
            _ => Err(TrackError::WrongMedia { name, codec: init.codec }),
        }
    }

    /// The rendition that `plan` asked for.
    ///
    /// # Errors
    /// [`TrackError::WrongMedia`] when the name or the header is not of audio.
    pub fn audio(plan: &crate::AudioPlan, init: InitInfo) -> Result<Self, TrackError> {
        let name = plan.name;
        match (name, init.format) {
            (TrackName::Audio(_), SampleFormat::Audio { .. }) => {
                let (language, label) = (plan.language.clone(), plan.label.clone());
                Ok(Self { name, init, role: TrackRole::Audio { language, label, default: plan.default } })
            }
            _ => Err(TrackError::WrongMedia { name, codec: init.codec }),
        }
    }
}

/// One segment object, measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentInfo {
    /// Position on the segment grid, from 0.
    pub seq: u32,
    /// Decode time of the first sample (`tfdt`), in ticks.
    pub start: u64,
    /// Length in ticks.
    pub ticks: u64,
    /// Bytes of the object.
    pub bytes: u64,
    /// Its fragments, in order, at least one.
    pub fragments: Vec<FragmentInfo>,
}

impl SegmentInfo {
    /// Decode time after the last sample, in ticks.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.start.saturating_add(self.ticks)
    }
}

/// One CMAF fragment (`moof` + `mdat`) of a segment object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FragmentInfo {
    /// Where its `moof` begins, in bytes from the start of the segment object.
    pub offset: u64,
    /// Bytes of `moof` and `mdat`.
    pub bytes: u64,
    /// Length in ticks.
    pub ticks: u64,
    /// Samples in it, at least one.
    pub samples: u32,
    /// Where the first sample ends, in bytes from the start of the segment object: `offset..first_sample_end`
    /// is what an I-frame playlist points at.
    pub first_sample_end: u64,
    /// Whether the first sample is a sync sample.
    pub sync: bool,
}

impl FragmentInfo {
    /// Bytes from its `moof` to the end of its first sample.
    #[must_use]
    pub const fn iframe_bytes(&self) -> u64 {
        self.first_sample_end.saturating_sub(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_round_trip(number: u32, kind in 0usize..3) {
            let name = [TrackName::Video(number), TrackName::Audio(number), TrackName::Text(number)][kind];
            prop_assert_eq!(name.to_string().parse::<TrackName>(), Ok(name));
        }

        #[test]
        fn only_canonical_text_is_a_name(text in "(video|audio|text|images|)-?[0-9+ ]{0,12}") {
            if let Ok(name) = text.parse::<TrackName>() {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
