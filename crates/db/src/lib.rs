//! Database facade over SQLite and PostgreSQL: transactions, typed statements, migrations.
//!
//! One SQL text serves both engines. A store lists its statements once, with their row types, and calls
//! them on a transaction:
//!
//! ```
//! use db::{DbError, Tx, statements};
//!
//! #[derive(sqlx::FromRow)]
//! struct Shelf {
//!     name: String,
//!     books: i64,
//! }
//!
//! statements! {
//!     FIND -> Shelf = "select name, books from shelf where tenant = $1 and id = $2";
//!     ADD -> () = "update shelf set books = books + $3 where tenant = $1 and id = $2";
//! }
//!
//! async fn add(tx: &mut Tx, tenant: &str, id: &str, books: i64) -> Result<Option<Shelf>, DbError> {
//!     tx.exec(ADD, (tenant, id, books)).await?;
//!     tx.opt(FIND, (tenant, id)).await
//! }
//! ```
//!
//! What a store must know of the engines:
//! - Placeholders are `$1`, `$2` … on both; how many a statement takes is part of its type.
//! - [`Db::read`] is a snapshot that cannot write; [`Db::write`] reads what is committed when each statement
//!   starts (PostgreSQL) or holds the only writer (SQLite). Invariants rest on conditional updates and unique
//!   keys, never on being the only writer.
//! - PostgreSQL types literals and `case` as 32-bit and `sum(bigint)` as numeric: `cast(… as bigint)`.
//!   A bare `$1 is null` has no type there: `cast($1 as text) is null`.
//! - A PostgreSQL transaction is spent after its first failed statement: start again, do not go on.
//! - `order by` on text needs no `collate`: text columns are declared with `collate "C"` there.
//!
//! Absent on purpose: an object mapper, repositories, query builders, and knowledge of any domain's tables.

mod error;
mod migrate;
mod open;
mod param;
mod statement;
mod tx;

pub use error::DbError;
pub use migrate::Migration;
pub use open::{Db, Engine, Options};
pub use param::{Param, Params};
/// A JSON column: TEXT in SQLite, JSONB in PostgreSQL. Neither stores `\u0000` portably.
pub use sqlx::types::Json;
pub use statement::{Query, Record, Statement, arity};
pub use tx::Tx;
