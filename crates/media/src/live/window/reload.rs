//! What a request gets (draft-pantos-hls-rfc8216bis-22 sections 6.2.5 and 6.2.6).

use super::{LiveFile, LiveList, Moment, Variant};

/// The delivery directives of a request for a list. Others that begin with `_HLS_`, other parameters and the
/// order of all do not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    msn: Option<Directive>,
    part: Option<Directive>,
    skip: Option<Variant>,
    arrived: Moment,
}

/// The value of a directive: a decimal integer (section 4.2), or what is none.
type Directive = Result<u64, Malformed>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Malformed;

/// A place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Media sequence number.
    pub msn: u64,
    /// Part index; `None` for the whole segment.
    pub part: Option<u64>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// `_HLS_msn` or `_HLS_part` is no decimal integer up to 2^64 - 1, or is there twice. A bad request.
    #[error("_HLS_msn and _HLS_part are decimal integers, each at most once")]
    Malformed,
    /// `_HLS_part` without `_HLS_msn`. A bad request.
    #[error("_HLS_part needs _HLS_msn")]
    PartAlone,
    /// More than two segments, or more parts than the advance limit, ahead of the list. A bad request.
    #[error("the list is not that far yet")]
    TooFar,
    /// What was waited for did not come within three target durations. The service is unavailable.
    #[error("nothing came in time")]
    TimedOut,
    /// The file is not there, and is not the one that comes next. Not found.
    #[error("there is no such file")]
    NotFound,
}

/// What a request for a list gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The text in this form.
    Now(Variant),
    /// Nothing yet: ask the next list, or this one again at `deadline`.
    Wait {
        /// What the list must hold; requests of the same place wait for the same list.
        until: Position,
        /// When waiting ends.
        deadline: Moment,
    },
    /// An error.
    Refuse(Refusal),
}

/// What a request for a file gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// The file, whole.
    Ready,
    /// Nothing yet: ask the next list, or this one again at `deadline`.
    Wait {
        /// When waiting ends.
        deadline: Moment,
    },
    /// An error.
    Refuse(Refusal),
}

impl Reload {
    /// Reads the query of a request that arrived then; a query that asks for nothing is empty.
    #[must_use]
    pub fn parse(query: &str, arrived: Moment) -> Self {
        let mut reload = Self { msn: None, part: None, skip: None, arrived };
        for pair in query.split('&') {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("_HLS_msn", value) => read(&mut reload.msn, value),
                ("_HLS_part", value) => read(&mut reload.part, value),
                ("_HLS_skip", "YES") => reload.skip = Some(Variant::Delta),
                ("_HLS_skip", "v2") => reload.skip = Some(Variant::DeltaOfDateRanges),
                _ => {}
            }
        }
        reload
    }

    /// A query that asks for the same, in the one spelling that caches may know it by: the directives in this order,
    /// each at most once, and nothing else. A value that is malformed stays so, because a list that has ended does
    /// not look at it.
    #[must_use]
    pub fn canonical(&self) -> String {
        let number = |name: &str, directive: Option<Directive>| {
            let value =
                |value: Directive| value.map_or_else(|Malformed| String::new(), |value| value.to_string());
            directive.map(|directive| format!("{name}={}", value(directive)))
        };
        let skip = match self.skip {
            Some(Variant::Delta) => Some("_HLS_skip=YES".to_owned()),
            Some(Variant::DeltaOfDateRanges) => Some("_HLS_skip=v2".to_owned()),
            Some(Variant::Full) | None => None,
        };
        let said = [number("_HLS_msn", self.msn), number("_HLS_part", self.part), skip];
        said.into_iter().flatten().collect::<Vec<_>>().join("&")
    }

    /// Whether a place in the list is asked for, well or badly.
    #[must_use]
    pub const fn names_place(&self) -> bool {
        self.msn.is_some()
    }

    /// What is asked for; `None` when it is the list as it stands.
    fn position(&self) -> Result<Option<Position>, Refusal> {
        let part = self.part.transpose().map_err(|Malformed| Refusal::Malformed)?;
        match self.msn.transpose().map_err(|Malformed| Refusal::Malformed)? {
            Some(msn) => Ok(Some(Position { msn, part })),
            None if part.is_some() => Err(Refusal::PartAlone),
            None => Ok(None),
        }
    }
}

