//! Broadcasts: begun, held, taken over, ended.
//!
//! The right to a channel's broadcast is a lease on its row with a token and a term. Its holder renews it; every other
//! change names the token, so a process that wakes after its lease changes nothing, and objects that carry the term in
//! their names cannot be confused with a successor's.

use std::time::Duration;

use base::{AssetId, BroadcastId, ChannelId, WorkerId};
use db::Tx;

use crate::{
    Admission, Broadcast, Channel, ENCODER_CHARS_MAX, End, EndReason, Limits, Live, LiveError, Publisher,
    Result, State, Step, events,
    model::{DETAIL_CHARS_MAX, printable},
    store::{
        self,
        broadcast::{Holder, StoredBroadcast},
    },
    upkeep::GRACE,
};

/// How long the right to a broadcast lasts unless it is renewed. A database that is away for ten seconds ends nothing.
pub const LEASE: Duration = Duration::from_secs(20);
/// How often a holder renews it.
pub const RENEW_EVERY: Duration = Duration::from_secs(2);

/// The right to a channel's broadcast.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The channel.
    pub channel: ChannelId,
    /// The broadcast.
    pub broadcast: BroadcastId,
    /// The fencing number, from 1: each later holder of the broadcast has a higher one.
    pub term: u32,
    token: String,
    /// By the clock that nobody sets.
    until: Duration,
}

impl Lease {
    /// Whether it lasts at `now`, by [`base::Ambient::monotonic`] of this process. Who holds one that does not sends
    /// nothing more, whatever the database says.
    #[must_use]
    pub fn lasts(&self, now: Duration) -> bool {
        now < self.until
    }
}

/// A broadcast that this process holds from now on.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The right to it.
    pub lease: Lease,
    /// What it is; with [`Broadcast::live`] set when it was on air before.
    pub broadcast: Broadcast,
    /// The channel as it is now.
    pub channel: Channel,
    /// Whether it goes on from another holder, or from this process's predecessor, instead of beginning.
    pub resumed: bool,
    /// The tenant's limits, of which the holder watches over the bitrate.
    pub limits: Limits,
}

impl Live {
    /// Begins the broadcast of an admitted publisher, or takes over the one that is open when its holder let it go or
    /// has not been heard of for [`LEASE`]. One whose holder was last heard of longer ago than a reconnection may take
    /// ends, and another one begins. `holder` is this process.
    ///
    /// # Errors
    /// [`LiveError::Busy`] while somebody else holds it; [`LiveError::Revoked`] when the key was rotated or the channel
    /// deleted after it was shown; [`LiveError::TooManyStreams`]; [`LiveError::Db`], [`LiveError::Events`].
    pub async fn begin(
        &self,
        admission: &Admission,
        holder: &WorkerId,
        publisher: &Publisher,
    ) -> Result<Begun> {
        let since = self.ambient.monotonic();
        let mut tx = self.db.write().await?;
        let limits = self.hold_limits(&mut tx, &admission.channel.tenant).await?;
        let mut channel = self.admitted(&mut tx, admission).await?;
        let (found, token) = (self.vacant(&mut tx, &mut channel).await?, self.token());
        let holder = Holder { worker: holder, token: &token };
        let resumed = found.is_some();
        let broadcast = match found {
            Some(found) => self.take(&mut tx, found.broadcast, holder, publisher).await?,
            None => self.add(&mut tx, &channel, &limits, holder, publisher).await?,
        };
        self.step(&mut tx, &mut channel, Step::Admitted, &broadcast.id).await?;
        tx.commit().await?;
        let (id, term, until) = (broadcast.id.clone(), broadcast.term, since + LEASE);
        let lease = Lease { channel: channel.id.clone(), broadcast: id, term, token, until };
        Ok(Begun { lease, broadcast, channel, resumed, limits })
    }

    /// Holds the channel of an admission that still opens it.
    async fn admitted(&self, tx: &mut Tx, admission: &Admission) -> Result<Channel> {
        let held = store::channel::lock(tx, &admission.channel.id).await?.ok_or(LiveError::Revoked)?;
        admission.holds(&held.secrets)?;
        Ok(held.channel)
    }

