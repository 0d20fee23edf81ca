//! `/api/v1/users`: the people of a tenant.

use axum::{
    extract::State,
    http::{StatusCode, Uri},
};
use base::{Role, Timestamp, UserId};
use httpkit::{Json, Listing, Paging, Path, Problem};
use identity::{NewUser, User, UserChange};
use serde::{Deserialize, Serialize};

use super::{
    auth::{Acting, Member},
    error::problem,
    table::{ADMIN, Routes},
};
use crate::Origin;

#[derive(Serialize)]
struct UserView {
    id: String,
    name: String,
    role: Role,
    created_ms: i64,
    last_sign_in_ms: Option<i64>,
    disabled_ms: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    role: Role,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    role: Option<Role>,
    disabled: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    password: String,
}

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/api/v1/users", ADMIN, list)
        .post("/api/v1/users", ADMIN, create)
        .patch("/api/v1/users/{id}", ADMIN, change)
        .put("/api/v1/users/{id}/password", ADMIN, reset_password)
}

fn view(user: User) -> UserView {
    UserView {
        id: user.id.into(),
        name: user.name,
        role: user.role,
        created_ms: user.created.millis(),
        last_sign_in_ms: user.last_sign_in.map(Timestamp::millis),
        disabled_ms: user.disabled.map(Timestamp::millis),
    }
}

async fn list(
    State(origin): State<Origin>,
    Member(caller): Member,
    Paging(page): Paging,
    uri: Uri,
) -> Result<Listing<UserView>, Problem> {
    let found = origin.identity.list_users(&caller.tenant, &page).await.map_err(problem)?;
    Ok(Listing(found.map(view), uri))
}

async fn create(
    State(origin): State<Origin>,
    Acting(caller): Acting,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<UserView>), Problem> {
    let Wanted { name, role, password } = wanted;
    let user = origin.identity.create_user(&caller, NewUser { name, role, password }).await;
    Ok((StatusCode::CREATED, Json(view(user.map_err(problem)?))))
}

async fn change(
    State(origin): State<Origin>,
    Acting(caller): Acting,
    Path(id): Path<UserId>,
    Json(change): Json<Change>,
) -> Result<Json<UserView>, Problem> {
    let change = UserChange { role: change.role, disabled: change.disabled };
    let user = origin.identity.change_user(&caller, &id, change).await.map_err(problem)?;
    Ok(Json(view(user)))
}

async fn reset_password(
    State(origin): State<Origin>,
    Acting(caller): Acting,
    Path(id): Path<UserId>,
    Json(wanted): Json<Password>,
) -> Result<StatusCode, Problem> {
    origin.identity.reset_password(&caller, &id, wanted.password).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}
