//! Statements as typed constants.

use std::marker::PhantomData;

use sqlx::{FromRow, postgres::PgRow, sqlite::SqliteRow};

/// A row type of both engines; `#[derive(sqlx::FromRow)]`, tuples, and `()` for statements without rows.
pub trait Record: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<R> Record for R where R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// A statement that takes `N` parameters and yields rows of type `R`. Made by [`statements!`](crate::statements).
pub struct Query<R, const N: usize> {
    pub(crate) lite: &'static str,
    pub(crate) pg: &'static str,
    row: PhantomData<fn() -> R>,
}

impl<R, const N: usize> Clone for Query<R, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, const N: usize> Copy for Query<R, N> {}

impl<R, const N: usize> Query<R, N> {
    /// A statement with a text for each engine.
    ///
    /// # Panics
    /// At compile time, when the two texts take different numbers of parameters.
    #[must_use]
    pub const fn new(lite: &'static str, pg: &'static str) -> Self {
        assert!(arity(lite) == N && arity(pg) == N, "both texts must take the same number of parameters");
        Self { lite, pg, row: PhantomData }
    }
}

/// A statement without its types, as listed in a store's `ALL`.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// The constant's name.
    pub name: &'static str,
    /// The text for SQLite.
    pub lite: &'static str,
    /// The text for PostgreSQL.
    pub pg: &'static str,
}

/// The highest `$n` in `sql`.
#[must_use]
pub const fn arity(sql: &str) -> usize {
    let bytes = sql.as_bytes();
    let (mut index, mut highest) = (0, 0);
    while index < bytes.len() {
        if bytes[index] == b'$' {
            let mut number = 0;
            while index + 1 < bytes.len() && bytes[index + 1].is_ascii_digit() {
                index += 1;
                number = number * 10 + (bytes[index] - b'0') as usize;
            }
            if number > highest {
                highest = number;
            }
        }
        index += 1;
    }
    highest
}

/// Declares a store's statements as `NAME -> Row = "text";`, or `NAME -> Row = "text", pg = "text";` where the
/// engines differ, and the list `ALL` that a test prepares on both.
#[macro_export]
macro_rules! statements {
    ($($(#[$meta:meta])* $name:ident -> $row:ty = $lite:expr $(, pg = $pg:expr)?;)*) => {
        $(
            $(#[$meta])*
            const $name: $crate::Query<$row, { $crate::arity($lite) }> =
                $crate::Query::new($lite, $crate::statements!(@pg $lite $(, $pg)?));
        )*
        /// Every statement of this store.
        #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that prepares each statement"))]
        pub(crate) const ALL: &[$crate::Statement] = &[$($crate::Statement {
            name: stringify!($name),
            lite: $lite,
            pg: $crate::statements!(@pg $lite $(, $pg)?),
        }),*];
    };
    (@pg $lite:expr) => { $lite };
    (@pg $lite:expr, $pg:expr) => { $pg };
}

#[cfg(test)]
mod tests {
    use super::arity;

    #[test]
    fn arity_is_the_highest_placeholder() {
        for (sql, expected) in [
            ("select 1", 0),
            ("$1", 1),
            ("a = $2 and b = $1 and c = $2", 2),
            ("in ($9, $12)", 12),
            ("'$'", 0),
        ] {
            assert_eq!(arity(sql), expected, "{sql}");
        }
    }
}
