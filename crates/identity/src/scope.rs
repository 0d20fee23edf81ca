//! What a key may be narrowed to.

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::{IdentityError, Result};

/// A part of what a role may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Looking at the library and at what happens in it.
    Read,
    /// Bringing in files.
    Upload,
    /// Changing and deleting what is there; people, keys, records.
    Manage,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::Upload, Self::Manage];

    /// The name stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Upload => "upload",
            Self::Manage => "manage",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| format!("no scope {text:?}: one of read, upload, manage"))
    }
}

/// How far a credential reaches within its role: everywhere, or only so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Option<BTreeSet<Scope>>);

impl Scopes {
    /// All that the role may.
    #[must_use]
    pub const fn whole() -> Self {
        Self(None)
    }

    /// Only these.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] for none at all: such a key could do nothing.
    pub fn only(scopes: impl IntoIterator<Item = Scope>) -> Result<Self> {
        let scopes: BTreeSet<_> = scopes.into_iter().collect();
        if scopes.is_empty() {
            let problem = "name at least one of read, upload, manage, or leave it out".to_owned();
            return Err(IdentityError::Invalid { field: "scopes", problem });
        }
        Ok(Self(Some(scopes)))
    }

    /// Whether `scope` is within reach.
    #[must_use]
    pub fn allow(&self, scope: Scope) -> bool {
        self.0.as_ref().is_none_or(|scopes| scopes.contains(&scope))
    }

    /// Whether nothing here is out of reach of `other`.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(theirs)) => own.is_subset(theirs),
        }
    }

    /// The names, in order; `None` when nothing is narrowed.
    #[must_use]
    pub fn names(&self) -> Option<Vec<&'static str>> {
        self.0.as_ref().map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect())
    }

    /// As a column holds them.
    pub(crate) fn to_column(&self) -> Option<String> {
        self.names().map(|names| names.join(" "))
    }

    /// From a column.
    pub(crate) fn from_column(text: Option<&str>) -> Result<Self, String> {
        let Some(text) = text else { return Ok(Self::whole()) };
        let scopes = text.split_whitespace().map(str::parse).collect::<Result<Vec<Scope>, _>>()?;
        Self::only(scopes).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_narrow_and_are_written_and_read() {
        let upload = Scopes::only([Scope::Upload, Scope::Read]).expect("two");
        assert!(upload.allow(Scope::Upload) && !upload.allow(Scope::Manage));
        assert!(Scopes::whole().allow(Scope::Manage));
        assert!(upload.within(&Scopes::whole()) && upload.within(&upload));
        assert!(!Scopes::whole().within(&upload));
        assert!(!upload.within(&Scopes::only([Scope::Read]).expect("one")));
        for scopes in [upload, Scopes::whole()] {
            assert_eq!(Scopes::from_column(scopes.to_column().as_deref()), Ok(scopes));
        }
        assert!(Scopes::only([]).is_err());
        assert!(Scopes::from_column(Some("")).is_err());
        assert!(Scopes::from_column(Some("read everything")).is_err());
    }
}