/// Two values may differ, so a second one is malformed.
fn read(directive: &mut Option<Directive>, value: &str) {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|_| digits && directive.is_none());
    *directive = Some(number.ok_or(Malformed));
}

impl LiveList {
    /// What the request gets at `now`. One that waits never gets `TooFar` from a later list.
    #[must_use]
    pub fn reload(&self, reload: &Reload, now: Moment) -> Answer {
        let text = Answer::Now(self.variant(reload.skip.unwrap_or(Variant::Full)));
        if self.ended() {
            return text;
        }
        let asked = match reload.position() {
            Ok(asked) => asked,
            Err(refusal) => return Answer::Refuse(refusal),
        };
        match asked.map_or(self.first_missing(), |asked| self.missing(asked)) {
            None => text,
            Some(until) if self.is_too_far(until) => Answer::Refuse(Refusal::TooFar),
            Some(until) => {
                let deadline = self.deadline(reload.arrived);
                if now < deadline {
                    Answer::Wait { until, deadline }
                } else {
                    Answer::Refuse(Refusal::TimedOut)
                }
            }
        }
    }

    /// What a request for a file that arrived then gets at `now`. A header is there before it is hinted; a part
    /// is waited for when it is the hinted one.
    #[must_use]
    pub fn fetch(&self, file: LiveFile, arrived: Moment, now: Moment) -> Fetch {
        let edge = &self.edge;
        let there = match file {
            LiveFile::Init(k) => self.holdings.inits.contains(&k) || k == edge.open_init,
            LiveFile::Segment(msn) => self.holdings.has_segment(msn),
            LiveFile::Part(msn, part) if msn == edge.open => part < edge.open_parts && !edge.open_gap,
            LiveFile::Part(msn, part) => self.holdings.has_part(msn, part),
        };
        let hinted = !edge.ended && file == LiveFile::Part(edge.open, edge.open_parts);
        let deadline = self.deadline(arrived);
        match (there, hinted) {
            (true, _) => Fetch::Ready,
            (false, true) if now < deadline => Fetch::Wait { deadline },
            (false, true) => Fetch::Refuse(Refusal::TimedOut),
            (false, false) => Fetch::Refuse(Refusal::NotFound),
        }
    }

    fn deadline(&self, arrived: Moment) -> Moment {
        arrived.plus(self.edge.patience_us)
    }

    /// Players fail on a list without a whole segment (hls.js too, though it lists parts), so even who asks for no
    /// place waits for the first.
    fn first_missing(&self) -> Option<Position> {
        self.edge.last_parts.is_none().then_some(Position { msn: self.edge.open, part: None })
    }

    /// What the list lacks of what is asked for: a part beyond the last of a whole segment is part 0 of the
    /// next (section 6.2.5.2), and what was there before the list's first segment is no reason to wait.
    fn missing(&self, asked: Position) -> Option<Position> {
        let edge = &self.edge;
        let Some(part) = asked.part else {
            return (asked.msn >= edge.open).then_some(asked);
        };
        let is_last = edge.last_parts.is_some() && asked.msn.checked_add(1) == Some(edge.open);
        let beyond = is_last && edge.last_parts.is_some_and(|parts| part >= u64::from(parts));
        let meant = if beyond { Position { msn: edge.open, part: Some(0) } } else { asked };
        let part = meant.part.unwrap_or(part);
        let there = meant.msn < edge.open || (meant.msn == edge.open && part < u64::from(edge.open_parts));
        (!there).then_some(meant)
    }

    /// More than two segments after the last whole one, or more parts after the last than the limit, counting as
    /// few in between as there can be.
    fn is_too_far(&self, missing: Position) -> bool {
        let edge = &self.edge;
        let ahead = missing.msn.saturating_sub(edge.open);
        let before = if ahead == 0 { u64::from(edge.open_parts) } else { 0 };
        let parts = missing.part.map_or(0, |part| part.saturating_add(1).saturating_sub(before));
        ahead > 1 || parts > edge.advance
    }
}
