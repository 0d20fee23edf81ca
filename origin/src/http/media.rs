//! `/media/…`: playlists made from rows, and objects from the store.

use std::time::Duration;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base::AssetId;
use blob::Key;
use catalogue::{Visibility, Winner};
use httpkit::{Content, ETag, Encoded, Problem};
use media::{Object, Presentation};
use subtle::ConstantTimeEq;

use super::{
    error::problem,
    table::{Access, Routes},
};
use crate::Origin;

/// How long an address in the object store works.
const PRESIGNED_LIFE: Duration = Duration::from_secs(3600);
/// A cache may send viewers there for half of that, so that whoever is sent has the other half to read.
const PRESIGNED_CACHE_CONTROL: &str = "public, max-age=1800, must-revalidate";

pub(super) fn routes() -> Routes {
    Routes::new().get("/media/{*path}", Access::Token, serve)
}

/// Nothing is there, or not yet: a cache in front may say so to all who ask within a second.
fn absent(detail: &str) -> Problem {
    Problem::not_found(detail).header(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=1"))
}

pub(super) fn nothing() -> Problem {
    absent("there is nothing at this address")
}

/// Whether an edge that we trust vouches for the request.
fn vouched(origin: &Origin, headers: &HeaderMap) -> bool {
    let Some(secret) = &origin.edge_credential else { return false };
    let given = headers.get(httpkit::EDGE_CREDENTIAL).map(HeaderValue::as_bytes).unwrap_or_default();
    !secret.is_empty() && bool::from(given.ct_eq(secret.expose().as_bytes()))
}

/// Private media exist only for requests that an edge vouches for.
pub(super) fn admit(origin: &Origin, headers: &HeaderMap, visibility: Visibility) -> Result<(), Problem> {
    if visibility != Visibility::Private || vouched(origin, headers) { Ok(()) } else { Err(nothing()) }
}

async fn serve(
    State(origin): State<Origin>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (asset, object) = Object::parse(uri.path()).map_err(|_| nothing())?;
    let asset: AssetId = asset.parse().map_err(|_| nothing())?;
    match object {
        Object::Multivariant | Object::Mpd | Object::MediaList { .. } | Object::IframeList { .. } => {
            playlist(&origin, &method, &headers, &asset, object).await
        }
        _ => stored(&origin, &method, &headers, &asset, object).await,
    }
}

/// Text made from rows; pure but for the rows.
async fn playlist(
    origin: &Origin,
    method: &Method,
    headers: &HeaderMap,
    asset: &AssetId,
    object: Object,
) -> Result<Response, Problem> {
    let playback = match object.version() {
        Some(version) => origin.catalogue.playback_version(asset, version).await,
        None => origin.catalogue.playback(asset).await,
    };
    let playback = playback.map_err(problem)?.ok_or_else(nothing)?;
    admit(origin, headers, playback.asset.visibility)?;
    let plan = playback.asset.plan.as_ref().ok_or_else(nothing)?;
    let made = Presentation::new(playback.version, plan.segment, playback.ended, playback.tracks);
    let presentation = made.map_err(|error| {
        tracing::error!(%asset, %error, "the lists of {asset} cannot be made: {error}");
        Problem::internal()
    })?;
    let text = presentation.list(object).ok_or_else(|| match object {
        Object::Mpd if !presentation.has_mpd() => {
            absent("this recording has discontinuities, which DASH is not offered with; HLS plays")
        }
        Object::Mpd => absent("DASH is offered once the film is whole; HLS plays already"),
        _ => nothing(),
    })?;
    let cache_control = object.cache_control(playback.ended);
    Ok(Encoded::new(object.content_type(), cache_control, text).respond(method, headers))
}

async fn stored(
    origin: &Origin,
    method: &Method,
    headers: &HeaderMap,
    asset: &AssetId,
    object: Object,
) -> Result<Response, Problem> {
    let winner = winner(origin, asset, object).await?.ok_or_else(nothing)?;
    admit(origin, headers, winner.visibility)?;
    let key = winner.key(asset, object).ok_or_else(nothing)?;
    let etag = ETag::strong(&key.replace('/', "-")).ok_or_else(Problem::internal)?;
    let key = Key::new(key).map_err(problem)?;
    if origin.presigned_reads
        && method == Method::GET
        && let Some(elsewhere) = elsewhere(origin, &key, object).await?
    {
        return Ok(elsewhere);
    }
    let meta = origin.store.head(&key).await.map_err(problem)?.ok_or_else(|| {
        tracing::error!(%key, "an object that the catalogue names is missing: {key}");
        Problem::internal()
    })?;
    let content = Content {
        media_type: object.content_type(),
        cache_control: object.cache_control(true),
        etag,
        length: meta.bytes,
        modified: None,
    };
    let open = async |range| origin.store.stream(&key, range).await.map(Body::from_stream);
    content.respond(method, headers, open).await.map_err(problem)
}

/// Sends a viewer to the object store.
async fn elsewhere(origin: &Origin, key: &Key, object: Object) -> Result<Option<Response>, Problem> {
    let (kind, cache_control) = (object.content_type(), object.cache_control(true));
    let address =
        origin.store.presigned_read(key, PRESIGNED_LIFE, kind, cache_control).await.map_err(problem)?;
    let Some(address) = address else { return Ok(None) };
    let location = HeaderValue::try_from(address).map_err(|_| Problem::internal())?;
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static(PRESIGNED_CACHE_CONTROL)),
    ];
    Ok(Some((StatusCode::TEMPORARY_REDIRECT, headers).into_response()))
}

/// Which attempt's object is served at an address, and to whom.
async fn winner(origin: &Origin, asset: &AssetId, object: Object) -> Result<Option<Winner>, Problem> {
    let catalogue = &origin.catalogue;
    let found = match object {
        Object::Init { version, track } | Object::Captions { version, track } => {
            catalogue.init_attempt(asset, version, track).await
        }
        Object::RunInit { version, track, number } => catalogue.run_init(asset, version, track, number).await,
        Object::Segment { version, track, seq } => {
            catalogue.segment_attempt(asset, version, track, seq).await
        }
        Object::Poster { version } | Object::Thumbs { version } | Object::Sprite { version, .. } => {
            catalogue.images_attempt(asset, version).await
        }
        Object::Multivariant | Object::Mpd | Object::MediaList { .. } | Object::IframeList { .. } => Ok(None),
    };
    found.map_err(problem)
}
