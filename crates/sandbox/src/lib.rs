//! Starts, feeds, watches and kills pipeline children; and the door they close behind themselves.
//!
//! # Parent
//! [`Sandbox::start`] spawns `PROGRAM pipeline`, hands it a graph spec and returns a [`Running`] child.
//! [`Running::next`] yields its frames one by one: the child waits while the caller is busy, and goes on when
//! the caller asks again. On the way `next` answers the child's reads, fetches ahead of sequential ones, keeps
//! the tail of its log, and kills it when it stops making progress. Dropping a `Running` kills the child.
//!
//! A live stream has no source to read: [`Sandbox::start_live`] returns a [`Live`] child that is fed by
//! [`Live::push`], which never waits; what a slow child cannot take in time is dropped by whole groups of pictures.
//!
//! How many children run at once is the caller's to limit.
//!
//! # Child
//! [`door::close`] walls the process in; [`child`] is what it does to itself before that.

pub mod child;
pub mod door;
mod error;
mod feeder;
mod inspect;
mod live;
mod options;
mod running;
mod source;
mod spawn;
mod stderr;
mod supply;
mod units;
mod warm;
mod watchdog;

pub use error::{Ending, SandboxError};
pub use live::{Live, LiveOptions, LiveOutput};
pub use options::{Limits, Options};
pub use running::Running;
pub use source::{NoSource, Source, SourceError};
pub use spawn::Sandbox;
pub use units::Dropped;
