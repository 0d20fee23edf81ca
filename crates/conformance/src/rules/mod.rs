//! The rules, and how they are judged.
//!
//! A rule is a pure function over what was read ([`Presentation`]). Adding one: write it beside its kind, put
//! it into the table, plant a violation that it alone finds in `tests/plants`, and regenerate the table in
//! docs/CONFORMANCE.md; a test fails for each that is forgotten.

mod cmaf_fragments;
mod cmaf_headers;
mod cmaf_switching;
mod cmaf_tracks;
mod dash;
mod delivery;
mod i_frames;
mod judge;
mod media_lists;
mod rates;
mod reading;
mod renditions;
mod renditions_aligned;
mod table;
mod variants;

use std::fmt;

use judge::Judge;
pub use table::RULES;

use crate::{Finding, NotJudged, Severity, presentation::Presentation};

/// One requirement of a specification, and the function that looks for its violations.
pub struct Rule {
    /// Id, such as `HLS-MV-CODECS`. Never reused for another meaning: findings are stored with it.
    pub id: &'static str,
    /// Where the requirement stands.
    pub clause: &'static str,
    /// How binding it is.
    pub severity: Severity,
    /// What must hold, in one line.
    pub title: &'static str,
    check: fn(&Presentation, &mut Judge<'_>),
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.id, self.severity, self.clause)
    }
}

/// What all rules together found.
#[derive(Default)]
pub(crate) struct Judged {
    pub findings: Vec<Finding>,
    pub not_judged: Vec<NotJudged>,
}

/// Judges everything that was read; findings come by resource and place.
pub(crate) fn judge(shown: &Presentation) -> Judged {
    let mut judged = Judged::default();
    for rule in RULES {
        let mut judge = Judge::new(rule);
        (rule.check)(shown, &mut judge);
        judge.close(&mut judged);
    }
    judged.findings.sort_by(|a, b| (&a.resource, a.at, &a.rule).cmp(&(&b.resource, b.at, &b.rule)));
    judged
}
