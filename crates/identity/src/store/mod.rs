//! All SQL of this domain. Each function is one statement within the caller's transaction.

pub(crate) mod attempt;
pub(crate) mod audit;
pub(crate) mod key;
pub(crate) mod person;
pub(crate) mod session;
pub(crate) mod setup;
pub(crate) mod tenant;

use base::Role;

use crate::{IdentityError, Result};

fn corrupt(table: &'static str, column: &'static str, id: &str, problem: impl ToString) -> IdentityError {
    IdentityError::Corrupt { table, column, id: id.to_owned(), problem: problem.to_string() }
}

fn read_role(table: &'static str, id: &str, text: &str) -> Result<Role> {
    text.parse().map_err(|error: String| corrupt(table, "role", id, error))
}
