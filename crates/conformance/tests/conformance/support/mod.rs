//! A tiny presentation made from nothing: two video rungs, two audio renditions, HLS and DASH over the same
//! files. The boxes, playlists and MPD are written by code that shares nothing with the code under test.

pub mod boxes;
pub mod mpd;
pub mod playlists;
pub mod site;
pub mod spec;

pub use site::{BASE, Site};
pub use spec::{Fragment, Kind, Spec};
