//! `/api/v1/session`: a browser signs in with a name and password or with an API key, and gets a cookie.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use httpkit::{Json, Problem};
use identity::SessionToken;
use serde::Deserialize;

use super::{
    auth::{Address, COOKIE, own_page, session},
    error::problem,
    table::{Access, Routes},
};
use crate::Origin;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    name: Option<String>,
    password: Option<String>,
    key: Option<String>,
}

pub(super) fn routes() -> Routes {
    Routes::new().post("/api/v1/session", Access::Public, sign_in).delete(
        "/api/v1/session",
        Access::Public,
        sign_out,
    )
}

/// A cookie that scripts cannot read and other sites cannot send; `Secure` wherever the page is served by TLS.
fn cookie(origin: &Origin, value: &str, age_seconds: i64) -> Result<HeaderValue, Problem> {
    let secure = if origin.urls.public.starts_with("https:") { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age_seconds}{secure}");
    HeaderValue::try_from(text).map_err(|_| Problem::internal())
}

/// The answer that begins a session in the browser.
pub(super) fn begun(origin: &Origin, token: &SessionToken) -> Result<Response, Problem> {
    let age = token.expires.since(origin.ambient.now()).as_secs();
    let cookie = cookie(origin, token.secret.expose(), i64::try_from(age).unwrap_or(i64::MAX))?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// The answer that ends a session in the browser.
pub(super) fn ended(origin: &Origin) -> Result<Response, Problem> {
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie(origin, "", 0)?)]).into_response())
}

async fn sign_in(
    State(origin): State<Origin>,
    Address(address): Address,
    headers: HeaderMap,
    Json(body): Json<Credentials>,
) -> Result<Response, Problem> {
    own_page(&origin, &headers)?;
    let (found, wrong) = match (body.name, body.password, body.key) {
        (Some(name), Some(password), None) => {
            let found = origin.identity.sign_in_password(&name, password, address).await;
            (found, "this name and password do not belong together, or the account is disabled")
        }
        (None, None, Some(key)) => {
            let found = origin.identity.sign_in_key(key.trim(), address).await;
            (found, "this API key is unknown, revoked or has expired")
        }
        _ => return Err(Problem::unprocessable("either name and password or key are expected")),
    };
    let token = found.map_err(problem)?.ok_or_else(|| Problem::unauthorized(wrong))?;
    begun(&origin, &token)
}

async fn sign_out(State(origin): State<Origin>, headers: HeaderMap) -> Result<Response, Problem> {
    own_page(&origin, &headers)?;
    if let Some(secret) = session(&headers) {
        origin.identity.sign_out(secret).await.map_err(problem)?;
    }
    ended(&origin)
}
