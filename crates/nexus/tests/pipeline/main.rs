//! The pipeline child as the server meets it: the real binary behind its real door, fed real media.

mod clips;
mod door;
mod faults;
mod flv;
mod images;
mod live;
mod mutations;
mod probe;
mod refusals;
mod rig;
mod start;
