//! Listeners for encoders: RTMP, RTMPS and SRT publishers become typed events.
//!
//! A connection goes through four stages. It shakes hands and says what it wants to publish, within
//! [`Limits::greeting`]. A [`PublishRequest`] with the stream key goes to the asker, who answers with
//! [`PublishRequest::admit`] or [`PublishRequest::refuse`]; no media is read before. SRT's handshake has asked for the
//! channel's passphrase by then ([`srt::Question`]). Then configurations and access
//! units come out of [`Media`], in the order in which they were sent and with the sender's clock untouched. The last
//! event is always [`Event::Ended`].
//!
//! Everything is bounded: connections, also per address; the time of each stage; messages, chunk streams and AMF
//! values; and the queue to the asker, in units and bytes. When the queue is full the socket is not read, so a slow
//! asker slows the encoder down instead of filling memory.
//!
//! RTMP itself is sans-IO ([`rtmp::Session`]): bytes in, steps and bytes out, no clock and no socket; so is MPEG-TS
//! ([`ts::Demux`]). SRT is libsrt's ([`srt`]).
//!
//! Deliberately absent: who may publish, what a second publisher means, repair of timestamps, SQL, HTTP.

mod connection;
mod error;
mod event;
mod flv;
mod listener;
mod media;
mod places;
pub mod rtmp;
pub mod srt;
pub mod ts;

pub use error::{AmfError, Fault};
pub use event::{
    AccessUnit, AudioConfig, Dropped, End, Event, Link, Metadata, Reason, Refusal, Track, Unsupported,
    VideoCodec, VideoConfig,
};
pub use listener::{Limits, Protocol, serve};
pub use media::{Announcement, Media, PublishRequest};
