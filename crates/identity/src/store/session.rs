//! Sessions of keys and of people.

use base::{ApiKeyId, SessionId, Timestamp, UserId};
use db::Tx;

use super::corrupt;
use crate::{IdentityError, Result, model::SecretHash};

db::statements! {
    ADD -> () = "insert into session (id, api_key, person, hash, created_us, expires_us) values ($1, $2, $3, $4, $5, $6)";
    FIND -> SessionRow = "select id, api_key, person, hash, expires_us from session where id = $1";
    END -> () = "delete from session where id = $1";
    END_OF_KEY -> () = "delete from session where api_key = $1";
    END_OF_PERSON -> () = "delete from session where person = $1 and id <> $2";
    KEEP_NEWEST_OF_KEY -> () = "delete from session where api_key = $1 and id not in
        (select id from session where api_key = $1 order by created_us desc, id desc limit $2)";
    KEEP_NEWEST_OF_PERSON -> () = "delete from session where person = $1 and id not in
        (select id from session where person = $1 order by created_us desc, id desc limit $2)";
    END_EXPIRED -> () = "delete from session where id in
        (select id from session where expires_us <= $1 order by expires_us limit $2)";
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    #[sqlx(try_from = "String")]
    id: SessionId,
    api_key: Option<String>,
    person: Option<String>,
    hash: Vec<u8>,
    expires_us: i64,
}

/// Whose a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Key(ApiKeyId),
    Person(UserId),
}

impl Holder {
    fn columns(&self) -> (Option<&ApiKeyId>, Option<&UserId>) {
        match self {
            Self::Key(id) => (Some(id), None),
            Self::Person(id) => (None, Some(id)),
        }
    }
}

/// A session with what only this crate may see.
pub(crate) struct StoredSession {
    pub(crate) id: SessionId,
    pub(crate) holder: Holder,
    pub(crate) hash: Vec<u8>,
    pub(crate) expires: Timestamp,
}

impl TryFrom<SessionRow> for StoredSession {
    type Error = IdentityError;
    fn try_from(row: SessionRow) -> Result<Self> {
        let broken = |column, problem: String| corrupt("session", column, row.id.as_str(), problem);
        let holder = match (&row.api_key, &row.person) {
            (Some(key), None) => {
                Holder::Key(key.parse().map_err(|e: base::IdError| broken("api_key", e.to_string()))?)
            }
            (None, Some(person)) => {
                Holder::Person(person.parse().map_err(|e: base::IdError| broken("person", e.to_string()))?)
            }
            _ => return Err(broken("person", "a session is a key's or a person's".to_owned())),
        };
        Ok(Self { id: row.id, holder, hash: row.hash, expires: Timestamp(row.expires_us) })
    }
}

/// What [`add`] writes.
pub(crate) struct SessionToAdd<'a> {
    pub(crate) id: &'a SessionId,
    pub(crate) holder: &'a Holder,
    pub(crate) hash: SecretHash,
    pub(crate) expires: Timestamp,
}

pub(crate) async fn add(tx: &mut Tx, session: SessionToAdd<'_>, now: Timestamp) -> Result<()> {
    let (key, person) = session.holder.columns();
    tx.exec(ADD, (session.id, key, person, session.hash.as_bytes(), now, session.expires)).await?;
    Ok(())
}

pub(crate) async fn find(tx: &mut Tx, id: &SessionId) -> Result<Option<StoredSession>> {
    tx.opt(FIND, (id,)).await?.map(StoredSession::try_from).transpose()
}

pub(crate) async fn end(tx: &mut Tx, id: &SessionId) -> Result<()> {
    tx.exec(END, (id,)).await?;
    Ok(())
}

/// Ends all sessions of a holder but `kept`, which a key's never are.
pub(crate) async fn end_all(tx: &mut Tx, holder: &Holder, kept: Option<&SessionId>) -> Result<u64> {
    Ok(match holder {
        Holder::Key(key) => tx.exec(END_OF_KEY, (key,)).await?,
        Holder::Person(person) => {
            tx.exec(END_OF_PERSON, (person, kept.map_or("", SessionId::as_str))).await?
        }
    })
}

/// Ends all but the `kept` newest sessions of a holder.
pub(crate) async fn keep_newest(tx: &mut Tx, holder: &Holder, kept: u32) -> Result<()> {
    match holder {
        Holder::Key(key) => tx.exec(KEEP_NEWEST_OF_KEY, (key, kept)).await?,
        Holder::Person(person) => tx.exec(KEEP_NEWEST_OF_PERSON, (person, kept)).await?,
    };
    Ok(())
}

/// Deletes up to `limit` sessions that expired by `now`; how many.
pub(crate) async fn end_expired(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<u64> {
    Ok(tx.exec(END_EXPIRED, (now, limit)).await?)
}
