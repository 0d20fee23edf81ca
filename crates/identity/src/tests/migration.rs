//! What a database of the release without people keeps.

use sqlx::{Connection, PgConnection, SqliteConnection, query_as, raw_sql};

use super::*;

const KEPT: &str =
    "select s.id, s.api_key, s.expires_us, k.scopes from session s join api_key k on k.id = s.api_key
    where s.person is null and k.expires_us is null";

/// A session, its key, its end, and what the key is narrowed to.
type Kept = (String, String, i64, Option<String>);

/// Makes the schema before, rows in it and the schema after; what is left of the rows.
macro_rules! upgrade {
    ($connection:ty, $url:expr, $engine:literal, $hash:literal) => {{
        const BEFORE: &str =
            include_str!(concat!("../../../../migrations/", $engine, "/0003_identity_create.sql"));
        const ROWS: &str = concat!(
            "insert into tenant (id, name, created_us) values ('t', 'Home', 1);
            insert into api_key (id, tenant, name, role, hash, created_us)
                values ('k', 't', 'owner', 'owner', ",
            $hash,
            ", 1);
            insert into session (id, api_key, hash, created_us, expires_us) values ('s', 'k', ",
            $hash,
            ", 1, 2);"
        );
        const AFTER: &str =
            include_str!(concat!("../../../../migrations/", $engine, "/0005_identity_extend.sql"));
        let mut connection = <$connection>::connect(&$url).await.expect("connects");
        for script in [BEFORE, ROWS, AFTER] {
            raw_sql(script).execute(&mut connection).await.expect("runs");
        }
        let kept: Vec<Kept> = query_as(KEPT).fetch_all(&mut connection).await.expect("rows");
        connection.close().await.expect("closes");
        kept
    }};
}

both_empty_dbs!(sessions_and_keys_of_the_release_before_go_on, |database| async move {
    let url = database.url();
    let kept = if url.starts_with("sqlite:") {
        upgrade!(SqliteConnection, format!("{url}?mode=rwc"), "sqlite", "x'00'")
    } else {
        upgrade!(PgConnection, url, "postgres", "'\\x00'")
    };
    assert_eq!(kept, [("s".to_owned(), "k".to_owned(), 2, None)]);
});
