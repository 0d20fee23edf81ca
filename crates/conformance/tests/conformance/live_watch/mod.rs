//! The rules over live sessions: a clean one of our own output has no finding, and each rule finds its plant.

mod plants;
mod session;

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use conformance::{
    Finding,
    live::{Allowance, Exchange, LIVE_RULES, Watch},
};
use plants::Plant;

fn watched(exchanges: &[Exchange]) -> Vec<Finding> {
    let mut watch = Watch::new(Allowance::default());
    exchanges.iter().for_each(|exchange| watch.take(exchange));
    watch.finish()
}

fn listed(findings: &[Finding]) -> String {
    findings.iter().take(12).map(|finding| format!("  {} {finding}\n", finding.resource)).collect()
}

#[test]
fn our_own_output_has_no_finding_and_is_no_empty_session() {
    let session = session::clean();
    assert_eq!(listed(&watched(&session)), "");
    let mut watch = Watch::new(Allowance::default());
    session.iter().for_each(|exchange| watch.take(exchange));
    let seen = watch.watched();
    let counts = [
        seen.lists,
        seen.deltas,
        seen.blocked,
        seen.parts,
        seen.hinted,
        seen.segments,
        seen.headers,
        seen.refused,
    ];
    let least = [300, 100, 400, 300, 250, 90, 3, 200];
    assert!(counts.iter().zip(least).all(|(count, least)| *count >= least), "{seen:?}");
}

#[test]
fn live_rules_and_plants_are_the_same_set() {
    let rules: Vec<&str> = LIVE_RULES.iter().map(|rule| rule.id).collect();
    let plants: Vec<&str> = plants::all().iter().map(|plant| plant.rule).collect();
    let distinct = |ids: &[&'static str]| ids.iter().copied().collect::<BTreeSet<&str>>();
    assert_eq!(distinct(&rules), distinct(&plants), "a rule without a plant, or a plant without a rule");
    assert_eq!(distinct(&rules).len(), rules.len(), "a rule id stands twice");
}

#[test]
fn each_live_rule_finds_its_plant() {
    let clean = session::clean();
    let failures: Vec<String> = plants::all().iter().filter_map(|plant| failure(plant, &clean)).collect();
    assert!(failures.is_empty(), "{} plants failed:\n{}", failures.len(), failures.join("\n"));
}

/// What is wrong with a plant: it has no place in the session, its rule does not find it, or others do that it is no
/// violation of.
fn failure(plant: &Plant, clean: &[Exchange]) -> Option<String> {
    let mut exchanges = clean.to_vec();
    // One that does not grow must not hide the others.
    if catch_unwind(AssertUnwindSafe(|| (plant.grow)(&mut exchanges))).is_err() {
        return Some(format!("{}: has no place in the session", plant.rule));
    }
    exchanges.sort_by_key(|exchange| exchange.finished_us);
    let findings = watched(&exchanges);
    let found: BTreeSet<&str> = findings.iter().map(|finding| &*finding.rule).collect();
    let fits = found.iter().all(|id| *id == plant.rule || plant.with.contains(id));
    (!fits || !found.contains(plant.rule))
        .then(|| format!("{}: found {found:?}\n{}", plant.rule, listed(&findings)))
}
