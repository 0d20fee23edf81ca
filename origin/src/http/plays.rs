//! `/api/v1/plays`: players say that they play. Open to whoever may watch; nothing tells who it is.

use std::{net::IpAddr, time::Duration};

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use base::{AssetId, PlayId};
use catalogue::{CatalogueError, PLAY_COUNTED_AFTER, PLAY_HEARTBEAT, Visibility};
use httpkit::{Json, Path, Problem};
use serde::{Deserialize, Serialize};

use super::{
    auth::Address,
    error::problem,
    table::{Access, Routes},
};
use crate::Origin;

/// A player's first word comes this much later than a play counts.
const FIRST_WORD_SLACK: Duration = Duration::from_secs(1);
/// After how long who asks too often may ask again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    asset: AssetId,
    token: Option<String>,
}

#[derive(Serialize)]
struct PlayView {
    play: String,
    first_heartbeat_ms: u64,
    heartbeat_ms: u64,
}

pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/api/v1/plays", Access::Token, begin)
        .delete("/api/v1/plays/{id}", Access::Public, end)
        .post("/api/v1/plays/{id}/heartbeat", Access::Public, keep)
}

/// A duration in milliseconds.
pub(super) fn in_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Refuses one who asks too often.
pub(super) fn paced(origin: &Origin, address: Option<IpAddr>) -> Result<(), Problem> {
    let Some(address) = address else { return Ok(()) };
    let fits = origin.pace().admit(address, origin.ambient.now());
    if fits { Ok(()) } else { Err(Problem::too_many_requests(RETRY_AFTER)) }
}

fn noted(counted: Result<bool, CatalogueError>) -> Result<StatusCode, Problem> {
    let counted = counted.map_err(|error| match error {
        CatalogueError::NotFound => Problem::not_found("this play has ended or never was; begin another"),
        other => problem(other),
    })?;
    metrics::counter!("nexus_plays_total").increment(u64::from(counted));
    Ok(StatusCode::NO_CONTENT)
}

async fn begin(
    State(origin): State<Origin>,
    Address(address): Address,
    Json(begin): Json<Begin>,
) -> Result<Response, Problem> {
    paced(&origin, address)?;
    let nothing = || Problem::not_found("there is nothing to play of this name");
    let asset = origin.catalogue.asset_public(&begin.asset).await.map_err(problem)?;
    if asset.visibility == Visibility::Private {
        let token = begin.token.ok_or_else(nothing)?;
        let now = origin.ambient.now().seconds();
        origin.verifier.verify(&token, now, asset.id.as_str()).map_err(|_| nothing())?;
    }
    let play = origin.catalogue.begin_play(&asset.id).await.map_err(problem)?;
    let view = PlayView {
        play: play.into(),
        first_heartbeat_ms: in_millis(PLAY_COUNTED_AFTER + FIRST_WORD_SLACK),
        heartbeat_ms: in_millis(PLAY_HEARTBEAT),
    };
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

async fn keep(
    State(origin): State<Origin>,
    Address(address): Address,
    Path(id): Path<PlayId>,
) -> Result<StatusCode, Problem> {
    paced(&origin, address)?;
    noted(origin.catalogue.keep_play(&id).await)
}

async fn end(
    State(origin): State<Origin>,
    Address(address): Address,
    Path(id): Path<PlayId>,
) -> Result<StatusCode, Problem> {
    paced(&origin, address)?;
    noted(origin.catalogue.end_play(&id).await)
}
