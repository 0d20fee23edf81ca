//! `/live/{channel}/…`: the lists and files of broadcasts that are on air here (RFC 8216bis section 6.2.5).

use std::{ops::Range, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base::ChannelId;
use bytes::Bytes;
use httpkit::{Content, ETag, Encoded, Problem};
use media::live::{
    RenditionName,
    window::{Answer, Fetch, LiveFile, LiveList, Moment, Refusal, Reload},
};
use tokio::{sync::watch, time::timeout};

use super::{
    error::problem,
    media::{admit, nothing},
    table::{Access, Routes},
};
use crate::{
    Origin,
    live::{Found, Rendition, Stage, find},
};

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
/// A list that was asked for by its place says the same for ever after but for what follows it; kept longer, it would
/// only lead those who lag behind through more steps.
const BLOCKED_LIST: &str = "public, max-age=6, stale-if-error=6";
/// A list as it stands. While the origin is away, an edge shows it for as long as players wait for the next segment.
const LIST: &str = "public, max-age=1, stale-if-error=6";
const FILE: &str = "public, max-age=31536000, immutable";
const REFUSAL: &str = "public, max-age=1";
/// Who asks for a file too early shares the answer with whoever asks at that moment, and with nobody after: the next
/// may ask when it is hinted.
const NOT_YET: &str = "no-cache";
/// After how long a server that has no news is worth another try.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Longest query looked at, in bytes; players that report about themselves in it (CTA-5004) need some hundreds.
const QUERY_MAX: usize = 4_096;

pub(super) fn routes() -> Routes {
    Routes::new().get("/live/{*path}", Access::Token, serve)
}

/// What an address below `/live/{channel}/` names.
enum Named<'a> {
    Multivariant,
    List { broadcast: &'a str, rendition: RenditionName },
    File { broadcast: &'a str, rendition: RenditionName, file: LiveFile },
}

fn named(path: &str) -> Option<(ChannelId, Named<'_>)> {
    let (channel, rest) = path.strip_prefix("/live/")?.split_once('/')?;
    let pieces: Vec<&str> = rest.split('/').collect();
    let named = match *pieces {
        ["hls.m3u8"] => Named::Multivariant,
        [broadcast, list] => Named::List { broadcast, rendition: list.strip_suffix(".m3u8")?.parse().ok()? },
        [broadcast, rendition, file] => {
            Named::File { broadcast, rendition: rendition.parse().ok()?, file: file.parse().ok()? }
        }
        _ => return None,
    };
    Some((channel.parse().ok()?, named))
}

async fn serve(
    State(origin): State<Origin>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (channel, named) = named(uri.path()).ok_or_else(nothing)?;
    let stage = origin.stages().of(&channel).ok_or_else(nothing)?;
    admit(&origin, &headers, stage.visibility())?;
    match named {
        Named::Multivariant => {
            let made = stage.multivariant(playlist).ok_or_else(nothing)?;
            Ok(made.respond(&method, &headers))
        }
        Named::List { broadcast, rendition } => {
            let (rendition, query) = (rendition_of(&stage, broadcast, rendition)?, query(&uri)?);
            list(&origin, &rendition, query, &method, &headers).await
        }
        Named::File { broadcast, rendition, file: name } => {
            rendition_of(&stage, broadcast, rendition)?;
            file(&origin, &stage, (rendition, name), &method, &headers).await
        }
    }
}

fn playlist(text: Bytes) -> Encoded {
    Encoded::new(PLAYLIST, LIST, text)
}

/// The type of a rendition's files; sound has a rendition of its own.
const fn media_type(rendition: RenditionName) -> &'static str {
    if rendition.is_video() { "video/mp4" } else { "audio/mp4" }
}

fn query(uri: &Uri) -> Result<&str, Problem> {
    let query = uri.query().unwrap_or_default();
    if query.len() <= QUERY_MAX { Ok(query) } else { Err(bad_directive("the query is too long")) }
}

fn rendition_of(stage: &Stage, broadcast: &str, name: RenditionName) -> Result<Arc<Rendition>, Problem> {
    let found = stage.rendition(name).filter(|_| stage.broadcast.as_str() == broadcast);
    found.ok_or_else(nothing)
}

async fn list(
    origin: &Origin,
    rendition: &Rendition,
    query: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let (mut lists, reload) = (rendition.lists(), Reload::parse(query, now(origin)));
    let cache_control = if reload.names_place() { BLOCKED_LIST } else { LIST };
    loop {
        let list = current(&mut lists)?;
        match list.reload(&reload, now(origin)) {
            Answer::Now(variant) => {
                let mut response = rendition.encoded(&list, variant, playlist).respond(method, headers);
                if response.headers().contains_key(header::ETAG) {
                    let control = HeaderValue::from_static(cache_control);
                    response.headers_mut().insert(header::CACHE_CONTROL, control);
                }
                return Ok(response);
            }
            Answer::Wait { deadline, .. } => changed(origin, &mut lists, deadline).await,
            Answer::Refuse(refusal) => return Err(refused(refusal)),
        }
    }
}

async fn file(
    origin: &Origin,
    stage: &Stage,
    (rendition, name): (RenditionName, LiveFile),
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let kept = stage.rendition(rendition).ok_or_else(nothing)?;
    let (mut lists, arrived) = (kept.lists(), now(origin));
    loop {
        let list = current(&mut lists)?;
        match list.fetch(name, arrived, now(origin)) {
            Fetch::Ready => break,
            Fetch::Wait { deadline } => changed(origin, &mut lists, deadline).await,
            Fetch::Refuse(Refusal::NotFound) if list.may_come(name) => {
                let control = HeaderValue::from_static(NOT_YET);
                return Err(nothing().header(header::CACHE_CONTROL, control));
            }
            Fetch::Refuse(refusal) => return Err(refused(refusal)),
        }
    }
    let found = find(origin, stage, rendition, name).await.map_err(|error| {
        tracing::error!("a file of a broadcast cannot be read: {error}");
        Problem::internal()
    })?;
    // It is written once, so its name says which bytes it has.
    let etag =
        ETag::strong(&format!("{}-{rendition}-{name}", stage.broadcast)).ok_or_else(Problem::internal)?;
    let content = |length| Content {
        media_type: media_type(rendition),
        cache_control: FILE,
        etag,
        length,
        modified: None,
    };
    match found.ok_or_else(nothing)? {
        Found::Bytes(bytes) => {
            Ok(content(bytes.len() as u64).respond_bytes(method, headers, &bytes).into_response())
        }
        Found::Stored(key, within) => {
            let open = async |range: Range<u64>| {
                let range = within.start + range.start..within.start + range.end;
                origin.store.stream(&key, range).await.map(Body::from_stream)
            };
            content(within.end - within.start).respond(method, headers, open).await.map_err(problem)
        }
    }
}

fn current(lists: &mut watch::Receiver<Option<Arc<LiveList>>>) -> Result<Arc<LiveList>, Problem> {
    lists.borrow_and_update().clone().ok_or_else(nothing)
}

/// Waits for another list, at most until `deadline`.
async fn changed(origin: &Origin, lists: &mut watch::Receiver<Option<Arc<LiveList>>>, deadline: Moment) {
    let left = Duration::from_micros(deadline.since(now(origin)));
    // Whatever ends the wait, the list is asked again.
    drop(timeout(left, lists.changed()).await);
}

fn now(origin: &Origin) -> Moment {
    Moment(origin.ambient.now().micros())
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NotFound => nothing(),
        Refusal::TimedOut => Problem::unavailable("the broadcast does not go on", RETRY_AFTER),
        refusal => bad_directive(&refusal.to_string()),
    }
}

fn bad_directive(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad-directive", "Bad delivery directive")
        .detail(detail)
        .header(header::CACHE_CONTROL, HeaderValue::from_static(REFUSAL))
}
