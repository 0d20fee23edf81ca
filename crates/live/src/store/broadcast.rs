//! Broadcasts and the leases on them.

use base::{AssetId, BroadcastId, ChannelId, TenantId, Timestamp, WorkerId};
use db::Tx;

use super::{corrupt, counted};
use crate::{
    LiveError, Result,
    leases::Sighting,
    model::{Broadcast, End, EndReason, Protocol},
};

db::statements! {
    ADD -> () = "insert into broadcast (id, channel, tenant, protocol, encoder, started_us, seen_us, holder, token,
            term, beats)
        values ($1, $2, $3, $4, $5, $6, $6, $7, $8, 1, 0)";
    OPEN -> BroadcastRow = "select id, channel, tenant, protocol, encoder, started_us, live_us, seen_us, ended_us,
            reason, detail, asset, token, term, beats
        from broadcast where channel = $1 and ended_us is null";
    LATEST -> BroadcastRow = "select id, channel, tenant, protocol, encoder, started_us, live_us, seen_us, ended_us,
            reason, detail, asset, token, term, beats
        from broadcast where channel = $1 order by id desc limit 1";
    FIND -> BroadcastRow = "select id, channel, tenant, protocol, encoder, started_us, live_us, seen_us, ended_us,
            reason, detail, asset, token, term, beats
        from broadcast where id = $1";
    LIST -> BroadcastRow = "select id, channel, tenant, protocol, encoder, started_us, live_us, seen_us, ended_us,
            reason, detail, asset, token, term, beats
        from broadcast where channel = $1 and id < $2 order by id desc limit $3";
    /// Only while nobody holds it.
    TAKE -> TermRow = "update broadcast set holder = $2, token = $3, term = term + 1, beats = 0, seen_us = $4,
            protocol = $5, encoder = $6
        where id = $1 and token is null and ended_us is null returning term";
    RENEW -> () = "update broadcast set beats = beats + 1, seen_us = $3
        where id = $1 and token = $2 and ended_us is null";
    /// Only while the lease is as it was seen.
    TAKE_BACK -> () = "update broadcast set holder = null, token = null
        where id = $1 and token = $2 and beats = $3 and ended_us is null";
    LET_GO -> () = "update broadcast set holder = null, token = null
        where id = $1 and token = $2 and ended_us is null";
    HELD -> BroadcastRow = "select id, channel, tenant, protocol, encoder, started_us, live_us, seen_us, ended_us,
            reason, detail, asset, token, term, beats
        from broadcast where id = $1 and token = $2 and ended_us is null";
    FLOW -> () = "update broadcast set live_us = coalesce(live_us, $2) where id = $1";
    JOIN -> () = "update broadcast set protocol = $2, encoder = $3 where id = $1";
    RECORD -> () = "update broadcast set asset = $2 where id = $1";
    END -> () = "update broadcast set ended_us = $2, reason = $3, detail = $4, holder = null, token = null
        where id = $1 and ended_us is null";
    SIGHTINGS -> SightingRow = "select id, channel, token, beats from broadcast
        where ended_us is null order by id limit $1";
    OF_HOLDER -> SightingRow = "select id, channel, token, beats from broadcast where holder = $1";
    COUNT_OPEN -> (i64,) = "select count(*) from broadcast where tenant = $1 and ended_us is null";
    FORGET -> () = "delete from broadcast where channel = $1";
    /// Those that were never on air go earlier.
    SWEEP -> () = "delete from broadcast where id in (select id from broadcast
        where ended_us is not null and (ended_us < $1 or (ended_us < $2 and live_us is null))
        order by ended_us limit $3)";
}

#[derive(sqlx::FromRow)]
struct TermRow {
    #[sqlx(try_from = "i64")]
    term: u32,
}

#[derive(sqlx::FromRow)]
struct SightingRow {
    #[sqlx(try_from = "String")]
    id: BroadcastId,
    #[sqlx(try_from = "String")]
    channel: ChannelId,
    token: Option<String>,
    beats: i64,
}

impl From<SightingRow> for Sighting {
    fn from(row: SightingRow) -> Self {
        Self { broadcast: row.id, channel: row.channel, token: row.token, beats: row.beats }
    }
}

