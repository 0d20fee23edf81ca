//! Settings: one struct per section, read from a TOML file, then `NEXUS_SECTION_FIELD` variables, then flags;
//! validated once, with errors that name the key.
//!
//! This is the only room that reads the environment or a settings file. Every other room receives the section
//! it needs as a plain value.

mod bucket;
mod error;
mod host;
mod intake;
mod live;
mod load;
mod secret;
mod sections;
mod validate;

pub use bucket::Bucket;
pub use error::SettingsError;
pub use host::HostPattern;
pub use intake::{Import, Watch};
pub use live::Live;
pub use load::{Override, load, load_from, state_folder, to_toml};
pub use secret::{Secret, write_secret};
pub use sections::{
    Database, Edge, LogFormat, Playback, Server, Settings, Store, Telemetry, Tls, Transcode, Upload, Webhook,
};
