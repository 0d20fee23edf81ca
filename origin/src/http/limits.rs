//! `/api/v1/limits`: how much the caller's tenant may upload, and how much it has.

use axum::extract::State;
use httpkit::{Json, Problem};
use serde::Serialize;

use super::{
    auth::Member,
    error::problem,
    table::{READ, Routes},
};
use crate::Origin;

pub(super) fn routes() -> Routes {
    Routes::new().get("/api/v1/limits", READ, show)
}

#[derive(Serialize)]
struct Limits {
    /// Bytes of one upload; null is no limit.
    size_max_bytes: Option<u64>,
    /// Bytes of all uploads together; null is no limit.
    bytes_max: Option<u64>,
    /// Bytes of all uploads, stored and promised.
    bytes_used: u64,
}

async fn show(State(origin): State<Origin>, Member(caller): Member) -> Result<Json<Limits>, Problem> {
    let (limits, bytes_used) = origin.catalogue.limits(&caller).await.map_err(problem)?;
    let some = |limit: u64| (limit > 0).then_some(limit);
    Ok(Json(Limits { size_max_bytes: some(limits.size_max), bytes_max: some(limits.bytes_max), bytes_used }))
}
