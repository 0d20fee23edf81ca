//! Live packaging: an encoder's access units become parts and segments, whose lists wait for nobody.
//!
//! Order of a session: configurations ([`config`]) and access units ([`nal`]) of an encoder are put on one exact
//! timeline ([`retime`]), cut ([`cut`]), written ([`mux`]) and listed ([`window`]); [`package`] does it all in this order.

pub mod config;
pub mod cut;
mod multivariant;
pub mod mux;
pub mod nal;
pub mod package;
mod rendition;
pub mod retime;
#[cfg(test)]
mod tests;
pub mod window;

pub use multivariant::{LiveTrack, multivariant};
pub use rendition::RenditionName;
