//! What goes on of a broadcast in another process.

use super::RenditionName;
use crate::live::window::{Parameters, Saved};

/// A rendition as its former holder left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub name: RenditionName,
    /// What its lists said of themselves, which stays.
    pub parameters: Parameters,
    /// Its window; nothing is open in it.
    pub saved: Saved,
    /// The number of its next header: one that no list has named.
    pub init_next: u32,
}
