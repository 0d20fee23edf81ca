//! What can go wrong between a store and its database, alike on both engines.

use sqlx::{
    error::{DatabaseError, ErrorKind},
    postgres::PgDatabaseError,
    sqlite::SqliteError,
};

/// A failed database operation.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A unique or primary key already holds these values.
    #[error("{table} already has a row with this {}", columns.join(", "))]
    Unique {
        /// The table.
        table: String,
        /// The key's columns in index order.
        columns: Vec<String>,
    },
    /// A row refers to one that is not there, or is still referred to.
    #[error("a reference between rows would break")]
    ForeignKey,
    /// A `check` or `not null` rule refused a value.
    #[error("a value breaks a rule of its column: {0}")]
    Check(String),
    /// Locks or a serialisation conflict; nothing was written, the transaction can be started again.
    #[error("the database is busy")]
    Busy(#[source] sqlx::Error),
    /// The database cannot be reached or is out of connections; the outcome of a commit is unknown.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// The database's disk is full; nothing was written.
    #[error("the database has no space left")]
    Full(#[source] sqlx::Error),
    /// A statement that always finds a row found none.
    #[error("a row is missing")]
    Missing,
    /// A stored row does not have the shape its type asks for.
    #[error("a stored row is malformed{}", column.as_ref().map(|c| format!(" in column {c}")).unwrap_or_default())]
    Row {
        /// The column, where known.
        column: Option<String>,
        /// Why.
        source: sqlx::Error,
    },
    /// The engine refused the statement itself: a mistake in this program.
    #[error("a statement was refused")]
    Statement(#[source] sqlx::Error),
    /// The database URL cannot be used. The URL is not shown: it may hold a password.
    #[error("database.url: {0}")]
    Url(String),
    /// Asked of a database server what only an embedded database can do.
    #[error("only an embedded database can be copied; use pg_dump for PostgreSQL")]
    NotEmbedded,
    /// A migration failed; the schema is as before it.
    #[error("migration {name} failed")]
    Migration {
        /// `NNNN_domain_verb`.
        name: String,
        /// Why.
        source: Box<DbError>,
    },
    /// An applied migration's text is not the one this program carries.
    #[error(
        "migration {0} was changed after it was applied: restore the text or start with an empty database"
    )]
    MigrationChanged(String),
    /// The schema was made by a newer program.
    #[error("the database has migration {0}, which this program does not know: run a newer version")]
    SchemaNewer(String),
    /// A statement takes another number of parameters than its text shows.
    #[error("statement {name} is refused: {reason}")]
    Prepare {
        /// The statement's constant.
        name: &'static str,
        /// The engine's words.
        reason: String,
    },
}

impl DbError {
    /// Whether the same transaction, started again, may succeed. After [`DbError::Unavailable`] at a commit
    /// the first one may have been applied.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Unavailable(_))
    }

    /// Whether it says something about the database as a whole, which passes: it is away, busy or full.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Unavailable(_) | Self::Full(_))
    }

    /// Whether this is a violation of the unique key over exactly `columns` of `table`.
    #[must_use]
    pub fn is_unique(&self, on: &str, of: &[&str]) -> bool {
        matches!(self, Self::Unique { table, columns } if table == on && columns == of)
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match error {
            E::RowNotFound => Self::Missing,
            E::ColumnDecode { ref index, .. } => Self::Row { column: Some(index.clone()), source: error },
            E::ColumnNotFound(ref name) => Self::Row { column: Some(name.clone()), source: error },
            E::Decode(_) | E::ColumnIndexOutOfBounds { .. } => Self::Row { column: None, source: error },
            E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::BeginFailed => {
                Self::Unavailable(error)
            }
            E::Protocol(_) => Self::Unavailable(error),
            E::Database(ref refusal) => match classify(refusal.as_ref()) {
                Verdict::Final(known) => known,
                Verdict::Wraps(wrap) => wrap(error),
            },
            other => Self::Statement(other),
        }
    }
}

