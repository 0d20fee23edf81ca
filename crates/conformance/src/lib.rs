//! The rule engine over playlists, MPDs and CMAF boxes: bytes in, findings out.
//!
//! [`Check`] walks a presentation without I/O of its own: it says what to fetch, takes the bytes, and gives a
//! [`Report`]. The same rules ([`RULES`]) are the gate before publishing, the `check` command on anybody's
//! stream, and a test oracle. docs/CONFORMANCE.md lists them.
//!
//! What it never does: fetch, repair, guess. Bytes from strangers never panic it; every loop and buffer has a
//! bound. Its readers are its own (with lines and byte offsets, and apart from the code that makes the server's
//! output), so that a mistake there is not repeated here.

#![forbid(unsafe_code)]

mod cmaf;
mod dash;
mod error;
mod finding;
mod hls;
pub mod live;
mod measure;
mod place;
mod presentation;
mod report;
mod rules;
mod vtt;
mod walk;

pub use error::CheckError;
pub use finding::{At, Finding, Severity};
pub use report::{Counts, NotJudged, Report, Resource, ResourceKind};
pub use rules::{RULES, Rule};
pub use walk::{Check, Delivery, Failure, Fetch, Limits, Options, Progress, Segments};

use finding::Fault;
