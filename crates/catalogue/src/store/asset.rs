//! Assets.

use base::{AssetId, BroadcastId, TenantId, Timestamp, UploadId};
use db::{Json, Tx};
use media::Plan;

use super::corrupt;
use crate::{
    CatalogueError, DiskUse, Result,
    model::{Asset, AssetFilter, AssetPatch, Finding, Lifecycle, Source, State, Visibility, folded},
};

/// The rows of the assets that `$1` lists; the engines differ only in how they read the list.
macro_rules! rows_of {
    ($ids:literal) => {
        concat!(
            "select a.id, a.tenant, a.title, a.visibility, a.state, a.reason, a.version, a.playing,
            a.created_us, a.updated_us, a.duration_us, a.source_name, a.source_sha256,
            u.id as upload, coalesce(u.length, u.received) as length, u.received, u.fetch_url is not null as fetched,
            e.plan, e.findings, i.attempt as images_attempt, a.broadcast, e.runs
        from asset a
        join upload u on u.asset = a.id
        left join edition e on e.asset = a.id and e.version = coalesce(a.playing, a.version)
        left join piece i on i.asset = e.asset and i.version = e.version and i.name = 'images'
        where a.id in (",
            $ids,
            ") order by a.id desc"
        )
    };
}

db::statements! {
    ADD -> () = "insert into asset (id, tenant, title, title_folded, visibility, state, version, created_us,
            updated_us, source_name)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)";
    /// $2: the tenant it must be of, or null for any; $3: the version to show, or null for the shown one.
    FIND -> AssetRow = "select a.id, a.tenant, a.title, a.visibility, a.state, a.reason, a.version, a.playing,
            a.created_us, a.updated_us, a.duration_us, a.source_name, a.source_sha256,
            u.id as upload, coalesce(u.length, u.received) as length, u.received, u.fetch_url is not null as fetched,
            e.plan, e.findings, i.attempt as images_attempt, a.broadcast, e.runs
        from asset a
        join upload u on u.asset = a.id
        left join edition e on e.asset = a.id and e.version = coalesce($3, a.playing, a.version)
        left join piece i on i.asset = e.asset and i.version = e.version and i.name = 'images'
        where a.id = $1 and a.tenant = coalesce($2, a.tenant) and a.state <> 'deleted'";
    IDS -> (String,) = "select id from asset
        where tenant = $1 and id >= $2 and id < $3 and title_folded like $4 escape '!'
            and created_us >= $5 and created_us < $6 and state <> 'deleted'
        order by id desc limit $7";
    IDS_BY_STATE -> (String,) = "select id from asset
        where tenant = $1 and id >= $2 and id < $3 and title_folded like $4 escape '!'
            and created_us >= $5 and created_us < $6 and state = $8 and visibility = coalesce($9, visibility)
        order by id desc limit $7";
    IDS_BY_VISIBILITY -> (String,) = "select id from asset
        where tenant = $1 and id >= $2 and id < $3 and title_folded like $4 escape '!'
            and created_us >= $5 and created_us < $6 and state <> 'deleted' and visibility = $8
        order by id desc limit $7";
    LIST -> AssetRow = rows_of!("select value from json_each($1)"),
        pg = rows_of!("select jsonb_array_elements_text($1)");
    LOCK -> LockRow = "select tenant, state, reason, version, playing from asset where id = $1",
        pg = "select tenant, state, reason, version, playing from asset where id = $1 for update";
    LIFECYCLE -> LockRow = "select tenant, state, reason, version, playing from asset where id = $1";
    MOVE -> () = "update asset set state = $2, reason = $3, version = $4, playing = $5,
            updated_us = max($6, updated_us + 1)
        where id = $1",
        pg = "update asset set state = $2, reason = $3, version = $4, playing = $5,
            updated_us = greatest($6, updated_us + 1)
        where id = $1";
    PATCH -> () = "update asset set title = coalesce($2, title), title_folded = coalesce($3, title_folded),
            visibility = coalesce($4, visibility), updated_us = max($5, updated_us + 1)
        where id = $1",
        pg = "update asset set title = coalesce($2, title), title_folded = coalesce($3, title_folded),
            visibility = coalesce($4, visibility), updated_us = greatest($5, updated_us + 1)
        where id = $1";
    SET_PROBED -> () = "update asset set duration_us = $2, source_sha256 = $3 where id = $1";
    SET_RECORDED -> () = "update asset set broadcast = $2, duration_us = $3 where id = $1";
    OF_BROADCAST -> (String,) = "select id from asset where broadcast = $1";
    BROADCAST -> (Option<String>,) = "select broadcast from asset where id = $1";
    FORGET -> () = "delete from asset where id = $1";
    DISK -> DiskRow = "select a.id, a.title, u.received as source,
            cast((select coalesce(sum(p.bytes), 0) from part p where p.asset = a.id)
                + (select coalesce(sum(i.bytes), 0) from piece i where i.asset = a.id) as bigint) as media
        from asset a join upload u on u.asset = a.id
        where a.tenant = $1 and a.state <> 'deleted'
        order by 3 desc, 1 limit $2";
}

