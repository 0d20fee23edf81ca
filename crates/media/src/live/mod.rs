//! Live: the window of a broadcast that viewers see, as text and as decisions. Sans-IO: durations and `now` go
//! in, lists, deadlines and answers come out.

mod multivariant;
pub mod window;

pub use multivariant::{LiveTrack, multivariant};
