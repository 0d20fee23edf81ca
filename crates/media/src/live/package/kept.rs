//! What is kept of a broadcast so that another process, or another machine, goes on with it.

use super::{Lane, Packager};
use crate::live::{
    About, RenditionName,
    window::{Parameters, Saved},
};

/// A rendition of a broadcast that goes on: [`crate::live::window::Window::restore`] makes its window of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub name: RenditionName,
    /// What stays the same for the life of its list.
    pub parameters: Parameters,
    /// Its segments, numbered without holes, gaps for those that are lost; the open one is empty, so that
    /// [`crate::live::window::Resume::Continue`] holds. What comes next lies on a run of its own.
    pub saved: Saved,
    /// The number of the next header; no earlier one is used again.
    pub init_next: u32,
}

impl Packager {
    /// What is to be remembered of each rendition that has begun.
    #[must_use]
    pub fn renditions(&self) -> Vec<(RenditionName, About)> {
        self.lanes.iter().filter(|lane| lane.report().is_some()).filter_map(|lane| self.about(lane)).collect()
    }

    fn about(&self, lane: &Lane) -> Option<(RenditionName, About)> {
        let track = self.track(lane)?;
        let parameters = lane.parameters().clone();
        Some((lane.name(), About { codec: track.codec, format: track.format, role: track.role, parameters }))
    }
}
