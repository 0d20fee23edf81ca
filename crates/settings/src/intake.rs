//! How files come in other than by upload: fetched from an address, or taken from a folder.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Files fetched from other servers, for whoever may upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Import {
    /// Hosts that files may be fetched from: `films.example`, `*.example.com` for every name below it, an address
    /// such as `192.0.2.7`; with `:8443` on that port, with `:*` on any, else on the scheme's own. Empty: imports
    /// are off.
    pub allow: Vec<String>,
    /// Whether http:// is taken as well as https://.
    pub allow_http: bool,
    /// Addresses and networks (CIDR) that are not on the public internet and may be fetched from all the same.
    pub allow_private: Vec<String>,
    /// PEM file of certificates that the servers' may come from, besides those of the public authorities.
    pub ca: PathBuf,
    /// Files fetched at once by this process, 0 to 64; 0 leaves it to other origins.
    pub workers: u32,
    /// Seconds that a server may be silent, 1 to 3,600; then the fetching is tried again.
    pub stall_seconds: u32,
    /// Seconds that the fetching of one file may take altogether, 1 to 2,592,000.
    pub time_max_seconds: u32,
    /// Attempts that bring nothing before a file is given up, 1 to 100.
    pub attempts_max: u32,
}

impl Default for Import {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            allow_http: false,
            allow_private: Vec::new(),
            ca: PathBuf::new(),
            workers: 2,
            stall_seconds: 30,
            time_max_seconds: 12 * 3600,
            attempts_max: 5,
        }
    }
}

/// A folder whose files are taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Watch {
    /// The folder; empty watches none.
    pub folder: PathBuf,
    /// The tenant that gets the files, by its identifier; empty is the first one.
    pub tenant: String,
    /// Who may watch what is made of them: `public`, `unlisted` or `private`.
    pub visibility: String,
    /// Seconds for which a file's size and time of change must stand before it is taken, 1 to 86,400.
    pub settle_seconds: u32,
    /// Files taken in at once, 1 to 16.
    pub at_once: u32,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            folder: PathBuf::new(),
            tenant: String::new(),
            visibility: "unlisted".into(),
            settle_seconds: 10,
            at_once: 2,
        }
    }
}
