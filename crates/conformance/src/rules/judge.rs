//! Where rules put what they find, bounded and without repetition.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use super::Rule;
use crate::{At, Finding, NotJudged};

/// Findings of one rule in one resource that are listed; the rest are counted.
const PER_RESOURCE_MAX: u64 = 10;
/// Findings of one rule that are listed; the rest are counted.
const PER_RULE_MAX: u64 = 100;

/// Takes the findings of one rule.
pub(crate) struct Judge<'a> {
    rule: &'a Rule,
    findings: Vec<Finding>,
    seen: BTreeSet<(String, At, String)>,
    by_resource: BTreeMap<String, u64>,
    unlisted: u64,
    not_judged: Vec<NotJudged>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(rule: &'a Rule) -> Self {
        Self {
            rule,
            findings: Vec::new(),
            seen: BTreeSet::new(),
            by_resource: BTreeMap::new(),
            unlisted: 0,
            not_judged: Vec::new(),
        }
    }

    /// A violation. The same one, met by two ways (HLS and DASH list the same files), counts once.
    pub fn find(&mut self, resource: &str, at: At, message: impl Into<String>) {
        let message = message.into();
        if !self.seen.insert((resource.to_owned(), at, message.clone())) {
            return;
        }
        let in_resource = self.by_resource.entry(resource.to_owned()).or_default();
        *in_resource += 1;
        if *in_resource > PER_RESOURCE_MAX || self.findings.len() as u64 >= PER_RULE_MAX {
            self.unlisted += 1;
            return;
        }
        self.findings.push(self.finding(resource, at, message));
    }

    pub fn line(&mut self, resource: &str, line: u32, message: impl Into<String>) {
        self.find(resource, At::Line(line), message);
    }

    pub fn byte(&mut self, resource: &str, byte: u64, message: impl Into<String>) {
        self.find(resource, At::Byte(byte), message);
    }

    pub fn whole(&mut self, resource: &str, message: impl Into<String>) {
        self.find(resource, At::Whole, message);
    }

    /// Violations that were met, but not kept.
    pub const fn not_kept(&mut self, count: u64) {
        self.unlisted += count;
    }

    /// The rule cannot be judged here.
    pub fn cannot(&mut self, resource: &str, reason: impl Into<String>) {
        let (rule, resource) = (self.rule.id.to_owned(), resource.to_owned());
        self.not_judged.push(NotJudged { rule, resource, reason: reason.into() });
    }

    fn finding(&self, resource: &str, at: At, message: String) -> Finding {
        Finding {
            rule: Cow::Borrowed(self.rule.id),
            clause: Cow::Borrowed(self.rule.clause),
            severity: self.rule.severity,
            resource: resource.to_owned(),
            at,
            message,
        }
    }

    pub(super) fn close(mut self, into: &mut super::Judged) {
        if let Some(last) = self.findings.last().filter(|_| self.unlisted > 0) {
            let message = format!("{} more findings of this rule are not listed", self.unlisted);
            let resource = last.resource.clone();
            let rest = self.finding(&resource, At::Whole, message);
            self.findings.push(rest);
        }
        into.findings.append(&mut self.findings);
        into.not_judged.append(&mut self.not_judged);
    }
}
