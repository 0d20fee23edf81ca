//! `/api/v1/keys`: the API keys of a tenant.

use std::time::Duration;

use axum::{
    extract::State,
    http::{StatusCode, Uri},
};
use base::{ApiKeyId, Role, Timestamp};
use httpkit::{Json, Listing, Paging, Path, Problem};
use identity::{KeyInfo, KeyWish, Scope, Scopes};
use serde::{Deserialize, Serialize};

use super::{
    auth::{Acting, Member},
    error::problem,
    number,
    table::{ADMIN, Routes},
};
use crate::Origin;

/// The shortest life of a key that is given one, in seconds.
const LIFE_SECONDS_MIN: u32 = 60;

#[derive(Serialize)]
struct KeyView {
    id: String,
    name: String,
    role: Role,
    /// Null for all that the role may.
    scopes: Option<Vec<&'static str>>,
    created_ms: i64,
    expires_ms: Option<i64>,
    last_used_ms: Option<i64>,
    revoked_ms: Option<i64>,
}

/// The one answer that holds a key's secret.
#[derive(Serialize)]
struct NewKeyView {
    id: String,
    role: Role,
    key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    role: Role,
    scopes: Option<Vec<String>>,
    #[serde(default, deserialize_with = "number::whole")]
    expires_in_seconds: Option<u32>,
}

pub(super) fn routes() -> Routes {
    Routes::new().get("/api/v1/keys", ADMIN, list).post("/api/v1/keys", ADMIN, create).delete(
        "/api/v1/keys/{id}",
        ADMIN,
        revoke,
    )
}

fn view(key: KeyInfo) -> KeyView {
    KeyView {
        id: key.id.into(),
        name: key.name,
        role: key.role,
        scopes: key.scopes.names(),
        created_ms: key.created.millis(),
        expires_ms: key.expires.map(Timestamp::millis),
        last_used_ms: key.last_used.map(Timestamp::millis),
        revoked_ms: key.revoked.map(Timestamp::millis),
    }
}

fn scopes(names: Option<Vec<String>>) -> Result<Scopes, Problem> {
    let Some(names) = names else { return Ok(Scopes::whole()) };
    let read = names.iter().map(|name| name.parse()).collect::<Result<Vec<Scope>, String>>();
    let read = read.map_err(|reason| invalid("scopes", &reason))?;
    Scopes::only(read).map_err(problem)
}

fn lifetime(seconds: Option<u32>) -> Result<Option<Duration>, Problem> {
    match seconds {
        Some(short) if short < LIFE_SECONDS_MIN => {
            Err(invalid("expires_in_seconds", &format!("at least {LIFE_SECONDS_MIN} are expected")))
        }
        given => Ok(given.map(|seconds| Duration::from_secs(seconds.into()))),
    }
}

fn invalid(field: &'static str, reason: &str) -> Problem {
    Problem::unprocessable(format!("{field}: {reason}")).member("field", field)
}

async fn list(
    State(origin): State<Origin>,
    Member(caller): Member,
    Paging(page): Paging,
    uri: Uri,
) -> Result<Listing<KeyView>, Problem> {
    let found = origin.identity.list_keys(&caller.tenant, &page).await.map_err(problem)?;
    Ok(Listing(found.map(view), uri))
}

async fn create(
    State(origin): State<Origin>,
    Acting(caller): Acting,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<NewKeyView>), Problem> {
    let wish = KeyWish {
        name: wanted.name.trim().to_owned(),
        role: wanted.role,
        scopes: scopes(wanted.scopes)?,
        lifetime: lifetime(wanted.expires_in_seconds)?,
    };
    let made = origin.identity.create_key(&caller, wish).await.map_err(problem)?;
    let key = made.secret.expose().to_owned();
    Ok((StatusCode::CREATED, Json(NewKeyView { id: made.id.into(), role: made.role, key })))
}

async fn revoke(
    State(origin): State<Origin>,
    Acting(caller): Acting,
    Path(id): Path<ApiKeyId>,
) -> Result<StatusCode, Problem> {
    origin.identity.revoke_key(&caller, &id).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}
