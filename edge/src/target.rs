//! What a request asks for: `/media/{asset}/…`, or the same behind `/p/{token}`.
//!
//! Every object has one spelling. Percent-encoding, empty and dot segments are never produced by us and only
//! serve to make two cache keys of one object or one of two, so they are refused.

use httpkit::Problem;

/// Longest media path looked at, in bytes; ours are under 120.
const PATH_MAX: usize = 512;

/// A media path and the token in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub token: Option<&'a str>,
    /// From `/media/` on.
    pub path: &'a str,
    pub asset: &'a str,
}

/// Why a path names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TargetError {
    /// It is not a media path.
    NotMedia,
    /// It could be spelled otherwise.
    NotCanonical,
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

impl<'a> Target<'a> {
    pub(crate) fn parse(path: &'a str) -> Result<Self, TargetError> {
        let (token, path) = split_token(path)?;
        let rest = path.strip_prefix("/media/").ok_or(TargetError::NotMedia)?;
        if path.len() > PATH_MAX || !rest.split('/').all(is_canonical) {
            return Err(TargetError::NotCanonical);
        }
        let (asset, _) = rest.split_once('/').ok_or(TargetError::NotMedia)?;
        Ok(Self { token, path, asset })
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
        assert_eq!((plain.token, plain.asset), (None, "film"));
        assert!(!plain.is_text());
        let token = Target::parse("/p/T0_k-en/media/film/hls.m3u8").expect("a target");
        assert_eq!((token.token, token.path), (Some("T0_k-en"), "/media/film/hls.m3u8"));
        assert!(token.is_text());
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
        for path in ["/media", "/media/film", "/p/token", "/p/token/other", "/MEDIA/film/x", "/x", ""] {
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
