//! What is kept of broadcasts.

use std::num::NonZeroU32;

use base::{BroadcastId, Timestamp};
use db::{Json, Tx};
use media::live::{About, RecordedHeader, RecordedPart, RecordedSegment, RenditionName, window::Moment};

use super::corrupt;
use crate::{LiveError, Result};

db::statements! {
    DESCRIBE -> () = "insert into broadcast_rendition (broadcast, name, about, discontinuities) values ($1, $2, $3, 0)
        on conflict (broadcast, name) do update set about = excluded.about";
    RENDITIONS -> RenditionRow = "select name, about from broadcast_rendition where broadcast = $1 order by name";
    ADD_HEADER -> () = "insert into broadcast_header (broadcast, rendition, number, term, bytes)
        values ($1, $2, $3, $4, $5) on conflict (broadcast, rendition, number) do nothing";
    HEADERS -> HeaderRow = "select rendition, number, term, bytes from broadcast_header
        where broadcast = $1 order by rendition, number";
    /// The first to be written is the one that lists name.
    ADD_SEGMENT -> () = "insert into broadcast_segment (broadcast, rendition, msn, term, init, init_term, date_us,
            duration_us, timescale, start, ticks, discontinuities, gap, parts, bytes, listed_us)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        on conflict (broadcast, rendition, msn) do nothing";
    SEGMENTS -> SegmentRow = "select rendition, msn, term, init, init_term, date_us, duration_us, timescale, start,
            ticks, discontinuities, gap, parts, bytes, listed_us
        from broadcast_segment where broadcast = $1 order by rendition, msn";
    BEFORE -> SegmentRow = "select rendition, msn, term, init, init_term, date_us, duration_us, timescale, start,
            ticks, discontinuities, gap, parts, bytes, listed_us
        from broadcast_segment where broadcast = $1 and rendition = $2 and msn < $3 order by msn limit $4";
    /// Before they are dropped.
    COUNT_BEFORE -> () = "update broadcast_rendition set discontinuities = discontinuities + (select
            cast(coalesce(sum(discontinuities), 0) as bigint) from broadcast_segment
            where broadcast = $1 and rendition = $2 and msn < $3)
        where broadcast = $1 and name = $2";
    DROPPED -> (i64,) = "select coalesce(sum(discontinuities), 0) from broadcast_rendition
        where broadcast = $1 and name = $2",
        pg = "select cast(coalesce(sum(discontinuities), 0) as bigint) from broadcast_rendition
        where broadcast = $1 and name = $2";
    DROP_BEFORE -> () = "delete from broadcast_segment where broadcast = $1 and rendition = $2 and msn < $3";
    /// Of broadcasts that are forgotten, and of those that are over and were not to be recorded.
    OUTLIVED -> BroadcastRow = "select r.broadcast from broadcast_rendition r
            left join broadcast b on b.id = r.broadcast
            left join channel c on c.id = b.channel
        where b.id is null or (b.ended_us < $1 and b.asset is null and c.recording = 0)
        group by r.broadcast order by r.broadcast limit $2";
    COUNT -> (i64,) = "select count(*) from broadcast_segment where broadcast = $1";
    /// Of broadcasts that are over, were to be recorded and are not.
    UNRECORDED -> BroadcastRow = "select r.broadcast from broadcast_rendition r
            join broadcast b on b.id = r.broadcast
            join channel c on c.id = b.channel
        where b.ended_us < $1 and b.asset is null and c.recording = 1
        group by r.broadcast order by r.broadcast limit $2";
    FORGET_SEGMENTS -> () = "delete from broadcast_segment where broadcast = $1";
    FORGET_HEADERS -> () = "delete from broadcast_header where broadcast = $1";
    FORGET_RENDITIONS -> () = "delete from broadcast_rendition where broadcast = $1";
}

#[derive(sqlx::FromRow)]
struct BroadcastRow {
    #[sqlx(try_from = "String")]
    broadcast: BroadcastId,
}

#[derive(sqlx::FromRow)]
struct RenditionRow {
    name: String,
    about: Json<About>,
}

#[derive(sqlx::FromRow)]
struct HeaderRow {
    rendition: String,
    #[sqlx(try_from = "i64")]
    number: u32,
    #[sqlx(try_from = "i64")]
    term: u32,
    #[sqlx(try_from = "i64")]
    bytes: u64,
}

#[derive(sqlx::FromRow)]
struct SegmentRow {
    rendition: String,
    #[sqlx(try_from = "i64")]
    msn: u64,
    #[sqlx(try_from = "i64")]
    term: u32,
    #[sqlx(try_from = "i64")]
    init: u32,
    #[sqlx(try_from = "i64")]
    init_term: u32,
    date_us: i64,
    #[sqlx(try_from = "i64")]
    duration_us: u64,
    #[sqlx(try_from = "i64")]
    timescale: u32,
    #[sqlx(try_from = "i64")]
    start: u64,
    #[sqlx(try_from = "i64")]
    ticks: u64,
    #[sqlx(try_from = "i64")]
    discontinuities: u32,
    gap: i64,
    parts: Json<Vec<RecordedPart>>,
    #[sqlx(try_from = "i64")]
    bytes: u64,
    listed_us: i64,
}

fn named(table: &'static str, text: &str) -> Result<RenditionName> {
    text.parse().map_err(|problem| corrupt(table, "rendition", text, problem))
}

/// A number as it is stored; none that this program makes is larger.
fn stored(column: &'static str, number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|error| corrupt("broadcast_segment", column, "", error))
}

