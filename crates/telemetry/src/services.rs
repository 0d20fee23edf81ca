//! The services by their names in the product's brief: which rooms they are, which roles run them, and what
//! must be well for them to work. docs/SERVICES.md says the same and is held against this table by a test.

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    All,
    /// API, uploads, page and playlists.
    Origin,
    /// Jobs.
    Transcoder,
    /// A cache in front of an origin.
    Edge,
}

impl Role {
    /// Its command.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Origin => "origin",
            Self::Transcoder => "transcoder",
            Self::Edge => "edge",
        }
    }
}

/// One of the brief's services.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Its name, also in `/health/{name}`.
    pub name: &'static str,
    /// Where its code is.
    pub rooms: &'static [&'static str],
    /// Where it runs besides `all`, and the components it needs there.
    pub places: &'static [(Role, &'static [&'static str])],
}

const STORES: &[&str] = &["database", "store"];
const ORIGIN: &[(Role, &[&str])] = &[(Role::Origin, STORES)];
const ORIGIN_ROWS: &[(Role, &[&str])] = &[(Role::Origin, &["database"])];

/// Every service whose room exists.
pub const SERVICES: &[Service] = &[
    Service {
        name: "streamcore",
        rooms: &["media", "pipelines", "transcoder"],
        places: &[(Role::Transcoder, &["database", "store", "sandbox"])],
    },
    Service {
        name: "streaming-service",
        rooms: &["origin", "edge"],
        places: &[(Role::Origin, STORES), (Role::Edge, &["edge-keys"])],
    },
    Service { name: "content-management", rooms: &["catalogue"], places: ORIGIN },
    Service { name: "puabo-studio", rooms: &["catalogue"], places: ORIGIN },
    Service { name: "creator-hub", rooms: &["catalogue"], places: ORIGIN },
    Service { name: "auth-service", rooms: &["identity"], places: ORIGIN_ROWS },
    Service { name: "user-auth", rooms: &["identity"], places: ORIGIN_ROWS },
    Service { name: "session-mgr", rooms: &["identity"], places: ORIGIN_ROWS },
    Service { name: "token-mgr", rooms: &["identity"], places: ORIGIN_ROWS },
    Service {
        name: "key-service",
        rooms: &["playback-token"],
        places: &[(Role::Origin, &["database"]), (Role::Edge, &["edge-keys"])],
    },
    Service { name: "pv-keys", rooms: &["playback-token"], places: ORIGIN_ROWS },
    Service {
        name: "scheduler",
        rooms: &["jobs"],
        places: &[(Role::Origin, &["database"]), (Role::Transcoder, &["database"])],
    },
    Service { name: "backend-api", rooms: &["origin"], places: ORIGIN },
    Service { name: "boom-boom-room-live", rooms: &["live", "ingest", "origin"], places: ORIGIN },
];

impl Service {
    /// What the service needs in a process of `role`; nothing where it does not run. In `all`, the edge's
    /// side takes its keys from the origin beside it.
    pub(crate) fn needs(&self, role: Role) -> Option<Vec<&'static str>> {
        let mut needs: Vec<&str> = self
            .places
            .iter()
            .filter(|(place, _)| *place == role || (role == Role::All && *place != Role::Edge))
            .flat_map(|(_, needs)| needs.iter().copied())
            .collect();
        needs.sort_unstable();
        needs.dedup();
        (!needs.is_empty()).then_some(needs)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;

    fn document() -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/SERVICES.md");
        std::fs::read_to_string(path).expect("docs/SERVICES.md")
    }

    fn row(service: &Service) -> String {
        let rooms: Vec<_> = service.rooms.iter().map(|room| format!("`{room}`")).collect();
        let places =
            service.places.iter().map(|(role, needs)| format!("{}: {}", role.name(), needs.join(", ")));
        let places: Vec<_> = places.collect();
        format!("| `{0}` | {1} | {2} | `/health/{0}` |", service.name, rooms.join(", "), places.join("; "))
    }

    #[test]
    fn the_document_says_what_the_table_says() {
        let document = document();
        for service in SERVICES {
            assert!(document.contains(&row(service)), "docs/SERVICES.md lacks:\n{}", row(service));
        }
        let rows =
            document.lines().filter(|line| line.starts_with("| `") && line.contains("`/health/")).count();
        assert_eq!(rows, SERVICES.len(), "docs/SERVICES.md has rows that the table does not have");
    }

    #[test]
    fn every_room_is_there_and_every_name_once() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for room in SERVICES.iter().flat_map(|service| service.rooms) {
            let found = [root.join("crates").join(room), root.join(room)];
            assert!(found.iter().any(|path| path.join("Cargo.toml").exists()), "{room}");
        }
        let names: BTreeSet<_> = SERVICES.iter().map(|service| service.name).collect();
        assert_eq!(names.len(), SERVICES.len());
    }

    #[test]
    fn one_process_for_everything_needs_everything_but_fetched_keys() {
        let needs = |name: &str, role| SERVICES.iter().find(|s| s.name == name).and_then(|s| s.needs(role));
        assert_eq!(needs("streamcore", Role::All), Some(vec!["database", "sandbox", "store"]));
        assert_eq!(needs("streaming-service", Role::All), Some(vec!["database", "store"]));
        assert_eq!(needs("streaming-service", Role::Edge), Some(vec!["edge-keys"]));
        assert_eq!(needs("streamcore", Role::Origin), None);
    }
}
