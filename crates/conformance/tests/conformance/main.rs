//! The rules and the walk, over a presentation made from nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot build its input fails there")]

mod documentation;
mod hostile;
mod live;
mod live_watch;
mod oracle;
mod own_output;
mod plants;
mod support;
mod walk;
