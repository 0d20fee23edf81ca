//! What tus requests and answers say in their headers (tus resumable upload protocol 1.0.0, with creation,
//! creation-with-upload, creation-defer-length, concatenation, termination, checksum and expiration). Pure: headers
//! in, values out.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base::{Timestamp, UploadId};
use base64::{Engine, engine::general_purpose::STANDARD};
use httpkit::Problem;

use super::checksum::{Algorithm, Checksum};

/// The only version spoken.
pub(super) const VERSION: &str = "1.0.0";
/// Extensions offered.
pub(super) const EXTENSIONS: &str =
    "creation,creation-with-upload,creation-defer-length,concatenation,termination,checksum,expiration";
/// Type of every body of upload bytes.
pub(super) const BODY_TYPE: &str = "application/offset+octet-stream";
/// Longest `Upload-Metadata` header, in bytes.
const METADATA_BYTES_MAX: usize = 8 << 10;
/// Most metadata pairs.
const METADATA_PAIRS_MAX: usize = 32;
/// Most uploads that one is made of.
const PARTS_MAX: usize = 256;
/// Longest `Upload-Concat` header, in bytes.
const CONCAT_BYTES_MAX: usize = 32 << 10;

pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
pub(super) const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(super) const NEXUS_ASSET: HeaderName = HeaderName::from_static("nexus-asset");
pub(super) const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
pub(super) const UPLOAD_CONCAT: HeaderName = HeaderName::from_static("upload-concat");
const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");

/// What an upload is to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file of its own.
    Whole,
    /// A part of another one. With its header.
    Partial(String),
    /// Made of these. With its header.
    Final(String, Vec<UploadId>),
}

/// What a creation asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Creation {
    /// What kind of upload.
    pub kind: Kind,
    /// Bytes of the whole file; `None` when they are said later, or follow from the parts.
    pub length: Option<u64>,
    /// Decoded metadata.
    pub metadata: BTreeMap<String, String>,
    /// The metadata header as it came, to be returned by HEAD.
    pub metadata_text: String,
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::bad_request(format!("{name} appears more than once")));
    }
    value.to_str().map(Some).map_err(|_| Problem::bad_request(format!("{name} is not readable text")))
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, Problem> {
    let Some(text) = text(headers, name)? else { return Ok(None) };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.map(Some).ok_or_else(|| Problem::bad_request(format!("{name} is not a whole number of bytes")))
}

/// Refuses other protocol versions with 412 (tus 1.0.0, "Tus-Resumable").
pub(super) fn check_version(headers: &HeaderMap) -> Result<(), Problem> {
    if text(headers, &TUS_RESUMABLE)? == Some(VERSION) {
        return Ok(());
    }
    Err(Problem::precondition_failed(format!("Tus-Resumable must be {VERSION}"))
        .header(TUS_VERSION, HeaderValue::from_static(VERSION)))
}

/// Refuses bodies of any other type than [`BODY_TYPE`] with 415.
pub(super) fn check_body_type(headers: &HeaderMap) -> Result<(), Problem> {
    let given = text(headers, &header::CONTENT_TYPE)?.unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(BODY_TYPE) {
        return Ok(());
    }
    Err(Problem::unsupported_media_type(format!("upload bytes are sent as {BODY_TYPE}")))
}

/// Reads what a POST asks for.
pub(super) fn creation(headers: &HeaderMap) -> Result<Creation, Problem> {
    let kind = kind(headers)?;
    let length = length(headers)?;
    let deferred = deferred(headers)?;
    match (&kind, length, deferred) {
        (Kind::Final(..), None, false) | (Kind::Whole | Kind::Partial(_), Some(_), false) => {}
        (Kind::Final(..), ..) => {
            return Err(Problem::bad_request("the length of a final upload follows from its parts"));
        }
        (_, None, true) => {}
        (_, Some(_), true) => {
            return Err(Problem::bad_request("Upload-Length and Upload-Defer-Length exclude each other"));
        }
        (_, None, false) => {
            return Err(Problem::bad_request(
                "Upload-Length is missing: the file's length in bytes, or Upload-Defer-Length: 1",
            ));
        }
    }
    let metadata_text = text(headers, &UPLOAD_METADATA)?.unwrap_or_default().to_owned();
    Ok(Creation { kind, length, metadata: metadata(&metadata_text)?, metadata_text })
}

/// Reads `Upload-Length` where it is given.
pub(super) fn length(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    number(headers, &UPLOAD_LENGTH)
}

