//! CMAF headers and segments, read with the byte offset of every box (ISO/IEC 14496-12, ISO/IEC 23000-19).
//!
//! A reader of its own, apart from `media`'s: what judges the server's output must not share the code that
//! made it. Every read is bounds-checked and every loop bounded by the bytes at hand or a constant; nothing
//! here panics or fails, what cannot be understood becomes a fault.

mod boxes;
mod codec;
mod fields;
mod fragment;
mod header;
mod nal;
mod sample_entry;
mod segment;

pub use boxes::FourCc;
pub use codec::same_codec;
pub use fragment::{Decode, Fragment, Sync, TrackFragment};
pub use header::{EditList, Header, Track};
pub use segment::{Container, Segment};

/// A `ftyp` or `styp` box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brands {
    /// Offset of the box.
    pub at: u64,
    /// Major brand and compatible brands.
    pub list: Vec<FourCc>,
}

impl Brands {
    /// Whether any of `brands` is among them.
    #[must_use]
    pub fn any(&self, brands: &[&[u8; 4]]) -> bool {
        self.list.iter().any(|brand| brands.contains(&&brand.0))
    }
}

fn brands(found: &boxes::Found<'_>) -> Brands {
    let mut list: Vec<FourCc> = found.body.as_chunks().0.iter().map(|brand| FourCc(*brand)).collect();
    if list.len() > 1 {
        // The second word is the minor version, not a brand.
        list.remove(1);
    }
    Brands { at: found.at, list }
}
