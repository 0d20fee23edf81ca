//! Reading: defaults, then the file, then variables, then flags; each layer overrides the one before.

use std::path::Path;

use toml::{Table, Value};

use crate::{Settings, SettingsError};

/// One value given by a flag: the dotted key and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Such as `server.listen`.
    pub key: String,
    /// The value as written.
    pub value: String,
    /// What to name in errors, such as `--listen`.
    pub place: String,
}

impl Override {
    /// What `--set KEY=VALUE` says.
    ///
    /// # Errors
    /// [`SettingsError::Parse`] when there is no `=`.
    pub fn pair(text: &str) -> Result<Self, SettingsError> {
        let (key, value) = text.split_once('=').ok_or_else(|| SettingsError::Parse {
            place: format!("--set {text:?}"),
            reason: "KEY=VALUE is expected, such as transcode.crf=21".into(),
        })?;
        Ok(Self { key: key.into(), value: value.into(), place: format!("--set {key}") })
    }
}

const PREFIX: &str = "NEXUS_";
/// Variables under the prefix that are not settings: the test harness and CLI defaults use them.
const RESERVED: [&str; 5] = ["NEXUS_SERVER", "NEXUS_KEY", "NEXUS_CONFIG", "NEXUS_BIN", "NEXUS_TEST_"];

/// Reads settings from `file` (if given), this process's environment and `flags`.
///
/// # Errors
/// Any [`SettingsError`]; the settings are validated.
#[expect(clippy::disallowed_methods, reason = "settings is the one reader of the environment")]
pub fn load(file: Option<&Path>, flags: &[Override]) -> Result<Settings, SettingsError> {
    let named = std::env::var_os("NEXUS_CONFIG").map(std::path::PathBuf::from);
    let variables = std::env::vars().filter(|(name, _)| name.starts_with(PREFIX)).collect::<Vec<_>>();
    load_from(file.or(named.as_deref()), &variables, flags)
}

/// As [`load`], with the environment as an argument.
///
/// # Errors
/// Any [`SettingsError`]; the settings are validated.
pub fn load_from(
    file: Option<&Path>,
    variables: &[(String, String)],
    flags: &[Override],
) -> Result<Settings, SettingsError> {
    let mut table = file.map(read_file).transpose()?.unwrap_or_default();
    let known = Table::try_from(Settings::default()).map_err(|error| SettingsError::Parse {
        place: "built-in defaults".into(),
        reason: error.to_string(),
    })?;
    for (name, value) in variables.iter().filter(|(name, _)| !reserved(name)) {
        let key =
            key_of_variable(name, &known).ok_or_else(|| SettingsError::Unknown { place: name.clone() })?;
        apply(&mut table, &known, &Override { key, value: value.clone(), place: name.clone() })?;
    }
    for flag in flags {
        apply(&mut table, &known, flag)?;
    }
    let place = file.map_or_else(|| "settings".to_owned(), |path| path.display().to_string());
    let settings: Settings = table.try_into().map_err(|error: toml::de::Error| SettingsError::Parse {
        place,
        reason: error.message().to_owned(),
    })?;
    settings.validate()?;
    Ok(settings)
}

/// Where commands of this user keep small files between runs (XDG base directory specification).
#[expect(clippy::disallowed_methods, reason = "settings is the one reader of the environment")]
#[must_use]
pub fn state_folder() -> std::path::PathBuf {
    let named = |variable: &str| {
        std::env::var_os(variable).filter(|value| !value.is_empty()).map(std::path::PathBuf::from)
    };
    let home = || named("HOME").map(|home| home.join(".local/state"));
    named("XDG_STATE_HOME").or_else(home).unwrap_or_else(std::env::temp_dir).join("nexus")
}

/// The settings as TOML, secrets redacted.
///
/// # Errors
/// Never for settings that were read by this room.
pub fn to_toml(settings: &Settings) -> Result<String, SettingsError> {
    toml::to_string(settings)
        .map_err(|error| SettingsError::Parse { place: "settings".into(), reason: error.to_string() })
}

fn reserved(name: &str) -> bool {
    RESERVED.iter().any(|known| name == *known || (known.ends_with('_') && name.starts_with(known)))
}

fn read_file(path: &Path) -> Result<Table, SettingsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| SettingsError::File { path: path.to_owned(), reason: error.to_string() })?;
    let parse = |error: toml::de::Error| SettingsError::Parse {
        place: path.display().to_string(),
        reason: error.to_string(),
    };
    // Parsed twice: once as settings for errors that name the line, once as a table to lay overrides over.
    toml::from_str::<Settings>(&text).map_err(parse)?;
    toml::from_str(&text).map_err(parse)
}

/// `NEXUS_TRANSCODE_CRF` is `transcode.crf`; `NEXUS_DATA` is `data`.
fn key_of_variable(name: &str, known: &Table) -> Option<String> {
    let rest = name.strip_prefix(PREFIX)?.to_ascii_lowercase();
    if known.get(&rest).is_some_and(|value| !value.is_table()) {
        return Some(rest);
    }
    let (section, field) = rest.split_once('_')?;
    known.get(section)?.as_table()?.get(field).map(|_| format!("{section}.{field}"))
}

