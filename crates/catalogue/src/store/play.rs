//! Plays and how often there were some.

use base::{AssetId, PlayId, Timestamp};
use db::{Json, Tx};

use crate::{Result, plays::VIEWERS_MAX};

db::statements! {
    BEGIN -> () = "insert into play (id, asset, begun_us, expires_us, counted)
        select $1, $2, $3, $4, 0
        where (select count(*) from play where asset = $2 and expires_us > $3) < $5",
        pg = "insert into play (id, asset, begun_us, expires_us, counted)
        select $1, $2, cast($3 as bigint), cast($4 as bigint), 0
        where (select count(*) from play where asset = $2 and expires_us > $3) < $5";
    KEEP -> () = "update play set expires_us = $3 where id = $1 and expires_us > $2";
    /// At most one caller gets the row: the flag goes up once.
    COUNT -> (String,) = "update play set counted = 1 where id = $1 and counted = 0 and begun_us <= $2
        returning asset";
    ADD_PLAY -> () = "insert into play_count (asset, plays) values ($1, 1)
        on conflict (asset) do update set plays = play_count.plays + 1";
    END -> () = "delete from play where id = $1";
    PLAYS -> Count = "select asset, plays as n from play_count
        where asset in (select value from json_each($1))",
        pg = "select asset, plays as n from play_count
        where asset in (select jsonb_array_elements_text($1))";
    VIEWERS -> Count = "select asset, count(*) as n from play
        where asset in (select value from json_each($1)) and expires_us > $2 group by asset",
        pg = "select asset, count(*) as n from play
        where asset in (select jsonb_array_elements_text($1)) and expires_us > $2 group by asset";
    ALL_VIEWERS -> (i64,) = "select count(*) from play where expires_us > $1";
    SWEEP -> () = "delete from play where id in
        (select id from play where expires_us <= $1 order by expires_us limit $2)";
    FORGET_PLAYS -> () = "delete from play where asset = $1";
    FORGET_COUNT -> () = "delete from play_count where asset = $1";
}

#[derive(sqlx::FromRow)]
struct Count {
    asset: String,
    #[sqlx(try_from = "i64")]
    n: u64,
}

/// Whether there was room for one more viewer of the asset.
pub(crate) async fn begin(
    tx: &mut Tx,
    id: &PlayId,
    asset: &AssetId,
    now: Timestamp,
    expires: Timestamp,
) -> Result<bool> {
    Ok(tx.exec(BEGIN, (id, asset, now, expires, VIEWERS_MAX)).await? == 1)
}

/// Whether the play went on until now.
pub(crate) async fn keep(tx: &mut Tx, id: &PlayId, now: Timestamp, expires: Timestamp) -> Result<bool> {
    Ok(tx.exec(KEEP, (id, now, expires)).await? == 1)
}

/// Counts a play that began by `begun_by`, once.
pub(crate) async fn count(tx: &mut Tx, id: &PlayId, begun_by: Timestamp) -> Result<bool> {
    let Some((asset,)) = tx.opt(COUNT, (id, begun_by)).await? else { return Ok(false) };
    tx.exec(ADD_PLAY, (&asset,)).await?;
    Ok(true)
}

pub(crate) async fn end(tx: &mut Tx, id: &PlayId) -> Result<bool> {
    Ok(tx.exec(END, (id,)).await? == 1)
}

/// How often each of these was played; what never was is missing.
pub(crate) async fn plays(tx: &mut Tx, assets: &[&str]) -> Result<Vec<(String, u64)>> {
    let rows = tx.all(PLAYS, (Json(assets),)).await?;
    Ok(rows.into_iter().map(|row| (row.asset, row.n)).collect())
}

/// How many watch each of these; what nobody watches is missing.
pub(crate) async fn viewers(tx: &mut Tx, assets: &[&str], now: Timestamp) -> Result<Vec<(String, u64)>> {
    let rows = tx.all(VIEWERS, (Json(assets), now)).await?;
    Ok(rows.into_iter().map(|row| (row.asset, row.n)).collect())
}

/// How many watch anything.
pub(crate) async fn all_viewers(tx: &mut Tx, now: Timestamp) -> Result<i64> {
    Ok(tx.one(ALL_VIEWERS, (now,)).await?.0)
}

/// Forgets up to `limit` plays that ended by `now`; how many.
pub(crate) async fn sweep(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<u64> {
    Ok(tx.exec(SWEEP, (now, limit)).await?)
}

pub(crate) async fn forget(tx: &mut Tx, asset: &AssetId) -> Result<()> {
    tx.exec(FORGET_PLAYS, (asset,)).await?;
    tx.exec(FORGET_COUNT, (asset,)).await?;
    Ok(())
}
