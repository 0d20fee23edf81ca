//! All SQL of this domain. Each function is one statement within the caller's transaction.
//!
//! What changes an asset locks its row first ([`asset::lock`]), decides with pure code, and writes last; the
//! rows of its uploads, pieces and parts are only written under that lock. So steps never race, and as job
//! rows come after domain rows, nothing deadlocks.

pub(crate) mod asset;
pub(crate) mod limit;
pub(crate) mod part;
pub(crate) mod piece;
pub(crate) mod play;
pub(crate) mod upload;

use base::TenantId;
use serde::Serialize;
use serde_json::Value;

use crate::{
    CatalogueError, Result,
    model::{Visibility, Winner},
};

#[derive(sqlx::FromRow)]
struct WinnerRow {
    #[sqlx(try_from = "i64")]
    attempt: u32,
    #[sqlx(try_from = "String")]
    visibility: Visibility,
    #[sqlx(try_from = "String")]
    tenant: TenantId,
}

impl From<WinnerRow> for Winner {
    fn from(row: WinnerRow) -> Self {
        Self { attempt: row.attempt, visibility: row.visibility, tenant: row.tenant, live: None }
    }
}

/// A value for a JSON column. NUL characters, which hostile files smuggle into names and PostgreSQL refuses,
/// become U+FFFD.
fn storable(field: &'static str, value: &impl Serialize) -> Result<db::Json<Value>> {
    let mut json =
        serde_json::to_value(value).map_err(|e| CatalogueError::Invalid { field, problem: e.to_string() })?;
    replace_nul(&mut json);
    Ok(db::Json(json))
}

fn replace_nul(json: &mut Value) {
    match json {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(replace_nul),
        Value::Object(fields) => fields.values_mut().for_each(replace_nul),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn corrupt(table: &'static str, column: &'static str, id: &str, problem: impl ToString) -> CatalogueError {
    CatalogueError::Corrupt { table, column, id: id.to_owned(), problem: problem.to_string() }
}

/// A count, length or number for a BIGINT column.
pub(crate) fn stored_number(field: &'static str, value: u64) -> Result<i64> {
    let problem = |_| CatalogueError::Invalid { field, problem: format!("at most {} is expected", i64::MAX) };
    i64::try_from(value).map_err(problem)
}

#[cfg(test)]
pub(crate) fn all_statements() -> Vec<db::Statement> {
    [asset::ALL, limit::ALL, upload::ALL, piece::ALL, part::ALL, play::ALL].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_replaced_at_any_depth() {
        let stored =
            storable("plan", &serde_json::json!({"a": ["x\0y", {"b": "\0"}], "n": 1})).expect("json");
        assert_eq!(stored.0, serde_json::json!({"a": ["x\u{fffd}y", {"b": "\u{fffd}"}], "n": 1}));
    }

    #[test]
    fn numbers_beyond_a_column_are_refused() {
        assert_eq!(stored_number("length", 7).expect("fits"), 7);
        assert!(stored_number("length", u64::MAX).is_err());
    }
}
