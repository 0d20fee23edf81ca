//! Tracks and their parts.

use base::{AssetId, BroadcastId, Timestamp};
use db::{Json, Tx};
use media::{SegmentInfo, TrackInfo, TrackName, TrackRun, live::LiveObject};

use super::{WinnerRow, corrupt, storable, stored_number};
use crate::{
    Result,
    model::{Part, Winner},
};

db::statements! {
    ADD_TRACK -> () = "insert into track (asset, version, name, kind, position) values ($1, $2, $3, $4, $5)";
    ADD -> () = "insert into part (asset, version, track, chunk, attempt, first_seq, segment_count, info, segments,
            bytes, run, header)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing";
    /// $3: one track, or null for all.
    PARTS -> PartRow = "select p.track, p.chunk, p.attempt, p.info, p.segments, p.run
        from part p
        join track t on t.asset = p.asset and t.version = p.version and t.name = p.track
        where p.asset = $1 and p.version = $2 and p.track = coalesce($3, p.track)
        order by t.position, p.chunk";
    MADE -> MadeRow = "select track, chunk from part where asset = $1 and version = $2 order by track, chunk";
    /// $3: a kind of track, or null for both; $4: one track, or null for all.
    LACKING -> Count = "select count(*) as n from track t
        where t.asset = $1 and t.version = $2 and t.kind = coalesce($3, t.kind) and t.name = coalesce($4, t.name)
            and not exists (select 1 from part p where p.asset = t.asset and p.version = t.version
                and p.track = t.name and p.chunk = $5)";
    /// The last part that begins at or before the segment is the only one that may hold it.
    OF_SEGMENT -> SegmentWinnerRow = "select p.attempt, a.visibility, a.tenant, p.first_seq + p.segment_count as end_seq,
            p.run, a.broadcast
        from part p join asset a on a.id = p.asset
        where p.asset = $1 and p.version = $2 and p.track = $3 and p.first_seq <= $4 and a.state <> 'deleted'
        order by p.first_seq desc limit 1";
    OF_INIT -> WinnerRow = "select p.attempt, a.visibility, a.tenant
        from part p join asset a on a.id = p.asset
        where p.asset = $1 and p.version = $2 and p.track = $3 and p.chunk = 0 and p.run is null
            and a.state <> 'deleted'";
    OF_RUN_INIT -> RunWinnerRow = "select p.attempt, a.visibility, a.tenant, p.run, a.broadcast
        from part p join asset a on a.id = p.asset
        where p.asset = $1 and p.version = $2 and p.track = $3 and p.header = $4 and a.state <> 'deleted'
        order by p.chunk limit 1";
    FORGET -> () = "delete from part where asset = $1 and version <> $2 and version <> $3
        and version not in (select version from edition where asset = $1 and kept_until_us > $4)";
    FORGET_TRACKS -> () = "delete from track where asset = $1 and version <> $2 and version <> $3
        and version not in (select version from edition where asset = $1 and kept_until_us > $4)";
}

#[derive(sqlx::FromRow)]
struct PartRow {
    #[sqlx(try_from = "String")]
    track: TrackName,
    #[sqlx(try_from = "i64")]
    chunk: u32,
    #[sqlx(try_from = "i64")]
    attempt: u32,
    info: Option<Json<TrackInfo>>,
    segments: Json<Vec<SegmentInfo>>,
    run: Option<Json<TrackRun>>,
}

#[derive(sqlx::FromRow)]
struct MadeRow {
    #[sqlx(try_from = "String")]
    track: TrackName,
    #[sqlx(try_from = "i64")]
    chunk: u32,
}

#[derive(sqlx::FromRow)]
struct Count {
    #[sqlx(try_from = "i64")]
    n: u32,
}

#[derive(sqlx::FromRow)]
struct SegmentWinnerRow {
    #[sqlx(flatten)]
    run: RunWinnerRow,
    end_seq: i64,
}

/// A winner that may be a run of a broadcast.
#[derive(sqlx::FromRow)]
struct RunWinnerRow {
    #[sqlx(flatten)]
    winner: WinnerRow,
    run: Option<Json<TrackRun>>,
    broadcast: Option<String>,
}

impl RunWinnerRow {
    /// With the object that `which` picks of the run; `None` when that is missing media.
    fn read(self, which: impl Fn(&TrackRun) -> Option<LiveObject>) -> Result<Option<Winner>> {
        let winner = Winner::from(self.winner);
        let (Some(Json(run)), Some(broadcast)) = (self.run, self.broadcast) else { return Ok(Some(winner)) };
        let Some(object) = which(&run) else { return Ok(None) };
        let broadcast =
            broadcast.parse::<BroadcastId>().map_err(|e| corrupt("asset", "broadcast", &broadcast, e))?;
        Ok(Some(Winner { live: Some((broadcast, object)), ..winner }))
    }
}

