//! docs/CONFORMANCE.md holds the table of rules as it is.

use std::fmt::Write;

use conformance::{RULES, live::LIVE_RULES};

/// The rows of a table: id, clause, severity and title of each rule.
fn table(rules: impl Iterator<Item = [String; 4]>) -> String {
    let mut table =
        String::from("| rule | clause | severity | what must hold |\n| --- | --- | --- | --- |\n");
    for [id, clause, severity, title] in rules {
        writeln!(table, "| `{id}` | {clause} | {severity} | {title} |").unwrap();
    }
    table
}

/// Whether docs/CONFORMANCE.md has this between the marks of that name.
fn assert_documented(name: &str, wanted: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CONFORMANCE.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(&format!("<!-- {name}: begin -->\n")).expect("the begin mark");
    let (documented, _) = rest.split_once(&format!("<!-- {name}: end -->")).expect("the end mark");
    assert!(documented == wanted, "put this between the marks {name} of docs/CONFORMANCE.md:\n{wanted}");
}

#[test]
fn the_documented_tables_are_the_real_ones() {
    let row = |id: &str, clause: &str, severity: String, title: &str| {
        [id.to_owned(), clause.to_owned(), severity, title.to_owned()]
    };
    let rules = RULES.iter().map(|rule| row(rule.id, rule.clause, rule.severity.to_string(), rule.title));
    assert_documented("rules", &table(rules));
    let live = LIVE_RULES.iter().map(|rule| row(rule.id, rule.clause, rule.severity.to_string(), rule.title));
    assert_documented("live rules", &table(live));
}

#[test]
fn ids_and_titles_are_fit_to_be_read() {
    for rule in RULES {
        let family = rule.id.split('-').next().unwrap();
        assert!(["READ", "HLS", "CMAF", "DASH", "HTTP"].contains(&family), "{}", rule.id);
        assert!(rule.id.bytes().all(|b| b.is_ascii_uppercase() || b == b'-'), "{}", rule.id);
        assert!(!rule.title.contains('|') && !rule.title.ends_with('.'), "{}", rule.id);
    }
}

#[test]
fn live_ids_and_titles_are_fit_to_be_read() {
    for rule in LIVE_RULES {
        assert!(rule.id.starts_with("LIVE-"), "{}", rule.id);
        assert!(
            rule.id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-'),
            "{}",
            rule.id
        );
        assert!(!rule.title.contains('|') && !rule.title.ends_with('.'), "{}", rule.id);
    }
}
