//! `/api/v1/assets`.

use std::{str::FromStr, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base::{AssetId, Page, Timestamp};
use catalogue::{Asset, AssetFilter, AssetPatch};
use httpkit::{Json, Listing, Paging, Path, Problem, Query, conditional};
use identity::Action;
use media::Object;
use serde::{Deserialize, Serialize};

use super::{
    auth::{Acting, Member},
    error::problem,
    link::{self, MediaBase},
    number,
    table::{EDIT, READ, Routes},
    view::{self, AssetView},
};
use crate::Origin;

/// Longest life of a token that may be asked for.
const TOKEN_LIFE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Shortest life of a token: less would end within a film's start.
const TOKEN_LIFE_MIN: Duration = Duration::from_secs(60);

/// What a list may be narrowed to. Times are milliseconds since 1970.
#[derive(Deserialize)]
struct Search {
    q: Option<String>,
    state: Option<String>,
    visibility: Option<String>,
    created_from_ms: Option<i64>,
    created_before_ms: Option<i64>,
}

impl Search {
    fn filter(self) -> Result<AssetFilter, Problem> {
        let at = |millis: i64| Timestamp(millis.saturating_mul(1_000));
        Ok(AssetFilter {
            title: self.q,
            state: self.state.map(|text| named("state", &text)).transpose()?,
            visibility: self.visibility.map(|text| named("visibility", &text)).transpose()?,
            created_from: self.created_from_ms.map(at),
            created_before: self.created_before_ms.map(at),
        })
    }
}

/// A value that has one of several names.
pub(super) fn named<T: FromStr<Err = String>>(field: &'static str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|reason| Problem::unprocessable(format!("{field}: {reason}")).member("field", field))
}

/// What an asset's editable state is recognised by: it changes with every change of title, visibility or state,
/// and not with progress, which the same answer shows.
fn tag(asset: &Asset) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{}\"", asset.updated.micros()))]
}

/// The times of update that a request's If-Match stands for.
fn expected(headers: &HeaderMap) -> Option<Vec<Timestamp>> {
    let tags = conditional::expected_tags(headers)?;
    Some(tags.iter().filter_map(|tag| tag.parse().ok().map(Timestamp)).collect())
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
    #[serde(default, deserialize_with = "number::whole")]
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
    uri: Uri,
) -> Result<Listing<AssetView>, Problem> {
    let found = origin.catalogue.assets(&caller, &page, &search.filter()?).await.map_err(problem)?;
    Ok(Listing(Page { items: view::assets(&origin, found.items).await?, next: found.next }, uri))
}

async fn show(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<AssetId>,
) -> Result<Response, Problem> {
    let asset = origin.catalogue.asset(&caller, &id).await.map_err(problem)?;
    Ok((tag(&asset), Json(view::asset(&origin, asset).await?)).into_response())
}

async fn change(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<AssetId>,
    headers: HeaderMap,
    Json(change): Json<Change>,
) -> Result<Response, Problem> {
    let visibility = change.visibility.map(|text| named("visibility", &text)).transpose()?;
    let patch = AssetPatch { title: change.title, visibility };
    let expected = expected(&headers);
    let changed = origin.catalogue.update_asset(&caller, &id, patch, expected.as_deref()).await;
    let asset = changed.map_err(problem)?;
    Ok((tag(&asset), Json(view::asset(&origin, asset).await?)).into_response())
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
