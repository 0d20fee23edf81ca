//! Both databases for tests: a fresh one of each engine per test, gone afterwards.

use std::{
    future::Future,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    panic::{AssertUnwindSafe, resume_unwind},
    process,
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use db::{Db, Engine, Options};
use futures_util::FutureExt as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::{
    keeper::{named, shared},
    postgres::{PostgresServer, URL_VARIABLE},
};

/// Declares a test once and runs it on SQLite and on PostgreSQL, each time with a fresh, migrated database:
/// `both_dbs!(a_name, |db| async move { … });`. A PostgreSQL that is missing fails the test.
#[macro_export]
macro_rules! both_dbs {
    ($(#[$meta:meta])* $name:ident, |$db:pat_param| $body:expr) => {
        $(#[$meta])*
        #[cfg(test)]
        mod $name {
            use super::*;

            async fn body($db: $crate::Db) {
                $body.await;
            }

            #[test]
            fn sqlite() {
                $crate::on_database($crate::Engine::Sqlite, body);
            }

            #[test]
            fn postgres() {
                $crate::on_database($crate::Engine::Postgres, body);
            }
        }
    };
}

/// Like [`both_dbs!`](crate::both_dbs), with a database that is still empty and can be opened several times:
/// the body gets a [`TestDatabase`].
#[macro_export]
macro_rules! both_empty_dbs {
    ($(#[$meta:meta])* $name:ident, |$database:ident| $body:expr) => {
        $(#[$meta])*
        #[cfg(test)]
        mod $name {
            use super::*;

            async fn body($database: &$crate::TestDatabase) {
                $body.await;
            }

            #[test]
            fn sqlite() {
                $crate::on_test_database($crate::Engine::Sqlite, body);
            }

            #[test]
            fn postgres() {
                $crate::on_test_database($crate::Engine::Postgres, body);
            }
        }
    };
}

/// Runs a test's body with a fresh, migrated database of an engine.
///
/// # Panics
/// When the body does, or the database cannot be made.
pub fn on_database<F: Future<Output = ()>>(engine: Engine, body: impl FnOnce(Db) -> F) {
    on_test_database(engine, async |database: &TestDatabase| {
        database.migrate().await.expect("migrations apply");
        let db = database.open().await.expect("a fresh database opens");
        body(db).await;
    });
}

/// Runs a test's body with a fresh, empty database of an engine.
///
/// # Panics
/// When the body does, or the database cannot be made.
pub fn on_test_database(engine: Engine, body: impl AsyncFnOnce(&TestDatabase)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let database = TestDatabase::create(engine).await.unwrap_or_else(|error| panic!("{error:#}"));
        let ended = AssertUnwindSafe(body(&database)).catch_unwind().await;
        let removed = database.remove().await;
        if let Err(panic) = ended {
            resume_unwind(panic);
        }
        removed.expect("the database is deleted");
    });
}

/// A database of one test.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Lite(TempDir),
    Pg { server: Server, name: String },
}

impl TestDatabase {
    /// Makes an empty database.
    ///
    /// # Errors
    /// When the engine is missing or refuses.
    pub async fn create(engine: Engine) -> Result<Self> {
        match engine {
            Engine::Sqlite => {
                let folder = memory_folder()?;
                let url = format!("sqlite:{}", folder.path().join("nexus.db").display());
                Ok(Self { url, place: Place::Lite(folder) })
            }
            Engine::Postgres => {
                let server = Server::find().await?;
                let name = fresh_name();
                server.admin(&format!("create database {name}")).await?;
                Ok(Self { url: server.database(&name), place: Place::Pg { server, name } })
            }
        }
    }

    /// What to open it by.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens it, as often as asked.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(&self) -> Result<Db> {
        Ok(Db::open(&self.url, patient()).await?)
    }

    /// Brings the empty database to the present schema.
    ///
    /// # Errors
    /// When a migration fails.
    pub async fn migrate(&self) -> Result<()> {
        match &self.place {
            Place::Lite(_) => migrate_by_hand(&self.url).await,
            Place::Pg { server, name } => {
                let template = server.template().await?;
                server.admin(&format!("drop database {name}")).await?;
                server.admin(&format!("create database {name} template {template}")).await
            }
        }
    }

    /// A connection of its own for looks from outside, past the code under test.
    ///
    /// # Errors
    /// On SQLite, which nobody should look into from outside; when the engine refuses.
    pub async fn rows(&self) -> Result<TestRows> {
        match self.place {
            Place::Lite(_) => bail!("only a PostgreSQL is looked into from outside"),
            Place::Pg { .. } => Ok(TestRows(PgConnection::connect(&self.url).await?)),
        }
    }

    /// Deletes it, whoever still uses it.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn remove(self) -> Result<()> {
        match self.place {
            Place::Lite(folder) => Ok(folder.close()?),
            Place::Pg { server, name } => server.admin(&format!("drop database {name} with (force)")).await,
        }
    }
}

/// Looks into a PostgreSQL database from outside.
#[derive(Debug)]
pub struct TestRows(PgConnection);

