//! All SQL of this domain. Each function is one statement within the caller's transaction.
//!
//! Whoever changes a channel or its broadcasts locks the channel's row first ([`channel::lock`]), and before that the
//! tenant's row of limits where something counts towards them: so steps never race and nothing deadlocks. Only the
//! renewal of a lease touches a broadcast without that lock; it and what takes a lease back name what they saw of it.

pub(crate) mod broadcast;
pub(crate) mod channel;
pub(crate) mod limit;
pub(crate) mod record;

use crate::LiveError;

fn corrupt(table: &'static str, column: &'static str, id: &str, problem: impl ToString) -> LiveError {
    LiveError::Corrupt { table, column, id: id.to_owned(), problem: problem.to_string() }
}

/// A count of rows.
fn counted((rows,): (i64,)) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}

#[cfg(test)]
pub(crate) fn all_statements() -> Vec<db::Statement> {
    [channel::ALL, broadcast::ALL, limit::ALL, record::ALL].concat()
}
