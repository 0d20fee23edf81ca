//! Health: what each part of the process last said of itself.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use serde::Serialize;

use crate::services::{Role, SERVICES};

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

impl State {
    fn worse(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Down(_), _) | (_, Self::Ok) => self,
            (Self::Degraded(_), Self::Degraded(_)) => self,
            _ => other,
        }
    }
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

/// The states of all parts of a process; clones share them.
#[derive(Clone, Debug)]
pub struct Health {
    role: Role,
    parts: Arc<RwLock<BTreeMap<&'static str, State>>>,
}

impl Health {
    /// Nothing reported yet.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self { role, parts: Arc::default() }
    }

    /// Replaces what `name` last said; what that was.
    pub fn report(&self, name: &'static str, state: State) -> Option<State> {
        let up = if matches!(state, State::Down(_)) { 0.0 } else { 1.0 };
        metrics::gauge!("nexus_component_up", "component" => name).set(up);
        self.parts.write().unwrap_or_else(PoisonError::into_inner).insert(name, state)
    }

    /// How one of [`SERVICES`] fares here, the worst of what it needs; `None` where it does not run.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<State> {
        let service = SERVICES.iter().find(|service| service.name == name)?;
        let needs = service.needs(self.role)?;
        let parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        let said = |part: &&str| {
            let silent = || State::Down(format!("{part} has not reported yet"));
            parts.get(*part).cloned().unwrap_or_else(silent)
        };
        Some(needs.iter().map(said).fold(State::Ok, State::worse))
    }

    /// All parts by name.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Component> {
        let parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
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
        let health = Health::new(Role::All);
        health.report("store", State::Ok);
        health.report("sandbox", State::Degraded("no network namespace".into()));
        assert!(health.ready());
        health.report("database", State::Down("connection refused".into()));
        assert!(!health.ready());
        health.report("database", State::Ok);
        assert!(health.ready());
    }

    #[test]
    fn a_service_is_as_well_as_what_it_needs() {
        let health = Health::new(Role::Transcoder);
        assert_eq!(health.service("backend-api"), None, "it runs elsewhere");
        assert_eq!(health.service("nonsense"), None);
        health.report("database", State::Ok);
        health.report("store", State::Ok);
        assert_eq!(health.service("scheduler"), Some(State::Ok));
        assert!(
            matches!(health.service("streamcore"), Some(State::Down(reason)) if reason.contains("sandbox"))
        );
        health.report("sandbox", State::Degraded("no network namespace".into()));
        assert!(matches!(health.service("streamcore"), Some(State::Degraded(_))));
        health.report("store", State::Down("gone".into()));
        assert_eq!(health.service("streamcore"), Some(State::Down("gone".into())));
    }

    #[test]
    fn a_component_serialises_flat() {
        let part = Component { name: "store", state: State::Down("disk".into()) };
        let text = serde_json::to_string(&part).expect("serialises");
        assert_eq!(text, r#"{"name":"store","state":"down","reason":"disk"}"#);
    }
}
