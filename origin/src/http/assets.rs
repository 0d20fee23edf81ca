//! `/api/v1/assets`.

use std::time::Duration;

use axum::{extract::State, http::StatusCode};
use base::{AssetId, Page};
use catalogue::{AssetPatch, Visibility};
use httpkit::{Json, Paging, Path, Problem, Query};
use identity::Action;
use media::Object;
use serde::{Deserialize, Serialize};

use super::{
    auth::{Acting, Member},
    error::problem,
    link::{self, MediaBase},
    table::{EDIT, READ, Routes},
    view::{self, AssetView},
};
use crate::Origin;

/// Longest life of a token that may be asked for.
const TOKEN_LIFE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Shortest life of a token: less would end within a film's start.
const TOKEN_LIFE_MIN: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Search {
    q: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    title: Option<String>,
    visibility: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenWish {
    expires_in_seconds: Option<u32>,
}

#[derive(Serialize)]
struct TokenView {
    token: String,
    expires_ms: i64,
    hls: String,
    dash: String,
    watch: String,
}

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/api/v1/assets", READ, list)
        .get("/api/v1/assets/{id}", READ, show)
        .patch("/api/v1/assets/{id}", EDIT, change)
        .delete("/api/v1/assets/{id}", EDIT, remove)
        .post("/api/v1/assets/{id}/cancel", EDIT, cancel)
        .post("/api/v1/assets/{id}/retry", EDIT, retry)
        .post("/api/v1/assets/{id}/reencode", EDIT, reencode)
        .post("/api/v1/assets/{id}/token", EDIT, token)
}

async fn list(
    State(origin): State<Origin>,
    Member(caller): Member,
    Paging(page): Paging,
    Query(search): Query<Search>,
) -> Result<Json<Page<AssetView>>, Problem> {
    let found = origin.catalogue.assets(&caller, &page, search.q.as_deref()).await.map_err(problem)?;
    let mut items = Vec::with_capacity(found.items.len());
    for asset in found.items {
        items.push(view::asset(&origin, asset).await?);
    }
    Ok(Json(Page { items, next: found.next }))
}

async fn show(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<AssetId>,
) -> Result<Json<AssetView>, Problem> {
    let asset = origin.catalogue.asset(&caller, &id).await.map_err(problem)?;
    view::asset(&origin, asset).await.map(Json)
}

async fn change(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<AssetId>,
    Json(change): Json<Change>,
) -> Result<Json<AssetView>, Problem> {
    let visibility = change.visibility.as_deref().map(str::parse::<Visibility>).transpose();
    let visibility = visibility.map_err(|reason| {
        Problem::unprocessable(format!("visibility: {reason}")).member("field", "visibility")
    })?;
    let patch = AssetPatch { title: change.title, visibility };
    let asset = origin.catalogue.update_asset(&caller, &id, patch).await.map_err(problem)?;
    view::asset(&origin, asset).await.map(Json)
}

async fn remove(
    State(origin): State<Origin>,
    Acting(caller): Acting,
    Path(id): Path<AssetId>,
) -> Result<StatusCode, Problem> {
    let asset = origin.catalogue.asset(&caller.principal, &id).await.map_err(problem)?;
    origin.catalogue.delete_asset(&caller.principal, &id).await.map_err(problem)?;
    let subject = format!("asset:{id}");
    origin.identity.record(&caller, Action::AssetDeleted, subject, asset.title).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn cancel(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<AssetId>,
) -> Result<Json<AssetView>, Problem> {
    let asset = origin.catalogue.cancel_asset(&caller, &id).await.map_err(problem)?;
    view::asset(&origin, asset).await.map(Json)
}

async fn retry(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<AssetId>,
) -> Result<Json<AssetView>, Problem> {
    let asset = origin.catalogue.retry_asset(&caller, &id).await.map_err(problem)?;
    view::asset(&origin, asset).await.map(Json)
}

async fn reencode(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<AssetId>,
) -> Result<Json<AssetView>, Problem> {
    let asset = origin.catalogue.reencode_asset(&caller, &id).await.map_err(problem)?;
    view::asset(&origin, asset).await.map(Json)
}

async fn token(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<AssetId>,
    Json(wish): Json<TokenWish>,
) -> Result<Json<TokenView>, Problem> {
    let asset = origin.catalogue.asset(&caller, &id).await.map_err(problem)?;
    let usual = origin.limits.playback.token_ttl_seconds;
    let life = Duration::from_secs(u64::from(wish.expires_in_seconds.unwrap_or(usual)))
        .clamp(TOKEN_LIFE_MIN, TOKEN_LIFE_MAX);
    let token = link::mint(&origin, &asset, life)?;
    let base = MediaBase::with(&origin, &asset, Some(&token.text));
    Ok(Json(TokenView {
        expires_ms: token.expires_s * 1000,
        hls: base.url(Object::Multivariant),
        dash: base.url(Object::Mpd),
        watch: format!("{}?token={}", link::watch(&origin, &asset.id), token.text),
        token: token.text,
    }))
}
