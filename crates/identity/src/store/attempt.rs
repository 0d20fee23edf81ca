//! Tries to sign in, counted by name.

use base::Timestamp;
use db::Tx;

use crate::Result;

db::statements! {
    TAKE -> () = "insert into sign_in_attempt (bucket, attempts, began_us) values ($1, 1, $2)
        on conflict (bucket) do update set
            attempts = case when sign_in_attempt.began_us <= $3 then 1 else sign_in_attempt.attempts + 1 end,
            began_us = case when sign_in_attempt.began_us <= $3 then $2 else sign_in_attempt.began_us end
        where sign_in_attempt.began_us <= $3 or sign_in_attempt.attempts < $4";
    BEGAN -> (i64,) = "select began_us from sign_in_attempt where bucket = $1";
    TOUCH -> () = "update sign_in_attempt set began_us = began_us where bucket = $1";
    FORGET -> () = "delete from sign_in_attempt where bucket = $1";
    SWEEP -> () = "delete from sign_in_attempt where began_us <= $1";
}

/// Counts a try unless there were `max` of them since `stale`; whether it did.
pub(crate) async fn take(
    tx: &mut Tx,
    bucket: i64,
    now: Timestamp,
    stale: Timestamp,
    max: u32,
) -> Result<bool> {
    Ok(tx.exec(TAKE, (bucket, now, stale, max)).await? == 1)
}

/// When the first of the remembered tries was made.
pub(crate) async fn began(tx: &mut Tx, bucket: i64) -> Result<Option<Timestamp>> {
    Ok(tx.opt(BEGAN, (bucket,)).await?.map(|(began,)| Timestamp(began)))
}

/// Writes what is there: a refusal of an unknown name costs the write that a known one's record does.
pub(crate) async fn touch(tx: &mut Tx, bucket: i64) -> Result<()> {
    tx.exec(TOUCH, (bucket,)).await?;
    Ok(())
}

pub(crate) async fn forget(tx: &mut Tx, bucket: i64) -> Result<()> {
    tx.exec(FORGET, (bucket,)).await?;
    Ok(())
}

/// Deletes what began by `stale`.
pub(crate) async fn sweep(tx: &mut Tx, stale: Timestamp) -> Result<()> {
    tx.exec(SWEEP, (stale,)).await?;
    Ok(())
}
