//! Embedded migrations: forward only, each applied once, in order.

use crate::{Db, DbError, Tx, statements};

/// A schema change, carried by the program for both engines.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Position, unique.
    pub number: u32,
    /// `NNNN_domain_verb`.
    pub name: &'static str,
    lite: &'static str,
    pg: &'static str,
}

const MIGRATIONS: &[Migration] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

const TABLE_LITE: &str = "create table if not exists schema_migration (
    number integer primary key, name text not null, checksum text not null) strict";
const TABLE_PG: &str = "create table if not exists schema_migration (
    number bigint primary key, name text collate \"C\" not null, checksum text collate \"C\" not null)";

statements! {
    /// Two programs that start together migrate one after the other.
    LOCK -> () = "select 1", pg = "select pg_advisory_xact_lock(7308332046061863029)";
    EXISTS -> (i64,) = "select count(*) from sqlite_master where name = 'schema_migration'",
        pg = "select count(*) from pg_tables where tablename = 'schema_migration' and schemaname = current_schema()";
    APPLIED -> Applied = "select number, name, checksum from schema_migration order by number";
    APPLY -> () = "insert into schema_migration (number, name, checksum) values ($1, $2, $3)";
}

#[derive(sqlx::FromRow)]
struct Applied {
    number: i64,
    name: String,
    checksum: String,
}

impl Migration {
    /// FNV-1a over both texts: enough to notice that somebody edited an applied migration.
    #[must_use]
    pub fn checksum(&self) -> String {
        let bytes = self.lite.bytes().chain(self.pg.bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        format!("{hash:016x}")
    }
}

impl Db {
    /// Every migration this program carries.
    #[must_use]
    pub fn migrations() -> &'static [Migration] {
        MIGRATIONS
    }

    /// The migrations not yet applied.
    ///
    /// # Errors
    /// [`DbError::MigrationChanged`] or [`DbError::SchemaNewer`] when the schema is not one this program made.
    pub async fn pending(&self) -> Result<Vec<&'static Migration>, DbError> {
        let mut tx = self.read().await?;
        let (known,) = tx.one(EXISTS, ()).await?;
        if known == 0 {
            return Ok(MIGRATIONS.iter().collect());
        }
        remaining(&tx.all(APPLIED, ()).await?)
    }

    /// Applies what is pending, all of it or nothing; what was applied.
    ///
    /// # Errors
    /// [`DbError::Migration`] names the one that failed; otherwise as for [`Db::pending`].
    pub async fn migrate(&self) -> Result<Vec<&'static Migration>, DbError> {
        let mut tx = self.write().await?;
        tx.opt(LOCK, ()).await?;
        tx.script(TABLE_LITE, TABLE_PG).await?;
        let todo = remaining(&tx.all(APPLIED, ()).await?)?;
        for migration in &todo {
            let applied = apply(&mut tx, migration).await;
            applied
                .map_err(|e| DbError::Migration { name: migration.name.to_owned(), source: Box::new(e) })?;
        }
        tx.commit().await?;
        Ok(todo)
    }
}

async fn apply(tx: &mut Tx, migration: &Migration) -> Result<(), DbError> {
    tx.script(migration.lite, migration.pg).await?;
    tx.exec(APPLY, (migration.number, migration.name, migration.checksum())).await?;
    Ok(())
}

fn remaining(applied: &[Applied]) -> Result<Vec<&'static Migration>, DbError> {
    for row in applied {
        let carried = MIGRATIONS.iter().find(|migration| i64::from(migration.number) == row.number);
        let carried = carried.ok_or_else(|| DbError::SchemaNewer(row.name.clone()))?;
        if carried.checksum() != row.checksum {
            return Err(DbError::MigrationChanged(row.name.clone()));
        }
    }
    let is_new = |migration: &&Migration| applied.iter().all(|row| row.number != i64::from(migration.number));
    Ok(MIGRATIONS.iter().filter(is_new).collect())
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::{Db, Options};

    #[tokio::test]
    async fn statements_prepare_where_migrations_ran() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("a.db").display());
        let db = Db::open(&url, Options::default()).await.expect("opens");
        db.migrate().await.expect("migrates");
        db.prepare(ALL).await.expect("every statement is accepted");
    }
}
