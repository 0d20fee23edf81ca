//! Opening, and what is said when it fails.

use std::{
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use db::{Db, DbError, Engine, Options, statements};

statements! {
    PRAGMAS -> (String, i64, i64, i64) = "select j.journal_mode, s.synchronous, f.foreign_keys, b.timeout
        from pragma_journal_mode j, pragma_synchronous s, pragma_foreign_keys f, pragma_busy_timeout b";
    MAKE -> () = "create table shelf (id text primary key)";
    ADD -> () = "insert into shelf (id) values ($1)";
    COUNT -> (i64,) = "select count(*) from shelf";
}

#[tokio::test]
async fn sqlite_is_durable_and_checks_references() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("a.db").display());
    let db = Db::open(&url, Options::default()).await.unwrap();
    assert_eq!(db.engine(), Engine::Sqlite);
    db.ping().await.unwrap();
    const FULL: i64 = 2;
    let expected = ("wal".to_owned(), FULL, 1, 5000);
    assert_eq!(db.write().await.unwrap().one(PRAGMAS, ()).await.unwrap(), expected);
    assert_eq!(db.read().await.unwrap().one(PRAGMAS, ()).await.unwrap(), expected);
}

#[tokio::test]
async fn a_snapshot_holds_what_was_committed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let db = Db::open(&url("a.db"), Options::default()).await.unwrap();
    let mut tx = db.write().await.unwrap();
    tx.exec(MAKE, ()).await.unwrap();
    tx.exec(ADD, ("one",)).await.unwrap();
    tx.commit().await.unwrap();
    let copy = folder.path().join("copy.db");
    db.snapshot(&copy).await.unwrap();
    assert!(db.snapshot(&copy).await.is_err(), "a copy is never written over");
    let mut tx = db.write().await.unwrap();
    tx.exec(ADD, ("two",)).await.unwrap();
    tx.commit().await.unwrap();
    let copied = Db::open(&url("copy.db"), Options::default()).await.unwrap();
    assert_eq!(copied.read().await.unwrap().one(COUNT, ()).await.unwrap(), (1,));
}

#[tokio::test]
async fn unusable_urls_are_refused_without_being_shown() {
    for url in
        ["", "mysql://h/n", "sqlite:", "sqlite::memory:", "sqlite:a.db?mode=rwc", "postgres://u:hunter2@[/n"]
    {
        let error = Db::open(url, Options::default()).await.unwrap_err();
        assert!(matches!(error, DbError::Url(_)), "{url}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_missing_folder_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/absent/a.db", folder.path().display());
    let error = Db::open(&url, Options::default()).await.unwrap_err();
    assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unavailable() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let url = format!("postgres://nexus:hunter2@127.0.0.1:{port}/nexus");
    let hasty = Options { acquire_timeout: Duration::from_millis(100), ..Options::default() };
    let error = Db::open(&url, hasty).await.unwrap_err();
    assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}
