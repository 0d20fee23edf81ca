//! What exists, as values, and the rules that need no database.

mod lifecycle;
mod text;

use std::{fmt, str::FromStr, time::Duration};

use base::{AssetId, BroadcastId, TenantId, Timestamp, UploadId};
use media::{Object, Plan, SegmentInfo, TrackInfo, TrackName, TrackRun, TrackTimeline, live::LiveObject};
use serde::{Deserialize, Serialize};

pub use base::Visibility;
pub use lifecycle::{IllegalStep, Lifecycle, State, Step};
pub use text::{METADATA_BYTES_MAX, NAME_CHARS_MAX, REASON_CHARS_MAX, TITLE_CHARS_MAX};
pub(crate) use text::{check_metadata, check_title, folded, printable, search_pattern, title_from_name};

/// How many findings of one version are kept; the more severe ones win.
pub const FINDINGS_MAX: usize = 200;

/// A film, a piece of music or a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset {
    /// Its identifier; unguessable.
    pub id: AssetId,
    /// Who owns it.
    pub tenant: TenantId,
    /// What people call it: 1 to [`TITLE_CHARS_MAX`] characters.
    pub title: String,
    /// Who may watch it.
    pub visibility: Visibility,
    /// Where it is on its way; see [`Lifecycle`] for the rules.
    pub state: State,
    /// Why it failed; only while it is failed.
    pub reason: Option<String>,
    /// The version that is being made, or was made last; from 1.
    pub version: u32,
    /// The version viewers get; `None` while nothing can be played.
    pub playing: Option<u32>,
    /// When it was made.
    pub created: Timestamp,
    /// When any of this last changed.
    pub updated: Timestamp,
    /// How long it plays, in microseconds; known once it is planned.
    pub duration_us: Option<u64>,
    /// The file it is made from.
    pub source: Source,
    /// What is made of it; see [`Asset::shown_version`].
    pub plan: Option<Plan>,
    /// What the gate found; see [`Asset::shown_version`].
    pub findings: Vec<Finding>,
    /// The attempt that made poster and thumbnails, once they exist; see [`Asset::shown_version`].
    pub images_attempt: Option<u32>,
    /// The broadcast that it is the recording of; `None` of what is made from a file.
    pub broadcast: Option<BroadcastId>,
    /// How many runs the longest track of a recording has; see [`Asset::shown_version`].
    pub runs: Option<u32>,
}

impl Asset {
    /// The version that plan, findings and images belong to: the playing one, else the newest.
    #[must_use]
    pub fn shown_version(&self) -> u32 {
        self.playing.unwrap_or(self.version)
    }

    /// Whether viewers can watch it.
    #[must_use]
    pub fn is_playable(&self) -> bool {
        self.playing.is_some()
    }

    /// Whether it is offered as DASH: whole, and without discontinuities.
    #[must_use]
    pub fn has_dash(&self) -> bool {
        self.state == State::Ready && self.runs.is_none_or(|runs| runs == 1)
    }

    /// Whether the upload is still open.
    #[must_use]
    pub fn is_uploading(&self) -> bool {
        self.state == State::Uploading
    }
}

/// The file an asset is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The upload that brought it; part of its object's name.
    pub upload: UploadId,
    /// The name it had, for people; may be empty.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// How many bytes are durable, as far as was reported; equals `bytes` once the upload is finished.
    pub received: u64,
    /// Whether the server itself fetches it; not once it is there.
    pub fetched: bool,
    /// SHA-256 in lower-case hexadecimal; known once it is probed.
    pub sha256: Option<String>,
}

/// What `create_upload` wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUpload {
    /// A title somebody chose; `None` takes one from `name`.
    pub title: Option<String>,
    /// The file's name; may be empty. What does not fit in [`NAME_CHARS_MAX`] printable characters is dropped.
    pub name: String,
    /// How many bytes will come; `None` leaves it to be said later.
    pub length: Option<u64>,
    /// Who may watch the asset.
    pub visibility: Visibility,
    /// The `Upload-Metadata` to be echoed, at most [`METADATA_BYTES_MAX`] bytes; may be empty.
    pub metadata: String,
    /// When the upload is given up unless more of it comes.
    pub expires: Timestamp,
}

