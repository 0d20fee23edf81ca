//! CMAF (ISO/IEC 23000-19) over ISO base media boxes (ISO/IEC 14496-12): reading headers and segments,
//! bringing an encoder's fragments into the one form that is stored, and joining them into segments.
//!
//! Every reader takes arbitrary bytes: it never panics, never reads outside them, and takes time linear in
//! their length.

mod assembler;
pub(crate) mod atom;
pub(crate) mod bits;
pub(crate) mod codec;
pub(crate) mod fragment;
mod header;
pub(crate) mod normalise;
mod produced;
mod run;
mod segment;
pub(crate) mod sps;

pub(crate) use assembler::styp as segment_brands;
pub use assembler::{Assembly, Grouping, Segment, SegmentAssembler};
pub use header::read_init;
pub use normalise::{normalise_fragment, normalise_init};
pub use produced::produced_us;
pub use segment::read_segment;
