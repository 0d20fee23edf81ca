//! The names of everything a viewer or the store may ask for.
//!
//! An object is written once and never overwritten: its URL holds the version of the encoding, its blob key
//! also the attempt that made it, so `immutable` is true of media forever. Lists are text made on request;
//! they have URLs but no keys.

use std::fmt::{self, Write as _};

use crate::{ObjectError, TrackName};

/// File name of a CMAF header, relative to its media list.
pub(crate) const INIT_FILE: &str = "init.mp4";
/// File name of all of a text track, relative to its media list.
pub(crate) const CAPTIONS_FILE: &str = "captions.vtt";
/// File name of a media list, relative to its track.
pub(crate) const MEDIA_LIST_FILE: &str = "index.m3u8";
/// File name of an I-frame list, relative to its track.
pub(crate) const IFRAME_LIST_FILE: &str = "iframes.m3u8";

const ASSET_CHARS_MAX: usize = 64;

const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const GROWING: &str = "public, max-age=1";
const ENTRY: &str = "public, max-age=3, stale-while-revalidate=3";
const FINISHED_LIST: &str = "public, max-age=3600";

/// Something under `/media/{asset}/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// `hls.m3u8`: the HLS multivariant playlist.
    Multivariant,
    /// `dash.mpd`: the DASH presentation description.
    Mpd,
    /// `v{n}/{track}/index.m3u8`: a media playlist.
    MediaList {
        /// Version of the encoding.
        version: u32,
        /// Which track.
        track: TrackName,
    },
    /// `v{n}/{track}/iframes.m3u8`: an I-frame playlist; only video tracks have one.
    IframeList {
        /// Version of the encoding.
        version: u32,
        /// Which track.
        track: TrackName,
    },
    /// `v{n}/{track}/init.mp4`: a CMAF header.
    Init {
        /// Version of the encoding.
        version: u32,
        /// Which track.
        track: TrackName,
    },
    /// `v{n}/{track}/init-{number}.mp4`: the CMAF header of a run of a recorded broadcast.
    RunInit {
        /// Version of the encoding.
        version: u32,
        /// Which track.
        track: TrackName,
        /// Which header, from 0.
        number: u32,
    },
    /// `v{n}/{track}/captions.vtt`: all of a text track.
    Captions {
        /// Version of the encoding.
        version: u32,
        /// Which track; one of text.
        track: TrackName,
    },
    /// `v{n}/{track}/{seq:05}.m4s`, of a text track `.vtt`: a segment.
    Segment {
        /// Version of the encoding.
        version: u32,
        /// Which track.
        track: TrackName,
        /// Which segment, from 0.
        seq: u32,
    },
    /// `v{n}/images/poster.jpg`.
    Poster {
        /// Version of the encoding.
        version: u32,
    },
    /// `v{n}/images/thumbs.vtt`: where each thumbnail lies in the sprites.
    Thumbs {
        /// Version of the encoding.
        version: u32,
    },
    /// `v{n}/images/sprite-{i:03}.jpg`: a sheet of thumbnails.
    Sprite {
        /// Version of the encoding.
        version: u32,
        /// Which sheet, from 0.
        index: u32,
    },
}

impl Object {
    /// The asset and the object that a URL path names. The path is the decoded path of a request, without
    /// query; every object has exactly one spelling, so `parse(x)?.1.path(parse(x)?.0) == x`.
    ///
    /// # Errors
    /// [`ObjectError`] for any other text.
    pub fn parse(path: &str) -> Result<(String, Self), ObjectError> {
        let rest = path.strip_prefix("/media/").ok_or(ObjectError::Path)?;
        let (asset, rest) = rest.split_once('/').ok_or(ObjectError::Path)?;
        if !is_identifier(asset) {
            return Err(ObjectError::Asset);
        }
        let object = match rest {
            "hls.m3u8" => Self::Multivariant,
            "dash.mpd" => Self::Mpd,
            _ => versioned(rest)?,
        };
        Ok((asset.to_owned(), object))
    }

    /// The URL path. `asset` is an identifier as [`Object::parse`] accepts it.
    #[must_use]
    pub fn path(&self, asset: &str) -> String {
        format!("/media/{asset}/{self}")
    }

