//! Channels.

use base::{ChannelId, TenantId, Timestamp, Visibility};
use db::{Json, Tx};

use super::{corrupt, counted};
use crate::{
    LiveError, Result,
    model::{Channel, Choices, Dvr, KeyHash, Ladder, State},
};

db::statements! {
    ADD -> () = "insert into channel (id, tenant, name, visibility, state, rungs, dvr_seconds, recording,
            admission_url, key_hash, key_id, nonce, state_us, keyed_us, created_us, updated_us)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $13, $13)";
    FIND -> ChannelRow = "select id, tenant, name, visibility, state, state_us, rungs, dvr_seconds, recording,
            admission_url, key_hash, key_id, nonce, keyed_us, created_us, updated_us
        from channel where id = $1";
    LOCK -> ChannelRow = "select id, tenant, name, visibility, state, state_us, rungs, dvr_seconds, recording,
            admission_url, key_hash, key_id, nonce, keyed_us, created_us, updated_us
        from channel where id = $1",
        pg = "select id, tenant, name, visibility, state, state_us, rungs, dvr_seconds, recording,
            admission_url, key_hash, key_id, nonce, keyed_us, created_us, updated_us
        from channel where id = $1 for update";
    /// $3: the visibility they must have, or null for any.
    LIST -> ChannelRow = "select id, tenant, name, visibility, state, state_us, rungs, dvr_seconds, recording,
            admission_url, key_hash, key_id, nonce, keyed_us, created_us, updated_us
        from channel where tenant = $1 and id < $2 and visibility = coalesce($3, visibility)
        order by id desc limit $4";
    COUNT -> (i64,) = "select count(*) from channel where tenant = $1";
    CHANGE -> () = "update channel set name = $2, visibility = $3, rungs = $4, dvr_seconds = $5, recording = $6,
            admission_url = $7, updated_us = $8
        where id = $1";
    MOVE -> () = "update channel set state = $2, state_us = $3 where id = $1";
    ROTATE -> () = "update channel set key_hash = $2, key_id = $3, nonce = $4, keyed_us = $5, updated_us = $5
        where id = $1";
    REMOVE -> () = "delete from channel where id = $1";
}

#[derive(sqlx::FromRow)]
struct ChannelRow {
    #[sqlx(try_from = "String")]
    id: ChannelId,
    #[sqlx(try_from = "String")]
    tenant: TenantId,
    name: String,
    #[sqlx(try_from = "String")]
    visibility: Visibility,
    #[sqlx(try_from = "String")]
    state: State,
    state_us: i64,
    rungs: Option<Json<Vec<u32>>>,
    dvr_seconds: Option<i64>,
    recording: i64,
    admission_url: Option<String>,
    key_hash: Vec<u8>,
    key_id: String,
    nonce: Vec<u8>,
    keyed_us: i64,
    created_us: i64,
    updated_us: i64,
}

/// A channel with what only this crate may see.
#[derive(Debug)]
pub(crate) struct StoredChannel {
    pub(crate) channel: Channel,
    pub(crate) secrets: StoredSecrets,
}

/// What is kept of a channel's secrets.
#[derive(Debug)]
pub(crate) struct StoredSecrets {
    pub(crate) key_hash: Vec<u8>,
    pub(crate) key_id: String,
    pub(crate) nonce: Vec<u8>,
}

impl TryFrom<ChannelRow> for StoredChannel {
    type Error = LiveError;
    fn try_from(row: ChannelRow) -> Result<Self> {
        let seconds = row.dvr_seconds.map(u32::try_from).transpose();
        let seconds = seconds.map_err(|e| corrupt("channel", "dvr_seconds", row.id.as_str(), e))?;
        let choices = Choices {
            name: row.name,
            visibility: row.visibility,
            ladder: row.rungs.map_or(Ladder::Auto, |Json(rungs)| Ladder::Rungs(rungs)),
            dvr: Dvr::from_seconds(seconds),
            recording: row.recording == 1,
            admission_url: row.admission_url,
        };
        let channel = Channel {
            id: row.id,
            tenant: row.tenant,
            choices,
            state: row.state,
            since: Timestamp(row.state_us),
            keyed: Timestamp(row.keyed_us),
            created: Timestamp(row.created_us),
            updated: Timestamp(row.updated_us),
        };
        let secrets = StoredSecrets { key_hash: row.key_hash, key_id: row.key_id, nonce: row.nonce };
        Ok(Self { channel, secrets })
    }
}