#[derive(sqlx::FromRow)]
struct BroadcastRow {
    #[sqlx(try_from = "String")]
    id: BroadcastId,
    #[sqlx(try_from = "String")]
    channel: ChannelId,
    #[sqlx(try_from = "String")]
    tenant: TenantId,
    #[sqlx(try_from = "String")]
    protocol: Protocol,
    encoder: String,
    started_us: i64,
    live_us: Option<i64>,
    seen_us: i64,
    ended_us: Option<i64>,
    reason: Option<String>,
    detail: Option<String>,
    asset: Option<String>,
    token: Option<String>,
    #[sqlx(try_from = "i64")]
    term: u32,
    beats: i64,
}

/// A broadcast with what only this crate may see.
#[derive(Debug)]
pub(crate) struct StoredBroadcast {
    pub(crate) broadcast: Broadcast,
    /// The present lease.
    pub(crate) token: Option<String>,
    pub(crate) beats: i64,
    /// When its holder was last heard of.
    pub(crate) seen: Timestamp,
}

impl StoredBroadcast {
    /// Its lease as it looks now.
    pub(crate) fn sighting(&self) -> Sighting {
        Sighting {
            broadcast: self.broadcast.id.clone(),
            channel: self.broadcast.channel.clone(),
            token: self.token.clone(),
            beats: self.beats,
        }
    }
}

impl TryFrom<BroadcastRow> for StoredBroadcast {
    type Error = LiveError;
    fn try_from(row: BroadcastRow) -> Result<Self> {
        let id = row.id.as_str();
        let asset: Option<AssetId> = row
            .asset
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|e| corrupt("broadcast", "asset", id, e))?;
        let reason: Option<EndReason> = row
            .reason
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|e: String| corrupt("broadcast", "reason", id, e))?;
        let ended = row.ended_us.zip(reason).map(|(at, reason)| End {
            at: Timestamp(at),
            reason,
            detail: row.detail.unwrap_or_default(),
        });
        let broadcast = Broadcast {
            id: row.id,
            channel: row.channel,
            tenant: row.tenant,
            protocol: row.protocol,
            encoder: row.encoder,
            started: Timestamp(row.started_us),
            live: row.live_us.map(Timestamp),
            ended,
            asset,
            term: row.term,
        };
        Ok(Self { broadcast, token: row.token, beats: row.beats, seen: Timestamp(row.seen_us) })
    }
}

/// Whom a broadcast is given to.
pub(crate) struct Holder<'a> {
    pub(crate) worker: &'a WorkerId,
    pub(crate) token: &'a str,
}

/// Begins a broadcast of a locked channel that has none open.
pub(crate) async fn add(tx: &mut Tx, broadcast: &Broadcast, holder: Holder<'_>) -> Result<()> {
    let Broadcast { id, channel, tenant, protocol, encoder, started, .. } = broadcast;
    let row = (id, channel, tenant, protocol.as_str(), encoder, *started, holder.worker, holder.token);
    tx.exec(ADD, row).await?;
    Ok(())
}

/// The open broadcast of a channel.
pub(crate) async fn open(tx: &mut Tx, channel: &ChannelId) -> Result<Option<StoredBroadcast>> {
    tx.opt(OPEN, (channel,)).await?.map(StoredBroadcast::try_from).transpose()
}

/// The last broadcast of a channel, open or not.
pub(crate) async fn latest(tx: &mut Tx, channel: &ChannelId) -> Result<Option<StoredBroadcast>> {
    tx.opt(LATEST, (channel,)).await?.map(StoredBroadcast::try_from).transpose()
}

/// Up to `limit` broadcasts of a channel whose identifiers sort before `before`, newest first.
pub(crate) async fn list(
    tx: &mut Tx,
    channel: &ChannelId,
    before: &str,
    limit: u32,
) -> Result<Vec<Broadcast>> {
    let rows = tx.all(LIST, (channel, before, limit)).await?.into_iter();
    rows.map(|row| Ok(StoredBroadcast::try_from(row)?.broadcast)).collect()
}