fn apply(table: &mut Table, known: &Table, change: &Override) -> Result<(), SettingsError> {
    let unknown = || SettingsError::Unknown { place: change.place.clone() };
    let Some((section, field)) = change.key.split_once('.') else {
        let model = known.get(&change.key).filter(|value| !value.is_table()).ok_or_else(unknown)?;
        table.insert(change.key.clone(), typed(model, change)?);
        return Ok(());
    };
    let model = known.get(section).and_then(|section| section.get(field)).ok_or_else(unknown)?;
    let value = typed(model, change)?;
    let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    section.as_table_mut().ok_or_else(unknown)?.insert(field.to_owned(), value);
    Ok(())
}

/// The text as a value of the same type as the default; lists are comma-separated.
fn typed(model: &Value, change: &Override) -> Result<Value, SettingsError> {
    let text = change.value.trim();
    let wrong = |wanted: &str| SettingsError::Parse {
        place: change.place.clone(),
        reason: format!("{text:?} is not {wanted}"),
    };
    match model {
        Value::Integer(_) => text.parse().map(Value::Integer).map_err(|_| wrong("a whole number")),
        Value::Float(_) => text.parse().map(Value::Float).map_err(|_| wrong("a number")),
        Value::Boolean(_) => text.parse().map(Value::Boolean).map_err(|_| wrong("true or false")),
        Value::Array(items) => {
            let item = items.first().cloned().unwrap_or_else(|| Value::String(String::new()));
            let part = |part: &str| typed(&item, &Override { value: part.to_owned(), ..change.clone() });
            let parts = text.split(',').filter(|part| !part.trim().is_empty());
            parts.map(part).collect::<Result<_, _>>().map(Value::Array)
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(key: &str, value: &str) -> Override {
        Override { key: key.into(), value: value.into(), place: format!("--{key}") }
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn later_layers_override_earlier_ones() {
        let dir = tempfile::tempdir().expect("temp dir");
        let file = dir.path().join("nexus.toml");
        std::fs::write(&file, "data = \"/a\"\n[transcode]\ncrf = 20\nworkers = 4\n").expect("written");
        let env = [pair("NEXUS_TRANSCODE_CRF", "21"), pair("NEXUS_DATA", "/b"), pair("NEXUS_KEY", "x")];
        let flags = [flag("data", "/c"), flag("transcode.heights", "720, 360")];
        let settings = load_from(Some(&file), &env, &flags).expect("valid");
        assert_eq!(settings.data, Path::new("/c"));
        assert_eq!((settings.transcode.crf, settings.transcode.workers), (21, 4));
        assert_eq!(settings.transcode.heights, [720, 360]);
    }

    #[test]
    fn errors_name_the_key() {
        let wrong = |variables: &[(String, String)], flags: &[Override]| {
            load_from(None, variables, flags).expect_err("refused").to_string()
        };
        assert!(wrong(&[pair("NEXUS_TRANSCODE_CFR", "1")], &[]).contains("NEXUS_TRANSCODE_CFR"));
        assert!(wrong(&[pair("NEXUS_TRANSCODE_CRF", "fine")], &[]).contains("NEXUS_TRANSCODE_CRF"));
        assert!(wrong(&[], &[flag("transcode.crf", "99")]).contains("transcode.crf"));
        assert!(wrong(&[], &[flag("transcode.crf", "21.5")]).contains("transcode.crf"));
        assert!(wrong(&[], &[flag("nonsense.key", "1")]).contains("nonsense.key"));
    }

    #[test]
    fn an_unknown_key_in_the_file_names_its_line() {
        let dir = tempfile::tempdir().expect("temp dir");
        let file = dir.path().join("nexus.toml");
        std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:1\"\nport = 3\n").expect("written");
        let error = load_from(Some(&file), &[], &[]).expect_err("refused").to_string();
        assert!(error.contains("port") && error.contains("line 3"), "{error}");
    }

    #[test]
    fn every_default_can_be_written_and_read_back() {
        let text = toml::to_string(&Settings::default()).expect("serialises");
        let dir = tempfile::tempdir().expect("temp dir");
        let file = dir.path().join("nexus.toml");
        std::fs::write(&file, text).expect("written");
        assert_eq!(load_from(Some(&file), &[], &[]).expect("valid"), Settings::default());
    }

    #[test]
    fn secrets_are_never_printed() {
        let flags = [
            flag("database.url", "postgres://u:hunter2@h/d"),
            flag("edge.credential", "hunter2hunter2hunter2"),
        ];
        let settings = load_from(None, &[], &flags).expect("valid");
        let printed = format!("{settings:?}{}", toml::to_string(&settings).expect("serialises"));
        assert!(!printed.contains("hunter2"), "{printed}");
        assert_eq!(settings.database_url(), "postgres://u:hunter2@h/d");
    }
}