/// Secrets that have just been made, as they are kept.
pub(crate) struct NewSecrets<'a> {
    pub(crate) hash: KeyHash,
    pub(crate) key_id: &'a str,
    pub(crate) nonce: &'a [u8],
}

/// The columns of what was chosen: rungs, window, recording.
fn columns(choices: &Choices) -> (Option<Json<&[u32]>>, Option<u32>, i64) {
    let rungs = match &choices.ladder {
        Ladder::Auto => None,
        Ladder::Rungs(rungs) => Some(Json(rungs.as_slice())),
    };
    (rungs, choices.dvr.seconds(), i64::from(choices.recording))
}

pub(crate) async fn add(tx: &mut Tx, channel: &Channel, secrets: NewSecrets<'_>) -> Result<()> {
    let Channel { id, tenant, choices, state, created, .. } = channel;
    let (rungs, dvr, recording) = columns(choices);
    let (visibility, url) = (choices.visibility.as_str(), choices.admission_url.as_deref());
    let NewSecrets { hash, key_id, nonce } = secrets;
    let hash = hash.as_bytes();
    let (name, state) = (&choices.name, state.as_str());
    let row =
        (id, tenant, name, visibility, state, rungs, dvr, recording, url, hash, key_id, nonce, *created);
    tx.exec(ADD, row).await?;
    Ok(())
}

pub(crate) async fn find(tx: &mut Tx, id: &ChannelId) -> Result<Option<StoredChannel>> {
    tx.opt(FIND, (id,)).await?.map(StoredChannel::try_from).transpose()
}

/// Holds the channel's row: others that lock it wait until this transaction ends, and see what it wrote.
pub(crate) async fn lock(tx: &mut Tx, id: &ChannelId) -> Result<Option<StoredChannel>> {
    tx.opt(LOCK, (id,)).await?.map(StoredChannel::try_from).transpose()
}

/// Up to `limit` channels of a tenant with identifiers below `before`, newest first; of this visibility, or of any for
/// `None`.
pub(crate) async fn list(
    tx: &mut Tx,
    tenant: &TenantId,
    before: &str,
    visibility: Option<Visibility>,
    limit: u32,
) -> Result<Vec<Channel>> {
    let rows = tx.all(LIST, (tenant, before, visibility.map(Visibility::as_str), limit)).await?;
    rows.into_iter().map(|row| StoredChannel::try_from(row).map(|stored| stored.channel)).collect()
}

/// How many channels a tenant has.
pub(crate) async fn count(tx: &mut Tx, tenant: &TenantId) -> Result<u32> {
    Ok(counted(tx.one(COUNT, (tenant,)).await?))
}

/// Writes what was chosen about a locked channel.
pub(crate) async fn change(tx: &mut Tx, id: &ChannelId, choices: &Choices, now: Timestamp) -> Result<()> {
    let (rungs, dvr, recording) = columns(choices);
    let (visibility, url) = (choices.visibility.as_str(), choices.admission_url.as_deref());
    tx.exec(CHANGE, (id, &choices.name, visibility, rungs, dvr, recording, url, now)).await?;
    Ok(())
}

/// Writes where a locked channel is now.
pub(crate) async fn set_state(tx: &mut Tx, id: &ChannelId, state: State, now: Timestamp) -> Result<()> {
    tx.exec(MOVE, (id, state.as_str(), now)).await?;
    Ok(())
}

/// Gives a locked channel other secrets.
pub(crate) async fn rotate(
    tx: &mut Tx,
    id: &ChannelId,
    secrets: NewSecrets<'_>,
    now: Timestamp,
) -> Result<()> {
    tx.exec(ROTATE, (id, secrets.hash.as_bytes(), secrets.key_id, secrets.nonce, now)).await?;
    Ok(())
}

/// Removes the row; no broadcast may refer to it any more.
pub(crate) async fn remove(tx: &mut Tx, id: &ChannelId) -> Result<()> {
    tx.exec(REMOVE, (id,)).await?;
    Ok(())
}