    /// The open broadcast of a held channel, which nobody holds; `None` when none is open that could go on.
    async fn vacant(&self, tx: &mut Tx, channel: &mut Channel) -> Result<Option<StoredBroadcast>> {
        let Some(open) = store::broadcast::open(tx, &channel.id).await? else { return Ok(None) };
        let seen = open.sighting();
        if seen.token.is_some() {
            let unchanged = self.sightings().unchanged(&seen, self.ambient.monotonic());
            if unchanged < LEASE || !store::broadcast::take_back(tx, &seen).await? {
                return Err(LiveError::Busy { wait: LEASE.saturating_sub(unchanged) });
            }
        }
        if self.ambient.now().since(open.seen) > LEASE + GRACE {
            let end = End { at: open.seen, reason: EndReason::Lost, detail: String::new() };
            self.close(tx, channel, open.broadcast, end).await?;
            return Ok(None);
        }
        self.step(tx, channel, Step::Lost, &open.broadcast.id).await?;
        Ok(Some(open))
    }

    async fn take(
        &self,
        tx: &mut Tx,
        open: Broadcast,
        holder: Holder<'_>,
        publisher: &Publisher,
    ) -> Result<Broadcast> {
        let encoder = printable(&publisher.encoder, ENCODER_CHARS_MAX);
        let broadcast = Broadcast { protocol: publisher.protocol, encoder, ..open };
        let term = store::broadcast::take(tx, &broadcast, holder, self.ambient.now()).await?;
        let term = term.ok_or(LiveError::Busy { wait: LEASE })?;
        Ok(Broadcast { term, ..broadcast })
    }

    async fn add(
        &self,
        tx: &mut Tx,
        channel: &Channel,
        limits: &Limits,
        holder: Holder<'_>,
        publisher: &Publisher,
    ) -> Result<Broadcast> {
        limits.check_streams(store::broadcast::count_open(tx, &channel.tenant).await?)?;
        let broadcast = Broadcast {
            id: self.ambient.id(),
            channel: channel.id.clone(),
            tenant: channel.tenant.clone(),
            protocol: publisher.protocol,
            encoder: printable(&publisher.encoder, ENCODER_CHARS_MAX),
            started: self.ambient.now(),
            live: None,
            ended: None,
            asset: None,
            term: 1,
        };
        store::broadcast::add(tx, &broadcast, holder).await?;
        Ok(broadcast)
    }

    /// Renews the right to a broadcast for another [`LEASE`]; `false` when it is over: the broadcast was ended by
    /// somebody who may, its channel deleted, or another process has it.
    ///
    /// # Errors
    /// [`LiveError::Db`]; it is worth another try for as long as the lease lasts ([`Lease::lasts`]).
    pub async fn renew(&self, lease: &mut Lease) -> Result<bool> {
        // Counted from before the row is written: whoever watches it counts from later.
        let since = self.ambient.monotonic();
        let mut tx = self.db.write().await?;
        let held =
            store::broadcast::renew(&mut tx, &lease.broadcast, &lease.token, self.ambient.now()).await?;
        tx.commit().await?;
        lease.until = if held { since + LEASE } else { Duration::ZERO };
        Ok(held)
    }

