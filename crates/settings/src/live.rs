//! The section of channels and what they send.

use serde::{Deserialize, Serialize};

/// Channels and what they send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Live {
    /// Channels that a tenant may have; 0 is no limit. A tenant may have a limit of its own (`nexus limit`).
    pub channels_max: u32,
    /// Channels of a tenant that may be on air at once; 0 is no limit. A tenant may have a limit of its own.
    pub streams_max: u32,
    /// Bitrate of one stream as it comes in, in kbit/s; 0 is no limit. A tenant may have a limit of its own.
    pub bitrate_max_kbps: u32,
}

impl Default for Live {
    fn default() -> Self {
        Self { channels_max: 100, streams_max: 10, bitrate_max_kbps: 50_000 }
    }
}
