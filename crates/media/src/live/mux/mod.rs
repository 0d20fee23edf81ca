//! Writing CMAF (ISO/IEC 23000-19): a header per configuration, a fragment per part.
//!
//! A segment object is its parts, one behind the other. Video needs no edit list: presentation times are those of the
//! broadcast, and decode times lie before them.

mod fragment;
mod header;

pub use fragment::{Fragment, fragment};
pub use header::{audio_header, video_header};

/// The one track of a header and its fragments.
const TRACK_ID: u32 = 1;

/// A box of this type around `parts`.
fn boxed(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let len = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut out = Vec::with_capacity(len);
    // Headers and `moof` boxes: bounded by 64 KiB of configuration and the samples of a part.
    out.extend(u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(kind);
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

fn full(kind: &[u8; 4], version: u8, flags: u32, parts: &[&[u8]]) -> Vec<u8> {
    let head = (u32::from(version) << 24 | flags).to_be_bytes();
    let parts: Vec<&[u8]> = std::iter::once(&head[..]).chain(parts.iter().copied()).collect();
    boxed(kind, &parts)
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}