    /// The media type of the response (RFC 8216 section 10, RFC 4337, Apple authoring rule 10.4).
    #[must_use]
    pub const fn content_type(&self) -> &'static str {
        match self {
            Self::Multivariant | Self::MediaList { .. } | Self::IframeList { .. } => {
                "application/vnd.apple.mpegurl"
            }
            Self::Mpd => "application/dash+xml",
            Self::Init { track, .. } | Self::RunInit { track, .. } | Self::Segment { track, .. } => {
                match track {
                    TrackName::Video(_) => "video/mp4",
                    TrackName::Audio(_) => "audio/mp4",
                    TrackName::Text(_) => "text/vtt",
                }
            }
            Self::Poster { .. } | Self::Sprite { .. } => "image/jpeg",
            Self::Thumbs { .. } | Self::Captions { .. } => "text/vtt",
        }
    }

    /// How long caches may keep the response; `ended` says whether the asset is finished.
    ///
    /// Media and images never change under their URL: a year and `immutable`. Every list of an unfinished
    /// asset grows: one second. A finished asset's entry lists name its current version and visibility: half
    /// a segment. Its media lists keep their text under their versioned URL; an hour, not forever, because a
    /// list is text made by this program and a better program may write a better one, and its strong ETag
    /// makes asking again cheap.
    #[must_use]
    pub const fn cache_control(&self, ended: bool) -> &'static str {
        match (self, ended) {
            (Self::Multivariant | Self::Mpd | Self::MediaList { .. } | Self::IframeList { .. }, false) => {
                GROWING
            }
            (Self::Multivariant | Self::Mpd, true) => ENTRY,
            (Self::MediaList { .. } | Self::IframeList { .. }, true) => FINISHED_LIST,
            _ => IMMUTABLE,
        }
    }

    /// Where the store keeps the bytes that `attempt` made; `None` for lists, which are made on request.
    /// `asset` is an identifier as [`Object::parse`] accepts it.
    #[must_use]
    pub fn blob_key(&self, asset: &str, attempt: u32) -> Option<String> {
        match self {
            Self::Multivariant | Self::Mpd | Self::MediaList { .. } | Self::IframeList { .. } => None,
            _ => {
                let name = self.to_string();
                let (stem, extension) = name.rsplit_once('.')?;
                Some(format!("assets/{asset}/{stem}.a{attempt}.{extension}"))
            }
        }
    }

    /// Whether the object is text made on request rather than stored bytes.
    #[must_use]
    pub const fn is_list(&self) -> bool {
        matches!(self, Self::Multivariant | Self::Mpd | Self::MediaList { .. } | Self::IframeList { .. })
    }

    /// The version of the encoding; `None` for the entry lists, which name the current one.
    #[must_use]
    pub const fn version(&self) -> Option<u32> {
        match *self {
            Self::Multivariant | Self::Mpd => None,
            Self::MediaList { version, .. }
            | Self::IframeList { version, .. }
            | Self::Init { version, .. }
            | Self::RunInit { version, .. }
            | Self::Segment { version, .. }
            | Self::Captions { version, .. }
            | Self::Poster { version }
            | Self::Thumbs { version }
            | Self::Sprite { version, .. } => Some(version),
        }
    }
}

/// The path below `/media/{asset}/`, which is also the URI relative to the entry lists.
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Multivariant => f.write_str("hls.m3u8"),
            Self::Mpd => f.write_str("dash.mpd"),
            Self::MediaList { version, track } => write!(f, "v{version}/{track}/{MEDIA_LIST_FILE}"),
            Self::IframeList { version, track } => write!(f, "v{version}/{track}/{IFRAME_LIST_FILE}"),
            Self::Init { version, track } => write!(f, "v{version}/{track}/{INIT_FILE}"),
            Self::Segment { version, track, seq } => {
                write!(f, "v{version}/{track}/{}", segment_file(*track, *seq))
            }
            Self::RunInit { version, track, number } => {
                write!(f, "v{version}/{track}/{}", run_init_file(*number))
            }
            Self::Captions { version, track } => write!(f, "v{version}/{track}/{CAPTIONS_FILE}"),
            Self::Poster { version } => write!(f, "v{version}/images/poster.jpg"),
            Self::Thumbs { version } => write!(f, "v{version}/images/thumbs.vtt"),
            Self::Sprite { version, index } => write!(f, "v{version}/images/{}", sprite_file(*index)),
        }
    }
}