#[derive(sqlx::FromRow)]
struct DiskRow {
    #[sqlx(try_from = "String")]
    id: AssetId,
    title: String,
    #[sqlx(try_from = "i64")]
    source: u64,
    #[sqlx(try_from = "i64")]
    media: u64,
}

#[derive(sqlx::FromRow)]
struct AssetRow {
    #[sqlx(try_from = "String")]
    id: AssetId,
    #[sqlx(try_from = "String")]
    tenant: TenantId,
    title: String,
    #[sqlx(try_from = "String")]
    visibility: Visibility,
    #[sqlx(try_from = "String")]
    state: State,
    reason: Option<String>,
    #[sqlx(try_from = "i64")]
    version: u32,
    playing: Option<i64>,
    created_us: i64,
    updated_us: i64,
    duration_us: Option<i64>,
    source_name: String,
    source_sha256: Option<String>,
    #[sqlx(try_from = "String")]
    upload: UploadId,
    #[sqlx(try_from = "i64")]
    length: u64,
    #[sqlx(try_from = "i64")]
    received: u64,
    fetched: bool,
    plan: Option<Json<Plan>>,
    findings: Option<Json<Vec<Finding>>>,
    images_attempt: Option<i64>,
    broadcast: Option<String>,
    runs: Option<i64>,
}

/// A nullable number of a row.
fn number<N: TryFrom<i64, Error: ToString>>(
    column: &'static str,
    id: &str,
    value: Option<i64>,
) -> Result<Option<N>> {
    value.map(N::try_from).transpose().map_err(|e| corrupt("asset", column, id, e))
}

fn broadcast(id: &str, value: Option<String>) -> Result<Option<BroadcastId>> {
    value
        .map(|text| text.parse())
        .transpose()
        .map_err(|e: base::IdError| corrupt("asset", "broadcast", id, e))
}

impl TryFrom<AssetRow> for Asset {
    type Error = CatalogueError;
    fn try_from(row: AssetRow) -> Result<Self> {
        let id = row.id.as_str();
        Ok(Self {
            playing: number("playing", id, row.playing)?,
            duration_us: number("duration_us", id, row.duration_us)?,
            images_attempt: number("images_attempt", id, row.images_attempt)?,
            broadcast: broadcast(id, row.broadcast)?,
            runs: number("runs", id, row.runs)?,
            id: row.id,
            tenant: row.tenant,
            title: row.title,
            visibility: row.visibility,
            state: row.state,
            reason: row.reason,
            version: row.version,
            created: Timestamp(row.created_us),
            updated: Timestamp(row.updated_us),
            source: Source {
                upload: row.upload,
                name: row.source_name,
                bytes: row.length,
                received: row.received,
                fetched: row.fetched,
                sha256: row.source_sha256,
            },
            plan: row.plan.map(|Json(plan)| plan),
            findings: row.findings.map(|Json(findings)| findings).unwrap_or_default(),
        })
    }
}

#[derive(sqlx::FromRow)]
struct LockRow {
    #[sqlx(try_from = "String")]
    tenant: TenantId,
    #[sqlx(try_from = "String")]
    state: State,
    reason: Option<String>,
    #[sqlx(try_from = "i64")]
    version: u32,
    playing: Option<i64>,
}

impl LockRow {
    fn read(self, id: &AssetId) -> Result<(TenantId, Lifecycle)> {
        let playing = number("playing", id.as_str(), self.playing)?;
        let life = Lifecycle { state: self.state, reason: self.reason, version: self.version, playing };
        Ok((self.tenant, life))
    }
}

/// An asset whose row is held until the transaction ends.
pub(crate) struct Locked {
    pub(crate) id: AssetId,
    pub(crate) tenant: TenantId,
    pub(crate) life: Lifecycle,
}

/// What [`add`] writes.
pub(crate) struct AssetToAdd {
    pub(crate) id: AssetId,
    pub(crate) tenant: TenantId,
    pub(crate) title: String,
    pub(crate) visibility: Visibility,
    pub(crate) source_name: String,
}

pub(crate) async fn add(tx: &mut Tx, asset: &AssetToAdd, life: &Lifecycle, now: Timestamp) -> Result<()> {
    let AssetToAdd { id, tenant, title, visibility, source_name } = asset;
    let (visibility, state) = (visibility.as_str(), life.state.as_str());
    let row = (id, tenant, title, folded(title), visibility, state, life.version, now, source_name);
    tx.exec(ADD, row).await?;
    Ok(())
}

/// An asset that is not deleted: of this tenant, or of any for `None`; as of this version, or of the shown
/// one for `None`.
pub(crate) async fn find(
    tx: &mut Tx,
    id: &AssetId,
    tenant: Option<&TenantId>,
    version: Option<u32>,
) -> Result<Option<Asset>> {
    tx.opt(FIND, (id, tenant, version)).await?.map(Asset::try_from).transpose()
}

