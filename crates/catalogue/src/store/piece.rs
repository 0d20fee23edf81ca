//! Editions and the pieces of work they take.

use base::{AssetId, Timestamp};
use db::Tx;
use media::Plan;

use super::{WinnerRow, storable, stored_number};
use crate::{
    Result,
    model::{Finding, Piece, Winner},
};

db::statements! {
    ADD_EDITION -> () = "insert into edition (asset, version, plan, findings, created_us)
        values ($1, $2, $3, '[]', $4)";
    SET_RUNS -> () = "update edition set runs = $3 where asset = $1 and version = $2";
    SET_FINDINGS -> () = "update edition set findings = $3 where asset = $1 and version = $2";
    RETIRE -> () = "update edition set kept_until_us = $3 where asset = $1 and version = $2";
    KEPT -> VersionRow = "select version from edition where asset = $1 and kept_until_us > $2 order by version";
    SET_BYTES -> () = "update piece set bytes = $4 where asset = $1 and version = $2 and name = $3";
    ADD -> () = "insert into piece (asset, version, name) values ($1, $2, $3)";
    FINISH -> () = "update piece set attempt = $4, done_us = $5
        where asset = $1 and version = $2 and name = $3 and done_us is null";
    REMAINING -> Count = "select count(*) as n from piece
        where asset = $1 and version = $2 and done_us is null";
    OPEN -> Name = "select name from piece where asset = $1 and version = $2 and done_us is null order by name";
    ATTEMPT -> WinnerRow = "select p.attempt, a.visibility, a.tenant
        from piece p join asset a on a.id = p.asset
        where p.asset = $1 and p.version = $2 and p.name = $3 and p.attempt is not null
            and a.state <> 'deleted'";
    FORGET -> () = "delete from piece where asset = $1 and version <> $2 and version <> $3
        and version not in (select version from edition where asset = $1 and kept_until_us > $4)";
    FORGET_EDITIONS -> () = "delete from edition where asset = $1 and version <> $2 and version <> $3
        and coalesce(kept_until_us, 0) <= $4";
}

#[derive(sqlx::FromRow)]
struct Count {
    #[sqlx(try_from = "i64")]
    n: u32,
}

#[derive(sqlx::FromRow)]
struct VersionRow {
    #[sqlx(try_from = "i64")]
    version: u32,
}

#[derive(sqlx::FromRow)]
struct Name {
    #[sqlx(try_from = "String")]
    name: Piece,
}

pub(crate) async fn add_edition(
    tx: &mut Tx,
    asset: &AssetId,
    version: u32,
    plan: &Plan,
    now: Timestamp,
) -> Result<()> {
    tx.exec(ADD_EDITION, (asset, version, storable("plan", plan)?, now)).await?;
    Ok(())
}

/// Notes how many runs the longest track of a recording has.
pub(crate) async fn set_runs(tx: &mut Tx, asset: &AssetId, version: u32, runs: u32) -> Result<()> {
    tx.exec(SET_RUNS, (asset, version, runs)).await?;
    Ok(())
}

pub(crate) async fn set_findings(
    tx: &mut Tx,
    asset: &AssetId,
    version: u32,
    findings: &[Finding],
) -> Result<()> {
    tx.exec(SET_FINDINGS, (asset, version, storable("findings", &findings)?)).await?;
    Ok(())
}

pub(crate) async fn add(tx: &mut Tx, asset: &AssetId, version: u32, piece: Piece) -> Result<()> {
    tx.exec(ADD, (asset, version, piece.to_string())).await?;
    Ok(())
}

/// Marks a piece as made by this attempt; `false` when it is unknown or was made before.
pub(crate) async fn finish(
    tx: &mut Tx,
    asset: &AssetId,
    version: u32,
    piece: Piece,
    attempt: u32,
    now: Timestamp,
) -> Result<bool> {
    Ok(tx.exec(FINISH, (asset, version, piece.to_string(), attempt, now)).await? == 1)
}

/// How many pieces are still to be made.
pub(crate) async fn remaining(tx: &mut Tx, asset: &AssetId, version: u32) -> Result<u32> {
    Ok(tx.one(REMAINING, (asset, version)).await?.n)
}

/// The pieces that are still to be made.
pub(crate) async fn open(tx: &mut Tx, asset: &AssetId, version: u32) -> Result<Vec<Piece>> {
    Ok(tx.all(OPEN, (asset, version)).await?.into_iter().map(|row| row.name).collect())
}

/// Who made a piece, if it is made and its asset not deleted.
pub(crate) async fn winner(
    tx: &mut Tx,
    asset: &AssetId,
    version: u32,
    piece: Piece,
) -> Result<Option<Winner>> {
    Ok(tx.opt(ATTEMPT, (asset, version, piece.to_string())).await?.map(Winner::from))
}

/// Lets a version that was replaced be played until then.
pub(crate) async fn retire(tx: &mut Tx, asset: &AssetId, version: u32, until: Timestamp) -> Result<()> {
    tx.exec(RETIRE, (asset, version, until)).await?;
    Ok(())
}

/// The versions that were replaced and can still be played.
pub(crate) async fn kept(tx: &mut Tx, asset: &AssetId, now: Timestamp) -> Result<Vec<u32>> {
    Ok(tx.all(KEPT, (asset, now)).await?.into_iter().map(|row| row.version).collect())
}

/// Notes what a piece's objects take.
pub(crate) async fn set_bytes(
    tx: &mut Tx,
    asset: &AssetId,
    version: u32,
    piece: Piece,
    bytes: u64,
) -> Result<()> {
    let bytes = stored_number("bytes", bytes)?;
    tx.exec(SET_BYTES, (asset, version, piece.to_string(), bytes)).await?;
    Ok(())
}

/// Removes the pieces of all versions but these, and those kept beyond `now`.
pub(crate) async fn forget(tx: &mut Tx, asset: &AssetId, kept: [u32; 2], now: Timestamp) -> Result<()> {
    tx.exec(FORGET, (asset, kept[0], kept[1], now)).await?;
    Ok(())
}

/// Removes all editions but these, and those kept beyond `now`; their pieces and tracks must be gone.
pub(crate) async fn forget_editions(
    tx: &mut Tx,
    asset: &AssetId,
    kept: [u32; 2],
    now: Timestamp,
) -> Result<()> {
    tx.exec(FORGET_EDITIONS, (asset, kept[0], kept[1], now)).await?;
    Ok(())
}
