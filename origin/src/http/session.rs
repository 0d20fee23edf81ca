//! `/api/v1/session`: a browser signs in with an API key and gets a cookie.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use httpkit::{Json, Problem};
use serde::{Deserialize, Serialize};

use super::{
    auth::{COOKIE, Viewer, session},
    error::problem,
};
use crate::Origin;

#[derive(Deserialize)]
struct SignIn {
    key: String,
}

#[derive(Serialize)]
struct Session {
    role: base::Role,
    subject: String,
}

pub(super) fn routes() -> Router<Origin> {
    Router::new().route("/api/v1/session", get(show).post(sign_in).delete(sign_out))
}

async fn show(Viewer(principal): Viewer) -> Json<Session> {
    Json(Session { role: principal.role, subject: principal.subject })
}

/// A cookie that scripts cannot read and other sites cannot send; `Secure` wherever the page is served by TLS.
fn cookie(origin: &Origin, value: &str, age_seconds: i64) -> Result<HeaderValue, Problem> {
    let secure = if origin.urls.public.starts_with("https:") { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age_seconds}{secure}");
    HeaderValue::try_from(text).map_err(|_| Problem::internal())
}

async fn sign_in(
    State(origin): State<Origin>,
    headers: HeaderMap,
    Json(body): Json<SignIn>,
) -> Result<Response, Problem> {
    if !httpkit::security::same_origin(&headers, &origin.urls.public) {
        return Err(Problem::forbidden("signing in is only possible from this server's own pages"));
    }
    let found = origin.identity.sign_in(body.key.trim()).await.map_err(problem)?;
    let token = found.ok_or_else(|| Problem::unauthorized("this API key is unknown or revoked"))?;
    let age = token.expires.since(origin.ambient.now()).as_secs();
    let cookie = cookie(&origin, token.secret.expose(), i64::try_from(age).unwrap_or(i64::MAX))?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

async fn sign_out(State(origin): State<Origin>, headers: HeaderMap) -> Result<Response, Problem> {
    if !httpkit::security::same_origin(&headers, &origin.urls.public) {
        return Err(Problem::forbidden("signing out is only possible from this server's own pages"));
    }
    if let Some(secret) = session(&headers) {
        origin.identity.sign_out(secret).await.map_err(problem)?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie(&origin, "", 0)?)]).into_response())
}