pub(crate) async fn add_track(
    tx: &mut Tx,
    asset: &AssetId,
    version: u32,
    name: TrackName,
    position: u32,
) -> Result<()> {
    tx.exec(ADD_TRACK, (asset, version, name.to_string(), name.kind(), position)).await?;
    Ok(())
}

/// Adds a part with these consecutive segments; `false` when the chunk was stored before.
pub(crate) async fn add(tx: &mut Tx, asset: &AssetId, version: u32, part: &Part) -> Result<bool> {
    let first = part.segments.first().map_or(0, |segment| segment.seq);
    let count = stored_number("segments", part.segments.len() as u64)?;
    let info = part.info.as_ref().map(|info| storable("info", info)).transpose()?;
    let (track, segments) = (part.track.to_string(), Json(&part.segments));
    let header = part.info.as_ref().map_or(0, |info| info.init.bytes);
    let bytes = part.segments.iter().map(|segment| segment.bytes).sum::<u64>() + header;
    let bytes = stored_number("bytes", bytes)?;
    let run = part.run.as_ref().map(|run| storable("run", run)).transpose()?;
    let header = part.run.as_ref().filter(|run| !run.gap).map(|run| run.header);
    let row =
        (asset, version, track, part.chunk, part.attempt, first, count, info, segments, bytes, run, header);
    Ok(tx.exec(ADD, row).await? == 1)
}

/// The parts of all tracks of a version, or of one: in playlist order, then in time.
pub(crate) async fn parts(
    tx: &mut Tx,
    asset: &AssetId,
    version: u32,
    only: Option<TrackName>,
) -> Result<Vec<Part>> {
    let rows = tx.all(PARTS, (asset, version, only.map(|track| track.to_string()))).await?;
    let part = |row: PartRow| Part {
        track: row.track,
        chunk: row.chunk,
        attempt: row.attempt,
        info: row.info.map(|Json(info)| info),
        segments: row.segments.0,
        run: row.run.map(|Json(run)| run),
    };
    Ok(rows.into_iter().map(part).collect())
}

/// Which chunks of which tracks are made.
pub(crate) async fn made(tx: &mut Tx, asset: &AssetId, version: u32) -> Result<Vec<(TrackName, u32)>> {
    let rows = tx.all(MADE, (asset, version)).await?;
    Ok(rows.into_iter().map(|row| (row.track, row.chunk)).collect())
}

/// Which tracks a count is about.
#[derive(Clone, Copy)]
pub(crate) enum Among {
    All,
    Video,
    One(TrackName),
}

/// How many of these tracks lack this chunk.
pub(crate) async fn lacking(
    tx: &mut Tx,
    asset: &AssetId,
    version: u32,
    among: Among,
    chunk: u32,
) -> Result<u32> {
    let (kind, name) = match among {
        Among::All => (None, None),
        Among::Video => (Some("video"), None),
        Among::One(track) => (None, Some(track.to_string())),
    };
    Ok(tx.one(LACKING, (asset, version, kind, name, chunk)).await?.n)
}

/// Whose attempt a segment is of, if it is made and its asset not deleted.
pub(crate) async fn segment_winner(
    tx: &mut Tx,
    asset: &AssetId,
    version: u32,
    track: TrackName,
    seq: u32,
) -> Result<Option<Winner>> {
    let row = tx.opt(OF_SEGMENT, (asset, version, track.to_string(), seq)).await?;
    let Some(row) = row.filter(|row| i64::from(seq) < row.end_seq) else { return Ok(None) };
    row.run.read(|run| run.segment_object(seq))
}

/// Which object the header of a run of a recorded broadcast is, if there is such a run and its asset is not deleted.
pub(crate) async fn run_init_winner(
    tx: &mut Tx,
    asset: &AssetId,
    version: u32,
    track: TrackName,
    number: u32,
) -> Result<Option<Winner>> {
    let row = tx.opt(OF_RUN_INIT, (asset, version, track.to_string(), number)).await?;
    let Some(row) = row else { return Ok(None) };
    row.read(|run| Some(run.header_object()))
}

/// Whose attempt a track's header is of, if it is made and its asset not deleted.
pub(crate) async fn init_winner(
    tx: &mut Tx,
    asset: &AssetId,
    version: u32,
    track: TrackName,
) -> Result<Option<Winner>> {
    Ok(tx.opt(OF_INIT, (asset, version, track.to_string())).await?.map(Winner::from))
}

/// Removes parts and tracks of all versions but these, and those kept beyond `now`.
pub(crate) async fn forget(tx: &mut Tx, asset: &AssetId, kept: [u32; 2], now: Timestamp) -> Result<()> {
    tx.exec(FORGET, (asset, kept[0], kept[1], now)).await?;
    tx.exec(FORGET_TRACKS, (asset, kept[0], kept[1], now)).await?;
    Ok(())
}