/// Where the store keeps an uploaded source.
#[must_use]
pub fn source_key(asset: &str, upload: &str) -> String {
    format!("sources/{asset}/{upload}")
}

/// File name of the header of a run, relative to its media list.
pub(crate) fn run_init_file(number: u32) -> String {
    format!("init-{number}.mp4")
}

/// File name of a segment, relative to its media list.
pub(crate) fn segment_file(track: TrackName, seq: u32) -> String {
    format!("{seq:05}{}", extension(track))
}

const fn extension(track: TrackName) -> &'static str {
    match track {
        TrackName::Text(_) => ".vtt",
        _ => ".m4s",
    }
}

/// File name of a sheet of thumbnails, relative to the thumbnail list.
pub(crate) fn sprite_file(index: u32) -> String {
    format!("sprite-{index:03}.jpg")
}

/// A decimal number written without sign, leading zeros or anything else.
pub(crate) fn canonical_number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    is_spelt(text, format_args!("{number}")).then_some(number)
}

fn padded_number(text: &str, width: usize) -> Result<u32, ObjectError> {
    let number: u32 = text.parse().map_err(|_| ObjectError::Number)?;
    if is_spelt(text, format_args!("{number:0width$}")) { Ok(number) } else { Err(ObjectError::Number) }
}

fn is_spelt(text: &str, canonical: fmt::Arguments<'_>) -> bool {
    let mut spelling = String::new();
    spelling.write_fmt(canonical).is_ok() && spelling == text
}

fn is_identifier(asset: &str) -> bool {
    (1..=ASSET_CHARS_MAX).contains(&asset.len())
        && asset.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn versioned(rest: &str) -> Result<Object, ObjectError> {
    let mut parts = rest.split('/');
    let (Some(version), Some(folder), Some(file), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ObjectError::Path);
    };
    let version = version.strip_prefix('v').and_then(canonical_number).ok_or(ObjectError::Number)?;
    if folder == "images" { image(version, file) } else { media(version, folder.parse()?, file) }
}

fn image(version: u32, file: &str) -> Result<Object, ObjectError> {
    match file {
        "poster.jpg" => Ok(Object::Poster { version }),
        "thumbs.vtt" => Ok(Object::Thumbs { version }),
        _ => {
            let index = file.strip_prefix("sprite-").and_then(|file| file.strip_suffix(".jpg"));
            let index = padded_number(index.ok_or(ObjectError::Path)?, 3)?;
            Ok(Object::Sprite { version, index })
        }
    }
}

fn media(version: u32, track: TrackName, file: &str) -> Result<Object, ObjectError> {
    match file {
        MEDIA_LIST_FILE => Ok(Object::MediaList { version, track }),
        IFRAME_LIST_FILE => Ok(Object::IframeList { version, track }),
        INIT_FILE => Ok(Object::Init { version, track }),
        CAPTIONS_FILE => Ok(Object::Captions { version, track }),
        _ if file.starts_with("init-") => {
            let number = file.strip_prefix("init-").and_then(|file| file.strip_suffix(".mp4"));
            let number = number.and_then(canonical_number).ok_or(ObjectError::Number)?;
            Ok(Object::RunInit { version, track, number })
        }
        _ => {
            let seq = padded_number(file.strip_suffix(extension(track)).ok_or(ObjectError::Path)?, 5)?;
            Ok(Object::Segment { version, track, seq })
        }
    }
}

/// Where the bytes of an unfinished upload are staged. `upload` is an identifier as [`Object::parse`] accepts it.
#[must_use]
pub fn stage_key(upload: &str) -> String {
    format!("uploads/{upload}")
}

