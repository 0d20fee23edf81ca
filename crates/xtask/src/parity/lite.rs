//! A schema as SQLite tells it.

use anyhow::{Context as _, Result};
use sqlx::{Connection as _, SqliteConnection};

use super::{Schema, bare, column, index};

/// Reads the schema of the database at `url`.
pub(super) async fn schema(url: &str) -> Result<Schema> {
    let mut connection = SqliteConnection::connect(url).await?;
    let tables: Vec<(String, String)> = sqlx::query_as(
        "select name, sql from sqlite_master where type = 'table' and name not like 'sqlite_%'",
    )
    .fetch_all(&mut connection)
    .await?;
    let mut schema = Schema::new();
    for (table, sql) in tables {
        let mut facts = columns(&mut connection, &table).await?;
        facts.extend(indexes(&mut connection, &table).await?);
        facts.extend(references(&mut connection, &table).await?);
        facts.push(format!("{} checks", sql.to_lowercase().matches("check (").count()));
        schema.insert(table, facts.into_iter().collect());
    }
    Ok(schema)
}

async fn columns(connection: &mut SqliteConnection, table: &str) -> Result<Vec<String>> {
    let rows: Vec<(String, String, bool, i64)> =
        sqlx::query_as("select name, lower(type), \"notnull\", pk from pragma_table_info($1) order by pk")
            .bind(table)
            .fetch_all(connection)
            .await?;
    let key: Vec<_> = rows.iter().filter(|(.., position)| *position > 0).map(|row| row.0.clone()).collect();
    let columns = rows.iter().map(|(name, kind, not_null, key)| column(name, kind, !*not_null && *key == 0));
    Ok(columns.chain([format!("primary key ({})", key.join(", "))]).collect())
}

async fn indexes(connection: &mut SqliteConnection, table: &str) -> Result<Vec<String>> {
    let rows: Vec<(String, bool)> =
        sqlx::query_as("select name, \"unique\" from pragma_index_list($1) where origin <> 'pk'")
            .bind(table)
            .fetch_all(&mut *connection)
            .await?;
    let mut facts = Vec::new();
    for (name, unique) in rows {
        let columns: Vec<(Option<String>, bool)> =
            sqlx::query_as("select name, \"desc\" from pragma_index_xinfo($1) where key = 1 order by seqno")
                .bind(&name)
                .fetch_all(&mut *connection)
                .await?;
        let sql: (Option<String>,) = sqlx::query_as("select sql from sqlite_master where name = $1")
            .bind(&name)
            .fetch_one(&mut *connection)
            .await?;
        let columns: Option<Vec<_>> =
            columns.into_iter().map(|(name, down)| Some(order(&name?, down))).collect();
        let columns =
            columns.with_context(|| format!("{name}: an index over an expression is not portable"))?;
        let sql = sql.0.unwrap_or_default().to_lowercase();
        facts.push(index(unique, &columns, sql.split_once(" where ").map(|(_, predicate)| predicate)));
    }
    Ok(facts)
}

fn order(name: &str, down: bool) -> String {
    format!("{}{}", bare(name), if down { " desc" } else { "" })
}

async fn references(connection: &mut SqliteConnection, table: &str) -> Result<Vec<String>> {
    let rows: Vec<(String, String, String, String)> = sqlx::query_as(
        "select group_concat(\"from\", ', '), \"table\", group_concat(\"to\", ', '), lower(on_delete)
        from (select * from pragma_foreign_key_list($1) order by id, seq) group by id",
    )
    .bind(table)
    .fetch_all(connection)
    .await?;
    let fact = |(from, to, key, action)| format!("({from}) references {to} ({key}) on delete {action}");
    Ok(rows.into_iter().map(fact).collect())
}
