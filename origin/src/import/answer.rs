//! What a server's answer to a GET means for a file of which the first bytes may be there already (RFC 9110 §13.1.5,
//! §14, §15.3.7, §15.5.17). Pure: status and headers in, what follows out.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use httpkit::{ETag, date};

/// The longest that a server may have us wait before the next try.
const AFTER_MAX: Duration = Duration::from_secs(600);

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The body is the file from its beginning.
    Whole {
        /// Its length, if the server says it.
        length: Option<u64>,
        /// What it is recognised by, as `If-Range` takes it; `None` when nothing strong is said.
        mark: Option<String>,
    },
    /// The body is what is missing.
    Rest,
    /// Nothing is missing.
    Complete,
    /// It is another file by now, or never was as long: it has to be asked for from its beginning.
    Changed,
    /// It is elsewhere, as `Location` says.
    Moved(String),
    /// The server says no.
    Refused {
        /// Its status.
        status: StatusCode,
        /// Whether another try may help.
        again: bool,
        /// When it says so itself.
        after: Option<Duration>,
    },
    /// What it says cannot be used.
    Useless(&'static str),
}

/// What is asked: from which byte on, of a file of which length and mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub at: u64,
    pub length: Option<u64>,
    pub mark: Option<String>,
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// The strong validator of an answer (RFC 9110 §8.8): an entity tag that is not weak, or a time of change at least
/// a second before the answer was made.
fn mark(headers: &HeaderMap) -> Option<String> {
    if let Some(tag) = text(headers, &header::ETAG) {
        return ETag::parse(tag).filter(|tag| !tag.is_weak()).map(|tag| tag.to_string());
    }
    let changed = text(headers, &header::LAST_MODIFIED)?;
    let strong = date::parse(changed)? < date::parse(text(headers, &header::DATE)?)?;
    strong.then(|| changed.to_owned())
}

/// First byte and last, and the whole length, as far as they are said.
type ContentRange = (Option<(u64, u64)>, Option<u64>);

/// `bytes 5-9/10`, `bytes 5-9/*` or `bytes */10`.
fn content_range(text: &str) -> Option<ContentRange> {
    let (unit, rest) = text.split_once(' ')?;
    let (range, total) = rest.trim().split_once('/')?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    let total = if total == "*" { None } else { Some(number(total)?) };
    let range = match range {
        "*" => None,
        range => {
            let (first, last) = range.split_once('-')?;
            let (first, last) = (number(first)?, number(last)?);
            (first <= last && total.is_none_or(|total| last < total)).then_some((first, last))?;
            Some((first, last))
        }
    };
    unit.eq_ignore_ascii_case("bytes").then_some((range, total))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = text(headers, &header::RETRY_AFTER)?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(AFTER_MAX))
}

