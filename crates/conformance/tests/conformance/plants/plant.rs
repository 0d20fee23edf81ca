//! A plant: one mutation of the conformant presentation, and where its finding belongs.

use conformance::Options;

use crate::support::{Site, Spec};

pub struct Plant {
    pub rule: &'static str,
    pub entry: &'static str,
    pub spec: fn(&mut Spec),
    pub site: fn(&mut Site),
    pub options: fn(&Site) -> Options,
    /// The file of the finding.
    pub resource: &'static str,
    pub at: Where,
}

#[derive(Clone, Copy, Debug)]
pub enum Where {
    /// A line that holds this.
    Line(&'static str),
    /// A box of this type.
    Box(&'static [u8; 4]),
    /// A computed offset.
    Byte(fn(&Site) -> u64),
    Whole,
}

impl Plant {
    const fn new(rule: &'static str, resource: &'static str, at: Where) -> Self {
        Self {
            rule,
            entry: "hls.m3u8",
            spec: |_| {},
            site: |_| {},
            options: |_| Options { segments: conformance::Segments::All, limits: LIMITS },
            resource,
            at,
        }
    }

    pub fn grow(&self) -> (Site, Options) {
        let mut spec = Spec::default();
        (self.spec)(&mut spec);
        let mut site = Site::of(&spec);
        (self.site)(&mut site);
        let options = (self.options)(&site);
        (site, options)
    }
}

pub const LIMITS: conformance::Limits = conformance::Limits {
    resources: 1000,
    bytes: 1 << 30,
    resource_bytes: 1 << 24,
    playlist_bytes: 1 << 20,
    segments_listed: 1000,
};

/// A violation in the files as written.
pub const fn in_files(rule: &'static str, resource: &'static str, at: Where, site: fn(&mut Site)) -> Plant {
    Plant { site, ..Plant::new(rule, resource, at) }
}

/// A violation in the media, with playlists that tell the truth about it.
pub const fn in_media(rule: &'static str, resource: &'static str, at: Where, spec: fn(&mut Spec)) -> Plant {
    Plant { spec, ..Plant::new(rule, resource, at) }
}

/// A violation that takes both.
pub const fn in_both(
    rule: &'static str,
    resource: &'static str,
    at: Where,
    spec: fn(&mut Spec),
    site: fn(&mut Site),
) -> Plant {
    Plant { spec, site, ..Plant::new(rule, resource, at) }
}

/// A violation of an MPD.
pub const fn in_mpd(rule: &'static str, at: Where, site: fn(&mut Site)) -> Plant {
    Plant { entry: "dash.mpd", site, ..Plant::new(rule, "dash.mpd", at) }
}

/// Something that options bring about.
pub const fn by_options(
    rule: &'static str,
    resource: &'static str,
    at: Where,
    options: fn(&Site) -> Options,
) -> Plant {
    Plant { options, ..Plant::new(rule, resource, at) }
}
