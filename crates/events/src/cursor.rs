//! A place in the outbox that survives restarts.

use db::Db;

use crate::{Event, EventsError, Outbox, store};

/// Events read at a time.
const BATCH_ROWS_MAX: u32 = 256;

/// Reads all tenants' events, each at least once: what was read is read again until [`Cursor::pass`] says that it
/// was dealt with. Several processes may read by the same name.
#[derive(Clone, Debug)]
pub struct Cursor {
    db: Db,
    name: String,
}

impl Cursor {
    /// The cursor of this name; one that is new begins with the events that come from now on.
    ///
    /// # Errors
    /// [`EventsError::Db`].
    pub async fn open(outbox: &Outbox, name: &str) -> Result<Self, EventsError> {
        let cursor = Self { db: outbox.db().clone(), name: name.to_owned() };
        if store::cursor(&mut cursor.db.read().await?, name).await?.is_none() {
            let mut tx = cursor.db.write().await?;
            store::begin_cursor(&mut tx, name).await?;
            tx.commit().await?;
        }
        Ok(cursor)
    }

    /// The next events, oldest first; none when there are no more.
    ///
    /// # Errors
    /// [`EventsError::Db`].
    pub async fn next(&self) -> Result<Vec<Event>, EventsError> {
        let mut tx = self.db.read().await?;
        let seen = store::cursor(&mut tx, &self.name).await?.unwrap_or_default();
        Ok(store::after(&mut tx, seen, BATCH_ROWS_MAX).await?)
    }

    /// Says that everything up to `seq` was dealt with.
    ///
    /// # Errors
    /// [`EventsError::Db`].
    pub async fn pass(&self, seq: i64) -> Result<(), EventsError> {
        let mut tx = self.db.write().await?;
        store::move_cursor(&mut tx, &self.name, seq).await?;
        Ok(tx.commit().await?)
    }
}
