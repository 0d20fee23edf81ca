//! A transaction on either engine.

use std::{mem, sync::Arc};

use sqlx::{
    Executor as _, Postgres, SqlStr, Sqlite, Transaction,
    postgres::{PgArguments, PgConnection},
    sqlite::{SqliteArguments, SqliteConnection},
};
use tokio::sync::Notify;

use crate::{DbError, Params, Query, Record};

/// An open transaction; dropping it without [`Tx::commit`] undoes everything.
///
/// Keep it short and await nothing but its own statements: on SQLite it may be holding the only writer.
pub struct Tx {
    connection: Connection,
    wakes: Vec<Arc<Notify>>,
}

pub(crate) enum Connection {
    Lite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, wakes: Vec::new() }
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// [`DbError`] as documented on its variants.
    pub async fn opt<'q, R: Record, const N: usize>(
        &mut self,
        query: Query<R, N>,
        params: impl Params<'q, N>,
    ) -> Result<Option<R>, DbError> {
        let row = match &mut self.connection {
            Connection::Lite(tx) => {
                let query = sqlx::query_as_with(query.lite, lite_arguments(params)?);
                query.fetch_optional(&mut **tx).await
            }
            Connection::Pg(tx) => {
                sqlx::query_as_with(query.pg, pg_arguments(params)?).fetch_optional(&mut **tx).await
            }
        };
        Ok(row?)
    }

    /// The first row of a statement that always has one.
    ///
    /// # Errors
    /// [`DbError::Missing`] without a row; otherwise as documented on the variants.
    pub async fn one<'q, R: Record, const N: usize>(
        &mut self,
        query: Query<R, N>,
        params: impl Params<'q, N>,
    ) -> Result<R, DbError> {
        self.opt(query, params).await?.ok_or(DbError::Missing)
    }

    /// Every row. The statement bounds how many (`limit`).
    ///
    /// # Errors
    /// [`DbError`] as documented on its variants.
    pub async fn all<'q, R: Record, const N: usize>(
        &mut self,
        query: Query<R, N>,
        params: impl Params<'q, N>,
    ) -> Result<Vec<R>, DbError> {
        let rows = match &mut self.connection {
            Connection::Lite(tx) => {
                sqlx::query_as_with(query.lite, lite_arguments(params)?).fetch_all(&mut **tx).await
            }
            Connection::Pg(tx) => {
                sqlx::query_as_with(query.pg, pg_arguments(params)?).fetch_all(&mut **tx).await
            }
        };
        Ok(rows?)
    }

    /// Runs a statement without rows; how many rows it changed.
    ///
    /// # Errors
    /// [`DbError`] as documented on its variants.
    pub async fn exec<'q, const N: usize>(
        &mut self,
        query: Query<(), N>,
        params: impl Params<'q, N>,
    ) -> Result<u64, DbError> {
        Ok(match &mut self.connection {
            Connection::Lite(tx) => {
                let query = sqlx::query_with(query.lite, lite_arguments(params)?);
                query.execute(&mut **tx).await?.rows_affected()
            }
            Connection::Pg(tx) => {
                let query = sqlx::query_with(query.pg, pg_arguments(params)?);
                query.execute(&mut **tx).await?.rows_affected()
            }
        })
    }

    /// Makes everything durable, then wakes who was registered with [`Tx::wake_after_commit`].
    ///
    /// # Errors
    /// [`DbError::Busy`] when nothing was written, [`DbError::Unavailable`] when the outcome is unknown.
    pub async fn commit(mut self) -> Result<(), DbError> {
        let wakes = mem::take(&mut self.wakes);
        match self.connection {
            Connection::Lite(tx) => tx.commit().await?,
            Connection::Pg(tx) => tx.commit().await?,
        }
        wakes.iter().for_each(|wake| wake.notify_waiters());
        Ok(())
    }

    /// Calls `notify_waiters` on `wake` once this transaction is durable; nothing happens when it is undone.
    pub fn wake_after_commit(&mut self, wake: &Arc<Notify>) {
        if !self.wakes.iter().any(|known| Arc::ptr_eq(known, wake)) {
            self.wakes.push(Arc::clone(wake));
        }
    }

    pub(crate) async fn script(&mut self, lite: &'static str, pg: &'static str) -> Result<(), DbError> {
        match &mut self.connection {
            Connection::Lite(tx) => sqlx::raw_sql(lite).execute(&mut **tx).await.map(drop)?,
            Connection::Pg(tx) => sqlx::raw_sql(pg).execute(&mut **tx).await.map(drop)?,
        }
        Ok(())
    }

    pub(crate) async fn prepare(&mut self, lite: &'static str, pg: &'static str) -> Result<(), DbError> {
        match &mut self.connection {
            Connection::Lite(tx) => {
                let connection: &mut SqliteConnection = tx;
                connection.prepare(SqlStr::from_static(lite)).await.map(drop)?;
            }
            Connection::Pg(tx) => {
                let connection: &mut PgConnection = tx;
                connection.prepare(SqlStr::from_static(pg)).await.map(drop)?;
            }
        }
        Ok(())
    }
}

fn lite_arguments<'q, const N: usize>(params: impl Params<'q, N>) -> Result<SqliteArguments, DbError> {
    params.lite().map_err(|e| DbError::Statement(sqlx::Error::Encode(e)))
}

fn pg_arguments<'q, const N: usize>(params: impl Params<'q, N>) -> Result<PgArguments, DbError> {
    params.pg().map_err(|e| DbError::Statement(sqlx::Error::Encode(e)))
}
