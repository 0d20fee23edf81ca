//! What a request asks for: `/media/{asset}/…` or `/live/{channel}/…`, or the same behind `/p/{token}`.
//!
//! Every object has one spelling. Percent-encoding, empty and dot segments are never produced by us and only
//! serve to make two cache keys of one object or one of two, so they are refused. Of a query nothing matters but the
//! delivery directives of a live rendition's list (draft-pantos-hls-rfc8216bis-22 section 6.2.5).

use httpkit::Problem;
use media::live::window::{Moment, Reload};

/// Longest media path looked at, in bytes; ours are under 120.
const PATH_MAX: usize = 512;
/// Longest query looked at, in bytes; players that report about themselves in it (CTA-5004) need some hundreds.
const QUERY_MAX: usize = 4_096;

/// What is behind a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// An asset, which is there or not.
    Media,
    /// A broadcast, whose next lists and parts are waited for.
    Live,
}

/// A media path and the token in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub token: Option<&'a str>,
    pub kind: Kind,
    /// From `/media/` or `/live/` on.
    pub path: &'a str,
    /// The asset or channel, as tokens name it.
    pub subject: &'a str,
}

/// Why a path names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TargetError {
    /// It is not a media path.
    NotMedia,
    /// It could be spelled otherwise.
    NotCanonical,
    /// Its query is too long.
    LongQuery,
}

fn is_canonical(segment: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-~".contains(&byte);
    !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(plain)
}

fn split_token(path: &str) -> Result<(Option<&str>, &str), TargetError> {
    let Some(rest) = path.strip_prefix("/p/") else { return Ok((None, path)) };
    let slash = rest.find('/').ok_or(TargetError::NotMedia)?;
    let (token, path) = rest.split_at(slash);
    if is_canonical(token) { Ok((Some(token), path)) } else { Err(TargetError::NotCanonical) }
}

fn split_kind(path: &str) -> Option<(Kind, &str)> {
    let media = path.strip_prefix("/media/").map(|rest| (Kind::Media, rest));
    media.or_else(|| path.strip_prefix("/live/").map(|rest| (Kind::Live, rest)))
}

impl<'a> Target<'a> {
    pub(crate) fn parse(path: &'a str) -> Result<Self, TargetError> {
        let (token, path) = split_token(path)?;
        let (kind, rest) = split_kind(path).ok_or(TargetError::NotMedia)?;
        if path.len() > PATH_MAX || !rest.split('/').all(is_canonical) {
            return Err(TargetError::NotCanonical);
        }
        let (subject, _) = rest.split_once('/').ok_or(TargetError::NotMedia)?;
        Ok(Self { token, kind, path, subject })
    }

    /// What of a request's query the answer depends on, in its one spelling; mostly nothing.
    pub(crate) fn directives(&self, query: Option<&str>) -> Result<String, TargetError> {
        match query {
            Some(query) if query.len() > QUERY_MAX => Err(TargetError::LongQuery),
            Some(query) if self.is_live_list() => Ok(Reload::parse(query, Moment(0)).canonical()),
            _ => Ok(String::new()),
        }
    }

    /// `/live/{channel}/{broadcast}/{rendition}.m3u8`.
    fn is_live_list(&self) -> bool {
        self.kind == Kind::Live && self.path.ends_with(".m3u8") && self.path.matches('/').count() == 4
    }

    /// Whether the object is text that the upstream may compress.
    pub(crate) fn is_text(&self) -> bool {
        [".m3u8", ".mpd", ".vtt"].iter().any(|ending| self.path.ends_with(ending))
    }
}

impl TargetError {
    pub(crate) fn problem(self) -> Problem {
        match self {
            Self::NotMedia => Problem::not_found("there is no media under this path"),
            Self::NotCanonical => Problem::bad_request(
                "a media path has no empty, dot or percent-encoded segments and is at most 512 bytes long",
            ),
            Self::LongQuery => Problem::bad_request("a query is at most 4096 bytes long here"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn media_paths_with_and_without_token() {
        let plain = Target::parse("/media/film/v1/video-720/00001.m4s").expect("a target");
        assert_eq!((plain.token, plain.kind, plain.subject), (None, Kind::Media, "film"));
        assert!(!plain.is_text());
        let token = Target::parse("/p/T0_k-en/media/film/hls.m3u8").expect("a target");
        assert_eq!((token.token, token.path), (Some("T0_k-en"), "/media/film/hls.m3u8"));
        assert!(token.is_text());
        let live = Target::parse("/p/T/live/studio/b1/audio/7.2.m4s").expect("a target");
        assert_eq!((live.kind, live.path), (Kind::Live, "/live/studio/b1/audio/7.2.m4s"));
        assert_eq!((live.token, live.subject), (Some("T"), "studio"));
    }

    #[test]
    fn only_lists_of_live_renditions_have_a_query_and_only_its_directives_matter() {
        let directives = |path, query| Target::parse(path).expect("a target").directives(query);
        let (list, asked) = ("/live/studio/b1/source.m3u8", "a=b&_HLS_part=01&_HLS_msn=7&_HLS_x=1");
        assert_eq!(directives(list, Some(asked)).as_deref(), Ok("_HLS_msn=7&_HLS_part=1"));
        assert_eq!(directives(list, None).as_deref(), Ok(""));
        for path in ["/live/studio/hls.m3u8", "/live/studio/b1/source/7.m4s", "/media/film/v1/video-720.m3u8"]
        {
            assert_eq!(directives(path, Some(asked)).as_deref(), Ok(""), "{path}");
        }
        let long = "x".repeat(QUERY_MAX + 1);
        assert_eq!(directives(list, Some(&long)), Err(TargetError::LongQuery));
    }

    #[test]
    fn other_spellings_and_other_paths_are_refused() {
        for path in [
            "/media/film/../other/x",
            "/media/film/./x",
            "/media//film/x",
            "/media/film//x",
            "/media/film/x/",
            "/media/film%2fx/y",
            "/media/film/%2e%2e/y",
            "/media/film/x;y",
            "/media/film/x y",
            "/media/film/ü",
            "/p/to%6ben/media/film/x",
            "/p//media/film/x",
        ] {
            assert_eq!(Target::parse(path), Err(TargetError::NotCanonical), "{path}");
        }
        for path in [
            "/media",
            "/media/film",
            "/live/studio",
            "/lively/x/y",
            "/p/token",
            "/p/token/other",
            "/MEDIA/film/x",
            "/x",
            "",
        ] {
            assert_eq!(Target::parse(path), Err(TargetError::NotMedia), "{path}");
        }
        let long = format!("/media/film/{}", "x".repeat(PATH_MAX));
        assert_eq!(Target::parse(&long), Err(TargetError::NotCanonical));
    }

    proptest! {
        #[test]
        fn what_is_accepted_has_one_spelling(path in "(/p/[a-z]{0,3})?/media(/[a-z.%2F]{0,4}){0,4}") {
            if let Ok(target) = Target::parse(&path) {
                let prefix = target.token.map(|token| format!("/p/{token}")).unwrap_or_default();
                prop_assert_eq!(format!("{prefix}{}", target.path), path.as_str());
                let segments_fine = !target.path[1..].split('/').any(|part| matches!(part, "" | "." | ".."));
                prop_assert!(segments_fine && !target.path.contains('%'));
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,80}") {
            let _ = Target::parse(&text);
        }
    }
}
