//! The section of channels and what they send.

use serde::{Deserialize, Serialize};

/// Channels and what they send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Live {
    /// Address and port on which encoders are taken over RTMP; port 0 picks a free one, empty takes none.
    pub rtmp: String,
    /// Rungs that are made of a live stream besides its own pictures, by height in lines; those below the source are.
    /// None for the source alone. A channel may have a ladder of its own.
    pub heights: Vec<u32>,
    /// Address and port on which encoders are taken over RTMPS, with the listener's certificate; port 0 picks a free
    /// one, empty takes none. Needs `tls.cert` and `tls.key`.
    pub rtmps: String,
    /// Address and UDP port on which encoders are taken over SRT; port 0 picks a free one, empty takes none.
    pub srt: String,
    /// Channels that a tenant may have; 0 is no limit. A tenant may have a limit of its own (`nexus limit`).
    pub channels_max: u32,
    /// Channels of a tenant that may be on air at once; 0 is no limit. A tenant may have a limit of its own.
    pub streams_max: u32,
    /// Bitrate of one stream as it comes in, in kbit/s; 0 is no limit. A tenant may have a limit of its own.
    pub bitrate_max_kbps: u32,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            rtmp: "127.0.0.1:1935".to_owned(),
            heights: vec![720, 360, 180],
            rtmps: String::new(),
            srt: "127.0.0.1:8890".to_owned(),
            channels_max: 100,
            streams_max: 10,
            bitrate_max_kbps: 50_000,
        }
    }
}
