//! Turns `migrations/{sqlite,postgres}/NNNN_domain_verb.sql` into one table of embedded texts, and refuses
//! folders whose names or numbers disagree.

use std::{collections::BTreeSet, env, fmt::Write as _, fs, path::Path};

fn names(folder: &Path) -> BTreeSet<String> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries
        .map(|entry| entry.expect("a folder entry").file_name().into_string().expect("an UTF-8 file name"))
        .filter(|name| name.ends_with(".sql"))
        .collect()
}

fn number(name: &str) -> u32 {
    let digits = name.split('_').next().filter(|digits| digits.len() == 4);
    digits
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_else(|| panic!("migration {name:?} is not named NNNN_domain_verb.sql"))
}

#[expect(clippy::disallowed_methods, reason = "cargo tells build scripts their folders this way")]
fn main() {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("set by cargo")).join("../../migrations");
    let (lite, pg) = (names(&root.join("sqlite")), names(&root.join("postgres")));
    let lonely: Vec<_> = lite.symmetric_difference(&pg).collect();
    assert!(lonely.is_empty(), "migrations present for one engine only: {lonely:?}");
    let numbers: BTreeSet<_> = lite.iter().map(|name| number(name)).collect();
    assert!(numbers.len() == lite.len(), "two migrations share a number: {lite:?}");

    let mut out = String::from("&[\n");
    for name in &lite {
        let (number, stem) = (number(name), name.trim_end_matches(".sql"));
        let text = |engine: &str| format!("include_str!({:?})", root.join(engine).join(name));
        let (lite, pg) = (text("sqlite"), text("postgres"));
        writeln!(out, "Migration {{ number: {number}, name: {stem:?}, lite: {lite}, pg: {pg} }},")
            .expect("writing to a string");
    }
    out.push(']');
    let target = Path::new(&env::var("OUT_DIR").expect("set by cargo")).join("migrations.rs");
    fs::write(&target, out).unwrap_or_else(|e| panic!("{}: {e}", target.display()));
}
