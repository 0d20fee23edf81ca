//! The gate: the conformance rules over what viewers would get.

use blob::{BlobError, Key, Store};
use bytes::Bytes;
use catalogue::{Catalogue, Finding, Severity};
use conformance::{Check, Failure, Fetch};
use media::{Object, Presentation, TrackTimeline};

use crate::error::Trouble;

/// An address that only the gate uses; what it names are the paths below it.
const BASE: &str = "nexus://gate";

/// Rules that what was broadcast meets or does not: several bit rates, regular key frames, tracks that end together
/// where an encoder broke off, and I-frame lists, for which a recording's rows do not suffice. A recording that breaks one is published, and its findings say so; nothing but
/// encoding it again would help.
const AS_SENT: [&str; 5] =
    ["HLS-MV-RATES", "HLS-MV-IFRAMES", "HLS-MV-INDEPENDENT", "HLS-ML-DISCONTINUITY", "CMAF-SYNC"];

/// Everything a version consists of.
pub(crate) struct Candidate<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) store: &'a Store,
    pub(crate) asset: &'a base::AssetId,
    pub(crate) presentation: Presentation,
}

/// Judges a version whose tracks are all made.
pub(crate) async fn judge(candidate: &Candidate<'_>) -> Result<Vec<Finding>, Trouble> {
    let entry = |object: Object| format!("{BASE}{}", object.path(candidate.asset.as_str()));
    let wrong = |_| Trouble::Internal("the gate's own address is refused");
    let mut check = Check::new(&entry(Object::Multivariant)).map_err(wrong)?;
    if candidate.presentation.has_mpd() {
        check.add_entry(&entry(Object::Mpd)).map_err(wrong)?;
    }
    while let Some(fetch) = check.next_fetch() {
        match candidate.read(&fetch).await? {
            Some(bytes) => check.feed(&fetch, &bytes, None),
            None => check.fail(&fetch, Failure::Unreadable("there is no such object".into())),
        }
    }
    let report = check.finish();
    if !report.complete {
        return Err(Trouble::Internal("a limit kept the gate from judging all of the version"));
    }
    let recorded = candidate.presentation.tracks().iter().any(TrackTimeline::is_recorded);
    let findings = report.findings.iter().map(finding);
    Ok(if recorded { findings.map(as_sent).collect() } else { findings.collect() })
}

/// A finding about a recording.
fn as_sent(found: Finding) -> Finding {
    if AS_SENT.contains(&&*found.rule) { Finding { severity: Severity::Should, ..found } } else { found }
}

fn finding(found: &conformance::Finding) -> Finding {
    Finding {
        rule: found.rule.to_string(),
        clause: found.clause.to_string(),
        severity: match found.severity {
            conformance::Severity::Must => Severity::Must,
            conformance::Severity::Should => Severity::Should,
        },
        place: format!("{}, {}", found.resource.trim_start_matches(BASE), found.at),
        message: found.message.clone(),
    }
}

impl Candidate<'_> {
    /// The bytes a viewer would get; `None` where there are none. A store that fails is no finding.
    async fn read(&self, fetch: &Fetch) -> Result<Option<Bytes>, Trouble> {
        let path = fetch.uri().trim_start_matches(BASE);
        let Ok((_, object)) = Object::parse(path) else { return Ok(None) };
        if let Some(text) = self.presentation.list(object) {
            return Ok(Some(text.into()));
        }
        let Some(key) = self.key(object).await? else { return Ok(None) };
        let (offset, len) =
            fetch.range().map_or((0, fetch.max_bytes), |range| (range.start, range.end - range.start));
        match self.store.get_range(&key, offset, len).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(BlobError::NotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn key(&self, object: Object) -> Result<Option<Key>, Trouble> {
        let winner = match object {
            Object::Init { version, track } | Object::Captions { version, track } => {
                self.catalogue.init_attempt(self.asset, version, track).await?
            }
            Object::RunInit { version, track, number } => {
                self.catalogue.run_init(self.asset, version, track, number).await?
            }
            Object::Segment { version, track, seq } => {
                self.catalogue.segment_attempt(self.asset, version, track, seq).await?
            }
            _ => None,
        };
        let key = winner.and_then(|winner| winner.key(self.asset, object));
        Ok(key.map(Key::new).transpose()?)
    }
}

/// A version's tracks as viewers would get them once it is published.
pub(crate) fn presentation(
    version: u32,
    plan: &media::Plan,
    tracks: Vec<TrackTimeline>,
) -> Result<Presentation, Trouble> {
    Ok(Presentation::new(version, plan.segment, true, tracks)?)
}
