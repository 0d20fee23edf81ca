//! A broadcast that is over becomes an asset: who makes it reads here what there is, and gives the objects away in the
//! transaction that makes the asset.

use std::time::Duration;

use base::{AssetId, BroadcastId};
use db::Tx;
use media::live::{About, RecordedHeader, RecordedSegment, RenditionName};

use crate::{
    Broadcast, Channel, End, EndReason, Lease, Live, LiveError, Result,
    model::{DETAIL_CHARS_MAX, printable},
    store,
};

/// How long after its end a broadcast without a recording gets one from whoever comes by: until then its holder makes
/// it, or those who come back note what they have left behind.
pub const RECORDED_AFTERWARDS: Duration = Duration::from_secs(90);

/// Broadcasts without a recording that are found at once.
const UNRECORDED_MAX: u32 = 16;

/// What a recording is made from.
#[derive(Clone, Debug)]
pub struct ToRecord {
    /// The broadcast.
    pub broadcast: Broadcast,
    /// Its channel, as it is now.
    pub channel: Channel,
    /// Its renditions, by name.
    pub renditions: Vec<(RenditionName, About)>,
    /// Its headers, by rendition and number.
    pub headers: Vec<RecordedHeader>,
    /// Its whole segments, by rendition and number; gaps included.
    pub segments: Vec<RecordedSegment>,
}

impl Live {
    /// What the recording of a broadcast is made from; `None` when it has one, is forgotten, or its channel does not
    /// record.
    ///
    /// # Errors
    /// [`LiveError::Db`], [`LiveError::Corrupt`].
    pub async fn to_record(&self, id: &BroadcastId) -> Result<Option<ToRecord>> {
        let mut tx = self.db.read().await?;
        let Some(found) = store::broadcast::find(&mut tx, id).await? else { return Ok(None) };
        let broadcast = found.broadcast;
        let Some(stored) = store::channel::find(&mut tx, &broadcast.channel).await? else { return Ok(None) };
        if broadcast.asset.is_some() || !stored.channel.choices.recording {
            return Ok(None);
        }
        let renditions = store::record::renditions(&mut tx, id).await?;
        let headers = store::record::headers(&mut tx, id).await?;
        let segments = store::record::segments(&mut tx, id).await?;
        Ok(Some(ToRecord { broadcast, channel: stored.channel, renditions, headers, segments }))
    }

    /// Ends the broadcast as [`Live::end`] does, recorded as `asset`, in the caller's transaction, which makes the
    /// asset: both or neither.
    ///
    /// # Errors
    /// As [`Live::end`]; [`LiveError::Superseded`] also when its rows are no longer those of `of`.
    pub async fn end_recorded(
        &self,
        tx: &mut Tx,
        lease: &Lease,
        (reason, detail): (EndReason, &str),
        (of, asset): (&ToRecord, &AssetId),
    ) -> Result<()> {
        let (mut channel, held) = self.held(tx, lease).await?;
        self.give(tx, of, asset).await?;
        let open = Broadcast { asset: Some(asset.clone()), ..held.broadcast };
        let end = End { at: self.ambient.now(), reason, detail: printable(detail, DETAIL_CHARS_MAX) };
        self.close(tx, &mut channel, open, end).await
    }

    /// Notes as which asset a broadcast that has ended is recorded, in the transaction that makes the asset, and gives
    /// its objects to that.
    ///
    /// # Errors
    /// [`LiveError::Superseded`] when it has not ended, has a recording, or its rows are no longer those of `of`;
    /// [`LiveError::Db`].
    pub async fn recorded(&self, tx: &mut Tx, of: &ToRecord, asset: &AssetId) -> Result<()> {
        let id = &of.broadcast.id;
        store::channel::lock(tx, &of.broadcast.channel).await?.ok_or(LiveError::Superseded)?;
        let found = store::broadcast::find(tx, id).await?.ok_or(LiveError::Superseded)?.broadcast;
        if found.ended.is_none() || found.asset.is_some() {
            return Err(LiveError::Superseded);
        }
        self.give(tx, of, asset).await
    }

    async fn give(&self, tx: &mut Tx, of: &ToRecord, asset: &AssetId) -> Result<()> {
        let id = &of.broadcast.id;
        if store::record::count(tx, id).await? != of.segments.len() as u64 {
            return Err(LiveError::Superseded);
        }
        store::broadcast::set_asset(tx, id, asset).await?;
        self.hand_over(tx, id).await
    }

    /// Some broadcasts that ended [`RECORDED_AFTERWARDS`] ago on channels that record, and have no recording: those
    /// whose holder died or lost its lease.
    ///
    /// # Errors
    /// [`LiveError::Db`].
    pub async fn unrecorded(&self) -> Result<Vec<BroadcastId>> {
        let before = self.ambient.now() - RECORDED_AFTERWARDS;
        store::record::unrecorded(&mut self.db.read().await?, before, UNRECORDED_MAX).await
    }
}
