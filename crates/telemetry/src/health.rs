//! Health: what each part of the process last said of itself.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use serde::Serialize;

/// How a part fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "lowercase")]
pub enum State {
    /// Working.
    Ok,
    /// Working with less than it should have; the reason is for the operator.
    Degraded(String),
    /// Not working; the process is not ready.
    Down(String),
}

/// One part and its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Component {
    /// Such as `database`.
    pub name: &'static str,
    /// How it fares.
    #[serde(flatten)]
    pub state: State,
}

/// The states of all parts; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<RwLock<BTreeMap<&'static str, State>>>);

impl Health {
    /// Nothing reported yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces what `name` last said.
    pub fn report(&self, name: &'static str, state: State) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name, state);
    }

    /// All parts by name.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Component> {
        let parts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        parts.iter().map(|(name, state)| Component { name, state: state.clone() }).collect()
    }

    /// Whether no part is down.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.snapshot().iter().all(|part| !matches!(part.state, State::Down(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_down_makes_the_process_unready() {
        let health = Health::new();
        health.report("store", State::Ok);
        health.report("sandbox", State::Degraded("no network namespace".into()));
        assert!(health.ready());
        health.report("database", State::Down("connection refused".into()));
        assert!(!health.ready());
        health.report("database", State::Ok);
        assert!(health.ready());
    }

    #[test]
    fn a_component_serialises_flat() {
        let part = Component { name: "store", state: State::Down("disk".into()) };
        let text = serde_json::to_string(&part).expect("serialises");
        assert_eq!(text, r#"{"name":"store","state":"down","reason":"disk"}"#);
    }
}
