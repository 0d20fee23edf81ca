//! Findings: what a rule says about one place of one resource.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

/// How binding the clause behind a rule is (RFC 2119).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The stream does not conform; players may fail.
    Must,
    /// The stream conforms, but the specification recommends otherwise.
    Should,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Must => "must",
            Self::Should => "should",
        })
    }
}

/// Where in a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum At {
    /// A line of a playlist or MPD, from 1.
    Line(u32),
    /// A byte offset from the start of the file, of a box wherever one is meant.
    Byte(u64),
    /// The resource as a whole: something is missing, or it could not be read.
    Whole,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Byte(byte) => write!(f, "byte {byte}"),
            Self::Whole => f.write_str("whole"),
        }
    }
}

/// One violation of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Id of the rule, such as `HLS-MV-CODECS`.
    pub rule: Cow<'static, str>,
    /// The clause it comes from.
    pub clause: Cow<'static, str>,
    /// How binding it is.
    pub severity: Severity,
    /// Absolute URI of the resource.
    pub resource: String,
    /// Where in the resource.
    pub at: At,
    /// What is wrong, with the values that show it.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, clause, severity, at, message, .. } = self;
        write!(f, "{at}: {severity} {rule}: {message} ({clause})")
    }
}

/// Something a reader could not accept in the bytes of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub at: At,
    /// What.
    pub message: String,
}

/// Faults kept per resource; a hostile file cannot grow the list further.
const FAULTS_MAX: usize = 50;

/// The faults of one resource, bounded; those beyond the bound are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    kept: Vec<Fault>,
    dropped: u64,
}

impl Faults {
    /// Adds one, or counts it when the list is full.
    pub fn add(&mut self, at: At, message: impl Into<String>) {
        if self.kept.len() < FAULTS_MAX {
            self.kept.push(Fault { at, message: message.into() });
        } else {
            self.dropped += 1;
        }
    }

    /// The same for a line of text.
    pub fn line(&mut self, line: u32, message: impl Into<String>) {
        self.add(At::Line(line), message);
    }

    /// The same for a byte offset.
    pub fn byte(&mut self, byte: u64, message: impl Into<String>) {
        self.add(At::Byte(byte), message);
    }

    /// All that were kept and, when some were not, one that says how many.
    pub fn all(&self) -> impl Iterator<Item = Fault> + '_ {
        let rest = (self.dropped > 0).then(|| Fault {
            at: At::Whole,
            message: format!("{} more faults of this kind are not listed", self.dropped),
        });
        self.kept.iter().cloned().chain(rest)
    }

    /// Whether nothing was wrong.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_keeps_its_place_through_json() {
        let finding = Finding {
            rule: "CMAF-TFDT".into(),
            clause: "ISO/IEC 23000-19 7.5.16".into(),
            severity: Severity::Must,
            resource: "https://host/1.m4s".into(),
            at: At::Byte(24),
            message: "the track fragment has no tfdt".into(),
        };
        let json = serde_json::to_string(&finding).unwrap();
        assert!(json.contains(r#""severity":"must""#) && json.contains(r#""at":{"byte":24}"#), "{json}");
        assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), finding);
        assert_eq!(
            finding.to_string(),
            "byte 24: must CMAF-TFDT: the track fragment has no tfdt (ISO/IEC 23000-19 7.5.16)"
        );
    }

    #[test]
    fn faults_beyond_the_bound_are_counted_not_kept() {
        let mut faults = Faults::default();
        for line in 0..60 {
            faults.line(line, "bad");
        }
        let all: Vec<Fault> = faults.all().collect();
        assert_eq!(all.len(), FAULTS_MAX + 1);
        assert_eq!(all[FAULTS_MAX].message, "10 more faults of this kind are not listed");
    }
}
