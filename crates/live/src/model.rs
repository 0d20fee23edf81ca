//! What exists, as values, and the rules that need no database.

mod secret;
mod state;

use base::{AssetId, BroadcastId, ChannelId, TenantId, Timestamp, Visibility, text_enum};
use settings::Secret;

pub use secret::MasterKey;
pub(crate) use secret::{KEY_BYTES, KeyHash, NONCE_BYTES, Presented, write_key};
pub use state::{IllegalStep, State, Step};

use crate::{LiveError, Result};

/// The longest name of a channel, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// The longest window that viewers may go back within, in seconds: a week. The whole broadcast has no such bound.
pub const DVR_SECONDS_MAX: u32 = 7 * 24 * 3600;
/// How far viewers may go back unless a channel says otherwise, in seconds.
pub const DVR_SECONDS_DEFAULT: u32 = 2 * 3600;
/// Rungs that a channel may ask for besides the source.
pub const RUNGS_MAX: usize = 6;
/// The lowest rung, in lines.
pub const RUNG_HEIGHT_MIN: u32 = 90;
/// The highest rung, in lines.
pub const RUNG_HEIGHT_MAX: u32 = 2_160;
/// The longest name of an encoder that is kept, in characters.
pub const ENCODER_CHARS_MAX: usize = 200;
/// The longest reason in words that is kept, in characters.
pub const DETAIL_CHARS_MAX: usize = 500;

text_enum! {
    /// By what a publisher comes.
    Protocol {
        /// RTMP or RTMPS.
        Rtmp = "rtmp",
        /// SRT.
        Srt = "srt",
        /// WHIP (RFC 9725).
        Whip = "whip",
    }
}

text_enum! {
    /// Why a broadcast ended.
    EndReason {
        /// Its publisher said that it is over.
        Stopped = "stopped",
        /// Its publisher went away and did not come back in time.
        Lost = "lost",
        /// Somebody who may ended it.
        Kicked = "kicked",
        /// The channel got another key.
        KeyRotated = "key-rotated",
        /// The channel was deleted.
        ChannelDeleted = "channel-deleted",
        /// What the publisher sent cannot be broadcast.
        BadMedia = "bad-media",
        /// It had more than the bitrate that its tenant's streams may have.
        TooFast = "too-fast",
        /// The server could not go on.
        Failed = "failed",
    }
}

/// What is made of a channel's source besides the source itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ladder {
    /// The rungs of the server's settings that are below the source.
    #[default]
    Auto,
    /// Rungs of these heights in lines, highest first, of which those below the source are made; none for the source
    /// alone.
    Rungs(Vec<u32>),
}

/// How far viewers may go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dvr {
    /// So many seconds, 0 to [`DVR_SECONDS_MAX`].
    Window(u32),
    /// To the beginning of the broadcast.
    WholeEvent,
}

impl Default for Dvr {
    fn default() -> Self {
        Self::Window(DVR_SECONDS_DEFAULT)
    }
}

impl Dvr {
    /// In seconds; `None` for the whole broadcast.
    #[must_use]
    pub const fn seconds(self) -> Option<u32> {
        match self {
            Self::Window(seconds) => Some(seconds),
            Self::WholeEvent => None,
        }
    }

    /// From seconds; `None` is the whole broadcast.
    #[must_use]
    pub const fn from_seconds(seconds: Option<u32>) -> Self {
        match seconds {
            Some(seconds) => Self::Window(seconds),
            None => Self::WholeEvent,
        }
    }
}

/// What may be chosen about a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// What people call it: 1 to [`NAME_CHARS_MAX`] characters.
    pub name: String,
    /// Who may watch it.
    pub visibility: Visibility,
    /// What is made of its source.
    pub ladder: Ladder,
    /// How far viewers may go back.
    pub dvr: Dvr,
    /// Whether broadcasts are kept as assets.
    pub recording: bool,
    /// Who is asked whether a publisher may come in; `None` asks nobody.
    pub admission_url: Option<String>,
}

