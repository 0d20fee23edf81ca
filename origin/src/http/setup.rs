//! `/api/v1/setup`: the first owner, by the link that the first start printed.

use axum::{extract::State, http::StatusCode, response::Response};
use httpkit::{Json, Problem, Query};
use identity::Setup;
use serde::Deserialize;

use super::{
    auth::Address,
    error::problem,
    session,
    table::{Access, Routes},
};
use crate::Origin;

#[derive(Deserialize)]
struct Link {
    secret: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    secret: String,
    tenant: String,
    name: String,
    password: String,
}

pub(super) fn routes() -> Routes {
    Routes::new().get("/api/v1/setup", Access::Token, check).post("/api/v1/setup", Access::Token, set_up)
}

/// Whether a link still works.
async fn check(State(origin): State<Origin>, Query(link): Query<Link>) -> Result<StatusCode, Problem> {
    origin.identity.check_setup(&link.secret).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_up(
    State(origin): State<Origin>,
    Address(address): Address,
    Json(wanted): Json<Wanted>,
) -> Result<Response, Problem> {
    let Wanted { secret, tenant, name, password } = wanted;
    let setup = Setup { tenant: tenant.trim().to_owned(), name, password };
    let token = origin.identity.set_up(&secret, setup, address).await.map_err(problem)?;
    session::begun(&origin, &token)
}
