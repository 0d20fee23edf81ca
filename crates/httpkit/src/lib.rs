//! What every HTTP listener and client of the server shares: problem answers, the guard around a router, the
//! listener and its TLS, health, byte ranges, conditions, codings, cross-origin rules, event streams and the client.
//!
//! Nothing here knows a domain. A role builds an axum router from these parts, dresses it once with
//! [`guard()`] and hands it to [`serve()`]; [`Front`] does both as the settings say.

mod access;
mod address;
mod bearer;
mod body;
pub mod client;
pub mod conditional;
pub mod content;
pub mod cors;
pub mod date;
pub mod encoding;
mod error;
mod etag;
mod extract;
mod front;
mod guard;
pub mod health;
pub mod outbound;
mod problem;
pub mod range;
pub mod security;
mod serve;
pub mod sse;
pub mod tls;
mod wire;

pub use access::{LoggedPath, RequestId, X_REQUEST_ID};
pub use address::{ClientAddr, Networks, Peer, Scheme, TrustedProxies};
pub use bearer::bearer;
pub use body::{BodyTooLong, GoingDown, Stalled, body_problem, is_idle_timeout, limit_body, limit_idle};
pub use content::Content;
pub use encoding::Encoded;
pub use error::{AddressError, ClientError, FrontError, TlsError};
pub use etag::ETag;
pub use extract::{JSON_BYTES_MAX, Json, Listing, Paging, Path, Query};
pub use front::Front;
pub use guard::{Guard, Place, fallbacks, guard, method_not_allowed};
pub use problem::{MEDIA_TYPE as PROBLEM_MEDIA_TYPE, Problem, TYPE_PREFIX as PROBLEM_TYPE_PREFIX};
pub use serve::{Limits, serve, serve_tls};

/// The request header by which an edge proves to the origin that it verified a playback token for this very
/// request; its value is a secret the two share.
pub const EDGE_CREDENTIAL: http::HeaderName = http::HeaderName::from_static("nexus-edge");
