//! Opening a database and beginning transactions.

use std::{fmt, path::Path, str::FromStr as _, time::Duration};

use sqlx::{
    Connection as _, PgPool, SqliteConnection, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{DbError, Statement, Tx, tx::Connection};

const STATEMENTS_CACHED: usize = 512;
/// Each reader of SQLite is a thread with a page cache.
const READER_IDLE: Duration = Duration::from_secs(60);

/// The two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded, one machine.
    Sqlite,
    /// A server shared by many machines.
    Postgres,
}

/// Limits of a database's connections.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Connections to PostgreSQL, or readers of SQLite (which has one writer besides).
    pub connections: u32,
    /// How long a transaction waits for a connection or the writer before it fails.
    pub acquire_timeout: Duration,
    /// How long a statement waits for another process's or transaction's lock.
    pub lock_timeout: Duration,
    /// How long one statement may run on PostgreSQL.
    pub statement_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: 8,
            acquire_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
        }
    }
}

/// A database; clones share its connections.
#[derive(Clone)]
pub struct Db(Pools);

#[derive(Clone)]
enum Pools {
    Lite { read: SqlitePool, write: SqlitePool },
    Pg(PgPool),
}

impl Db {
    /// Opens `sqlite:PATH` (made if missing; its folder must exist) or `postgres://…`.
    ///
    /// # Errors
    /// [`DbError::Url`] for any other URL; [`DbError::Unavailable`] when it cannot be opened or reached.
    pub async fn open(url: &str, options: Options) -> Result<Self, DbError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return open_lite(path, options).await;
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return open_pg(url, options).await;
        }
        Err(DbError::Url("neither sqlite:PATH nor postgres://USER@HOST/NAME".to_owned()))
    }

    /// Which engine this is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.0 {
            Pools::Lite { .. } => Engine::Sqlite,
            Pools::Pg(_) => Engine::Postgres,
        }
    }

    /// Begins a transaction that sees one snapshot and cannot write.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when no connection comes free in time.
    pub async fn read(&self) -> Result<Tx, DbError> {
        self.begin(false).await
    }

    /// Begins a transaction that may write. On SQLite it waits to be the only writer.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when no connection comes free in time, [`DbError::Busy`] when another process
    /// keeps the writer.
    pub async fn write(&self) -> Result<Tx, DbError> {
        self.begin(true).await
    }

    async fn begin(&self, writes: bool) -> Result<Tx, DbError> {
        let begun = match &self.0 {
            Pools::Lite { write, .. } if writes => {
                write.begin_with("begin immediate").await.map(Connection::Lite)
            }
            Pools::Lite { read, .. } => read.begin_with("begin").await.map(Connection::Lite),
            Pools::Pg(pool) => {
                let begin = if writes {
                    "begin isolation level read committed read write"
                } else {
                    "begin isolation level repeatable read read only"
                };
                pool.begin_with(begin).await.map(Connection::Pg)
            }
        };
        begun.map(Tx::new).map_err(|error| {
            metrics::counter!("nexus_db_begin_failed_total").increment(1);
            DbError::from(error)
        })
    }

    /// Asks the engine to accept every statement of a store's `ALL`, without running one.
    ///
    /// # Errors
    /// [`DbError::Prepare`] names the first that is refused.
    pub async fn prepare(&self, statements: &[Statement]) -> Result<(), DbError> {
        for statement in statements {
            let prepared = self.read().await?.prepare(statement.lite, statement.pg).await;
            prepared.map_err(|error| DbError::Prepare { name: statement.name, reason: reason(&error) })?;
        }
        Ok(())
    }

    /// Asks the engine something that it has to read for.
    ///
    /// # Errors
    /// Why there was no answer.
    pub async fn ping(&self) -> Result<(), DbError> {
        match &self.0 {
            Pools::Lite { read, .. } => {
                sqlx::query("select count(*) from sqlite_schema").fetch_one(read).await.map(drop)?;
            }
            Pools::Pg(pool) => sqlx::query("select 1").fetch_one(pool).await.map(drop)?,
        }
        Ok(())
    }

    /// Writes a consistent copy of an embedded database into the new file `path`, as it is at one moment;
    /// others read and write meanwhile.
    ///
    /// # Errors
    /// [`DbError::NotEmbedded`] on PostgreSQL; else what SQLite says, such as that `path` exists.
    pub async fn snapshot(&self, path: &Path) -> Result<(), DbError> {
        let Pools::Lite { write, .. } = &self.0 else { return Err(DbError::NotEmbedded) };
        let path = path.to_str().ok_or_else(|| DbError::Url("the copy's path is not UTF-8".to_owned()))?;
        sqlx::query("vacuum into $1").bind(path).execute(write).await?;
        Ok(())
    }

    /// Waits for running transactions and closes every connection.
    pub async fn close(&self) {
        match &self.0 {
            Pools::Lite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Pools::Pg(pool) => pool.close().await,
        }
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Db").field(&self.engine()).finish()
    }
}

fn reason(error: &DbError) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), ToString::to_string)
}

async fn open_lite(path: &str, options: Options) -> Result<Db, DbError> {
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.contains('?') || path == ":memory:" {
        return Err(DbError::Url("sqlite: takes the path of a file, without options".to_owned()));
    }
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(options.lock_timeout)
        .synchronous(SqliteSynchronous::Full)
        .statement_cache_capacity(STATEMENTS_CACHED);
    let pool = || {
        SqlitePoolOptions::new()
            .acquire_timeout(options.acquire_timeout)
            .max_lifetime(None)
            .test_before_acquire(false)
            .after_release(|connection, _| Box::pin(is_sound(connection)))
    };
    // The writer opens first and stays: it creates the file, and the write-ahead log lives as long as it does.
    let writer = connect.clone().journal_mode(SqliteJournalMode::Wal);
    let write = pool().max_connections(1).idle_timeout(None).connect_with(writer).await?;
    let reader = connect.create_if_missing(false).pragma("query_only", "1");
    let readers = pool().max_connections(options.connections).idle_timeout(READER_IDLE);
    let read = readers.connect_with(reader).await?;
    Ok(Db(Pools::Lite { read, write }))
}

/// Whether a connection can begin another transaction. SQLite undoes one by itself when the disk is full or fails
/// (<https://www.sqlite.org/lang_transaction.html>, section 3); the driver goes on counting it as open, and would
/// refuse every other on this connection for good.
async fn is_sound(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    // An undoing may still be on its way to the connection's thread; this comes after it.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

async fn open_pg(url: &str, options: Options) -> Result<Db, DbError> {
    let connect = PgConnectOptions::from_str(url)
        .map_err(|_| DbError::Url("not a valid postgres:// URL".to_owned()))?
        .application_name("nexus")
        .statement_cache_capacity(STATEMENTS_CACHED)
        .options([
            ("lock_timeout", options.lock_timeout.as_millis()),
            ("statement_timeout", options.statement_timeout.as_millis()),
            ("idle_in_transaction_session_timeout", options.statement_timeout.as_millis()),
        ]);
    let pool = PgPoolOptions::new()
        .max_connections(options.connections)
        .acquire_timeout(options.acquire_timeout)
        .connect_with(connect)
        .await?;
    Ok(Db(Pools::Pg(pool)))
}
