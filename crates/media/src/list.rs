//! The lists of a presentation by name.

use crate::{Object, Presentation, dash, hls};

impl Presentation {
    /// The text of a list of this presentation; `None` for objects that are no lists, for lists of another
    /// version or of unknown tracks, and for the MPD until the presentation has ended.
    #[must_use]
    pub fn list(&self, object: Object) -> Option<String> {
        match object {
            Object::Multivariant => Some(hls::multivariant(self)),
            Object::Mpd => dash::mpd(self),
            Object::MediaList { version, track } if version == self.version() => hls::media(self, track),
            Object::IframeList { version, track } if version == self.version() => hls::iframes(self, track),
            _ => None,
        }
    }
}
