//! Migrations on both engines.

use db::{Db, DbError, statements};
use testkit::both_empty_dbs;

statements! {
    TAMPER -> () = "update schema_migration set checksum = 'other' where number = 1";
    LEAVE_FUTURE -> () = "insert into schema_migration (number, name, checksum) values (9999, '9999_later', '')";
}

both_empty_dbs!(migrations_apply_once, |database| async move {
    let db = database.open().await.unwrap();
    assert_eq!(db.pending().await.unwrap().len(), Db::migrations().len());
    let applied = db.migrate().await.unwrap();
    assert_eq!(applied.len(), Db::migrations().len());
    assert!(applied.windows(2).all(|pair| pair[0].number < pair[1].number), "in order");
    assert!(db.pending().await.unwrap().is_empty());
    assert!(db.migrate().await.unwrap().is_empty());
});

both_empty_dbs!(two_programs_that_start_together_migrate_once, |database| async move {
    let (one, two) = (database.open().await.unwrap(), database.open().await.unwrap());
    let (first, second) = tokio::join!(one.migrate(), two.migrate());
    let applied = [first.unwrap().len(), second.unwrap().len()];
    assert!(applied.contains(&0) && applied.contains(&Db::migrations().len()), "{applied:?}");
});

both_empty_dbs!(foreign_schemas_are_refused, |database| async move {
    let db = database.open().await.unwrap();
    db.migrate().await.unwrap();
    let mut tx = db.write().await.unwrap();
    tx.exec(LEAVE_FUTURE, ()).await.unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(db.pending().await, Err(DbError::SchemaNewer(name)) if name == "9999_later"));
    assert!(matches!(db.migrate().await, Err(DbError::SchemaNewer(_))));
    let mut tx = db.write().await.unwrap();
    tx.exec(TAMPER, ()).await.unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(db.pending().await, Err(DbError::MigrationChanged(name)) if name.starts_with("0001_")));
});

#[test]
fn the_program_carries_the_job_queue() {
    assert!(Db::migrations().iter().any(|migration| migration.name == "0001_jobs_create"));
}
