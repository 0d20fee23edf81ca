//! What goes on without anybody asking: dead holders are noticed, broadcasts that nobody goes on with end, old ones
//! are forgotten.

use std::time::Duration;

use base::WorkerId;

use crate::{
    End, EndReason, LEASE, Live, Result, Step,
    leases::Sighting,
    store::{self, channel::StoredChannel},
};

/// How long a broadcast whose publisher or holder is away waits for them.
pub const GRACE: Duration = Duration::from_secs(30);
/// How long a broadcast that was on air can be read about.
pub const BROADCASTS_KEPT: Duration = Duration::from_secs(400 * 24 * 3600);
/// How long one that never was can be read about: long enough to see why.
pub const FRUITLESS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Open broadcasts that are watched; more than any installation has.
const OPEN_MAX: u32 = 10_000;
/// Broadcasts forgotten in one transaction.
const SWEEP_ROWS_MAX: u32 = 500;

impl Live {
    /// Gives back every broadcast of a process that is dead for certain, so that its successor goes on at once; how
    /// many.
    ///
    /// # Errors
    /// [`crate::LiveError::Db`], [`crate::LiveError::Corrupt`], [`crate::LiveError::Events`].
    pub async fn release_holder(&self, holder: &WorkerId) -> Result<u32> {
        let held = store::broadcast::of_holder(&mut self.db.read().await?, holder).await?;
        let mut released = 0;
        for seen in &held {
            released += u32::from(self.take_back(seen).await?);
        }
        Ok(released)
    }

    /// Looks at every open broadcast: of one whose holder has not been heard of for [`LEASE`] the lease is taken back
    /// and the channel recovers; one that nobody has taken up for [`GRACE`] after that ends, at the time when it was
    /// last heard of. For a caller that comes by every few seconds; how many are open.
    ///
    /// # Errors
    /// [`crate::LiveError::Db`], [`crate::LiveError::Corrupt`], [`crate::LiveError::Events`].
    pub async fn patrol(&self) -> Result<u32> {
        let there = store::broadcast::sightings(&mut self.db.read().await?, OPEN_MAX).await?;
        let open = u32::try_from(there.len()).unwrap_or(u32::MAX);
        let looked = self.sightings().look(there, self.ambient.monotonic());
        for (seen, unchanged) in looked {
            match &seen.token {
                Some(_) if unchanged >= LEASE => drop(self.take_back(&seen).await?),
                None if unchanged >= GRACE => self.give_up(&seen).await?,
                _ => {}
            }
        }
        Ok(open)
    }

    /// Forgets broadcasts that ended long ago; how many.
    ///
    /// # Errors
    /// [`crate::LiveError::Db`].
    pub async fn sweep(&self) -> Result<u64> {
        let now = self.ambient.now();
        let mut tx = self.db.write().await?;
        let (before, fruitless) = (now - BROADCASTS_KEPT, now - FRUITLESS_KEPT);
        let swept = store::broadcast::sweep(&mut tx, before, fruitless, SWEEP_ROWS_MAX).await?;
        tx.commit().await?;
        Ok(swept)
    }

    /// Ends a lease unless it was renewed after it was seen, and says that the channel recovers; whether it did.
    async fn take_back(&self, seen: &Sighting) -> Result<bool> {
        let mut tx = self.db.write().await?;
        let Some(StoredChannel { mut channel, .. }) = store::channel::lock(&mut tx, &seen.channel).await?
        else {
            return Ok(false);
        };
        let taken = store::broadcast::take_back(&mut tx, seen).await?;
        if taken {
            self.step(&mut tx, &mut channel, Step::Lost, &seen.broadcast).await?;
            tx.commit().await?;
        }
        Ok(taken)
    }

    /// Ends a broadcast that nobody holds, unless somebody took it after it was seen.
    async fn give_up(&self, seen: &Sighting) -> Result<()> {
        let mut tx = self.db.write().await?;
        let Some(StoredChannel { mut channel, .. }) = store::channel::lock(&mut tx, &seen.channel).await?
        else {
            return Ok(());
        };
        let open = store::broadcast::open(&mut tx, &seen.channel).await?;
        let Some(open) = open.filter(|open| open.sighting() == *seen) else { return Ok(()) };
        let end = End { at: open.seen, reason: EndReason::Lost, detail: String::new() };
        self.close(&mut tx, &mut channel, open.broadcast, end).await?;
        Ok(tx.commit().await?)
    }
}
