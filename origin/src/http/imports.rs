//! `/api/v1/imports`.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use catalogue::{NewUpload, Visibility};
use httpkit::{Json, Problem};
use serde::Deserialize;

use super::{
    auth::Member,
    error::problem,
    table::{Routes, UPLOAD},
    view,
};
use crate::{Origin, import::file_name, upload};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    url: String,
    title: Option<String>,
    visibility: Option<String>,
}

pub(super) fn routes() -> Routes {
    Routes::new().post("/api/v1/imports", UPLOAD, create)
}

async fn create(
    State(origin): State<Origin>,
    Member(caller): Member,
    Json(wish): Json<Wish>,
) -> Result<Response, Problem> {
    let (url, _) = origin.imports.rules.read(&wish.url).map_err(problem)?;
    let visibility = wish.visibility.as_deref().map(str::parse::<Visibility>).transpose();
    let visibility = visibility.map_err(|reason| {
        Problem::unprocessable(format!("visibility: {reason}")).member("field", "visibility")
    })?;
    upload::check_room(&origin).await?;
    let new = NewUpload {
        title: wish.title,
        name: file_name(&url),
        length: None,
        visibility: visibility.unwrap_or_default(),
        metadata: String::new(),
        expires: upload::expiry(&origin),
    };
    let mut tx = origin.catalogue.transaction().await.map_err(problem)?;
    let begun = origin.catalogue.create_import(&mut tx, &caller, url.as_str(), new).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    let asset = begun.asset.as_ref().ok_or_else(Problem::internal)?;
    let asset = origin.catalogue.asset(&caller, asset).await.map_err(problem)?;
    let place = [(header::LOCATION, format!("/api/v1/assets/{}", asset.id))];
    Ok((StatusCode::ACCEPTED, place, Json(view::asset(&origin, asset).await?)).into_response())
}
