//! Where findings go, bounded.

use std::{borrow::Cow, collections::BTreeMap};

use super::rules::{LIVE_RULES, Of};
use crate::{At, Finding};

/// Findings of one rule that are listed; the rest are counted.
const PER_RULE_MAX: u64 = 50;

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    findings: Vec<Finding>,
    counts: BTreeMap<Of, u64>,
}

impl Ledger {
    /// A violation of a rule.
    pub fn find(&mut self, of: Of, resource: &str, at: At, message: impl Into<String>) {
        let count = self.counts.entry(of).or_default();
        *count += 1;
        if *count <= PER_RULE_MAX {
            self.findings.push(finding(of, resource, at, message.into()));
        }
    }

    pub fn whole(&mut self, of: Of, resource: &str, message: impl Into<String>) {
        self.find(of, resource, At::Whole, message);
    }

    pub fn line(&mut self, of: Of, resource: &str, line: u32, message: impl Into<String>) {
        self.find(of, resource, At::Line(line), message);
    }

    /// The findings that are kept, and one for each rule of which some are not.
    pub fn all(&self) -> Vec<Finding> {
        let mut all = self.findings.clone();
        for (of, count) in self.counts.iter().filter(|(_, count)| **count > PER_RULE_MAX) {
            let message = format!("{} more findings of this rule are not listed", count - PER_RULE_MAX);
            all.push(finding(*of, "", At::Whole, message));
        }
        all
    }
}

fn finding(of: Of, resource: &str, at: At, message: String) -> Finding {
    let rule = &LIVE_RULES[of as usize];
    Finding {
        rule: Cow::Borrowed(rule.id),
        clause: Cow::Borrowed(rule.clause),
        severity: rule.severity,
        resource: resource.to_owned(),
        at,
        message,
    }
}