    /// The publisher's media can be watched: the channel is live, for the first time or again.
    ///
    /// # Errors
    /// [`LiveError::Superseded`]; [`LiveError::Illegal`] unless it is connecting or recovering; [`LiveError::Db`],
    /// [`LiveError::Events`].
    pub async fn flowing(&self, lease: &Lease) -> Result<()> {
        let mut tx = self.db.write().await?;
        let (mut channel, held) = self.held(&mut tx, lease).await?;
        let (id, now) = (&held.broadcast.id, self.ambient.now());
        self.step(&mut tx, &mut channel, Step::Flowing, id).await?;
        if held.broadcast.live.is_none() {
            store::broadcast::set_live(&mut tx, id, now).await?;
            events::started(&self.outbox, &mut tx, &channel, id, now.millis()).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The publisher went away without saying that it is over; the holder waits for it.
    ///
    /// # Errors
    /// [`LiveError::Superseded`]; [`LiveError::Db`], [`LiveError::Events`].
    pub async fn publisher_lost(&self, lease: &Lease) -> Result<()> {
        let mut tx = self.db.write().await?;
        let (mut channel, held) = self.held(&mut tx, lease).await?;
        self.step(&mut tx, &mut channel, Step::Lost, &held.broadcast.id).await?;
        Ok(tx.commit().await?)
    }

    /// An admitted publisher goes on with the broadcast that this process holds, after [`Live::publisher_lost`].
    ///
    /// # Errors
    /// [`LiveError::Revoked`] when the key was rotated after it was shown, and for another channel's admission;
    /// [`LiveError::Superseded`]; [`LiveError::Illegal`] while the one before is not lost; [`LiveError::Db`],
    /// [`LiveError::Events`].
    pub async fn publisher_back(
        &self,
        lease: &Lease,
        admission: &Admission,
        publisher: &Publisher,
    ) -> Result<()> {
        if admission.channel.id != lease.channel {
            return Err(LiveError::Revoked);
        }
        let mut tx = self.db.write().await?;
        self.admitted(&mut tx, admission).await?;
        let (mut channel, held) = self.held(&mut tx, lease).await?;
        let (id, encoder) = (&held.broadcast.id, printable(&publisher.encoder, ENCODER_CHARS_MAX));
        self.step(&mut tx, &mut channel, Step::Admitted, id).await?;
        store::broadcast::set_publisher(&mut tx, id, publisher.protocol, &encoder).await?;
        Ok(tx.commit().await?)
    }

    /// Notes which asset the broadcast is recorded as, in the caller's transaction, so that the asset and the note are
    /// one step.
    ///
    /// # Errors
    /// [`LiveError::Superseded`]; [`LiveError::Db`].
    pub async fn record(&self, tx: &mut Tx, lease: &Lease, asset: &AssetId) -> Result<()> {
        let (_, held) = self.held(tx, lease).await?;
        store::broadcast::set_asset(tx, &held.broadcast.id, asset).await
    }

    /// Ends the broadcast. `detail` is for its creator; what does not fit in [`DETAIL_CHARS_MAX`] printable characters
    /// is dropped.
    ///
    /// # Errors
    /// [`LiveError::Superseded`]; [`LiveError::Db`], [`LiveError::Events`].
    pub async fn end(&self, lease: &Lease, reason: EndReason, detail: &str) -> Result<()> {
        let mut tx = self.db.write().await?;
        let (mut channel, held) = self.held(&mut tx, lease).await?;
        let end = End { at: self.ambient.now(), reason, detail: printable(detail, DETAIL_CHARS_MAX) };
        self.close(&mut tx, &mut channel, held.broadcast, end).await?;
        Ok(tx.commit().await?)
    }

    /// Gives the broadcast back without ending it, as a process does that is told to stop: the publisher goes on
    /// with the next one that it reaches, at once.
    ///
    /// # Errors
    /// [`LiveError::Superseded`]; [`LiveError::Db`], [`LiveError::Events`].
    pub async fn let_go(&self, lease: &Lease) -> Result<()> {
        let mut tx = self.db.write().await?;
        let (mut channel, held) = self.held(&mut tx, lease).await?;
        store::broadcast::let_go(&mut tx, &held.broadcast.id, &lease.token).await?;
        self.step(&mut tx, &mut channel, Step::Lost, &held.broadcast.id).await?;
        Ok(tx.commit().await?)
    }

    /// Holds the lease's channel while the lease holds its broadcast.
    pub(crate) async fn held(&self, tx: &mut Tx, lease: &Lease) -> Result<(Channel, StoredBroadcast)> {
        let channel = store::channel::lock(tx, &lease.channel).await?.ok_or(LiveError::Superseded)?.channel;
        let held = store::broadcast::held(tx, &lease.broadcast, &lease.token).await?;
        Ok((channel, held.ok_or(LiveError::Superseded)?))
    }

    /// Ends the open broadcast of a held channel, whoever holds it; whether there was one.
    pub(crate) async fn end_open(
        &self,
        tx: &mut Tx,
        channel: &mut Channel,
        reason: EndReason,
    ) -> Result<bool> {
        let Some(open) = store::broadcast::open(tx, &channel.id).await? else { return Ok(false) };
        let end = End { at: self.ambient.now(), reason, detail: String::new() };
        self.close(tx, channel, open.broadcast, end).await?;
        Ok(true)
    }

    /// Ends an open broadcast of a held channel and announces it.
    pub(crate) async fn close(
        &self,
        tx: &mut Tx,
        channel: &mut Channel,
        open: Broadcast,
        end: End,
    ) -> Result<()> {
        store::broadcast::end(tx, &open.id, &end).await?;
        self.step(tx, channel, Step::Over, &open.id).await?;
        metrics::counter!("nexus_broadcasts_ended_total", "reason" => end.reason.as_str()).increment(1);
        let ended = Broadcast { ended: Some(end), ..open };
        events::ended(&self.outbox, tx, channel, &ended).await
    }

    /// Takes a step with a held channel and announces it; one that leads nowhere else is not announced.
    pub(crate) async fn step(
        &self,
        tx: &mut Tx,
        channel: &mut Channel,
        step: Step,
        broadcast: &BroadcastId,
    ) -> Result<()> {
        let state: State = channel.state.after(step)?;
        if state == channel.state {
            return Ok(());
        }
        (channel.state, channel.since) = (state, self.ambient.now());
        store::channel::set_state(tx, &channel.id, state, channel.since).await?;
        events::moved(&self.outbox, tx, channel, state, broadcast).await
    }

    fn token(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.ambient.bytes()))
    }
}
