//! `xtask tidy`: house rules that a compiler does not know.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// Longest source file, in lines, tests included.
const FILE_LINES_MAX: usize = 500;
/// Longest function, in lines.
const FUNCTION_LINES_MAX: usize = 70;
/// Largest picture in docs, in bytes.
const PICTURE_BYTES_MAX: u64 = 300_000;
/// Names that say nothing.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "common", "manager", "helper", "helpers"];
/// Words that mark unfinished work.
const UNFINISHED: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// Checks every tracked or new file.
///
/// # Errors
/// Lists everything that breaks a rule.
pub fn run() -> Result<()> {
    let files = files()?;
    let mut wrong = Vec::new();
    for file in &files {
        check_name(file, &mut wrong);
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => check_rust(file, &read(file)?, &mut wrong),
            Some("png" | "jpg" | "webp") if file.starts_with("docs") => check_picture(file, &mut wrong)?,
            _ => {}
        }
    }
    check_locks(&mut wrong)?;
    check_migrations(&files, &mut wrong);
    if !wrong.is_empty() {
        bail!("house rules broken:\n  {}", wrong.join("\n  "));
    }
    println!("tidy: {} files", files.len());
    Ok(())
}

fn files() -> Result<Vec<PathBuf>> {
    let output =
        Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]).output()?;
    let names = String::from_utf8(output.stdout).context("file names are UTF-8")?;
    Ok(names.lines().map(PathBuf::from).filter(|path| path.is_file()).collect())
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}

fn check_name(file: &Path, wrong: &mut Vec<String>) {
    let parts = file.iter().filter_map(|part| Path::new(part).file_stem()?.to_str());
    if parts.into_iter().any(|part| EMPTY_NAMES.contains(&part)) {
        wrong.push(format!("{}: a name that says nothing", file.display()));
    }
}

fn check_rust(file: &Path, text: &str, wrong: &mut Vec<String>) {
    let name = file.display();
    if !text.starts_with("//!") {
        wrong.push(format!("{name}:1: no module documentation"));
    }
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        wrong.push(format!("{name}: {lines} lines, more than {FILE_LINES_MAX}"));
    }
    if !file.ends_with("xtask/src/tidy.rs") {
        for (index, line) in text.lines().enumerate() {
            if UNFINISHED
                .iter()
                .any(|word| line.split(|c: char| !c.is_alphanumeric()).any(|part| part == *word))
            {
                wrong.push(format!("{name}:{}: unfinished work", index + 1));
            }
        }
    }
    for (line, length) in long_functions(text) {
        wrong.push(format!("{name}:{line}: a function of {length} lines, more than {FUNCTION_LINES_MAX}"));
    }
}

/// First line and length of functions over the limit, by rustfmt's indentation.
fn long_functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut long = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let begins =
            ["fn ", "pub fn ", "async fn ", "pub async fn ", "pub(crate) fn ", "pub(crate) async fn "];
        if !begins.iter().any(|begin| body.starts_with(begin)) {
            continue;
        }
        let indent = &line[..line.len() - body.len()];
        let close = format!("{indent}}}");
        let one_line = line.ends_with('}') || line.ends_with(';');
        if let Some(length) = lines[start..].iter().position(|line| *line == close).filter(|_| !one_line)
            && length + 1 > FUNCTION_LINES_MAX
        {
            long.push((start + 1, length + 1));
        }
    }
    long
}

fn check_picture(file: &Path, wrong: &mut Vec<String>) -> Result<()> {
    let bytes = fs::metadata(file)?.len();
    if bytes > PICTURE_BYTES_MAX {
        wrong.push(format!("{}: {bytes} bytes, more than {PICTURE_BYTES_MAX}", file.display()));
    }
    Ok(())
}

fn check_locks(wrong: &mut Vec<String>) -> Result<()> {
    for lock in ["web/package-lock.json", "tests/players/package-lock.json"] {
        if Path::new(lock).exists() && read(Path::new(lock))?.contains("\"resolved\": \"http") {
            wrong.push(format!("{lock}: carries download addresses"));
        }
    }
    Ok(())
}

fn check_migrations(files: &[PathBuf], wrong: &mut Vec<String>) {
    let names = |engine: &str| -> Vec<_> {
        let folder = Path::new("migrations").join(engine);
        files.iter().filter(|file| file.starts_with(&folder)).filter_map(|file| file.file_name()).collect()
    };
    if names("sqlite") != names("postgres") {
        wrong.push("migrations: the two engines' files have different names".into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_function_is_found_and_a_short_one_is_not() {
        let long = format!("fn long() {{\n{}}}\n", "    x();\n".repeat(FUNCTION_LINES_MAX));
        assert_eq!(long_functions(&long), [(1, FUNCTION_LINES_MAX + 2)]);
        assert!(long_functions("fn short() {\n    x();\n}\n").is_empty());
    }

    #[test]
    fn unfinished_work_and_missing_documentation_are_found() {
        let mut wrong = Vec::new();
        check_rust(Path::new("a.rs"), "// TODO\n", &mut wrong);
        assert_eq!(wrong.len(), 2);
    }

    #[test]
    fn empty_names_are_found() {
        let mut wrong = Vec::new();
        check_name(Path::new("crates/x/src/utils.rs"), &mut wrong);
        assert_eq!(wrong.len(), 1);
    }
}