/// A resumable upload. Holding one means that its tenant was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its identifier.
    pub id: UploadId,
    /// The asset that is made from it; `None` for a partial upload.
    pub asset: Option<AssetId>,
    /// Who owns both.
    pub tenant: TenantId,
    /// How many bytes it will have; `None` while the client has not said it.
    pub length: Option<u64>,
    /// How many bytes are durable, as far as was reported; the object store knows exactly.
    pub offset: u64,
    /// The `Upload-Metadata` it was made with.
    pub metadata: String,
    /// The `Upload-Concat` it was made with; `None` for an upload on its own.
    pub concat: Option<String>,
    /// Where the server fetches its bytes; `None` for what clients send, and once it is finished.
    pub fetch: Option<crate::Fetch>,
    /// When it is given up unless more of it comes.
    pub expires: Timestamp,
    /// When its last byte was durable and its asset went on to be made.
    pub finished: Option<Timestamp>,
}

/// What may be changed about an asset; `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetPatch {
    /// Another title, 1 to [`TITLE_CHARS_MAX`] characters.
    pub title: Option<String>,
    /// Another visibility.
    pub visibility: Option<Visibility>,
}

/// Which assets a list is to hold; `None` asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetFilter {
    /// Titles that contain this in any case, at most [`TITLE_CHARS_MAX`] characters.
    pub title: Option<String>,
    /// In this state; none is ever listed as [`State::Deleted`].
    pub state: Option<State>,
    /// With this visibility.
    pub visibility: Option<Visibility>,
    /// Made at this time or later.
    pub created_from: Option<Timestamp>,
    /// Made before this time.
    pub created_before: Option<Timestamp>,
}

/// How far the time in an identifier may be from the time in its row: both are read in one call.
const ID_CLOCK_SLACK: Duration = Duration::from_secs(60);
/// The last time an identifier can tell: its milliseconds have 48 bits.
const ID_TIME_MAX: Timestamp = Timestamp(((1 << 48) - 1) * 1_000);

impl AssetFilter {
    /// The end of the range of creation times, exclusive.
    pub(crate) fn created_until(&self) -> Timestamp {
        self.created_before.unwrap_or(Timestamp(i64::MAX))
    }

    /// The least identifier and the one that all are below, so that an index need not be walked outside the range
    /// of creation times.
    pub(crate) fn id_bounds(&self, before: &str) -> [String; 2] {
        let at = |at: Timestamp| AssetId::from((at.min(ID_TIME_MAX), [0; 10])).to_string();
        let low = self.created_from.map(|from| at(from - ID_CLOCK_SLACK)).unwrap_or_default();
        let high = self.created_before.map(|end| at(end + ID_CLOCK_SLACK));
        [low, high.filter(|high| high.as_str() < before).unwrap_or_else(|| before.to_owned())]
    }
}

/// A unit of making an asset; all of them together make a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Piece {
    /// A chunk of all rungs, by its place in [`Plan::chunks`].
    Chunk(u32),
    /// An audio rendition, by the number in its track's name.
    Audio(u32),
    /// Poster and thumbnails.
    Images,
}

impl Piece {
    /// Everything a plan asks for, in the order in which it is best made: sound first, because nothing plays
    /// without it, and images last, because everything plays without them.
    pub fn all(plan: &Plan) -> impl Iterator<Item = Self> + '_ {
        let audio = plan.audio.iter().filter_map(|audio| match audio.name {
            TrackName::Audio(number) => Some(Self::Audio(number)),
            TrackName::Video(_) | TrackName::Text(_) => None,
        });
        let chunks = (0..).zip(plan.chunks()).map(|(number, _)| Self::Chunk(number));
        audio.chain(chunks).chain(plan.images.iter().map(|_| Self::Images))
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chunk(number) => write!(f, "chunk-{number}"),
            Self::Audio(number) => write!(f, "audio-{number}"),
            Self::Images => f.write_str("images"),
        }
    }
}

