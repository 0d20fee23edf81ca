//! What became of the mutants.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::Value;

use super::mutate::{HOWS, How, Mutant};

/// Reasons that blame the server, which no file may bring about.
const OUR_FAULT: &str = "fault in the server";

#[derive(Default)]
pub struct Tally {
    outcomes: BTreeMap<String, u64>,
    films: BTreeMap<&'static str, (u64, u64)>,
    hows: BTreeSet<How>,
    without_reason: Vec<String>,
    ours: Vec<String>,
}

/// A reason without the numbers and names that differ from file to file.
fn kind(reason: &str) -> String {
    let spared = |character: char| if character.is_ascii_digit() { '#' } else { character };
    let text: String = reason.chars().map(spared).collect();
    let words: Vec<&str> = text.split(' ').map(|word| if word.contains('#') { "#" } else { word }).collect();
    words.join(" ")
}

impl Tally {
    pub fn count(&mut self, mutant: &Mutant, asset: &Value) {
        let ready = asset["state"] == "ready";
        let reason = asset["reason"].as_str().unwrap_or_default();
        let outcome = if ready { "made into a film".to_owned() } else { kind(reason) };
        *self.outcomes.entry(outcome).or_default() += 1;
        let film = self.films.entry(mutant.film).or_default();
        film.0 += 1;
        film.1 += u64::from(ready);
        self.hows.extend(&mutant.how);
        if !ready && reason.len() < 10 {
            self.without_reason.push(format!("{mutant:?}: {asset}"));
        }
        if reason.contains(OUR_FAULT) {
            self.ours.push(format!("{mutant:?}: {reason}"));
        }
    }

    /// # Panics
    /// When one is missing, has no reason, or blames the server; when many were not mutated in every way.
    pub fn check(&self, count: u64) {
        assert_eq!(self.outcomes.values().sum::<u64>(), count);
        assert!(self.without_reason.is_empty(), "{:#?}", self.without_reason);
        assert!(self.ours.is_empty(), "{:#?}", self.ours);
        let every = HOWS.len() as u64 * 9;
        assert!(count < every || self.hows.len() == HOWS.len(), "{:?}", self.hows);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| outcome | films |\n| --- | --- |")?;
        let mut outcomes: Vec<_> = self.outcomes.iter().collect();
        outcomes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (outcome, count) in outcomes {
            writeln!(f, "| {outcome} | {count} |")?;
        }
        writeln!(f, "\n| mutants of | films | made |\n| --- | --- | --- |")?;
        for (film, (count, ready)) in &self.films {
            writeln!(f, "| {film} | {count} | {ready} |")?;
        }
        Ok(())
    }
}
