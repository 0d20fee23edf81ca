//! Who calls: an API key in `Authorization: Bearer`, or the session cookie of a browser.

use std::net::IpAddr;

use axum::{
    extract::FromRequestParts,
    http::{Extensions, HeaderMap, Method, header, request::Parts},
};
use base::Principal;
use httpkit::{ClientAddr, Problem, bearer};
use identity::Caller;

use super::error::problem;
use crate::Origin;

/// Name of the session cookie.
pub(super) const COOKIE: &str = "nexus_session";

/// The caller whom the table of routes let through, as other domains know them.
pub(crate) struct Member(pub Principal);
/// The same caller, as identity knows them.
pub(crate) struct Acting(pub Caller);
/// The address that a request comes from, where it is known.
pub(crate) struct Address(pub Option<IpAddr>);

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
) -> Result<Option<Caller>, Problem> {
    if let Some(secret) = bearer(headers) {
        let found = origin.identity.authenticate_key(secret).await.map_err(problem)?;
        let unknown = || Problem::unauthorized("this API key is unknown, revoked or has expired");
        return found.map(Some).ok_or_else(unknown);
    }
    let Some(secret) = session(headers) else { return Ok(None) };
    if !method.is_safe() {
        own_page(origin, headers)?;
    }
    // An expired cookie is what a browser keeps sending after its session ended: a stranger, not an attack.
    origin.identity.authenticate_session(secret).await.map_err(problem)
}

/// Refuses what a page of another site makes a browser send.
pub(super) fn own_page(origin: &Origin, headers: &HeaderMap) -> Result<(), Problem> {
    if httpkit::security::same_origin(headers, &origin.urls.public) {
        return Ok(());
    }
    Err(Problem::forbidden("a browser may only do this from this server's own pages"))
}

/// The address that a request comes from, where it is known.
pub(super) fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ClientAddr>().map(|ClientAddr(address)| *address)
}

fn let_through(parts: &Parts) -> Result<&Caller, Problem> {
    parts.extensions.get().ok_or_else(|| {
        tracing::error!(path = parts.uri.path(), "a route that is not declared for members asks who calls");
        Problem::internal()
    })
}

impl FromRequestParts<Origin> for Member {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &Origin) -> Result<Self, Problem> {
        let_through(parts).map(|caller| Self(caller.principal.clone()))
    }
}

impl FromRequestParts<Origin> for Acting {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &Origin) -> Result<Self, Problem> {
        let_through(parts).cloned().map(Self)
    }
}

impl FromRequestParts<Origin> for Address {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &Origin) -> Result<Self, Self::Rejection> {
        Ok(Self(address(&parts.extensions)))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_session_is_found_among_cookies() {
        let cookies = |text| HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(text))]);
        assert_eq!(session(&cookies("a=b; nexus_session=xyz")), Some("xyz"));
        assert_eq!(session(&cookies("a=b; xnexus_session=xyz")), None);
    }
}
