//! `/api/v1/imports`.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base::{AssetId, Principal};
use catalogue::{NewUpload, Visibility};
use httpkit::{Json, Problem};
use serde::{Deserialize, Serialize};

use super::{
    auth::Member,
    error::problem,
    idempotent::{Key, Once},
    table::{Routes, UPLOAD},
    view,
};
use crate::{Origin, import::file_name, upload};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    url: String,
    title: Option<String>,
    visibility: Option<String>,
}

/// What is kept of the answer: the asset is shown as it is when it is asked for again.
#[derive(Deserialize, Serialize)]
struct Begun {
    asset: AssetId,
}

pub(super) fn routes() -> Routes {
    Routes::new().post("/api/v1/imports", UPLOAD, create)
}

async fn create(
    State(origin): State<Origin>,
    Member(caller): Member,
    key: Key,
    Json(wish): Json<Wish>,
) -> Result<Response, Problem> {
    upload::check_room(&origin).await?;
    let mut once = Once::begin(&origin, &caller, key, "POST /api/v1/imports", &wish).await?;
    if let Some(begun) = once.before::<Begun>()? {
        return accepted(&origin, &caller, &begun.asset).await;
    }
    let begun = begin(&origin, &caller, &mut once, wish).await?;
    once.commit(&origin, StatusCode::ACCEPTED, &begun).await?;
    accepted(&origin, &caller, &begun.asset).await
}

/// Begins an import in the request's transaction.
async fn begin(origin: &Origin, caller: &Principal, once: &mut Once, wish: Wish) -> Result<Begun, Problem> {
    let (url, _) = origin.imports.rules.read(&wish.url).map_err(problem)?;
    let visibility = wish.visibility.as_deref().map(str::parse::<Visibility>).transpose();
    let visibility = visibility.map_err(|reason| {
        Problem::unprocessable(format!("visibility: {reason}")).member("field", "visibility")
    })?;
    let new = NewUpload {
        title: wish.title,
        name: file_name(&url),
        length: None,
        visibility: visibility.unwrap_or_default(),
        metadata: String::new(),
        expires: upload::expiry(origin),
    };
    let upload =
        origin.catalogue.create_import(once.tx(), caller, url.as_str(), new).await.map_err(problem)?;
    upload.asset.map(|asset| Begun { asset }).ok_or_else(Problem::internal)
}

async fn accepted(origin: &Origin, caller: &Principal, asset: &AssetId) -> Result<Response, Problem> {
    let asset = origin.catalogue.asset(caller, asset).await.map_err(problem)?;
    let place = [(header::LOCATION, format!("/api/v1/assets/{}", asset.id))];
    Ok((StatusCode::ACCEPTED, place, Json(view::asset(origin, asset).await?)).into_response())
}
