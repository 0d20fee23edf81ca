//! Addresses that leave the server, and those that it is told to ask.

use std::time::Duration;

use axum::http::Uri;
use base::{AssetId, TenantId};
use catalogue::{Asset, Visibility};
use httpkit::Problem;
use live::Channel;
use media::Object;
use playback_token::Claims;

use crate::Origin;

/// Where a version of an asset is played from: the base of its media URLs, with the token of private ones.
pub(super) struct MediaBase {
    base: String,
    asset: AssetId,
}

/// A minted token and its end.
pub(super) struct Token {
    pub text: String,
    pub expires_s: i64,
}

/// A token for an asset that lasts at least `ttl`.
pub(super) fn mint(origin: &Origin, asset: &Asset, ttl: Duration) -> Result<Token, Problem> {
    mint_for(origin, asset.id.as_str(), &asset.tenant, ttl)
}

/// A token for what a tenant has, by its identifier.
fn mint_for(origin: &Origin, what: &str, tenant: &TenantId, ttl: Duration) -> Result<Token, Problem> {
    let now = origin.ambient.now().seconds();
    let wanted = now.saturating_add(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX));
    let expires_s = playback_token::round_up(wanted, origin.limits.playback.token_bucket_seconds);
    let claims = Claims { asset: what.to_owned(), audience: tenant.to_string(), expires_s };
    let text = origin.signer.mint(&claims).map_err(|error| {
        tracing::error!(%error, "a playback token could not be minted: {error}");
        Problem::internal()
    })?;
    Ok(Token { text, expires_s })
}

/// How long a token lasts that nobody asked for.
fn usual_life(origin: &Origin) -> Duration {
    Duration::from_secs(u64::from(origin.limits.playback.token_ttl_seconds))
}

/// Base of a channel's media URLs, with a fresh token where its visibility asks for one.
pub(super) fn live_base(origin: &Origin, channel: &Channel) -> Result<String, Problem> {
    let media = &origin.urls.media;
    if channel.choices.visibility != Visibility::Private {
        return Ok(media.clone());
    }
    let token = mint_for(origin, channel.id.as_str(), &channel.tenant, usual_life(origin))?;
    Ok(format!("{media}/p/{}", token.text))
}

impl MediaBase {
    /// For people with `token`, or for everybody.
    pub(super) fn with(origin: &Origin, asset: &Asset, token: Option<&str>) -> Self {
        let base = token
            .map_or_else(|| origin.urls.media.clone(), |token| format!("{}/p/{token}", origin.urls.media));
        Self { base, asset: asset.id.clone() }
    }

    /// With a fresh token where the asset's visibility asks for one.
    pub(super) fn fresh(origin: &Origin, asset: &Asset) -> Result<Self, Problem> {
        if asset.visibility != Visibility::Private {
            return Ok(Self::with(origin, asset, None));
        }
        Ok(Self::with(origin, asset, Some(&mint(origin, asset, usual_life(origin))?.text)))
    }

    /// The address of an object.
    pub(super) fn url(&self, object: Object) -> String {
        format!("{}{}", self.base, object.path(self.asset.as_str()))
    }
}

/// The page that plays an asset.
pub(super) fn watch(origin: &Origin, asset: &AssetId) -> String {
    format!("{}/watch/{asset}", origin.urls.public)
}

/// The bare player, to be framed.
pub(super) fn embed(origin: &Origin, asset: &AssetId) -> String {
    format!("{}/embed/{asset}", origin.urls.public)
}

/// Refuses an address that the server is to ask when it is written as one within a private network; a name is judged
/// whenever something is sent.
pub(super) fn check_reach(origin: &Origin, field: &'static str, url: &str) -> Result<(), Problem> {
    let refuse =
        |problem: String| Problem::unprocessable(format!("{field}: {problem}")).member("field", field);
    let uri: Uri = url.parse().map_err(|_| refuse("is no address".to_owned()))?;
    origin.limits.webhook_reach.check(&uri).map_err(|error| refuse(error.to_string()))
}
