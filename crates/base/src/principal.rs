//! Who acts.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::TenantId;

/// What a principal may do; a later role may do all that an earlier one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Watches what its tenant holds.
    Viewer,
    /// Uploads, edits and deletes assets.
    Creator,
    /// Also manages keys and sees the metrics.
    Admin,
    /// Also manages the tenant itself.
    Owner,
}

impl Role {
    /// The name stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Creator => "creator",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Viewer, Self::Creator, Self::Admin, Self::Owner]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| format!("no role {text:?}: one of viewer, creator, admin, owner"))
    }
}

/// An authenticated caller. Built only by `identity`, from a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The tenant the credential belongs to; every query is scoped by it.
    pub tenant: TenantId,
    /// What the credential is called in logs, such as `key:01j…`.
    pub subject: String,
    /// What it may do.
    pub role: Role,
}

impl Principal {
    /// Whether this principal has at least `role`.
    #[must_use]
    pub fn may(&self, role: Role) -> bool {
        self.role >= role
    }
}