/// Where the store keeps a finished partial upload until it becomes part of a source. `upload` is an identifier as
/// [`Object::parse`] accepts it.
#[must_use]
pub fn partial_key(upload: &str) -> String {
    format!("partials/{upload}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ASSET: &str = "01jd0c7y5mq3xk2v8n4t6r9bwz";

    fn objects() -> impl Strategy<Value = Object> {
        let track = prop_oneof![
            any::<u32>().prop_map(TrackName::Video),
            any::<u32>().prop_map(TrackName::Audio),
            any::<u32>().prop_map(TrackName::Text)
        ];
        (any::<u32>(), track, any::<u32>(), 0..11).prop_map(|(version, track, number, kind)| match kind {
            0 => Object::Multivariant,
            1 => Object::Mpd,
            2 => Object::MediaList { version, track },
            3 => Object::IframeList { version, track },
            4 => Object::Init { version, track },
            5 => Object::Segment { version, track, seq: number },
            6 => Object::Poster { version },
            7 => Object::Thumbs { version },
            8 => Object::Captions { version, track },
            9 => Object::RunInit { version, track, number },
            _ => Object::Sprite { version, index: number },
        })
    }

    #[test]
    fn paths_and_keys_are_the_documented_ones() {
        let track = TrackName::Video(720);
        let segment = Object::Segment { version: 1, track, seq: 12 };
        assert_eq!(segment.path(ASSET), format!("/media/{ASSET}/v1/video-720/00012.m4s"));
        let key = segment.blob_key(ASSET, 3);
        assert_eq!(key.as_deref(), Some(&*format!("assets/{ASSET}/v1/video-720/00012.a3.m4s")));
        let init = Object::Init { version: 2, track: TrackName::Audio(0) };
        assert_eq!(init.blob_key("a", 1).as_deref(), Some("assets/a/v2/audio-0/init.a1.mp4"));
        assert_eq!(init.content_type(), "audio/mp4");
        let sprite = Object::Sprite { version: 1, index: 4 };
        assert_eq!(sprite.blob_key("a", 1).as_deref(), Some("assets/a/v1/images/sprite-004.a1.jpg"));
        let list = Object::MediaList { version: 1, track };
        assert_eq!((list.blob_key("a", 1), list.to_string()), (None, "v1/video-720/index.m3u8".to_owned()));
        assert_eq!(source_key("a", "b"), "sources/a/b");
    }

    #[test]
    fn only_media_is_immutable() {
        let track = TrackName::Video(720);
        let kept = |object: Object, ended| object.cache_control(ended);
        assert_eq!(kept(Object::Init { version: 1, track }, false), IMMUTABLE);
        assert_eq!(kept(Object::Multivariant, false), GROWING);
        assert_eq!(kept(Object::Multivariant, true), ENTRY);
        assert_eq!(kept(Object::MediaList { version: 1, track }, false), GROWING);
        assert_eq!(kept(Object::MediaList { version: 1, track }, true), FINISHED_LIST);
    }

    #[test]
    fn other_spellings_are_refused() {
        for path in [
            "",
            "/",
            "/media/",
            "/media/a",
            "/media//hls.m3u8",
            "/media/../hls.m3u8",
            "/media/A/hls.m3u8",
            "/media/a/hls.m3u8/",
            "/media/a//hls.m3u8",
            "/media/a/v1/../hls.m3u8",
            "/media/a/v01/video-720/init.mp4",
            "/media/a/v+1/video-720/init.mp4",
            "/media/a/v1/video-0720/init.mp4",
            "/media/a/v1/video-720/1.m4s",
            "/media/a/v1/video-720/000001.m4s",
            "/media/a/v1/video-720/+0001.m4s",
            "/media/a/v1/images/sprite-4.jpg",
            "/media/a/v1/images/init.mp4",
            "/media/a/v4294967296/video-720/init.mp4",
            "/media/a/v1/video-720/init.mp4?x",
            "media/a/hls.m3u8",
        ] {
            assert!(Object::parse(path).is_err(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn paths_round_trip(object in objects(), asset in "[a-z0-9]{1,64}") {
            prop_assert_eq!(Object::parse(&object.path(&asset)), Ok((asset, object)));
        }

        #[test]
        fn what_parses_is_spelt_that_way(path in "(/media/)?[a-z0-9./v-]{0,40}(\\.m4s|/init.mp4|/hls.m3u8)?") {
            if let Ok((asset, object)) = Object::parse(&path) {
                prop_assert_eq!(object.path(&asset), path);
            }
        }

        #[test]
        fn no_text_panics_or_climbs(path in ".{0,80}") {
            if let Ok((asset, object)) = Object::parse(&path) {
                prop_assert!(!object.path(&asset).contains(".."));
            }
        }

        #[test]
        fn keys_are_lower_case_and_flat(object in objects(), attempt: u32) {
            let key = object.blob_key(ASSET, attempt);
            prop_assert_eq!(key.is_none(), object.is_list());
            let safe = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._/-".contains(&byte);
            prop_assert!(key.is_none_or(|key| key.bytes().all(safe) && !key.contains("..")));
        }
    }
}