impl Choices {
    /// What a channel of this name is unless more is chosen: unlisted, recorded, two hours to go back.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            visibility: Visibility::default(),
            ladder: Ladder::default(),
            dvr: Dvr::default(),
            recording: true,
            admission_url: None,
        }
    }

    /// The same with what a patch changes.
    #[must_use]
    pub fn patched(self, patch: ChannelPatch) -> Self {
        Self {
            name: patch.name.unwrap_or(self.name),
            visibility: patch.visibility.unwrap_or(self.visibility),
            ladder: patch.ladder.unwrap_or(self.ladder),
            dvr: patch.dvr.unwrap_or(self.dvr),
            recording: patch.recording.unwrap_or(self.recording),
            admission_url: patch.admission_url.unwrap_or(self.admission_url),
        }
    }

    /// Checks everything and brings it into its stored form; `plain` also takes an address without TLS.
    ///
    /// # Errors
    /// [`LiveError::Invalid`], which names the first field that is out of range.
    pub(crate) fn checked(self, plain: bool) -> Result<Self> {
        Ok(Self {
            name: check_name(&self.name)?,
            ladder: check_ladder(self.ladder)?,
            dvr: check_dvr(self.dvr)?,
            admission_url: self.admission_url.map(|url| check_url(&url, plain)).transpose()?,
            ..self
        })
    }
}

/// What is to change about a channel; `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelPatch {
    /// Another name.
    pub name: Option<String>,
    /// Another visibility.
    pub visibility: Option<Visibility>,
    /// Another ladder, from the next broadcast on.
    pub ladder: Option<Ladder>,
    /// Another window.
    pub dvr: Option<Dvr>,
    /// Whether broadcasts are kept, from the next one on.
    pub recording: Option<bool>,
    /// Another address to ask, or none any more.
    pub admission_url: Option<Option<String>>,
}

/// Where somebody broadcasts, again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its identifier; unguessable.
    pub id: ChannelId,
    /// Who owns it.
    pub tenant: TenantId,
    /// What was chosen.
    pub choices: Choices,
    /// Where it is; see [`State`] for the rules.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// When its present key was made.
    pub keyed: Timestamp,
    /// When it was made.
    pub created: Timestamp,
    /// When its choices or its key last changed.
    pub updated: Timestamp,
}

/// A channel whose secrets have just been made. The only time they are known.
#[derive(Clone, Debug)]
pub struct Revealed {
    /// The channel.
    pub channel: Channel,
    /// The stream key, for RTMP and WHIP.
    pub key: Secret,
    /// The passphrase, for SRT.
    pub passphrase: Secret,
}

/// Why and when a broadcast ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: EndReason,
    /// The rest, in words a creator understands; may be empty.
    pub detail: String,
}

/// What a channel sent from one publisher's coming to its end, reconnections included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broadcast {
    /// Its identifier.
    pub id: BroadcastId,
    /// The channel.
    pub channel: ChannelId,
    /// Who owns it.
    pub tenant: TenantId,
    /// By what its publisher came last.
    pub protocol: Protocol,
    /// What the publisher says it is; may be empty.
    pub encoder: String,
    /// When its publisher was let in.
    pub started: Timestamp,
    /// When its first media were there; `None` before.
    pub live: Option<Timestamp>,
    /// How it ended; `None` while it is open.
    pub ended: Option<End>,
    /// The recording.
    pub asset: Option<AssetId>,
    /// How often it was taken: the fencing number of its present holder, from 1.
    pub term: u32,
}

/// Who publishes, as the ingest side knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publisher {
    /// By what it comes.
    pub protocol: Protocol,
    /// What it says it is; what does not fit in [`ENCODER_CHARS_MAX`] printable characters is dropped.
    pub encoder: String,
}

fn invalid(field: &'static str, problem: impl Into<String>) -> LiveError {
    LiveError::Invalid { field, problem: problem.into() }
}

fn check_name(name: &str) -> Result<String> {
    let name = name.trim();
    let fits = (1..=NAME_CHARS_MAX).contains(&name.chars().count());
    if fits && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    Err(invalid("name", format!("1 to {NAME_CHARS_MAX} characters without control characters are expected")))
}

/// Once each and highest first. Encoders of 4:2:0 pictures take even heights only.
fn check_ladder(ladder: Ladder) -> Result<Ladder> {
    let Ladder::Rungs(mut rungs) = ladder else { return Ok(ladder) };
    let fits = |rung: &u32| (RUNG_HEIGHT_MIN..=RUNG_HEIGHT_MAX).contains(rung) && rung.is_multiple_of(2);
    if rungs.len() > RUNGS_MAX || !rungs.iter().all(fits) {
        let range = format!("{RUNG_HEIGHT_MIN} to {RUNG_HEIGHT_MAX}");
        return Err(invalid(
            "rungs",
            format!("at most {RUNGS_MAX} even heights of {range} lines are expected"),
        ));
    }
    rungs.sort_unstable_by(|a, b| b.cmp(a));
    rungs.dedup();
    Ok(Ladder::Rungs(rungs))
}