/// Up to `limit` assets of a tenant with identifiers below `before`, newest first, that pass `filter` and whose
/// folded titles match `pattern`. An index leads to the rows by tenant, and by state or visibility where one is
/// asked for; only the page's rows are joined.
pub(crate) async fn list(
    tx: &mut Tx,
    tenant: &TenantId,
    before: &str,
    pattern: &str,
    filter: &AssetFilter,
    limit: u32,
) -> Result<Vec<Asset>> {
    let [low, high] = filter.id_bounds(before);
    let (from, until) = (filter.created_from.unwrap_or(Timestamp(0)), filter.created_until());
    let (low, high) = (low.as_str(), high.as_str());
    let (state, visibility) = (filter.state.map(State::as_str), filter.visibility.map(Visibility::as_str));
    let ids = match (state, visibility) {
        (Some(state), visibility) => {
            let row = (tenant, low, high, pattern, from, until, limit, state, visibility);
            tx.all(IDS_BY_STATE, row).await?
        }
        (None, Some(visibility)) => {
            tx.all(IDS_BY_VISIBILITY, (tenant, low, high, pattern, from, until, limit, visibility)).await?
        }
        (None, None) => tx.all(IDS, (tenant, low, high, pattern, from, until, limit)).await?,
    };
    let ids: Vec<String> = ids.into_iter().map(|(id,)| id).collect();
    tx.all(LIST, (Json(ids),)).await?.into_iter().map(Asset::try_from).collect()
}

/// Holds the asset's row: others that lock it wait until this transaction ends, and see what it wrote.
pub(crate) async fn lock(tx: &mut Tx, id: &AssetId) -> Result<Option<Locked>> {
    let Some(row) = tx.opt(LOCK, (id,)).await? else { return Ok(None) };
    let (tenant, life) = row.read(id)?;
    Ok(Some(Locked { id: id.clone(), tenant, life }))
}

/// Where an asset is, deleted ones included.
pub(crate) async fn lifecycle(tx: &mut Tx, id: &AssetId) -> Result<Option<Lifecycle>> {
    let row = tx.opt(LIFECYCLE, (id,)).await?;
    row.map(|row| row.read(id).map(|(_, life)| life)).transpose()
}

/// Writes where a locked asset is now.
pub(crate) async fn set_lifecycle(tx: &mut Tx, id: &AssetId, life: &Lifecycle, now: Timestamp) -> Result<()> {
    let row = (id, life.state.as_str(), life.reason.as_deref(), life.version, life.playing, now);
    tx.exec(MOVE, row).await?;
    Ok(())
}

pub(crate) async fn patch(tx: &mut Tx, id: &AssetId, patch: &AssetPatch, now: Timestamp) -> Result<()> {
    let title = patch.title.as_deref();
    let visibility = patch.visibility.map(Visibility::as_str);
    tx.exec(PATCH, (id, title, title.map(folded), visibility, now)).await?;
    Ok(())
}

pub(crate) async fn set_probed(tx: &mut Tx, id: &AssetId, duration_us: i64, sha256: &str) -> Result<()> {
    tx.exec(SET_PROBED, (id, duration_us, sha256)).await?;
    Ok(())
}

/// What the tenant's assets take in the object store, those with the largest sources first.
pub(crate) async fn disk(tx: &mut Tx, tenant: &TenantId, limit: u32) -> Result<Vec<DiskUse>> {
    let rows = tx.all(DISK, (tenant, limit)).await?;
    let disk =
        |row: DiskRow| DiskUse { asset: row.id, title: row.title, source: row.source, media: row.media };
    Ok(rows.into_iter().map(disk).collect())
}

/// Notes which broadcast an asset is the recording of, and how long it plays.
pub(crate) async fn set_recorded(
    tx: &mut Tx,
    id: &AssetId,
    broadcast: &BroadcastId,
    duration_us: i64,
) -> Result<()> {
    tx.exec(SET_RECORDED, (id, broadcast, duration_us)).await?;
    Ok(())
}

/// The recording of a broadcast, deleted ones included.
pub(crate) async fn of_broadcast(tx: &mut Tx, broadcast: &BroadcastId) -> Result<Option<AssetId>> {
    let Some((id,)) = tx.opt(OF_BROADCAST, (broadcast,)).await? else { return Ok(None) };
    id.parse().map(Some).map_err(|e: base::IdError| corrupt("asset", "id", &id, e))
}

/// The broadcast that an asset is the recording of, deleted ones included.
pub(crate) async fn broadcast_of(tx: &mut Tx, id: &AssetId) -> Result<Option<BroadcastId>> {
    let row = tx.opt(BROADCAST, (id,)).await?;
    broadcast(id.as_str(), row.and_then(|(broadcast,)| broadcast))
}

/// Removes the row; nothing may refer to it any more.
pub(crate) async fn forget(tx: &mut Tx, id: &AssetId) -> Result<()> {
    tx.exec(FORGET, (id,)).await?;
    Ok(())
}
