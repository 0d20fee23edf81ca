//! Planted differences, each of which must be found.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use super::*;

const LITE: &str = "create table referred (id text not null primary key) strict;
    create table planted (id text not null primary key, a integer check (a > 0), b text not null, c blob, d real,
        other text references referred (id), unique (a, b)) strict;
    create index planted_by_a on planted (a desc, b) where c is not null;";
const PG: &str = "create table referred (id text collate \"C\" not null primary key);
    create table planted (id text collate \"C\" not null primary key, a bigint check (a > 0),
        b text collate \"C\" not null, c bytea, d double precision, other text collate \"C\" references referred (id),
        unique (a, b));
    create index planted_by_a on planted (a desc, b) where c is not null;";

/// What is said when PostgreSQL has `instead` where it should have `of`.
async fn plant(of: &str, instead: &str) -> Result<Vec<String>> {
    assert!(PG.contains(of), "{of}");
    let (lite, pg) =
        (TestDatabase::create(Engine::Sqlite).await?, TestDatabase::create(Engine::Postgres).await?);
    lite.open().await?.close().await;
    let mut connection = SqliteConnection::connect(lite.url()).await?;
    sqlx::raw_sql(LITE).execute(&mut connection).await?;
    let mut connection = PgConnection::connect(pg.url()).await?;
    sqlx::raw_sql(AssertSqlSafe(PG.replace(of, instead))).execute(&mut connection).await?;
    let read = pg::schema(pg.url()).await;
    let lite = lite::schema(lite.url()).await?;
    pg.remove().await?;
    Ok(differences(&lite, &read?))
}

#[test]
fn the_two_schemas_agree() {
    run().expect("migrations of both engines make the same tables");
}

#[tokio::test]
async fn every_planted_difference_is_found() {
    for (of, instead, expected) in [
        ("a desc", "a desc", 0),
        ("b text collate \"C\" not null", "b text collate \"C\"", 2),
        ("d double precision", "d bigint", 2),
        ("d double precision", "e double precision", 2),
        ("primary key, a", "unique, a", 2),
        (",\n        unique (a, b)", "", 1),
        ("unique (a, b)", "unique (b, a)", 2),
        ("create index", "create unique index", 2),
        (" where c is not null", "", 2),
        (" where c is not null", " where c is null", 2),
        ("(a desc, b)", "(a, b)", 2),
        (" references referred (id)", "", 1),
        (" references referred (id)", " references referred (id) on delete cascade", 2),
        (" check (a > 0)", "", 2),
    ] {
        let found = plant(of, instead).await.expect("both are readable");
        assert_eq!(found.len(), expected, "{instead:?} instead of {of:?}: {found:?}");
    }
}

#[tokio::test]
async fn unportable_columns_are_refused() {
    for (of, instead) in [
        ("d double precision", "d integer"),
        ("d double precision", "d timestamptz"),
        ("b text collate \"C\"", "b text"),
    ] {
        let refused = plant(of, instead).await.expect_err(instead).to_string();
        assert!(refused.starts_with("planted."), "{refused}");
    }
}

#[test]
fn tables_of_one_engine_are_found() {
    let fact = column("id", "text", false);
    let with = |table: &str| Schema::from([(table.to_owned(), BTreeSet::from([fact.clone()]))]);
    assert_eq!(differences(&with("a"), &with("b")), ["a: SQLite only", "b: PostgreSQL only"]);
}

#[test]
fn predicates_are_compared_without_their_dress() {
    assert_eq!(bare("state <> 'dead'"), bare("(state <> 'dead'::text)"));
    assert_eq!(bare("seq is null"), bare("(seq IS NULL)"));
    assert_ne!(bare("seq is null"), bare("seq is not null"));
}
