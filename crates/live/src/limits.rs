//! How much a tenant may send: channels, streams at once, and the bitrate of each.
//!
//! What counts follows from the rows. Whoever adds to it holds the tenant's row of limits until it has: two cannot
//! both take the last place.

use base::{Principal, Role, TenantId};
use db::Tx;

use crate::{Live, LiveError, Result, needs, store};

/// Limits of a tenant. Zero is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Channels.
    pub channels_max: u32,
    /// Broadcasts that are open at once.
    pub streams_max: u32,
    /// Bitrate of one stream as it comes in, in kbit/s.
    pub bitrate_max_kbps: u32,
}

/// What is limited otherwise than for everybody; `None` is as for everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnLimits {
    /// Channels; zero is no limit.
    pub channels_max: Option<u32>,
    /// Broadcasts that are open at once; zero is no limit.
    pub streams_max: Option<u32>,
    /// Bitrate of one stream, in kbit/s; zero is no limit.
    pub bitrate_max_kbps: Option<u32>,
}

/// What a tenant has of what is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// Channels.
    pub channels: u32,
    /// Broadcasts that are open.
    pub streams: u32,
}

impl Limits {
    /// No limits.
    pub const NONE: Self = Self { channels_max: 0, streams_max: 0, bitrate_max_kbps: 0 };

    fn with(self, own: OwnLimits) -> Self {
        Self {
            channels_max: own.channels_max.unwrap_or(self.channels_max),
            streams_max: own.streams_max.unwrap_or(self.streams_max),
            bitrate_max_kbps: own.bitrate_max_kbps.unwrap_or(self.bitrate_max_kbps),
        }
    }

    /// Refuses one channel more than `channels`.
    pub(crate) fn check_channels(&self, channels: u32) -> Result<()> {
        let limit = self.channels_max;
        if limit > 0 && channels >= limit { Err(LiveError::TooManyChannels { limit }) } else { Ok(()) }
    }

    /// Refuses one stream more than `streams`.
    pub(crate) fn check_streams(&self, streams: u32) -> Result<()> {
        let limit = self.streams_max;
        if limit > 0 && streams >= limit { Err(LiveError::TooManyStreams { limit }) } else { Ok(()) }
    }

    /// Refuses a stream of `kbps` kbit/s. What it is measured over is the caller's choice.
    ///
    /// # Errors
    /// [`LiveError::TooFast`].
    pub fn check_bitrate(&self, kbps: u32) -> Result<()> {
        let limit_kbps = self.bitrate_max_kbps;
        if limit_kbps > 0 && kbps > limit_kbps {
            Err(LiveError::TooFast { kbps, limit_kbps })
        } else {
            Ok(())
        }
    }
}

impl Live {
    /// The same service with limits for every tenant that has none of its own.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The limits of the principal's tenant, and what it has of them.
    ///
    /// # Errors
    /// [`LiveError::Forbidden`] below [`Role::Viewer`]; [`LiveError::Db`].
    pub async fn limits(&self, principal: &Principal) -> Result<(Limits, Used)> {
        needs(principal, Role::Viewer)?;
        let (mut tx, tenant) = (self.db.read().await?, &principal.tenant);
        let own = store::limit::find(&mut tx, tenant).await?;
        let used = Used {
            channels: store::channel::count(&mut tx, tenant).await?,
            streams: store::broadcast::count_open(&mut tx, tenant).await?,
        };
        Ok((self.limits.with(own), used))
    }

    /// What a tenant is limited by otherwise than everybody.
    ///
    /// # Errors
    /// [`LiveError::Db`].
    pub async fn own_limits(&self, tenant: &TenantId) -> Result<OwnLimits> {
        store::limit::find(&mut self.db.read().await?, tenant).await
    }

    /// Limits a tenant otherwise than everybody. What it has stays, also when that is more.
    ///
    /// # Errors
    /// [`LiveError::Db`].
    pub async fn set_own_limits(&self, tenant: &TenantId, own: OwnLimits) -> Result<()> {
        let mut tx = self.db.write().await?;
        store::limit::hold(&mut tx, tenant).await?;
        store::limit::set(&mut tx, tenant, own).await?;
        Ok(tx.commit().await?)
    }

    /// Holds a tenant's limits. It comes before any other row is locked.
    pub(crate) async fn hold_limits(&self, tx: &mut Tx, tenant: &TenantId) -> Result<Limits> {
        Ok(self.limits.with(store::limit::hold(tx, tenant).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_taken_and_no_more() {
        let tight = Limits { channels_max: 2, streams_max: 1, bitrate_max_kbps: 6_000 };
        assert!(tight.check_channels(1).is_ok());
        assert!(matches!(tight.check_channels(2), Err(LiveError::TooManyChannels { limit: 2 })));
        assert!(tight.check_streams(0).is_ok());
        assert!(matches!(tight.check_streams(1), Err(LiveError::TooManyStreams { limit: 1 })));
        assert!(tight.check_bitrate(6_000).is_ok());
        let refused = tight.check_bitrate(6_001);
        assert!(matches!(refused, Err(LiveError::TooFast { kbps: 6_001, limit_kbps: 6_000 })));
    }

    #[test]
    fn zero_is_no_limit_and_a_tenants_own_comes_first() {
        let none = Limits::NONE;
        assert!(none.check_channels(u32::MAX).is_ok() && none.check_streams(u32::MAX).is_ok());
        assert!(none.check_bitrate(u32::MAX).is_ok());
        let own = OwnLimits { channels_max: Some(0), streams_max: Some(3), bitrate_max_kbps: None };
        let limits = Limits { channels_max: 5, streams_max: 5, bitrate_max_kbps: 5 }.with(own);
        assert_eq!(limits, Limits { channels_max: 0, streams_max: 3, bitrate_max_kbps: 5 });
    }
}
