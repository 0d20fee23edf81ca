//! What is kept of a broadcast: its renditions, and the headers and whole segments whose objects are in the store.
//!
//! Objects first, rows last: what a row names is there. A row that is there is never changed, so of two that come for
//! one number the first one counts.

use std::time::Duration;

use base::BroadcastId;
use db::Tx;
use media::live::{About, RecordedHeader, RecordedSegment, RenditionName};

use crate::{Lease, Live, LiveError, Result, store};

/// How long after its end the segments of a broadcast that is not recorded can be fetched.
pub const REWOUND_AFTERWARDS: Duration = Duration::from_secs(300);

/// Broadcasts of which nothing is to be kept that are found at once.
const OUTLIVED_MAX: u32 = 16;

/// What was put into the store and has no rows yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Headers.
    pub headers: Vec<RecordedHeader>,
    /// Segments.
    pub segments: Vec<RecordedSegment>,
}

impl Live {
    /// Notes what the renditions of a broadcast are, for the first time or anew.
    ///
    /// # Errors
    /// [`LiveError::Superseded`]; [`LiveError::Db`].
    pub async fn keep_renditions(&self, lease: &Lease, renditions: &[(RenditionName, About)]) -> Result<()> {
        let mut tx = self.db.write().await?;
        self.held(&mut tx, lease).await?;
        for (name, about) in renditions {
            store::record::describe(&mut tx, &lease.broadcast, *name, about).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Notes headers and segments whose objects are in the store, in one transaction. Doing so again is fine.
    ///
    /// # Errors
    /// [`LiveError::Superseded`] when the lease is over: nothing is noted. [`LiveError::Db`].
    pub async fn keep_segments(&self, lease: &Lease, recorded: &Recorded) -> Result<()> {
        let mut tx = self.db.write().await?;
        self.held(&mut tx, lease).await?;
        self.note(&mut tx, &lease.broadcast, recorded).await?;
        Ok(tx.commit().await?)
    }

    /// Notes what the holder of `term` left behind on its own machine: while nobody has taken the broadcast since, or
    /// after its end. Nothing is noted of one that was handed over.
    ///
    /// # Errors
    /// [`LiveError::Superseded`] when somebody holds it or has held it since: what was left behind has no place in it.
    /// Also when it is forgotten. [`LiveError::Db`].
    pub async fn keep_left_behind(
        &self,
        id: &BroadcastId,
        term: u32,
        renditions: &[(RenditionName, About)],
        recorded: &Recorded,
    ) -> Result<()> {
        let mut tx = self.db.write().await?;
        let found = store::broadcast::find(&mut tx, id).await?.ok_or(LiveError::Superseded)?;
        store::channel::lock(&mut tx, &found.broadcast.channel).await?.ok_or(LiveError::Superseded)?;
        let found = store::broadcast::find(&mut tx, id).await?.ok_or(LiveError::Superseded)?;
        if found.token.is_some() || found.broadcast.term != term {
            return Err(LiveError::Superseded);
        }
        let handed_over =
            found.broadcast.asset.is_some() && store::record::renditions(&mut tx, id).await?.is_empty();
        if handed_over {
            return Ok(());
        }
        for (name, about) in renditions {
            store::record::describe(&mut tx, id, *name, about).await?;
        }
        self.note(&mut tx, id, recorded).await?;
        Ok(tx.commit().await?)
    }

    async fn note(&self, tx: &mut Tx, id: &BroadcastId, recorded: &Recorded) -> Result<()> {
        for header in &recorded.headers {
            store::record::add_header(tx, id, header).await?;
        }
        for segment in &recorded.segments {
            store::record::add_segment(tx, id, segment).await?;
        }
        Ok(())
    }

    /// The renditions of a broadcast, by name.
    ///
    /// # Errors
    /// [`LiveError::Db`], [`LiveError::Corrupt`].
    pub async fn renditions(&self, id: &BroadcastId) -> Result<Vec<(RenditionName, About)>> {
        store::record::renditions(&mut self.db.read().await?, id).await
    }

    /// The headers of a broadcast, by rendition and number.
    ///
    /// # Errors
    /// As [`Live::renditions`].
    pub async fn headers(&self, id: &BroadcastId) -> Result<Vec<RecordedHeader>> {
        store::record::headers(&mut self.db.read().await?, id).await
    }

    /// The whole segments of a broadcast, by rendition and number; gaps included.
    ///
    /// # Errors
    /// As [`Live::renditions`].
    pub async fn segments(&self, id: &BroadcastId) -> Result<Vec<RecordedSegment>> {
        store::record::segments(&mut self.db.read().await?, id).await
    }

    /// A broadcast of any tenant, for those who keep it; `None` when there is none any more.
    ///
    /// # Errors
    /// As [`Live::renditions`].
    pub async fn broadcast(&self, id: &BroadcastId) -> Result<Option<crate::Broadcast>> {
        let found = store::broadcast::find(&mut self.db.read().await?, id).await?;
        Ok(found.map(|found| found.broadcast))
    }

    /// Up to `limit` segments of a rendition with numbers below `msn`, in order: those that a sliding window has left,
    /// whose objects are to go before [`Live::drop_segments_before`].
    ///
    /// # Errors
    /// As [`Live::renditions`].
    pub async fn segments_before(
        &self,
        id: &BroadcastId,
        rendition: RenditionName,
        msn: u64,
        limit: u32,
    ) -> Result<Vec<RecordedSegment>> {
        store::record::before(&mut self.db.read().await?, id, rendition, msn, limit).await
    }

    /// Forgets the segments of a rendition with numbers below `msn`; how many.
    ///
    /// # Errors
    /// [`LiveError::Superseded`]; [`LiveError::Db`].
    pub async fn drop_segments_before(
        &self,
        lease: &Lease,
        rendition: RenditionName,
        msn: u64,
    ) -> Result<u64> {
        let mut tx = self.db.write().await?;
        self.held(&mut tx, lease).await?;
        let dropped = store::record::drop_before(&mut tx, &lease.broadcast, rendition, msn).await?;
        tx.commit().await?;
        Ok(dropped)
    }

    /// How many discontinuities the dropped segments of a rendition had.
    ///
    /// # Errors
    /// [`LiveError::Db`].
    pub async fn dropped_discontinuities(&self, id: &BroadcastId, rendition: RenditionName) -> Result<u64> {
        store::record::dropped(&mut self.db.read().await?, id, rendition).await
    }

    /// Some broadcasts of which nothing is to be kept: forgotten ones whose objects nobody took over, and those that
    /// ended [`REWOUND_AFTERWARDS`] ago on a channel that does not record. Their objects ([`media::live::LiveObject::prefix`]) are to
    /// go before [`Live::forget_record`].
    ///
    /// # Errors
    /// As [`Live::renditions`].
    pub async fn outlived(&self) -> Result<Vec<BroadcastId>> {
        let before = self.ambient.now() - REWOUND_AFTERWARDS;
        store::record::outlived(&mut self.db.read().await?, before, OUTLIVED_MAX).await
    }

    /// Forgets the renditions, headers and segments of a broadcast whose objects are gone.
    ///
    /// # Errors
    /// [`LiveError::Db`].
    pub async fn forget_record(&self, id: &BroadcastId) -> Result<()> {
        let mut tx = self.db.write().await?;
        store::record::forget(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }

    /// Gives the objects of a broadcast to somebody else in the caller's transaction, such as the asset that it is
    /// recorded as: the rows are gone, and nothing here removes the objects any more.
    ///
    /// # Errors
    /// [`LiveError::Db`].
    pub async fn hand_over(&self, tx: &mut Tx, id: &BroadcastId) -> Result<()> {
        store::record::forget(tx, id).await
    }
}
