//! A violation for each rule over live sessions: what a clean session becomes.

mod edits;
mod lists;
mod media;
mod requests;

use conformance::live::Exchange;

/// One violation.
pub struct Plant {
    pub rule: &'static str,
    /// Rules that this violation cannot but break too.
    pub with: &'static [&'static str],
    pub grow: fn(&mut Vec<Exchange>),
}

/// A violation of one rule.
const fn plant(rule: &'static str, grow: fn(&mut Vec<Exchange>)) -> Plant {
    Plant { rule, with: &[], grow }
}

/// A violation that is one of others too.
const fn with(rule: &'static str, with: &'static [&'static str], grow: fn(&mut Vec<Exchange>)) -> Plant {
    Plant { rule, with, grow }
}

/// Every plant.
pub fn all() -> Vec<Plant> {
    [requests::plants(), lists::plants(), media::plants()].into_iter().flatten().collect()
}
