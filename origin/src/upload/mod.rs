//! Resumable uploads: tus 1.0.0 over the catalogue (what is known) and the object store (what is durable).
//!
//! The store's length is the truth about an upload's offset; the row only remembers it for lists. A finished
//! stage becomes the source object first and a row second, so a crash in between is mended by whoever looks
//! next: the client's HEAD, a repeated PATCH, or the sweep.

mod checksum;
mod concat;
mod handlers;
mod intake;
mod protocol;
mod receive;
mod sweep;

pub(crate) use handlers::routes;
pub(crate) use intake::{IntakeError, Source, lease, take_in};
pub(crate) use receive::{check_room, durable, expiry, finish, source_key, stage_key};
pub(crate) use sweep::sweep_uploads;