impl TryFrom<SegmentRow> for RecordedSegment {
    type Error = LiveError;
    fn try_from(row: SegmentRow) -> Result<Self> {
        let timescale = NonZeroU32::new(row.timescale);
        let id = row.msn.to_string();
        Ok(Self {
            rendition: named("broadcast_segment", &row.rendition)?,
            msn: row.msn,
            term: row.term,
            init: row.init,
            init_term: row.init_term,
            date: Moment(row.date_us),
            us: row.duration_us,
            timescale: timescale.ok_or_else(|| corrupt("broadcast_segment", "timescale", &id, "zero"))?,
            start: row.start,
            ticks: row.ticks,
            discontinuities: row.discontinuities,
            gap: row.gap == 1,
            parts: row.parts.0,
            bytes: row.bytes,
            listed: Moment(row.listed_us),
        })
    }
}

/// Writes what a rendition is, for the first time or anew.
pub(crate) async fn describe(
    tx: &mut Tx,
    id: &BroadcastId,
    name: RenditionName,
    about: &About,
) -> Result<()> {
    tx.exec(DESCRIBE, (id, name.to_string(), Json(about))).await?;
    Ok(())
}

/// The renditions of a broadcast, by name.
pub(crate) async fn renditions(tx: &mut Tx, id: &BroadcastId) -> Result<Vec<(RenditionName, About)>> {
    let rows = tx.all(RENDITIONS, (id,)).await?.into_iter();
    rows.map(|row| Ok((named("broadcast_rendition", &row.name)?, row.about.0))).collect()
}

/// Adds a header; one of the same number stays.
pub(crate) async fn add_header(tx: &mut Tx, id: &BroadcastId, header: &RecordedHeader) -> Result<()> {
    let bytes = stored("bytes", header.bytes)?;
    tx.exec(ADD_HEADER, (id, header.rendition.to_string(), header.number, header.term, bytes)).await?;
    Ok(())
}

/// The headers of a broadcast, by rendition and number.
pub(crate) async fn headers(tx: &mut Tx, id: &BroadcastId) -> Result<Vec<RecordedHeader>> {
    let rows = tx.all(HEADERS, (id,)).await?.into_iter();
    let header = |row: HeaderRow| {
        let HeaderRow { number, term, bytes, .. } = row;
        Ok(RecordedHeader { rendition: named("broadcast_header", &row.rendition)?, number, term, bytes })
    };
    rows.map(header).collect()
}

/// Adds a segment; one of the same number stays.
pub(crate) async fn add_segment(tx: &mut Tx, id: &BroadcastId, segment: &RecordedSegment) -> Result<()> {
    let row = (
        id,
        segment.rendition.to_string(),
        stored("msn", segment.msn)?,
        segment.term,
        segment.init,
        segment.init_term,
        segment.date.0,
        stored("duration_us", segment.us)?,
        segment.timescale.get(),
        stored("start", segment.start)?,
        stored("ticks", segment.ticks)?,
        segment.discontinuities,
        i64::from(segment.gap),
        Json(&segment.parts),
        stored("bytes", segment.bytes)?,
        segment.listed.0,
    );
    tx.exec(ADD_SEGMENT, row).await?;
    Ok(())
}

/// The segments of a broadcast, by rendition and number.
pub(crate) async fn segments(tx: &mut Tx, id: &BroadcastId) -> Result<Vec<RecordedSegment>> {
    tx.all(SEGMENTS, (id,)).await?.into_iter().map(RecordedSegment::try_from).collect()
}

/// Up to `limit` segments of a rendition with numbers below `msn`, in order.
pub(crate) async fn before(
    tx: &mut Tx,
    id: &BroadcastId,
    rendition: RenditionName,
    msn: u64,
    limit: u32,
) -> Result<Vec<RecordedSegment>> {
    let row = (id, rendition.to_string(), stored("msn", msn)?, limit);
    tx.all(BEFORE, row).await?.into_iter().map(RecordedSegment::try_from).collect()
}

/// Removes the rows of a rendition's segments with numbers below `msn`, of which the discontinuities stay counted; how
/// many.
pub(crate) async fn drop_before(
    tx: &mut Tx,
    id: &BroadcastId,
    rendition: RenditionName,
    msn: u64,
) -> Result<u64> {
    let row = (id, rendition.to_string(), stored("msn", msn)?);
    tx.exec(COUNT_BEFORE, row.clone()).await?;
    Ok(tx.exec(DROP_BEFORE, row).await?)
}

/// Discontinuities of segments that were dropped.
pub(crate) async fn dropped(tx: &mut Tx, id: &BroadcastId, rendition: RenditionName) -> Result<u64> {
    let (count,) = tx.one(DROPPED, (id, rendition.to_string())).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Up to `limit` broadcasts of which nothing is to be kept, of those that are not forgotten the ones that ended before
/// `before`.
pub(crate) async fn outlived(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<Vec<BroadcastId>> {
    Ok(tx.all(OUTLIVED, (before, limit)).await?.into_iter().map(|row| row.broadcast).collect())
}

/// Up to `limit` broadcasts that ended before `before`, were to be recorded and are not.
pub(crate) async fn unrecorded(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<Vec<BroadcastId>> {
    Ok(tx.all(UNRECORDED, (before, limit)).await?.into_iter().map(|row| row.broadcast).collect())
}

/// How many segments a broadcast has.
pub(crate) async fn count(tx: &mut Tx, id: &BroadcastId) -> Result<u64> {
    let (count,) = tx.one(COUNT, (id,)).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Removes all rows of a broadcast's renditions, headers and segments.
pub(crate) async fn forget(tx: &mut Tx, id: &BroadcastId) -> Result<()> {
    tx.exec(FORGET_SEGMENTS, (id,)).await?;
    tx.exec(FORGET_HEADERS, (id,)).await?;
    tx.exec(FORGET_RENDITIONS, (id,)).await?;
    Ok(())
}
