//! What a finished check says.

use serde::{Deserialize, Serialize};

use crate::{Finding, Severity};

/// What a resource turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// HLS multivariant playlist.
    Multivariant,
    /// HLS media or I-frame playlist.
    MediaPlaylist,
    /// DASH MPD.
    Mpd,
    /// CMAF header (initialisation section).
    Header,
    /// Media segment.
    Segment,
    /// It could not be read as any of these.
    Unknown,
}

/// A playlist, MPD or header that was read. Segments are only counted: a film has thousands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Absolute URI.
    pub uri: String,
    /// What it is.
    pub kind: ResourceKind,
    /// Bytes read.
    pub bytes: u64,
}

/// How much was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Playlists and MPDs read.
    pub playlists: u64,
    /// CMAF headers read.
    pub headers: u64,
    /// Segments that the playlists list, each place once.
    pub segments_listed: u64,
    /// Segments read; fewer than listed when a sample was asked for, on failures and at limits.
    pub segments_read: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Findings of severity must.
    pub must: u64,
    /// Findings of severity should.
    pub should: u64,
}

/// A rule that could not be judged, which is not the same as a rule that holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NotJudged {
    /// Id of the rule.
    pub rule: String,
    /// Absolute URI of the resource it was about.
    pub resource: String,
    /// Why.
    pub reason: String,
}

/// The outcome of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Violations, by resource and place.
    pub findings: Vec<Finding>,
    /// Playlists, MPDs and headers read, in order of URI.
    pub resources: Vec<Resource>,
    /// How much was read.
    pub counts: Counts,
    /// Rules that could not be judged, and why.
    pub not_judged: Vec<NotJudged>,
    /// False when a limit kept something from being read, or the check was finished with resources still
    /// unread: what was not read was not judged.
    pub complete: bool,
    /// False when an entry itself could not be read, so that nothing was judged under it.
    pub readable: bool,
}

impl Report {
    /// Findings that make the stream nonconformant.
    pub fn musts(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Must)
    }
}