impl TestRows {
    /// The rows of a query for one column of text.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn texts(&mut self, sql: &str) -> Result<Vec<String>> {
        let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut self.0).await;
        rows.with_context(|| sql.to_owned())
    }
}

/// No test fails because its machine is slow.
fn patient() -> Options {
    let minute = Duration::from_secs(60);
    Options { acquire_timeout: minute, lock_timeout: minute, statement_timeout: minute, ..Options::default() }
}

/// A folder in memory where the system has one: tests commit thousands of times and none pulls the plug.
fn memory_folder() -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("nexus-sqlite-");
    Ok(builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir())?)
}

fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let started = lifecycle::system().now().micros();
    format!("nexus_test_{}_{started}_{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

async fn migrate_by_hand(url: &str) -> Result<()> {
    let db = Db::open(url, patient()).await?;
    db.migrate().await?;
    db.close().await;
    Ok(())
}

/// The server of the whole test run, or one shared by the tests of this process that run at this time.
#[derive(Clone, Debug)]
enum Server {
    Named(String),
    Own(Arc<PostgresServer>),
}

impl Server {
    async fn find() -> Result<Self> {
        static OWN: Mutex<Weak<PostgresServer>> = Mutex::const_new(Weak::new());
        match named(URL_VARIABLE) {
            Some(url) => Ok(Self::Named(url)),
            None => shared(&OWN, PostgresServer::start).await.map(Self::Own),
        }
    }

    fn database(&self, name: &str) -> String {
        match self {
            Self::Named(url) => format!("{url}/{name}"),
            Self::Own(server) => format!("{}/{name}", server.url()),
        }
    }

    async fn connect(&self) -> Result<PgConnection> {
        let connected = PgConnection::connect(&self.database("postgres")).await;
        connected.with_context(|| format!("no PostgreSQL answers at the URL in {URL_VARIABLE}"))
    }

    async fn admin(&self, sql: &str) -> Result<()> {
        let mut connection = self.connect().await?;
        connection.execute(AssertSqlSafe(sql)).await.with_context(|| sql.to_owned())?;
        Ok(connection.close().await?)
    }

    /// A migrated database to copy, made once per server and set of migrations.
    async fn template(&self) -> Result<String> {
        let name = template_name();
        let mut connection = self.connect().await?;
        // Held until this connection closes; other processes of the run wait for the template here.
        connection.execute("select pg_advisory_lock(4242)").await?;
        let known: (i64,) = sqlx::query_as("select count(*) from pg_database where datname = $1")
            .bind(&name)
            .fetch_one(&mut connection)
            .await?;
        if known.0 == 0 {
            self.make_template(&name).await?;
        }
        connection.close().await?;
        Ok(name)
    }

    async fn make_template(&self, name: &str) -> Result<()> {
        let unfinished = format!("{name}_unfinished");
        self.admin(&format!("drop database if exists {unfinished} with (force)")).await?;
        self.admin(&format!("create database {unfinished}")).await?;
        migrate_by_hand(&self.database(&unfinished)).await?;
        self.admin(&format!("alter database {unfinished} rename to {name}")).await
    }
}

fn template_name() -> String {
    let mut hasher = DefaultHasher::new();
    Db::migrations().iter().for_each(|migration| migration.checksum().hash(&mut hasher));
    format!("nexus_template_{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn exists(url: &str) -> bool {
        Db::open(url, Options { acquire_timeout: Duration::from_secs(2), ..Options::default() }).await.is_ok()
    }

    /// Whether a body's failure is the test's failure, and its database is gone all the same.
    fn fails_and_cleans_up(engine: Engine) {
        on_test_database(engine, async |outer: &TestDatabase| {
            let keeps_the_server = outer.open().await.expect("opens");
            let url = std::sync::Mutex::new(String::new());
            std::thread::scope(|scope| {
                let failing = || {
                    on_test_database(engine, async |database: &TestDatabase| {
                        assert!(exists(database.url()).await);
                        database.url().clone_into(&mut url.lock().expect("not poisoned"));
                        panic!("a planted failure");
                    });
                };
                assert!(scope.spawn(failing).join().is_err(), "the failure is passed on");
            });
            let url = url.into_inner().expect("not poisoned");
            match engine {
                Engine::Sqlite => assert!(!std::path::Path::new(url.trim_start_matches("sqlite:")).exists()),
                Engine::Postgres => assert!(!exists(&url).await),
            }
            keeps_the_server.close().await;
        });
    }

    #[test]
    fn a_failing_body_fails_the_test_and_leaves_no_database_sqlite() {
        fails_and_cleans_up(Engine::Sqlite);
    }

    #[test]
    fn a_failing_body_fails_the_test_and_leaves_no_database_postgres() {
        fails_and_cleans_up(Engine::Postgres);
    }

    crate::both_dbs!(a_test_begins_migrated, |db| async move {
        let pending = db.pending().await.expect("a known schema").len();
        assert_eq!(pending, 0, "of {}", Db::migrations().len());
    });
}