enum Verdict {
    Final(DbError),
    Wraps(fn(sqlx::Error) -> DbError),
}

fn classify(refusal: &dyn DatabaseError) -> Verdict {
    match refusal.kind() {
        ErrorKind::UniqueViolation => Verdict::Final(unique(refusal)),
        ErrorKind::ForeignKeyViolation => Verdict::Final(DbError::ForeignKey),
        ErrorKind::NotNullViolation | ErrorKind::CheckViolation => {
            Verdict::Final(DbError::Check(refusal.message().to_owned()))
        }
        _ => Verdict::Wraps(wrapper(refusal)),
    }
}

fn wrapper(refusal: &dyn DatabaseError) -> fn(sqlx::Error) -> DbError {
    let code = refusal.code().unwrap_or_default();
    if refusal.try_downcast_ref::<SqliteError>().is_some() {
        return lite_wrapper(code.parse().unwrap_or(0));
    }
    pg_wrapper(&code)
}

/// <https://www.sqlite.org/rescode.html>: the low byte is the primary code.
fn lite_wrapper(extended: i32) -> fn(sqlx::Error) -> DbError {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const IO: i32 = 10;
    const FULL: i32 = 13;
    const CANNOT_OPEN: i32 = 14;
    match extended & 0xff {
        BUSY | LOCKED => DbError::Busy,
        IO | CANNOT_OPEN => DbError::Unavailable,
        FULL => DbError::Full,
        _ => DbError::Statement,
    }
}

/// SQLSTATE, PostgreSQL 15 appendix A.
fn pg_wrapper(code: &str) -> fn(sqlx::Error) -> DbError {
    match code {
        // serialization_failure, deadlock_detected, lock_not_available, query_canceled,
        // idle_in_transaction_session_timeout
        "40001" | "40P01" | "55P03" | "57014" | "25P03" => DbError::Busy,
        "53100" => DbError::Full,
        // connection exceptions, insufficient resources, operator intervention, system errors
        _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => DbError::Unavailable,
        _ => DbError::Statement,
    }
}

fn unique(refusal: &dyn DatabaseError) -> DbError {
    let (table, columns) = refusal.try_downcast_ref::<PgDatabaseError>().map_or_else(
        || lite_key(refusal.message()),
        |pg| (pg.table().unwrap_or_default().to_owned(), pg_key(pg.detail().unwrap_or_default())),
    );
    DbError::Unique { table, columns }
}

/// `UNIQUE constraint failed: shelf.tenant, shelf.name`.
fn lite_key(message: &str) -> (String, Vec<String>) {
    let key = message.rsplit_once(": ").map_or(message, |(_, key)| key);
    let pairs: Vec<_> = key.split(", ").filter_map(|part| part.split_once('.')).collect();
    let table = pairs.first().map_or("", |(table, _)| table).to_owned();
    (table, pairs.into_iter().map(|(_, column)| column.to_owned()).collect())
}

/// `Key (tenant, name)=(t, n) already exists.`, in the server's language.
fn pg_key(detail: &str) -> Vec<String> {
    let inside = detail.split_once(")=(").and_then(|(head, _)| head.split_once('('));
    inside.map_or_else(Vec::new, |(_, key)| key.split(", ").map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_both_engines_words() {
        let columns = vec!["tenant".to_owned(), "name".to_owned()];
        assert_eq!(
            lite_key("UNIQUE constraint failed: shelf.tenant, shelf.name"),
            ("shelf".to_owned(), columns.clone())
        );
        assert_eq!(pg_key("Key (tenant, name)=(a, (b)=(c) already exists."), columns);
        assert_eq!(pg_key("Schlüssel »(tenant, name)=(a, b)« existiert bereits."), columns);
        assert_eq!(pg_key(""), Vec::<String>::new());
    }
}
