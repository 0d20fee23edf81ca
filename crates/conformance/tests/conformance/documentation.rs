//! docs/CONFORMANCE.md holds the table of rules as it is.

use std::fmt::Write;

use conformance::RULES;

const BEGIN: &str = "<!-- rules: begin -->\n";
const END: &str = "<!-- rules: end -->";

fn table() -> String {
    let mut table =
        String::from("| rule | clause | severity | what must hold |\n| --- | --- | --- | --- |\n");
    for rule in RULES {
        writeln!(table, "| `{}` | {} | {} | {} |", rule.id, rule.clause, rule.severity, rule.title).unwrap();
    }
    table
}

#[test]
fn the_documented_table_is_the_real_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CONFORMANCE.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(BEGIN).expect("docs/CONFORMANCE.md has the begin mark");
    let (documented, _) = rest.split_once(END).expect("docs/CONFORMANCE.md has the end mark");
    let wanted = table();
    assert!(documented == wanted, "put this between the marks of docs/CONFORMANCE.md:\n{wanted}");
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