/// Gives an open broadcast that nobody holds to a process, for the publisher that is written in `broadcast`; the new
/// term, or `None` when somebody holds it.
pub(crate) async fn take(
    tx: &mut Tx,
    broadcast: &Broadcast,
    holder: Holder<'_>,
    now: Timestamp,
) -> Result<Option<u32>> {
    let Broadcast { id, protocol, encoder, .. } = broadcast;
    let row = (id, holder.worker, holder.token, now, protocol.as_str(), encoder);
    Ok(tx.opt(TAKE, row).await?.map(|row| row.term))
}

/// Whether the lease still held its broadcast, which is heard of at `now`.
pub(crate) async fn renew(tx: &mut Tx, id: &BroadcastId, token: &str, now: Timestamp) -> Result<bool> {
    Ok(tx.exec(RENEW, (id, token, now)).await? == 1)
}

/// Ends a lease that is still as it was seen; whether it was.
pub(crate) async fn take_back(tx: &mut Tx, seen: &Sighting) -> Result<bool> {
    let Some(token) = &seen.token else { return Ok(false) };
    Ok(tx.exec(TAKE_BACK, (&seen.broadcast, token, seen.beats)).await? == 1)
}

/// Gives a broadcast back without ending it; whether the lease still held it.
pub(crate) async fn let_go(tx: &mut Tx, id: &BroadcastId, token: &str) -> Result<bool> {
    Ok(tx.exec(LET_GO, (id, token)).await? == 1)
}

/// A broadcast while this lease holds it.
pub(crate) async fn held(tx: &mut Tx, id: &BroadcastId, token: &str) -> Result<Option<StoredBroadcast>> {
    tx.opt(HELD, (id, token)).await?.map(StoredBroadcast::try_from).transpose()
}

/// A broadcast, whoever holds it.
pub(crate) async fn find(tx: &mut Tx, id: &BroadcastId) -> Result<Option<StoredBroadcast>> {
    tx.opt(FIND, (id,)).await?.map(StoredBroadcast::try_from).transpose()
}

/// Notes when the first media were there.
pub(crate) async fn set_live(tx: &mut Tx, id: &BroadcastId, now: Timestamp) -> Result<()> {
    tx.exec(FLOW, (id, now)).await?;
    Ok(())
}

/// Notes who publishes now.
pub(crate) async fn set_publisher(
    tx: &mut Tx,
    id: &BroadcastId,
    protocol: Protocol,
    encoder: &str,
) -> Result<()> {
    tx.exec(JOIN, (id, protocol.as_str(), encoder)).await?;
    Ok(())
}

/// Notes the recording.
pub(crate) async fn set_asset(tx: &mut Tx, id: &BroadcastId, asset: &AssetId) -> Result<()> {
    tx.exec(RECORD, (id, asset)).await?;
    Ok(())
}

/// Ends an open broadcast and the lease on it; whether it was open.
pub(crate) async fn end(tx: &mut Tx, id: &BroadcastId, end: &End) -> Result<bool> {
    Ok(tx.exec(END, (id, end.at, end.reason.as_str(), end.detail.as_str())).await? == 1)
}

/// The leases on up to `limit` open broadcasts.
pub(crate) async fn sightings(tx: &mut Tx, limit: u32) -> Result<Vec<Sighting>> {
    Ok(tx.all(SIGHTINGS, (limit,)).await?.into_iter().map(Sighting::from).collect())
}

/// The leases of a process.
pub(crate) async fn of_holder(tx: &mut Tx, worker: &WorkerId) -> Result<Vec<Sighting>> {
    Ok(tx.all(OF_HOLDER, (worker,)).await?.into_iter().map(Sighting::from).collect())
}

/// How many broadcasts of a tenant are open.
pub(crate) async fn count_open(tx: &mut Tx, tenant: &TenantId) -> Result<u32> {
    Ok(counted(tx.one(COUNT_OPEN, (tenant,)).await?))
}

/// Removes every broadcast of a locked channel.
pub(crate) async fn forget(tx: &mut Tx, channel: &ChannelId) -> Result<()> {
    tx.exec(FORGET, (channel,)).await?;
    Ok(())
}

/// Removes up to `limit` broadcasts that ended before `before`, or before `never_live_before` without having been on
/// air; how many.
pub(crate) async fn sweep(
    tx: &mut Tx,
    before: Timestamp,
    never_live_before: Timestamp,
    limit: u32,
) -> Result<u64> {
    Ok(tx.exec(SWEEP, (before, never_live_before, limit)).await?)
}
