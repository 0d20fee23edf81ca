//! Who calls: an API key in `Authorization: Bearer`, or the session cookie of a browser.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, header, request::Parts},
};
use base::{Principal, Role};
use httpkit::Problem;

use super::error::problem;
use crate::Origin;

/// Name of the session cookie.
pub(super) const COOKIE: &str = "nexus_session";

/// A caller of at least the role `Viewer`.
pub(crate) struct Viewer(pub Principal);
/// A caller of at least the role `Creator`.
pub(crate) struct Creator(pub Principal);

/// The key of an `Authorization: Bearer` header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// The session secret of a cookie header.
pub(super) fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
}

/// Who calls, or `None` without a credential. A wrong credential is refused, never ignored.
pub(crate) async fn caller(
    origin: &Origin,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Option<Principal>, Problem> {
    if let Some(secret) = bearer(headers) {
        let found = origin.identity.authenticate_key(secret).await.map_err(problem)?;
        return found.map(Some).ok_or_else(|| Problem::unauthorized("this API key is unknown or revoked"));
    }
    let Some(secret) = session(headers) else { return Ok(None) };
    if !method.is_safe() && !httpkit::security::same_origin(headers, &origin.urls.public) {
        return Err(Problem::forbidden("a signed-in browser may only do this from this server's own pages"));
    }
    // An expired cookie is what a browser keeps sending after its session ended: a stranger, not an attack.
    origin.identity.authenticate_session(secret).await.map_err(problem)
}

async fn at_least(role: Role, parts: &Parts, origin: &Origin) -> Result<Principal, Problem> {
    let found = caller(origin, &parts.method, &parts.headers).await?;
    let principal = found.ok_or_else(|| Problem::unauthorized("sign in or send an API key"))?;
    if principal.may(role) {
        Ok(principal)
    } else {
        Err(Problem::forbidden(format!("this needs the role {role}; yours is {}", principal.role)))
    }
}

macro_rules! extractors {
    ($($name:ident)*) => {$(
        impl FromRequestParts<Origin> for $name {
            type Rejection = Problem;
            async fn from_request_parts(parts: &mut Parts, origin: &Origin) -> Result<Self, Problem> {
                at_least(Role::$name, parts, origin).await.map(Self)
            }
        }
    )*};
}

extractors!(Viewer Creator);

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn credentials_are_found_in_their_headers() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("bearer  abc "));
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; nexus_session=xyz"));
        assert_eq!(bearer(&headers), Some("abc"));
        assert_eq!(session(&headers), Some("xyz"));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic abc"));
        assert_eq!(bearer(&headers), None);
    }
}
