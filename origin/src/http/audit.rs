//! `/api/v1/audit`: who did what, newest first.

use axum::{extract::State, http::Uri};
use httpkit::{Listing, Paging, Problem};
use identity::AuditEntry;
use serde::Serialize;

use super::{
    auth::Member,
    error::problem,
    table::{ADMIN, Routes},
};
use crate::Origin;

#[derive(Serialize)]
struct EntryView {
    id: String,
    at_ms: i64,
    actor: String,
    actor_name: String,
    action: String,
    subject: String,
    detail: String,
    address: Option<String>,
}

pub(super) fn routes() -> Routes {
    Routes::new().get("/api/v1/audit", ADMIN, list)
}

fn view(entry: AuditEntry) -> EntryView {
    EntryView {
        id: entry.id.into(),
        at_ms: entry.at.millis(),
        actor: entry.actor,
        actor_name: entry.actor_name,
        action: entry.action,
        subject: entry.subject,
        detail: entry.detail,
        address: entry.address,
    }
}

async fn list(
    State(origin): State<Origin>,
    Member(caller): Member,
    Paging(page): Paging,
    uri: Uri,
) -> Result<Listing<EntryView>, Problem> {
    let found = origin.identity.audit(&caller.tenant, &page).await.map_err(problem)?;
    Ok(Listing(found.map(view), uri))
}
