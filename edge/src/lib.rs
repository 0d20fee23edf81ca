//! The edge: what viewers and CDNs meet. It verifies playback tokens with public keys alone, serves media from
//! bounded memory, and brings each object from its upstream once, however many wait for it.
//!
//! A request passes named phases: `route` (method), `target` (what is asked for), `token` (may it be had),
//! `shelf` and `cache` (stored, arriving or to be brought; what is on air apart), `answer` (conditions, ranges, HEAD). The upstream is the
//! origin in the same process or a server over HTTP; to the edge it is the same.
//!
//! Absent on purpose: SQL, GStreamer, any knowledge of assets, and client headers in upstream requests.

mod answer;
mod cache;
mod cache_status;
mod error;
mod lifetime;
mod options;
mod process;
mod route;
mod shelf;
mod target;
mod token;
mod upstream;

pub use error::EdgeError;
pub use options::{Credential, EdgeOptions};
pub use process::run;
pub use route::Edge;
pub use token::Keys;
pub use upstream::Upstream;