impl Asked {
    /// Reads an answer.
    pub(super) fn read(&self, status: StatusCode, headers: &HeaderMap) -> Answer {
        match status {
            StatusCode::OK => whole(headers),
            StatusCode::PARTIAL_CONTENT => self.rest(headers),
            StatusCode::RANGE_NOT_SATISFIABLE if self.at > 0 => self.nothing_more(headers),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => match text(headers, &header::LOCATION) {
                Some(place) => Answer::Moved(place.to_owned()),
                None => Answer::Useless("a redirect to nowhere"),
            },
            status => {
                let passing =
                    [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
                let again = status.is_server_error() || passing.contains(&status);
                Answer::Refused { status, again, after: retry_after(headers) }
            }
        }
    }

    fn rest(&self, headers: &HeaderMap) -> Answer {
        let Some((Some((first, last)), total)) =
            text(headers, &header::CONTENT_RANGE).and_then(content_range)
        else {
            return Answer::Useless("a part of the file without saying which");
        };
        if first != self.at || self.at == 0 {
            return Answer::Useless("another part of the file than was asked for");
        }
        // A part that does not reach the end is no answer to a range that does; the next try asks for the rest.
        let total = total.or(Some(last + 1).filter(|_| self.length.is_none()));
        if self.length.is_some() && total.is_some() && total != self.length {
            return Answer::Changed;
        }
        let other_tag = self.mark.as_deref().is_some_and(|mark| mark.starts_with('"'))
            && text(headers, &header::ETAG).is_some_and(|tag| Some(tag) != self.mark.as_deref());
        if other_tag { Answer::Changed } else { encoded(headers).unwrap_or(Answer::Rest) }
    }

    /// Nothing lies beyond what is there: all of it is, or it was another file.
    fn nothing_more(&self, headers: &HeaderMap) -> Answer {
        let total =
            text(headers, &header::CONTENT_RANGE).and_then(content_range).and_then(|(_, total)| total);
        let all = total == Some(self.at) && self.length.is_none_or(|length| length == self.at);
        if all { Answer::Complete } else { Answer::Changed }
    }
}

fn whole(headers: &HeaderMap) -> Answer {
    if let Some(useless) = encoded(headers) {
        return useless;
    }
    let kind = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    if kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/html")) {
        return Answer::Useless("a web page instead of a file; use the address of the file itself");
    }
    let length = text(headers, &header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    if length == Some(0) {
        return Answer::Useless("an empty file");
    }
    Answer::Whole { length, mark: mark(headers) }
}

/// Bytes under a content coding are not the file's.
fn encoded(headers: &HeaderMap) -> Option<Answer> {
    let coding = text(headers, &header::CONTENT_ENCODING).unwrap_or("identity");
    let plain = coding.is_empty() || coding.eq_ignore_ascii_case("identity");
    (!plain).then_some(Answer::Useless("a compressed copy, which was not asked for"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).expect("a value");
        pairs.iter().map(|(name, text)| (HeaderName::from_static(name), value(text))).collect()
    }

    fn read(asked: &Asked, status: u16, pairs: &[(&'static str, &str)]) -> Answer {
        asked.read(StatusCode::from_u16(status).expect("a status"), &headers(pairs))
    }

    fn from(at: u64, length: u64, mark: &str) -> Asked {
        Asked { at, length: Some(length), mark: Some(mark.to_owned()) }
    }

    #[test]
    fn a_whole_file_has_a_length_and_a_mark_when_they_can_be_relied_on() {
        let mark_of = |pairs: &[(&'static str, &str)]| match read(&Asked::default(), 200, pairs) {
            Answer::Whole { mark, .. } => mark,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            read(&Asked::default(), 200, &[("content-length", "10"), ("etag", "\"a\"")]),
            Answer::Whole { length: Some(10), mark: Some("\"a\"".to_owned()) }
        );
        let (day, next) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT");
        assert_eq!(mark_of(&[("last-modified", day), ("date", next)]).as_deref(), Some(day));
        assert_eq!(
            mark_of(&[("last-modified", day), ("date", day)]),
            None,
            "it may change within the second"
        );
        assert_eq!(mark_of(&[("last-modified", day)]), None);
        assert_eq!(mark_of(&[("etag", "W/\"a\""), ("last-modified", day), ("date", next)]), None);
        assert_eq!(mark_of(&[("etag", "nonsense")]), None);
    }

    #[test]
    fn what_is_no_file_is_said() {
        for pairs in [
            &[("content-length", "0")][..],
            &[("content-type", "Text/HTML; charset=utf-8")],
            &[("content-encoding", "gzip")],
        ] {
            assert!(matches!(read(&Asked::default(), 200, pairs), Answer::Useless(_)), "{pairs:?}");
        }
        assert!(matches!(read(&Asked::default(), 302, &[]), Answer::Useless(_)));
        assert_eq!(read(&Asked::default(), 307, &[("location", "/x")]), Answer::Moved("/x".to_owned()));
    }

    #[test]
    fn the_rest_is_taken_only_if_it_belongs_to_what_is_there() {
        let asked = from(5, 10, "\"a\"");
        let rest = |range: &str| read(&asked, 206, &[("content-range", range)]);
        assert_eq!(rest("bytes 5-9/10"), Answer::Rest);
        assert_eq!(rest("bytes 5-9/*"), Answer::Rest);
        assert_eq!(rest("bytes 5-9/11"), Answer::Changed);
        assert!(matches!(rest("bytes 4-9/10"), Answer::Useless(_)));
        assert!(matches!(rest("bytes */10"), Answer::Useless(_)));
        assert!(matches!(rest("lines 5-9/10"), Answer::Useless(_)));
        assert!(matches!(read(&asked, 206, &[]), Answer::Useless(_)));
        let other = [("content-range", "bytes 5-9/10"), ("etag", "\"b\"")];
        assert_eq!(read(&asked, 206, &other), Answer::Changed);
        let whole = read(&asked, 200, &[("content-length", "12"), ("etag", "\"b\"")]);
        assert_eq!(whole, Answer::Whole { length: Some(12), mark: Some("\"b\"".to_owned()) });
        assert!(matches!(
            read(&Asked::default(), 206, &[("content-range", "bytes 0-9/10")]),
            Answer::Useless(_)
        ));
    }

    #[test]
    fn nothing_more_is_the_end_only_at_the_end() {
        let end = |total: &str| read(&from(10, 10, "\"a\""), 416, &[("content-range", total)]);
        assert_eq!(end("bytes */10"), Answer::Complete);
        assert_eq!(end("bytes */9"), Answer::Changed);
        assert_eq!(read(&from(5, 10, "\"a\""), 416, &[]), Answer::Changed);
        assert!(matches!(read(&Asked::default(), 416, &[]), Answer::Refused { again: false, .. }));
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        let again = |status| match read(&Asked::default(), status, &[("retry-after", "7")]) {
            Answer::Refused { again, after, .. } => again && after == Some(Duration::from_secs(7)),
            other => panic!("{other:?}"),
        };
        assert!(again(500) && again(503) && again(429) && again(408));
        assert!(!again(400) && !again(401) && !again(403) && !again(404) && !again(410) && !again(304));
        let long = read(&Asked::default(), 503, &[("retry-after", "99999999")]);
        assert!(matches!(long, Answer::Refused { after: Some(AFTER_MAX), .. }));
    }

    proptest! {
        #[test]
        fn no_header_panics(value in "[ -~]{0,40}", status in 200u16..600, at in 0u64..20) {
            let names = ["content-range", "etag", "last-modified", "date", "content-length", "retry-after", "location"];
            let pairs: Vec<_> = names.iter().map(|name| (*name, value.as_str())).collect();
            read(&Asked { at, length: Some(10), mark: Some("\"a\"".to_owned()) }, status, &pairs);
        }

        #[test]
        fn ranges_are_read_as_they_are_written(first in 0u64..1000, more in 0u64..1000, beyond in 1u64..1000) {
            let (last, total) = (first + more, first + more + beyond);
            let written = format!("bytes {first}-{last}/{total}");
            prop_assert_eq!(content_range(&written), Some((Some((first, last)), Some(total))));
            prop_assert_eq!(content_range(&format!("bytes {first}-{last}/{last}")), None);
        }
    }
}
