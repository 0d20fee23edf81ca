//! Broadcasts on air in this process: publishers that were let in, what they send packaged, and what viewers get of it.
//!
//! A [`session`] is the one task that owns a broadcast: it holds the lease, feeds [`media::live::package::Packager`] and
//! keeps what comes out on a [`shelf`] and puts it on a [`stage`], where any number of requests read it; its [`pulse`]
//! says how it fares, and the [`audience`] who watches. A [`ladder`] makes its lower rungs, and a [`recording`] is what
//! remains of it. The [`door`] shows publishers to the domain
//! and hands them to the session of their channel.

mod admission;
mod audience;
mod door;
mod ladder;
mod pulse;
mod recording;
mod session;
mod shelf;
mod stage;
#[cfg(test)]
mod studio;

pub(crate) use admission::Asker;
pub(crate) use audience::{Attendance, Audiences, BEACON_EVERY, Beacon};
pub use door::{take_publishers, tell_passphrases};
pub use ladder::Encoding;
pub(crate) use pulse::{Reading, Second};
pub(crate) use recording::catch_up;
pub(crate) use shelf::{Found, Shelves, find, sweep_live};
pub(crate) use stage::{Rendition, Stage, Stages};
#[cfg(test)]
pub(crate) use studio::Studio;
