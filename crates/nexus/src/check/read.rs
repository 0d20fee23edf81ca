//! Bytes for the check, from HTTP or from a folder.

use std::{
    io::{Read, SeekFrom},
    ops::Range,
    path::PathBuf,
};

use axum::body::Body;
use bytes::Bytes;
use conformance::{Delivery, Failure, Fetch};
use http::{HeaderMap, Request, StatusCode, header};
use httpkit::client::{self, Client, ClientError};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use url::Url;

/// Redirects followed for one resource.
const REDIRECTS_MAX: usize = 5;

/// What was read, and how it came over HTTP.
pub(super) struct Answer {
    pub bytes: Bytes,
    pub delivery: Option<Delivery>,
}

/// Reads what a check asks for.
pub(super) struct Reader {
    client: Client,
    /// The folder that local files may be read from; none when the check began at a URL.
    root: Option<PathBuf>,
}

fn unreadable(reason: impl ToString) -> Failure {
    Failure::Unreadable(reason.to_string())
}

impl Reader {
    pub fn new(client: Client, root: Option<PathBuf>) -> Self {
        Self { client, root }
    }

    pub async fn read(&self, fetch: &Fetch) -> Result<Answer, Failure> {
        let url = Url::parse(fetch.uri()).map_err(unreadable)?;
        match (url.scheme(), &self.root) {
            ("http" | "https", None) => self.get(url, fetch).await,
            ("file", Some(root)) => read_file(&url, root, fetch).await,
            (scheme, _) => Err(unreadable(format!("{scheme} is not read here"))),
        }
    }

    async fn get(&self, mut url: Url, fetch: &Fetch) -> Result<Answer, Failure> {
        for hops in 0..=REDIRECTS_MAX {
            let response = self.client.send(request(&url, fetch)?).await.map_err(unreadable)?;
            let (parts, body) = response.into_parts();
            if let Some(target) = redirect(parts.status, &parts.headers) {
                url = url.join(target).map_err(|_| unreadable(format!("redirected to `{target}`")))?;
                continue;
            }
            if !parts.status.is_success() {
                return Err(unreadable(parts.status));
            }
            let body = client::collect(body, fetch.max_bytes).await.map_err(of_client)?;
            let delivery = Delivery {
                content_type: text(&parts.headers, header::CONTENT_TYPE),
                content_encoding: text(&parts.headers, header::CONTENT_ENCODING),
                redirected: hops > 0,
            };
            let bytes = decoded(body, delivery.content_encoding.as_deref(), fetch.max_bytes)?;
            let bytes = ranged(bytes, parts.status, &parts.headers, fetch.range())?;
            return Ok(Answer { bytes, delivery: Some(delivery) });
        }
        Err(unreadable(format!("more than {REDIRECTS_MAX} redirects")))
    }
}

fn request(url: &Url, fetch: &Fetch) -> Result<Request<Body>, Failure> {
    let mut request = Request::get(url.as_str());
    request = match fetch.range() {
        None => request.header(header::ACCEPT_ENCODING, "gzip"),
        // A range of a compressed form would be a range of other bytes.
        Some(range) => request
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::RANGE, format!("bytes={}-{}", range.start, range.end.saturating_sub(1))),
    };
    request.body(Body::empty()).map_err(unreadable)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

fn redirect(status: StatusCode, headers: &HeaderMap) -> Option<&str> {
    const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];
    let target = headers.get(header::LOCATION).filter(|_| REDIRECTS.contains(&status.as_u16()))?;
    target.to_str().ok()
}

fn of_client(error: ClientError) -> Failure {
    match error {
        ClientError::TooLong(_) => Failure::TooLarge,
        other => unreadable(other),
    }
}

/// Undoes a content coding, to at most `max` bytes.
fn decoded(body: Bytes, encoding: Option<&str>, max: u64) -> Result<Bytes, Failure> {
    match encoding {
        None | Some("identity") => Ok(body),
        Some("gzip" | "x-gzip") => {
            let mut out = Vec::new();
            let mut decoder = flate2::read::MultiGzDecoder::new(&*body).take(max.saturating_add(1));
            decoder.read_to_end(&mut out).map_err(|error| unreadable(format!("gzip: {error}")))?;
            if out.len() as u64 > max { Err(Failure::TooLarge) } else { Ok(out.into()) }
        }
        Some(other) => Err(unreadable(format!("Content-Encoding `{other}` was not asked for"))),
    }
}

/// The wanted range of an answer: as sent with 206, or cut out of the whole.
fn ranged(
    bytes: Bytes,
    status: StatusCode,
    headers: &HeaderMap,
    range: Option<Range<u64>>,
) -> Result<Bytes, Failure> {
    let Some(range) = range else { return Ok(bytes) };
    let wanted = range.end.saturating_sub(range.start);
    let (start, end) = if status == StatusCode::PARTIAL_CONTENT {
        let stated = headers.get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let begins = format!("bytes {}-", range.start);
        if !stated.is_some_and(|stated| stated.starts_with(&begins)) {
            return Err(unreadable(format!("Content-Range is {stated:?} where {begins} was asked for")));
        }
        (0, wanted)
    } else {
        (range.start, range.end)
    };
    let cut = |at: u64| usize::try_from(at).ok().filter(|at| *at <= bytes.len());
    match (cut(start), cut(end)) {
        (Some(start), Some(end)) if start <= end => Ok(bytes.slice(start..end)),
        _ => Err(unreadable(format!("the resource ends within bytes {}..{}", range.start, range.end))),
    }
}

/// Reads a file under `root`; symbolic links and `..` do not lead out of it.
async fn read_file(url: &Url, root: &std::path::Path, fetch: &Fetch) -> Result<Answer, Failure> {
    let path = url.to_file_path().map_err(|()| unreadable("it names no local file"))?;
    let path = tokio::fs::canonicalize(&path).await.map_err(unreadable)?;
    if !path.starts_with(root) {
        return Err(unreadable(format!("it lies outside of {}", root.display())));
    }
    let mut file = tokio::fs::File::open(&path).await.map_err(unreadable)?;
    let length = file.metadata().await.map_err(unreadable)?.len();
    let range = fetch.range().unwrap_or(0..length);
    if range.end > length {
        return Err(unreadable(format!("the file of {length} bytes ends before byte {}", range.end)));
    }
    let wanted = range.end.saturating_sub(range.start);
    if wanted > fetch.max_bytes {
        return Err(Failure::TooLarge);
    }
    file.seek(SeekFrom::Start(range.start)).await.map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(wanted).read_to_end(&mut bytes).await.map_err(unreadable)?;
    Ok(Answer { bytes: bytes.into(), delivery: None })
}

#[cfg(test)]
mod tests;