fn check_dvr(dvr: Dvr) -> Result<Dvr> {
    match dvr {
        Dvr::Window(seconds) if seconds > DVR_SECONDS_MAX => {
            Err(invalid("dvr_seconds", format!("0 to {DVR_SECONDS_MAX}, or null for the whole broadcast")))
        }
        fitting => Ok(fitting),
    }
}

fn check_url(url: &str, plain: bool) -> Result<String> {
    events::webhooks::check_url(url, plain).map_err(|error| match error {
        events::EventsError::Invalid { problem, .. } => invalid("admission_url", problem),
        other => other.into(),
    })
}

/// `text` as one line: control characters dropped, cut to `chars_max` characters, surrounding spaces dropped.
pub(crate) fn printable(text: &str, chars_max: usize) -> String {
    let kept: String = text.chars().filter(|c| !c.is_control()).take(chars_max).collect();
    kept.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Choices)) -> &'static str {
        let mut choices = Choices::named("studio");
        change(&mut choices);
        match choices.checked(false).expect_err("out of range") {
            LiveError::Invalid { field, .. } => field,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn each_choice_out_of_range_is_named() {
        assert_eq!(refused(|c| c.name = "  ".to_owned()), "name");
        assert_eq!(refused(|c| c.name = "a\0".to_owned()), "name");
        assert_eq!(refused(|c| c.name = "é".repeat(NAME_CHARS_MAX + 1)), "name");
        assert_eq!(refused(|c| c.ladder = Ladder::Rungs(vec![361])), "rungs");
        assert_eq!(refused(|c| c.ladder = Ladder::Rungs(vec![88])), "rungs");
        assert_eq!(refused(|c| c.ladder = Ladder::Rungs(vec![2_162])), "rungs");
        assert_eq!(refused(|c| c.ladder = Ladder::Rungs(vec![360; RUNGS_MAX + 1])), "rungs");
        assert_eq!(refused(|c| c.dvr = Dvr::Window(DVR_SECONDS_MAX + 1)), "dvr_seconds");
        for url in ["x", "http://a.example/", "https://u:p@a.example/", "https://a.example/#b"] {
            assert_eq!(refused(|c| c.admission_url = Some(url.to_owned())), "admission_url", "{url}");
        }
    }

    #[test]
    fn what_fits_is_brought_into_one_form() {
        let choices = Choices {
            name: " A studio ".to_owned(),
            ladder: Ladder::Rungs(vec![360, 720, 360]),
            dvr: Dvr::WholeEvent,
            admission_url: Some("http://127.0.0.1:9/ask".to_owned()),
            ..Choices::named("")
        };
        let checked = choices.checked(true).expect("fits");
        assert_eq!((checked.name.as_str(), checked.ladder), ("A studio", Ladder::Rungs(vec![720, 360])));
        assert_eq!(checked.dvr.seconds(), None);
    }

    #[test]
    fn a_patch_changes_what_it_names_and_nothing_else() {
        let before = Choices { admission_url: Some("https://a.example/".to_owned()), ..Choices::named("a") };
        assert_eq!(before.clone().patched(ChannelPatch::default()), before);
        let patch = ChannelPatch {
            dvr: Some(Dvr::from_seconds(None)),
            admission_url: Some(None),
            ..ChannelPatch::default()
        };
        let expected = Choices { dvr: Dvr::WholeEvent, admission_url: None, ..before.clone() };
        assert_eq!(before.patched(patch), expected);
    }

    #[test]
    fn stored_names_read_back() {
        for reason in
            ["stopped", "lost", "kicked", "key-rotated", "channel-deleted", "bad-media", "too-fast", "failed"]
        {
            assert_eq!(reason.parse::<EndReason>().map(EndReason::as_str), Ok(reason));
        }
        for protocol in [Protocol::Rtmp, Protocol::Srt, Protocol::Whip] {
            assert_eq!(protocol.as_str().parse(), Ok(protocol));
        }
    }
}
