//! A schema as PostgreSQL tells it, in SQLite's types.

use anyhow::{Result, bail};
use sqlx::{Connection as _, PgConnection};

use super::{Schema, column, index};

/// Reads the schema of the database at `url`.
pub(super) async fn schema(url: &str) -> Result<Schema> {
    let mut connection = PgConnection::connect(url).await?;
    let tables: Vec<(String,)> =
        sqlx::query_as("select tablename::text from pg_tables where schemaname = current_schema()")
            .fetch_all(&mut connection)
            .await?;
    let mut schema = Schema::new();
    for (table,) in tables {
        let mut facts = columns(&mut connection, &table).await?;
        facts.extend(indexes(&mut connection, &table).await?);
        facts.extend(references(&mut connection, &table).await?);
        facts.push(format!("{} checks", checks(&mut connection, &table).await?));
        schema.insert(table, facts.into_iter().collect());
    }
    Ok(schema)
}

async fn columns(connection: &mut PgConnection, table: &str) -> Result<Vec<String>> {
    let rows: Vec<(String, String, bool, Option<String>)> = sqlx::query_as(
        "select attname::text, format_type(atttypid, atttypmod), attnotnull, collname::text
        from pg_attribute left join pg_collation on pg_collation.oid = attcollation
        where attrelid = $1::text::regclass and attnum > 0 and not attisdropped",
    )
    .bind(table)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(name, kind, not_null, collation)| {
            if kind == "text" && collation.as_deref() != Some("C") {
                bail!("{table}.{name}: text must be declared with collate \"C\"");
            }
            Ok(column(&name, portable(table, &name, &kind)?, !not_null))
        })
        .collect()
}

/// The SQLite type that holds the same values.
fn portable(table: &str, column: &str, kind: &str) -> Result<&'static str> {
    Ok(match kind {
        "bigint" | "boolean" => "integer",
        "text" | "jsonb" => "text",
        "bytea" => "blob",
        "double precision" => "real",
        other => bail!("{table}.{column}: {other} is not a portable type"),
    })
}

async fn indexes(connection: &mut PgConnection, table: &str) -> Result<Vec<String>> {
    let rows: Vec<(bool, bool, Vec<String>, Option<String>)> = sqlx::query_as(
        "select indisprimary, indisunique,
            array(select pg_get_indexdef(indexrelid, position, false)
                || case when indoption[position - 1] & 1 = 1 then ' desc' else '' end
                from generate_series(1, indnkeyatts) as position order by position),
            pg_get_expr(indpred, indrelid)
        from pg_index where indrelid = $1::text::regclass",
    )
    .bind(table)
    .fetch_all(connection)
    .await?;
    let fact = |(primary, unique, columns, predicate): (bool, bool, Vec<String>, Option<String>)| {
        if primary {
            format!("primary key ({})", columns.join(", "))
        } else {
            index(unique, &columns, predicate.as_deref())
        }
    };
    Ok(rows.into_iter().map(fact).collect())
}

async fn references(connection: &mut PgConnection, table: &str) -> Result<Vec<String>> {
    let rows: Vec<(String, String, String, String)> = sqlx::query_as(
        "select
            (select string_agg(attname, ', ' order by place) from unnest(conkey) with ordinality as k(num, place)
                join pg_attribute on attrelid = conrelid and attnum = num),
            confrelid::regclass::text,
            (select string_agg(attname, ', ' order by place) from unnest(confkey) with ordinality as k(num, place)
                join pg_attribute on attrelid = confrelid and attnum = num),
            case confdeltype when 'a' then 'no action' when 'r' then 'restrict' when 'c' then 'cascade'
                when 'n' then 'set null' else 'set default' end
        from pg_constraint where contype = 'f' and conrelid = $1::text::regclass",
    )
    .bind(table)
    .fetch_all(connection)
    .await?;
    let fact = |(from, to, key, action)| format!("({from}) references {to} ({key}) on delete {action}");
    Ok(rows.into_iter().map(fact).collect())
}

async fn checks(connection: &mut PgConnection, table: &str) -> Result<i64> {
    let (count,): (i64,) = sqlx::query_as(
        "select count(*) from pg_constraint where contype = 'c' and conrelid = $1::text::regclass",
    )
    .bind(table)
    .fetch_one(connection)
    .await?;
    Ok(count)
}
