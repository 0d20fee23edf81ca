//! Every rule has a planted violation that it alone finds, at the place where it was planted.

mod dash;
mod fragments;
mod headers;
mod lists;
mod plant;
mod reading;
mod variants;

use std::collections::BTreeSet;

use conformance::{At, Finding, Options, RULES, Report};
use plant::{Plant, Where};

use crate::support::{BASE, Site, Spec};

fn all() -> Vec<Plant> {
    let mut all = reading::plants();
    all.extend(variants::plants());
    all.extend(lists::plants());
    all.extend(headers::plants());
    all.extend(fragments::plants());
    all.extend(dash::plants());
    all
}

fn listed(report: &Report) -> String {
    report.findings.iter().map(|finding| format!("{} {finding}\n", finding.resource)).collect()
}

#[test]
fn the_presentation_itself_has_no_findings() {
    let site = Site::of(&Spec::default());
    for entry in ["hls.m3u8", "dash.mpd", "video-720/index.m3u8", "video-720/iframes.m3u8"] {
        let report = site.check(entry, Options::default());
        assert_eq!(listed(&report), "", "{entry}");
        assert!(report.complete && report.readable && report.not_judged.is_empty(), "{entry}: {report:?}");
    }
}

#[test]
fn rules_and_plants_are_the_same_set() {
    let rules: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    let plants: Vec<&str> = all().iter().map(|plant| plant.rule).collect();
    let distinct = |ids: &[&'static str]| ids.iter().copied().collect::<BTreeSet<&str>>();
    assert_eq!(distinct(&rules), distinct(&plants), "a rule without a plant, or a plant without a rule");
    assert_eq!(distinct(&rules).len(), rules.len(), "a rule id stands twice");
}

#[test]
fn each_rule_alone_finds_its_plant() {
    let failures: Vec<String> = all().iter().filter_map(failure).collect();
    assert!(failures.is_empty(), "{} plants failed:\n{}", failures.len(), failures.join("\n"));
}

/// What is wrong with a plant, if anything.
fn failure(plant: &Plant) -> Option<String> {
    let (site, options) = plant.grow();
    let report = site.check(plant.entry, options);
    let found: BTreeSet<&str> = report.findings.iter().map(|finding| &*finding.rule).collect();
    if found != BTreeSet::from([plant.rule]) {
        return Some(format!("{}: found {found:?}\n{}", plant.rule, listed(&report)));
    }
    let wanted = format!("{BASE}{}", plant.resource);
    let at_place = |finding: &&Finding| finding.resource == wanted && is_at(&site, plant, finding.at);
    if !report.findings.iter().any(|finding| at_place(&finding)) {
        return Some(format!(
            "{}: no finding in {wanted} at {:?}\n{}",
            plant.rule,
            plant.at,
            listed(&report)
        ));
    }
    None
}

fn is_at(site: &Site, plant: &Plant, at: At) -> bool {
    match (plant.at, at) {
        (Where::Line(text), At::Line(line)) => {
            let lines = site.text(plant.resource).lines().nth(line as usize - 1);
            lines.is_some_and(|line| line.contains(text))
        }
        (Where::Box(kind), At::Byte(byte)) => {
            let bytes = &site.files[plant.resource].bytes;
            bytes[usize::try_from(byte).unwrap()..].get(4..8) == Some(&kind[..])
        }
        (Where::Byte(wanted), At::Byte(byte)) => wanted(site) == byte,
        (Where::Whole, At::Whole) => true,
        _ => false,
    }
}