fn deferred(headers: &HeaderMap) -> Result<bool, Problem> {
    match text(headers, &UPLOAD_DEFER_LENGTH)? {
        None => Ok(false),
        Some("1") => Ok(true),
        Some(_) => Err(Problem::bad_request("Upload-Defer-Length can only be 1")),
    }
}

fn kind(headers: &HeaderMap) -> Result<Kind, Problem> {
    match text(headers, &UPLOAD_CONCAT)? {
        None => Ok(Kind::Whole),
        Some("partial") => Ok(Kind::Partial("partial".to_owned())),
        Some(text) => parts(text).map(|parts| Kind::Final(text.to_owned(), parts)),
    }
}

/// Reads which uploads a final one is made of: `final;` and their addresses, with spaces in between.
pub(super) fn parts(text: &str) -> Result<Vec<UploadId>, Problem> {
    let wrong = |what: String| Problem::bad_request(format!("Upload-Concat {what}"));
    let list = text.strip_prefix("final;").filter(|_| text.len() <= CONCAT_BYTES_MAX);
    let list =
        list.ok_or_else(|| wrong("is neither partial nor a list that begins with final;".to_owned()))?;
    let mut parts = Vec::new();
    for address in list.split_ascii_whitespace() {
        let path =
            address.split_once("://").map_or(Some(address), |(_, rest)| rest.find('/').map(|at| &rest[at..]));
        let id = path.and_then(|path| path.rsplit_once("/files/")).and_then(|(_, id)| id.parse().ok());
        parts.push(id.ok_or_else(|| wrong(format!("names {address:?}, which is no upload here")))?);
    }
    let distinct: BTreeSet<_> = parts.iter().collect();
    if parts.is_empty() || parts.len() > PARTS_MAX || distinct.len() < parts.len() {
        return Err(wrong(format!(
            "names {} uploads; 1 to {PARTS_MAX} different ones are taken",
            parts.len()
        )));
    }
    Ok(parts)
}

/// Decodes `Upload-Metadata`: comma-separated pairs of a key and its base-64 value, which may be missing.
fn metadata(text: &str) -> Result<BTreeMap<String, String>, Problem> {
    if text.len() > METADATA_BYTES_MAX || text.split(',').count() > METADATA_PAIRS_MAX {
        return Err(Problem::bad_request("Upload-Metadata is too long"));
    }
    let mut pairs = BTreeMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = STANDARD.decode(value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let value = value.ok_or_else(|| {
            Problem::bad_request(format!(
                "Upload-Metadata: the value of {key:?} is not base 64 of UTF-8 text"
            ))
        })?;
        if pairs.insert(key.to_owned(), value).is_some() {
            return Err(Problem::bad_request(format!("Upload-Metadata: {key:?} appears twice")));
        }
    }
    Ok(pairs)
}

/// Reads where a PATCH wants its bytes.
pub(super) fn offset(headers: &HeaderMap) -> Result<u64, Problem> {
    number(headers, &UPLOAD_OFFSET)?.ok_or_else(|| Problem::bad_request("Upload-Offset is missing"))
}

/// Length of the body if it is announced.
pub(super) fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    number(headers, &header::CONTENT_LENGTH)
}

/// Reads the checksum extension's header.
pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Problem> {
    let Some(text) = text(headers, &UPLOAD_CHECKSUM)? else { return Ok(None) };
    let (name, digest) = text.split_once(' ').unwrap_or((text, ""));
    let algorithm = Algorithm::named(name).ok_or_else(|| {
        Problem::bad_request(format!("checksum algorithm {name:?} is not one of {}", Algorithm::NAMES))
    })?;
    let digest =
        STANDARD.decode(digest.trim()).ok().filter(|digest| digest.len() == algorithm.digest_bytes());
    let digest = digest
        .ok_or_else(|| Problem::bad_request(format!("Upload-Checksum is not a {name} digest in base 64")))?;
    Ok(Some(Checksum { algorithm, digest }))
}

