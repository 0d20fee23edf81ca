//! Broadcasts on air in this process: publishers that were let in, what they send packaged, and what viewers get of it.
//!
//! A [`session`] is the one task that owns a broadcast: it holds the lease, feeds [`media::live::package::Packager`] and
//! puts what comes out on a [`stage`], where any number of requests read it. The [`door`] shows publishers to the domain
//! and hands them to the session of their channel.

mod door;
mod session;
mod stage;

pub use door::{take_publishers, tell_passphrases};
pub(crate) use stage::{Rendition, Stage, Stages};
