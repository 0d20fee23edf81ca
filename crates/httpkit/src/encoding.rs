//! Content codings: which one a client prefers, and small texts compressed once (RFC 9110 §12.5.3, §8.4).

use std::io::Write;

use axum::response::Response;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::{ETag, content::Content};

/// A content coding we produce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// None.
    Identity,
    /// RFC 1952.
    Gzip,
}

impl Coding {
    /// The token of `Content-Encoding` and `Accept-Encoding`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
        }
    }
}

/// Weights in thousandths (RFC 9110 §12.4.2); malformed weights count as 0.
#[derive(Default)]
struct Weights {
    gzip: Option<u16>,
    identity: Option<u16>,
    any: Option<u16>,
}

fn weight(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths = format!("{fraction:0<3}").parse::<u16>().ok().filter(|_| digits)?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

fn element_weight(parameters: &str) -> u16 {
    let trimmed = parameters.trim();
    if trimmed.is_empty() {
        return 1000;
    }
    let value = trimmed.strip_prefix("q=").or_else(|| trimmed.strip_prefix("Q="));
    value.and_then(weight).unwrap_or(0)
}

impl Weights {
    fn add(&mut self, element: &str) {
        let (name, parameters) = element.split_once(';').unwrap_or((element, ""));
        let weight = Some(element_weight(parameters));
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => self.gzip = weight,
            "identity" => self.identity = weight,
            "*" => self.any = weight,
            _ => {}
        }
    }
}

/// The coding to answer with: gzip when it is acceptable and no less welcome than identity.
#[must_use]
pub fn preferred(headers: &HeaderMap) -> Coding {
    let mut weights = Weights::default();
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        value.to_str().unwrap_or("").split(',').for_each(|element| weights.add(element));
    }
    let gzip = weights.gzip.or(weights.any).unwrap_or(0);
    if gzip > 0 && gzip >= weights.identity.unwrap_or(0) { Coding::Gzip } else { Coding::Identity }
}

/// The same bytes as gzip, without name or time, so that equal input gives equal output.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("writing to memory does not fail").into()
}

/// A small text such as a playlist, compressed once, with a strong entity tag per coding.
#[derive(Clone, Debug)]
pub struct Encoded {
    identity: (Content, Bytes),
    gzip: Option<(Content, Bytes)>,
}

impl Encoded {
    /// Compresses `text`; gzip is kept only where it is shorter.
    #[must_use]
    pub fn new(media_type: &'static str, cache_control: &'static str, text: impl Into<Bytes>) -> Self {
        let text = text.into();
        let etag = ETag::of(&text);
        let content = |etag, bytes: &Bytes| {
            let length = bytes.len() as u64;
            Content { media_type, cache_control, etag, length, modified: None }
        };
        let packed = Some(gzip(&text)).filter(|packed| packed.len() < text.len());
        Self {
            gzip: packed.map(|packed| (content(etag.coded("gzip"), &packed), packed)),
            identity: (content(etag, &text), text),
        }
    }

    /// Answers a GET or HEAD in the coding the client prefers.
    #[must_use]
    pub fn respond(&self, method: &Method, headers: &HeaderMap) -> Response {
        let packed = self.gzip.as_ref().filter(|_| preferred(headers) == Coding::Gzip);
        let (content, bytes) = packed.unwrap_or(&self.identity);
        let mut response = content.respond_bytes(method, headers, bytes);
        let carries_body = matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT);
        let answer = response.headers_mut();
        answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if carries_body && packed.is_some() {
            answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use http_body_util::BodyExt;
    use proptest::prelude::*;

    use super::*;

    fn accepting(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_str(text).expect("a header"))])
    }

    #[test]
    fn weights_decide() {
        for (text, coding) in [
            ("gzip, deflate, br, zstd", Coding::Gzip),
            ("", Coding::Identity),
            ("identity", Coding::Identity),
            ("br", Coding::Identity),
            ("*", Coding::Gzip),
            ("*;q=0", Coding::Identity),
            ("gzip;q=0", Coding::Identity),
            ("gzip;q=0.0, *", Coding::Identity),
            ("gzip; q=0.5, identity", Coding::Identity),
            ("identity;q=0.5, GZIP;q=0.501", Coding::Gzip),
            ("x-gzip", Coding::Gzip),
            ("gzip;q=1.001", Coding::Identity),
            ("gzip;q=0.0001", Coding::Identity),
            ("gzip;level=9", Coding::Identity),
        ] {
            assert_eq!(preferred(&accepting(text)), coding, "{text}");
        }
        assert_eq!(preferred(&HeaderMap::new()), Coding::Identity);
    }

    fn unpack(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        GzDecoder::new(bytes).read_to_end(&mut out).expect("gzip");
        out
    }

    #[tokio::test]
    async fn each_coding_has_its_own_tag_and_its_own_condition() {
        let text = "#EXTM3U\n".repeat(50);
        let encoded = Encoded::new("application/vnd.apple.mpegurl", "no-cache", text.clone());
        let plain = encoded.respond(&Method::GET, &HeaderMap::new());
        let packed = encoded.respond(&Method::GET, &accepting("gzip"));
        assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(packed.headers()[header::VARY], "accept-encoding");
        assert_eq!(plain.headers()[header::VARY], "accept-encoding");
        assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
        assert_ne!(plain.headers()[header::ETAG], packed.headers()[header::ETAG]);
        let mut again = accepting("gzip");
        again.insert(header::IF_NONE_MATCH, packed.headers()[header::ETAG].clone());
        let held = encoded.respond(&Method::GET, &again);
        assert_eq!(held.status(), StatusCode::NOT_MODIFIED);
        assert!(!held.headers().contains_key(header::CONTENT_ENCODING));
        again.insert(header::IF_NONE_MATCH, plain.headers()[header::ETAG].clone());
        assert_eq!(encoded.respond(&Method::GET, &again).status(), StatusCode::OK);
        let bytes = packed.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(unpack(&bytes), text.as_bytes());
    }

    #[test]
    fn text_that_gzip_would_lengthen_is_sent_plain() {
        let encoded = Encoded::new("text/plain", "no-cache", "x");
        let answer = encoded.respond(&Method::GET, &accepting("gzip"));
        assert!(!answer.headers().contains_key(header::CONTENT_ENCODING));
        assert_eq!(answer.headers()[header::CONTENT_LENGTH], "1");
    }

    proptest! {
        #[test]
        fn gzip_round_trips_and_is_deterministic(bytes: Vec<u8>) {
            prop_assert_eq!(unpack(&gzip(&bytes)), bytes.clone());
            prop_assert_eq!(gzip(&bytes), gzip(&bytes));
        }

        #[test]
        fn no_header_panics(text in "[ -~]{0,60}") {
            let _ = preferred(&accepting(&text));
        }
    }
}
