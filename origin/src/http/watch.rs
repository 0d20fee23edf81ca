//! `/api/v1/watch/{id}`: what a viewer's player needs, without signing in. And the keys that verify tokens.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use base::AssetId;
use catalogue::{Asset, Visibility};
use httpkit::{Json, Path, Problem, Query};
use identity::Scope;
use serde::{Deserialize, Serialize};

use super::{
    auth::caller,
    error::problem,
    link::MediaBase,
    table::{Access, Routes},
    view::MediaUrls,
};
use crate::Origin;

#[derive(Deserialize)]
struct Credential {
    token: Option<String>,
}

#[derive(Serialize)]
struct WatchView {
    id: String,
    title: String,
    state: &'static str,
    duration_ms: Option<u64>,
    #[serde(flatten)]
    urls: MediaUrls,
    live: bool,
}

pub(super) fn routes() -> Routes {
    Routes::new().get("/api/v1/watch/{id}", Access::Token, watch).get(
        "/.well-known/jwks.json",
        Access::Public,
        keys,
    )
}

/// From where this caller may play: a private asset needs a token or a member of its tenant, and does not
/// exist for anybody else.
async fn media_base(
    origin: &Origin,
    asset: &Asset,
    token: Option<&str>,
    method: &Method,
    headers: &HeaderMap,
) -> Result<MediaBase, Problem> {
    if asset.visibility != Visibility::Private {
        return Ok(MediaBase::with(origin, asset, None));
    }
    let nothing = || Problem::not_found("there is nothing to watch at this address");
    if let Some(token) = token {
        let now = origin.ambient.now().seconds();
        origin.verifier.verify(token, now, asset.id.as_str()).map_err(|_| nothing())?;
        return Ok(MediaBase::with(origin, asset, Some(token)));
    }
    match caller(origin, method, headers).await? {
        Some(caller) if caller.principal.tenant == asset.tenant && caller.scopes.allow(Scope::Read) => {
            MediaBase::fresh(origin, asset)
        }
        _ => Err(nothing()),
    }
}

async fn watch(
    State(origin): State<Origin>,
    Path(id): Path<AssetId>,
    Query(credential): Query<Credential>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asset = origin.catalogue.asset_public(&id).await.map_err(problem)?;
    let base = media_base(&origin, &asset, credential.token.as_deref(), &method, &headers).await?;
    let view = WatchView {
        urls: MediaUrls::of(&asset, &base),
        state: asset.state.as_str(),
        duration_ms: asset.duration_us.map(|micros| micros / 1000),
        id: asset.id.into(),
        title: asset.title,
        live: false,
    };
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"))], Json(view)).into_response())
}

async fn keys(State(origin): State<Origin>) -> Response {
    let fresh = [(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"))];
    (fresh, Json(origin.signer.jwks())).into_response()
}
