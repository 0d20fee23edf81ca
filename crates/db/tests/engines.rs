//! What both engines must answer alike.

use std::{sync::Arc, time::Duration};

use base::{AssetId, Timestamp};
use db::{Db, DbError, Json, Options, statements};
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::{both_dbs, both_empty_dbs};
use tokio::sync::Notify;

statements! {
    CREATE_SHELF -> () = "create table shelf (id text not null primary key, tenant text not null,
            name text not null, books integer not null check (books >= 0), unique (tenant, name)) strict",
        pg = "create table shelf (id text collate \"C\" not null primary key, tenant text collate \"C\" not null,
            name text collate \"C\" not null, books bigint not null check (books >= 0), unique (tenant, name))";
    CREATE_BOOK -> () = "create table book (id text not null primary key,
            shelf text not null references shelf (id), pages integer, weight real, open integer not null,
            cover blob, facts text) strict",
        pg = "create table book (id text collate \"C\" not null primary key,
            shelf text collate \"C\" not null references shelf (id), pages bigint, weight double precision,
            open boolean not null, cover bytea, facts jsonb)";
    ADD_SHELF -> () = "insert into shelf (id, tenant, name, books) values ($1, $2, $3, $4)";
    ADD_BOOK -> () = "insert into book (id, shelf, pages, weight, open, cover, facts)
        values ($1, $2, $3, $4, $5, $6, $7)";
    BOOKS -> Book = "select id, pages, weight, open, cover, facts from book order by id";
    NAMES -> (String,) = "select name from shelf order by name";
    COUNT -> (i64,) = "select books from shelf where id = $1";
    GROW -> () = "update shelf set books = books + 1 where id = $1";
    SET -> () = "update shelf set books = $2 where id = $1";
    UNNAME -> () = "update shelf set name = $1";
    MISREAD -> Misread = "select name as books from shelf";
    SUM -> (i64,) = "select cast(coalesce(sum(books), 0) as bigint) from shelf";
}

#[derive(sqlx::FromRow, Debug, PartialEq)]
struct Book {
    #[sqlx(try_from = "String")]
    id: AssetId,
    pages: Option<i64>,
    weight: Option<f64>,
    open: bool,
    cover: Option<Vec<u8>>,
    facts: Option<Json<Value>>,
}

#[derive(sqlx::FromRow, Debug)]
struct Misread {
    #[sqlx(try_from = "String")]
    #[expect(dead_code, reason = "it never comes to be")]
    books: AssetId,
}

async fn with_shelf(db: &Db) {
    let mut tx = db.write().await.expect("begins");
    tx.exec(CREATE_SHELF, ()).await.expect("a table");
    tx.exec(CREATE_BOOK, ()).await.expect("a table");
    tx.exec(ADD_SHELF, ("s", "t", "first", 0_i64)).await.expect("a row");
    tx.commit().await.expect("commits");
}

async fn books(db: &Db) -> i64 {
    db.read().await.expect("begins").one(COUNT, ("s",)).await.expect("the shelf").0
}

both_dbs!(statements_prepare, |db| async move {
    with_shelf(&db).await;
    db.prepare(&ALL[2..]).await.expect("every statement is accepted");
});

both_dbs!(a_misspelt_statement_is_named, |db| async move {
    let wrong = db::Statement {
        name: "WRONG",
        lite: "select nothing_such from job",
        pg: "select nothing_such from job",
    };
    let error = db.prepare(&[wrong]).await.expect_err("there is no such column");
    let DbError::Prepare { name: "WRONG", reason } = &error else { panic!("{error:?}") };
    assert!(reason.contains("nothing_such"), "{reason}");
});

