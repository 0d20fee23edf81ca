//! `/api/v1/me`: who one is here, one's password, one's sessions.

use axum::{extract::State, http::StatusCode, response::Response};
use httpkit::{Json, Problem};
use serde::{Deserialize, Serialize};

use super::{
    auth::Acting,
    error::problem,
    session,
    table::{MEMBER, Routes},
};
use crate::Origin;

#[derive(Serialize)]
struct Me {
    subject: String,
    /// What the person signs in with, or what the key is called.
    name: String,
    /// The person; null for a key.
    user: Option<String>,
    role: base::Role,
    /// What a narrowed key is narrowed to.
    scopes: Option<Vec<&'static str>>,
    tenant: Tenant,
}

#[derive(Serialize)]
struct Tenant {
    id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    current: String,
    password: String,
}

pub(super) fn routes() -> Routes {
    Routes::new().get("/api/v1/me", MEMBER, show).put("/api/v1/me/password", MEMBER, change_password).delete(
        "/api/v1/me/sessions",
        MEMBER,
        sign_out_everywhere,
    )
}

async fn show(State(origin): State<Origin>, Acting(caller): Acting) -> Result<Json<Me>, Problem> {
    let principal = caller.principal;
    let name = origin.identity.tenant_name(&principal.tenant).await.map_err(problem)?;
    Ok(Json(Me {
        subject: principal.subject,
        name: caller.name,
        user: caller.user.map(String::from),
        role: principal.role,
        scopes: caller.scopes.names(),
        tenant: Tenant { id: principal.tenant.into(), name },
    }))
}

async fn change_password(
    State(origin): State<Origin>,
    Acting(caller): Acting,
    Json(change): Json<PasswordChange>,
) -> Result<StatusCode, Problem> {
    origin.identity.change_password(&caller, change.current, change.password).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn sign_out_everywhere(
    State(origin): State<Origin>,
    Acting(caller): Acting,
) -> Result<Response, Problem> {
    origin.identity.sign_out_everywhere(&caller).await.map_err(problem)?;
    session::ended(&origin)
}
