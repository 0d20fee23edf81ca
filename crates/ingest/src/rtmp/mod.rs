//! RTMP as a server speaks it to a publisher, and as a publisher speaks it (Adobe RTMP 1.0 of December 2012; Enhanced RTMP v2 for HEVC), sans-IO.

mod amf;
mod chunk;
mod handshake;
mod publisher;
mod session;
mod talk;
mod write;

#[cfg(test)]
pub(crate) use amf::encode;
pub(crate) use amf::{Value, decode};
pub use handshake::RANDOM;
pub use publisher::{PublishError, Publisher, Saying, Target};
pub use session::{Session, Step};

/// Message types (RTMP 1.0 §5.4 and §7.1).
mod kind {
    pub(super) const CHUNK_SIZE: u8 = 1;
    pub(super) const ABORT: u8 = 2;
    pub(super) const ACKNOWLEDGEMENT: u8 = 3;
    pub(super) const USER_CONTROL: u8 = 4;
    pub(super) const WINDOW: u8 = 5;
    pub(super) const BANDWIDTH: u8 = 6;
    pub(super) const AUDIO: u8 = 8;
    pub(super) const VIDEO: u8 = 9;
    pub(super) const DATA_AMF3: u8 = 15;
    pub(super) const COMMAND_AMF3: u8 = 17;
    pub(super) const DATA: u8 = 18;
    pub(super) const COMMAND: u8 = 20;
    pub(super) const AGGREGATE: u8 = 22;
}
