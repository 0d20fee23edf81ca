//! `xtask parity`: applies all migrations to both engines and compares what came of them: tables, columns,
//! types, nullability, keys, indexes and references.

mod lite;
mod pg;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use testkit::{Engine, TestDatabase};

/// What is known of each table, in words that are the same for both engines.
type Schema = BTreeMap<String, BTreeSet<String>>;

/// Compares the two schemas.
///
/// # Errors
/// Lists every difference.
pub fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (lite, pg) = runtime.block_on(schemas())?;
    let wrong = differences(&lite, &pg);
    if !wrong.is_empty() {
        bail!("the schemas differ:\n  {}", wrong.join("\n  "));
    }
    let facts: usize = lite.values().map(BTreeSet::len).sum();
    println!("parity: {} tables, {facts} facts, alike on both engines", lite.len());
    Ok(())
}

async fn schemas() -> Result<(Schema, Schema)> {
    let (lite, pg) =
        (TestDatabase::create(Engine::Sqlite).await?, TestDatabase::create(Engine::Postgres).await?);
    for database in [&lite, &pg] {
        let db = database.open().await?;
        db.migrate().await?;
        db.close().await;
    }
    let schemas = (lite::schema(lite.url()).await?, pg::schema(pg.url()).await?);
    lite.remove().await?;
    pg.remove().await?;
    Ok(schemas)
}

fn differences(lite: &Schema, pg: &Schema) -> Vec<String> {
    let tables: BTreeSet<_> = lite.keys().chain(pg.keys()).collect();
    tables.into_iter().flat_map(|table| table_differences(table, lite.get(table), pg.get(table))).collect()
}

fn table_differences(
    table: &str,
    lite: Option<&BTreeSet<String>>,
    pg: Option<&BTreeSet<String>>,
) -> Vec<String> {
    match (lite, pg) {
        (Some(lite), Some(pg)) => {
            let missing = pg.difference(lite).map(|fact| format!("{table}: PostgreSQL only: {fact}"));
            missing.chain(lite.difference(pg).map(|fact| format!("{table}: SQLite only: {fact}"))).collect()
        }
        (Some(_), None) => vec![format!("{table}: SQLite only")],
        (None, _) => vec![format!("{table}: PostgreSQL only")],
    }
}

fn column(name: &str, kind: &str, nullable: bool) -> String {
    format!("column {name} {kind}{}", if nullable { "" } else { " not null" })
}

fn index(unique: bool, columns: &[String], predicate: Option<&str>) -> String {
    let kind = if unique { "unique" } else { "index" };
    let condition = predicate.map(|text| format!(" where {}", bare(text))).unwrap_or_default();
    format!("{kind} ({}){condition}", columns.join(", "))
}

/// An expression without what the engines add or drop when they print it.
fn bare(expression: &str) -> String {
    let lower = expression.to_lowercase().replace("::text", "").replace("::bigint", "");
    lower.chars().filter(|character| !character.is_whitespace() && !"()".contains(*character)).collect()
}
