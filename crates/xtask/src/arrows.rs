//! `xtask arrows`: fails on any dependency between rooms that docs/ARCHITECTURE.md does not draw, and on any
//! outside crate in a room it does not belong to.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// What everyone above F0 may use.
const EVERYONE: &[&str] = &["base", "settings", "telemetry", "lifecycle"];

/// A room, whether it stands above F0, and the rooms it may use beyond [`EVERYONE`].
type Room = (&'static str, bool, &'static [&'static str]);

const DOMAIN: &[&str] = &["db", "jobs", "events", "media", "playback-token"];

const FOUNDATION: &[Room] = &[
    ("base", false, &[]),
    ("media", false, &[]),
    ("playback-token", false, &[]),
    ("pipeline-wire", false, &[]),
    ("conformance", false, &["media"]),
    ("settings", false, &[]),
    ("telemetry", false, &["settings"]),
    ("lifecycle", false, &["base"]),
    ("pipelines", false, &["pipeline-wire", "media", "base"]),
];

const ABOVE: &[Room] = &[
    ("db", true, &[]),
    ("blob", true, &[]),
    ("httpkit", true, &[]),
    ("jobs", true, &["db"]),
    ("events", true, &["db"]),
    ("idempotency", true, &["db"]),
    ("sandbox", true, &["pipeline-wire"]),
    ("ingest", true, &["media"]),
    ("identity", true, DOMAIN),
    ("catalogue", true, DOMAIN),
    ("live", true, DOMAIN),
    (
        "transcoder",
        true,
        &["sandbox", "pipeline-wire", "jobs", "events", "blob", "db", "catalogue", "media", "conformance"],
    ),
    (
        "origin",
        true,
        &[
            "identity",
            "catalogue",
            "live",
            "sandbox",
            "pipeline-wire",
            "ingest",
            "jobs",
            "events",
            "idempotency",
            "blob",
            "db",
            "httpkit",
            "media",
            "conformance",
            "playback-token",
        ],
    ),
    ("edge", true, &["httpkit", "media", "playback-token"]),
    (
        "nexus",
        true,
        &[
            "media",
            "conformance",
            "playback-token",
            "pipeline-wire",
            "db",
            "blob",
            "jobs",
            "events",
            "idempotency",
            "httpkit",
            "sandbox",
            "identity",
            "catalogue",
            "live",
            "ingest",
            "pipelines",
            "transcoder",
            "origin",
            "edge",
        ],
    ),
    ("testkit", true, &["db", "blob", "media"]),
    ("xtask", true, &["db", "testkit"]),
    ("tests", true, &["testkit", "httpkit", "media", "conformance"]),
];

fn drawn() -> BTreeMap<&'static str, (bool, &'static [&'static str])> {
    FOUNDATION.iter().chain(ABOVE).map(|(name, above_f0, allowed)| (*name, (*above_f0, *allowed))).collect()
}

/// Outside crates with one home; the rest of the house goes through it.
const HOMES: &[(&str, &[&str])] = &[
    ("gstreamer", &["pipelines"]),
    ("gst-plugin-fmp4", &["pipelines"]),
    ("axum", &["httpkit", "origin", "edge", "nexus", "tests"]),
    ("rustls", &["httpkit"]),
    ("rcgen", &["httpkit"]),
    ("landlock", &["sandbox"]),
    ("seccompiler", &["sandbox"]),
    ("ed25519-dalek", &["playback-token"]),
    ("rust-embed", &["origin"]),
];

/// Checks the whole workspace.
///
/// # Errors
/// Lists every arrow and outside crate that is out of place.
pub fn run() -> Result<()> {
    let metadata = MetadataCommand::new().exec()?;
    let wrong = violations(&metadata);
    if !wrong.is_empty() {
        bail!("arrows that docs/ARCHITECTURE.md does not draw:\n  {}", wrong.join("\n  "));
    }
    println!("arrows: {} rooms, every arrow drawn", metadata.workspace_members.len());
    Ok(())
}

fn violations(metadata: &Metadata) -> Vec<String> {
    let drawn = drawn();
    let rooms: Vec<_> = metadata.workspace_packages();
    let is_room = |name: &str| rooms.iter().any(|room| room.name.as_str() == name);
    let mut wrong = Vec::new();
    for room in &rooms {
        let name = room.name.as_str();
        let Some((above_f0, allowed)) = drawn.get(name) else {
            wrong.push(format!("{name} is not drawn"));
            continue;
        };
        for dependency in
            room.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development)
        {
            let target = dependency.name.as_str();
            let fits = allowed.contains(&target) || (*above_f0 && EVERYONE.contains(&target));
            if is_room(target) && !fits {
                wrong.push(format!("{name} → {target}"));
            }
            if HOMES.iter().any(|(crate_name, homes)| *crate_name == target && !homes.contains(&name)) {
                wrong.push(format!("{name} uses {target}, whose home is elsewhere"));
            }
        }
    }
    wrong
}
