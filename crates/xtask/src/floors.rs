//! `xtask floors DIR`: how many tests each layer ran, against the floors in tests/floors.toml. A layer that ran
//! fewer, failed any or skipped any fails.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

/// What a test runner's closing lines say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// Reads the logs of all layers, prints a line for each and a closing line for all.
///
/// # Errors
/// When a layer is missing, below its floor, or anything failed or was skipped.
pub fn run(folder: &Path) -> Result<()> {
    let text = fs::read_to_string("tests/floors.toml").context("reading tests/floors.toml")?;
    let floors: BTreeMap<String, u64> = toml::from_str(&text).context("reading tests/floors.toml")?;
    let (mut all, mut short) = (Counts::default(), Vec::new());
    for (layer, floor) in floors {
        let log = fs::read_to_string(folder.join(&layer))
            .with_context(|| format!("the layer {layer} did not run"))?;
        let counts = counts(&log);
        println!(
            "{layer:14} {:5} passed {:3} failed {:3} skipped, floor {floor}",
            counts.passed, counts.failed, counts.skipped
        );
        if counts.passed < floor || counts.failed + counts.skipped > 0 {
            short.push(layer);
        }
        all.passed += counts.passed;
        all.failed += counts.failed;
        all.skipped += counts.skipped;
    }
    println!("{} passed, {} failed, {} skipped", all.passed, all.failed, all.skipped);
    if !short.is_empty() {
        bail!("below the floor, failed or skipped: {}", short.join(", "));
    }
    ensure!(all.passed > 0, "no test ran");
    Ok(())
}

/// The number in front of `word` in `text`, such as 12 in `12 passed`.
fn number(text: &str, word: &str) -> Option<u64> {
    let before = &text[..text.find(word)?];
    before.trim_end().rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Adds up the closing lines of nextest, cargo test, node's runner, Vitest and Python's unittest.
fn counts(log: &str) -> Counts {
    let mut all = Counts::default();
    for line in log.lines().map(plain) {
        let line = line.trim();
        let closing =
            line.starts_with("Summary [") || line.starts_with("test result:") || line.starts_with("Tests ");
        if closing {
            all.passed += number(line, " passed").unwrap_or(0);
            all.failed += number(line, " failed").unwrap_or(0);
            all.skipped += number(line, " skipped").or_else(|| number(line, " ignored")).unwrap_or(0);
        }
        let node = |word: &str| {
            line.trim_start_matches(['#', 'ℹ', ' ']).strip_prefix(word)?.trim().parse::<u64>().ok()
        };
        all.passed += node("pass ").unwrap_or(0);
        all.failed += node("fail ").unwrap_or(0);
        all.skipped +=
            node("skipped ").unwrap_or(0) + node("todo ").unwrap_or(0) + node("cancelled ").unwrap_or(0);
        if let Some(ran) =
            line.strip_prefix("Ran ").and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok())
        {
            all.passed += ran;
        }
        if line.starts_with("OK (skipped=") || line.starts_with("FAILED (") {
            let inside = |word: &str| line.split_once(word)?.1.split([',', ')']).next()?.parse::<u64>().ok();
            let (failed, skipped) = (
                inside("failures=").unwrap_or(0) + inside("errors=").unwrap_or(0),
                inside("skipped=").unwrap_or(0),
            );
            all.failed += failed;
            all.skipped += skipped;
            all.passed = all.passed.saturating_sub(failed + skipped);
        }
    }
    all
}

/// A line without colour.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = after.find(|c: char| c.is_ascii_alphabetic()).map_or("", |end| &after[end + 1..]);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(passed: u64, failed: u64, skipped: u64) -> Counts {
        Counts { passed, failed, skipped }
    }

    #[test]
    fn closing_lines_are_understood() {
        assert_eq!(
            counts("     Summary [   0.142s] 20 tests run: 19 passed, 1 failed, 2 skipped"),
            of(19, 1, 2)
        );
        assert_eq!(
            counts("\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] 20 tests run: 20 passed, 0 skipped"),
            of(20, 0, 0)
        );
        assert_eq!(counts("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured"), of(3, 0, 1));
        assert_eq!(
            counts("ℹ tests 4\nℹ pass 3\nℹ fail 1\nℹ cancelled 0\nℹ skipped 0\nℹ todo 0"),
            of(3, 1, 0)
        );
        assert_eq!(counts("Ran 5 tests in 1.2s\n\nFAILED (failures=1, skipped=1)"), of(3, 1, 1));
        assert_eq!(counts("      Tests  12 passed (12)"), of(12, 0, 0));
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(counts("running 3 tests\nall 5 passed by\npassengers 7"), of(0, 0, 0));
    }
}
