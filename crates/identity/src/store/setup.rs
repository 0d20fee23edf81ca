//! The set-up link.

use base::Timestamp;
use db::Tx;

use crate::{Result, model::SecretHash};

db::statements! {
    OFFER -> () = "insert into setup_link (purpose, hash, maker, created_us, expires_us)
        values ('owner', $1, $2, $3, $4)
        on conflict (purpose) do update set hash = $1, maker = $2, created_us = $3, expires_us = $4
        where setup_link.maker = $2 or setup_link.created_us <= $5";
    FIND -> LinkRow = "select hash, expires_us from setup_link where purpose = 'owner'";
    TAKE -> () = "delete from setup_link where purpose = 'owner' and hash = $1";
    CLOSE -> () = "delete from setup_link where purpose = 'owner'";
}

#[derive(sqlx::FromRow)]
struct LinkRow {
    hash: Vec<u8>,
    expires_us: i64,
}

/// A link that was printed.
pub(crate) struct StoredLink {
    pub(crate) hash: Vec<u8>,
    pub(crate) expires: Timestamp,
}

/// Puts a link in place of the one that is there, unless another maker made that later than `stale`; whether
/// it did.
pub(crate) async fn offer(
    tx: &mut Tx,
    hash: SecretHash,
    maker: &str,
    (now, expires, stale): (Timestamp, Timestamp, Timestamp),
) -> Result<bool> {
    Ok(tx.exec(OFFER, (hash.as_bytes(), maker, now, expires, stale)).await? == 1)
}

pub(crate) async fn find(tx: &mut Tx) -> Result<Option<StoredLink>> {
    let row = tx.opt(FIND, ()).await?;
    Ok(row.map(|row| StoredLink { hash: row.hash, expires: Timestamp(row.expires_us) }))
}

/// Uses the link up; `false` when somebody else did or it was replaced.
pub(crate) async fn take(tx: &mut Tx, hash: SecretHash) -> Result<bool> {
    Ok(tx.exec(TAKE, (hash.as_bytes(),)).await? == 1)
}

/// Takes away whatever link there is.
pub(crate) async fn close(tx: &mut Tx) -> Result<()> {
    tx.exec(CLOSE, ()).await?;
    Ok(())
}
