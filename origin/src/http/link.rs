//! Addresses that leave the server.

use std::time::Duration;

use base::AssetId;
use catalogue::{Asset, Visibility};
use httpkit::Problem;
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
    let now = origin.ambient.now().seconds();
    let wanted = now.saturating_add(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX));
    let expires_s = playback_token::round_up(wanted, origin.limits.playback.token_bucket_seconds);
    let claims = Claims { asset: asset.id.to_string(), audience: asset.tenant.to_string(), expires_s };
    let text = origin.signer.mint(&claims).map_err(|error| {
        tracing::error!(%error, "a playback token could not be minted: {error}");
        Problem::internal()
    })?;
    Ok(Token { text, expires_s })
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
        let ttl = Duration::from_secs(u64::from(origin.limits.playback.token_ttl_seconds));
        Ok(Self::with(origin, asset, Some(&mint(origin, asset, ttl)?.text)))
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
