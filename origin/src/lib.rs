//! The origin: API, uploads and packaging over the domains. HTTP lives here and in `httpkit`, nowhere else.
//!
//! Two routers come out: [`router`] for the listener (API, uploads, page, health) and [`media_router`] for
//! whoever caches in front, which in one process is the edge. Playlists are made from rows on request; media
//! are streamed from the object store.
//!
//! Absent on purpose: caching (the edge's), SQL, GStreamer, and rules about assets (the catalogue's).

mod courier;
mod http;
mod import;
mod live;
mod purge;
mod state;
mod upload;
mod watch;
mod wiring;

pub use self::live::{Encoding, take_publishers, tell_passphrases};
pub use http::{media_router, router};
pub use import::{Imports, ImportsError};
pub use purge::{purge_far, purge_near};
pub use state::{Doors, Limits, Origin, Parts, Urls};
pub use watch::{WatchOptions, watch_folder};
pub use wiring::{IMPORT, TOLD, wire, work_imports};
