//! What can be wrong with settings.

use std::path::PathBuf;

/// Settings that cannot be used; each names the key or the file to mend.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingsError {
    /// The settings file cannot be read.
    #[error("cannot read the settings file {path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The settings file is not TOML, has an unknown key or a value of the wrong type.
    #[error("{place}: {reason}")]
    Parse {
        /// The file, variable or flag.
        place: String,
        /// What the parser said.
        reason: String,
    },
    /// A variable or flag names no setting.
    #[error("{place} names no setting; `nexus config` lists them all")]
    Unknown {
        /// The variable or flag.
        place: String,
    },
    /// A value is out of its range.
    #[error("{key} {problem}")]
    Invalid {
        /// Such as `transcode.crf`.
        key: &'static str,
        /// Such as "is 99, but must lie between 0 and 51".
        problem: String,
    },
}