impl TryFrom<String> for Piece {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Piece {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| digits.parse().map_err(|_| format!("{text:?} is no piece of work"));
        match text.split_once('-') {
            Some(("chunk", digits)) => number(digits).map(Self::Chunk),
            Some(("audio", digits)) => number(digits).map(Self::Audio),
            None if text == "images" => Ok(Self::Images),
            _ => Err(format!("{text:?} is no piece of work")),
        }
    }
}

/// A chunk of a track, as made by the attempt that won.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The track.
    pub track: TrackName,
    /// Which chunk; an audio track has one, number 0.
    pub chunk: u32,
    /// The job attempt whose number the objects carry.
    pub attempt: u32,
    /// What the track's header says: given with chunk 0, whose attempt also wrote the header, and only there.
    pub info: Option<TrackInfo>,
    /// The segments, consecutive, at least one.
    pub segments: Vec<SegmentInfo>,
    /// The run of a broadcast that it is; `None` of a chunk of a film.
    pub run: Option<TrackRun>,
}

/// How binding the clause behind a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It does not conform; the version is not published.
    Must,
    /// It conforms, but the specification recommends otherwise.
    Should,
}

impl Severity {
    /// The name shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
        }
    }
}

/// What the gate found, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's identifier.
    pub rule: String,
    /// The clause it comes from.
    pub clause: String,
    /// How binding it is.
    pub severity: Severity,
    /// Which resource and where in it, in words.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong.
    pub message: String,
}

/// The findings that are kept of `all`: the most severe, at most [`FINDINGS_MAX`].
pub(crate) fn kept_findings(mut all: Vec<Finding>) -> Vec<Finding> {
    all.sort_by_key(|finding| finding.severity);
    all.truncate(FINDINGS_MAX);
    all
}

/// What is left to do for a version after a piece was finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
    /// So many pieces.
    Pieces(u32),
    /// Nothing but to publish it, for which a job is queued.
    Publish,
}

/// How the gate decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The version is published.
    Passed,
    /// The version failed, because something in it does not conform.
    Refused,
}

/// Everything that playlists are written from.
#[derive(Clone, Debug, PartialEq)]
pub struct Playback {
    /// The asset; its plan is the playing version's.
    pub asset: Asset,
    /// The playing version.
    pub version: u32,
    /// Whether all of it is there.
    pub ended: bool,
    /// The tracks in playlist order, each with its segments from the first to the first gap.
    pub tracks: Vec<TrackTimeline>,
}

/// Whose object is served at an address, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Winner {
    /// The attempt whose number the object's key carries.
    pub attempt: u32,
    /// Who may watch the asset.
    pub visibility: Visibility,
    /// Who owns it.
    pub tenant: TenantId,
    /// The broadcast's object that it is, where the asset is a recording.
    pub live: Option<(BroadcastId, LiveObject)>,
}

impl Winner {
    /// Where the store keeps the object that is served at an address of `asset`; `None` of lists.
    #[must_use]
    pub fn key(&self, asset: &AssetId, object: Object) -> Option<String> {
        match &self.live {
            Some((broadcast, live)) => Some(live.blob_key(broadcast.as_str())),
            None => object.blob_key(asset.as_str(), self.attempt),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_round_trip(number: u32, which in 0usize..3) {
            let piece = [Piece::Chunk(number), Piece::Audio(number), Piece::Images][which];
            prop_assert_eq!(piece.to_string().parse::<Piece>(), Ok(piece));
        }

        #[test]
        fn no_text_panics(text in "(chunk|audio|images)?-?.{0,12}") {
            let _ = text.parse::<Piece>();
        }
    }

    #[test]
    fn the_most_severe_findings_are_kept() {
        let finding = |severity| Finding {
            rule: "R".to_owned(),
            clause: "1".to_owned(),
            severity,
            place: "line 1".to_owned(),
            message: "wrong".to_owned(),
        };
        let mut all = vec![finding(Severity::Should); FINDINGS_MAX];
        all.push(finding(Severity::Must));
        let kept = kept_findings(all);
        assert_eq!((kept.len(), kept[0].severity), (FINDINGS_MAX, Severity::Must));
    }
}