/// An expiry as an HTTP date.
pub(super) fn expires(at: Timestamp) -> Option<HeaderValue> {
    HeaderValue::try_from(httpkit::date::format(at.seconds())).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
        };
        pairs.iter().map(pair).collect()
    }

    fn status<T: std::fmt::Debug>(result: Result<T, Problem>) -> StatusCode {
        result.expect_err("refused").status()
    }

    #[test]
    fn a_creation_is_read() {
        let given = headers(&[
            ("upload-length", "10"),
            ("upload-metadata", "filename ZmlsbS5tcDQ=,flag, title VGl0ZWw="),
        ]);
        let creation = creation(&given).expect("reads");
        assert_eq!((creation.length, &creation.kind), (Some(10), &Kind::Whole));
        assert_eq!(creation.metadata["filename"], "film.mp4");
        assert_eq!(creation.metadata["title"], "Titel");
        assert_eq!(creation.metadata["flag"], "");
    }

    #[test]
    fn a_creation_of_nonsense_is_refused() {
        for bad in [
            &[("upload-length", "-1")][..],
            &[("upload-length", "+1")],
            &[("upload-length", "1e3")],
            &[("upload-length", "99999999999999999999999")],
            &[],
            &[("upload-length", "1"), ("upload-defer-length", "1")],
            &[("upload-defer-length", "0")],
            &[("upload-length", "1"), ("upload-concat", "part")],
            &[("upload-length", "1"), ("upload-concat", "")],
            &[("upload-concat", "partial")],
            &[("upload-length", "1"), ("upload-metadata", "filename %%%")],
            &[("upload-length", "1"), ("upload-metadata", "a YQ==,a YQ==")],
        ] {
            assert_eq!(status(creation(&headers(bad))), StatusCode::BAD_REQUEST, "{bad:?}");
        }
    }

    #[test]
    fn a_length_may_come_later() {
        let read = |given: &[(&'static str, &str)]| creation(&headers(given)).expect("reads");
        assert_eq!(read(&[("upload-defer-length", "1")]).length, None);
        let partial = read(&[("upload-defer-length", "1"), ("upload-concat", "partial")]);
        assert_eq!((partial.length, partial.kind), (None, Kind::Partial("partial".to_owned())));
    }

    #[test]
    fn the_parts_of_a_final_upload_are_read_in_order() {
        let id = |last: char| format!("01h0000000000000000000000{last}");
        let concat = format!("final;/files/{}  https://a.example:1/x/files/{}", id('2'), id('1'));
        let creation = creation(&headers(&[("upload-concat", &concat)])).expect("reads");
        let Kind::Final(text, parts) = creation.kind else { panic!("a final upload") };
        assert_eq!((text, creation.length), (concat, None));
        assert_eq!(parts.iter().map(|part| part.as_str().to_owned()).collect::<Vec<_>>(), [id('2'), id('1')]);
    }

    #[test]
    fn final_uploads_of_nonsense_are_refused() {
        let one = "/files/01h00000000000000000000001";
        let many =
            (0..300).map(|n| format!("/files/01h00000000000000000000{n:03}")).collect::<Vec<_>>().join(" ");
        for list in ["", " ", "/files/", "/files/x", "x", "http://", "http://files/", "/files/../y", &many] {
            let concat = format!("final;{list}");
            let refused = creation(&headers(&[("upload-concat", &concat)]));
            assert_eq!(status(refused), StatusCode::BAD_REQUEST, "{concat}");
        }
        for bad in [
            &[("upload-concat", &*format!("final;{one} {one}"))][..],
            &[("upload-concat", &format!("final; {one}")), ("upload-length", "1")],
            &[("upload-concat", &format!("final; {one}")), ("upload-defer-length", "1")],
        ] {
            assert_eq!(status(creation(&headers(bad))), StatusCode::BAD_REQUEST, "{bad:?}");
        }
    }

    #[test]
    fn versions_types_and_checksums_are_checked() {
        assert!(check_version(&headers(&[("tus-resumable", "1.0.0")])).is_ok());
        assert_eq!(
            status(check_version(&headers(&[("tus-resumable", "0.2.2")]))),
            StatusCode::PRECONDITION_FAILED
        );
        assert_eq!(status(check_version(&headers(&[]))), StatusCode::PRECONDITION_FAILED);
        assert!(check_body_type(&headers(&[("content-type", "Application/Offset+octet-stream")])).is_ok());
        assert_eq!(
            status(check_body_type(&headers(&[("content-type", "text/plain")]))),
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        );
        assert_eq!(status(checksum(&headers(&[("upload-checksum", "crc32 AAAA")]))), StatusCode::BAD_REQUEST);
        assert_eq!(status(checksum(&headers(&[("upload-checksum", "sha1 AAAA")]))), StatusCode::BAD_REQUEST);
        let given = headers(&[("upload-checksum", "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=")]);
        assert_eq!(checksum(&given).expect("reads").map(|sum| sum.algorithm), Some(Algorithm::Sha1));
    }
}