both_dbs!(a_commit_stays_and_a_drop_undoes, |db| async move {
    with_shelf(&db).await;
    let mut tx = db.write().await.unwrap();
    assert_eq!(tx.exec(GROW, ("s",)).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let mut tx = db.write().await.unwrap();
    tx.exec(GROW, ("s",)).await.unwrap();
    drop(tx);
    assert_eq!(books(&db).await, 1);
});

both_dbs!(a_read_cannot_write, |db| async move {
    with_shelf(&db).await;
    let refused = db.read().await.unwrap().exec(GROW, ("s",)).await;
    assert!(matches!(refused, Err(DbError::Statement(_))), "{refused:?}");
    assert_eq!(books(&db).await, 0);
});

both_dbs!(a_read_sees_one_snapshot, |db| async move {
    with_shelf(&db).await;
    let mut reader = db.read().await.unwrap();
    assert_eq!(reader.one(COUNT, ("s",)).await.unwrap(), (0,));
    let mut tx = db.write().await.unwrap();
    tx.exec(GROW, ("s",)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(reader.one(COUNT, ("s",)).await.unwrap(), (0,));
    assert_eq!(books(&db).await, 1);
});

both_dbs!(every_parameter_type_round_trips, |db| async move {
    with_shelf(&db).await;
    let (ambient, _) = testkit::ambient();
    let (full, bare): (AssetId, AssetId) = (ambient.id(), ambient.id());
    let facts = json!({"n": [1, 2.5, null], "s": "é\"\\"});
    let mut tx = db.write().await.unwrap();
    let cover: &[u8] = &[0, 255, 1];
    let values = (&full, "s", Timestamp(i64::MAX), -0.5, true, cover, Json(&facts));
    tx.exec(ADD_BOOK, values).await.unwrap();
    let nothing = (None::<u32>, None::<f64>, None::<Vec<u8>>, None::<Json<Value>>);
    tx.exec(ADD_BOOK, (&bare, &"s".to_owned(), nothing.0, nothing.1, false, nothing.2, nothing.3))
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let mut found = db.read().await.unwrap().all(BOOKS, ()).await.unwrap();
    found.sort_by_key(|book| book.pages.is_none());
    let empty = Book { id: bare, pages: None, weight: None, open: false, cover: None, facts: None };
    let whole = Book {
        id: full,
        pages: Some(i64::MAX),
        weight: Some(-0.5),
        open: true,
        cover: Some(cover.to_vec()),
        facts: Some(Json(facts)),
    };
    assert_eq!(found, [whole, empty]);
});

both_dbs!(broken_rules_are_named, |db| async move {
    with_shelf(&db).await;
    let mut tx = db.write().await.unwrap();
    let error = tx.exec(ADD_SHELF, ("other", "t", "first", 0_i64)).await.unwrap_err();
    assert!(error.is_unique("shelf", &["tenant", "name"]), "{error:?}");
    let mut tx = {
        drop(tx);
        db.write().await.unwrap()
    };
    let error = tx.exec(ADD_SHELF, ("s", "t", "second", 0_i64)).await.unwrap_err();
    assert!(error.is_unique("shelf", &["id"]), "{error:?}");
    let mut tx = {
        drop(tx);
        db.write().await.unwrap()
    };
    let error = tx.exec(SET, ("s", -1_i64)).await.unwrap_err();
    assert!(matches!(error, DbError::Check(_)), "{error:?}");
    let mut tx = {
        drop(tx);
        db.write().await.unwrap()
    };
    let error = tx.exec(UNNAME, (None::<&str>,)).await.unwrap_err();
    assert!(matches!(error, DbError::Check(_)), "{error:?}");
    let mut tx = {
        drop(tx);
        db.write().await.unwrap()
    };
    let error = tx
        .exec(ADD_BOOK, ("b", "no such shelf", None::<i64>, 0.0, false, None::<&[u8]>, Json(json!(1))))
        .await;
    assert!(matches!(error, Err(DbError::ForeignKey)), "{error:?}");
});

both_dbs!(a_malformed_row_names_its_column, |db| async move {
    with_shelf(&db).await;
    let error = db.read().await.unwrap().opt(MISREAD, ()).await.unwrap_err();
    let DbError::Row { column, .. } = &error else { panic!("{error:?}") };
    assert!(column.as_ref().is_some_and(|name| name.contains("books")), "{error}");
});

both_dbs!(a_missing_row_is_none_or_missing, |db| async move {
    with_shelf(&db).await;
    let mut tx = db.read().await.unwrap();
    assert_eq!(tx.opt(COUNT, ("absent",)).await.unwrap(), None);
    assert!(matches!(tx.one(COUNT, ("absent",)).await, Err(DbError::Missing)));
    assert_eq!(tx.one(SUM, ()).await.unwrap(), (0,));
});

both_dbs!(text_sorts_by_its_bytes, |db| async move {
    with_shelf(&db).await;
    let mut tx = db.write().await.unwrap();
    for name in ["b", "A", "ä", "B", "a", "_"] {
        tx.exec(ADD_SHELF, (name, "t", name, 0_i64)).await.unwrap();
    }
    let names: Vec<_> = tx.all(NAMES, ()).await.unwrap().into_iter().map(|(name,)| name).collect();
    assert_eq!(names, ["A", "B", "_", "a", "b", "first", "ä"]);
});

both_dbs!(concurrent_writers_lose_nothing, |db| async move {
    with_shelf(&db).await;
    let grow = async || {
        for _ in 0..10 {
            let mut tx = db.write().await.unwrap();
            tx.exec(GROW, ("s",)).await.unwrap();
            tx.commit().await.unwrap();
        }
    };
    join_all((0..8).map(|_| grow())).await;
    assert_eq!(books(&db).await, 80);
});

both_dbs!(a_transaction_dropped_anywhere_is_whole_or_absent, |db| async move {
    with_shelf(&db).await;
    let pair = async || {
        let mut tx = db.write().await?;
        tx.exec(GROW, ("s",)).await?;
        tx.exec(GROW, ("s",)).await?;
        tx.commit().await
    };
    for microseconds in (0..6000).step_by(25) {
        match tokio::time::timeout(Duration::from_micros(microseconds), pair()).await {
            Ok(finished) => finished.expect("an undisturbed transaction succeeds"),
            Err(_) => assert_eq!(books(&db).await % 2, 0),
        }
    }
    pair().await.expect("no connection is left in a transaction");
    let grown = books(&db).await;
    assert!(grown >= 2 && grown % 2 == 0, "{grown}");
});

both_dbs!(a_commit_wakes_and_a_drop_does_not, |db| async move {
    let wake = Arc::new(Notify::new());
    let mut waiting = std::pin::pin!(wake.notified());
    waiting.as_mut().enable();
    let mut tx = db.write().await.unwrap();
    tx.wake_after_commit(&wake);
    drop(tx);
    let quiet = futures_util::poll!(waiting.as_mut());
    assert!(quiet.is_pending());
    let mut tx = db.write().await.unwrap();
    tx.wake_after_commit(&wake);
    tx.commit().await.unwrap();
    assert!(futures_util::poll!(waiting).is_ready());
});

both_empty_dbs!(a_lock_held_by_another_process_is_busy, |database| async move {
    let db = database.open().await.unwrap();
    with_shelf(&db).await;
    let short = Options { lock_timeout: Duration::from_millis(20), ..Options::default() };
    let other = Db::open(database.url(), short).await.unwrap();
    let mut holder = db.write().await.unwrap();
    holder.exec(GROW, ("s",)).await.unwrap();
    let refused = async {
        let mut tx = other.write().await?;
        tx.exec(GROW, ("s",)).await
    };
    let error = refused.await.unwrap_err();
    assert!(matches!(error, DbError::Busy(_)) && error.is_retryable(), "{error:?}");
    holder.commit().await.unwrap();
    let mut tx = other.write().await.unwrap();
    tx.exec(GROW, ("s",)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(books(&db).await, 2);
});

both_empty_dbs!(an_exhausted_pool_is_unavailable, |database| async move {
    let options = Options { connections: 1, acquire_timeout: Duration::from_secs(2), ..Options::default() };
    let db = Db::open(database.url(), options).await.unwrap();
    let held = db.write().await.unwrap();
    let error = db.write().await.err().expect("there is one connection only");
    assert!(matches!(error, DbError::Unavailable(_)) && error.is_retryable(), "{error:?}");
    drop(held);
    db.write().await.expect("the connection came back");
});
