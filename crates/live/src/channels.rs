//! Channels: made, listed, changed, deleted.

use std::str::FromStr;

use base::{BroadcastId, ChannelId, IdError, Page, PageRequest, Principal, Role};
use db::Tx;

use crate::{
    Broadcast, Channel, ChannelPatch, Choices, EndReason, Live, LiveError, Result, Revealed, State,
    Visibility, needs, store,
};

/// Sorts after every identifier: the cursor of the first page.
const BEFORE_ALL: &str = "~";

/// Whether a member of the channel's tenant sees it: who may only watch sees what is public.
fn sees(principal: &Principal, channel: &Channel) -> bool {
    let own = channel.tenant == principal.tenant;
    own && (principal.may(Role::Creator) || channel.choices.visibility == Visibility::Public)
}

fn cursor<I: FromStr<Err = IdError>>(after: &str) -> Result<I> {
    after.parse().map_err(|e: IdError| LiveError::Invalid { field: "after", problem: e.to_string() })
}

impl Live {
    /// Makes a channel in the caller's transaction. Its secrets are in the answer and nowhere else.
    ///
    /// # Errors
    /// [`LiveError::Forbidden`] below [`Role::Creator`]; [`LiveError::Invalid`] for a choice out of range;
    /// [`LiveError::TooManyChannels`]; [`LiveError::Db`].
    pub async fn create(&self, tx: &mut Tx, principal: &Principal, choices: Choices) -> Result<Revealed> {
        needs(principal, Role::Creator)?;
        let (choices, now) = (choices.checked(self.plain)?, self.ambient.now());
        let tenant = principal.tenant.clone();
        let limits = self.hold_limits(tx, &tenant).await?;
        limits.check_channels(store::channel::count(tx, &tenant).await?)?;
        let channel = Channel {
            id: self.ambient.id(),
            tenant,
            choices,
            state: State::Idle,
            since: now,
            keyed: now,
            created: now,
            updated: now,
        };
        let fresh = self.fresh_secrets(&channel.id);
        store::channel::add(tx, &channel, fresh.kept(&self.master)).await?;
        Ok(fresh.reveal(channel))
    }

    /// A channel of the principal's tenant; for viewers, if it is public.
    ///
    /// # Errors
    /// [`LiveError::NotFound`]; [`LiveError::Db`], [`LiveError::Corrupt`].
    pub async fn channel(&self, principal: &Principal, id: &ChannelId) -> Result<Channel> {
        let channel = self.channel_public(id).await?;
        if sees(principal, &channel) { Ok(channel) } else { Err(LiveError::NotFound) }
    }

    /// A channel of any tenant, for viewers. The caller asks whether this one may watch it.
    ///
    /// # Errors
    /// [`LiveError::NotFound`]; [`LiveError::Db`], [`LiveError::Corrupt`].
    pub async fn channel_public(&self, id: &ChannelId) -> Result<Channel> {
        let found = store::channel::find(&mut self.db.read().await?, id).await?;
        Ok(found.ok_or(LiveError::NotFound)?.channel)
    }

    /// The tenant's channels, newest first; for viewers, the public ones. The cursor is the identifier of the last one
    /// seen.
    ///
    /// # Errors
    /// [`LiveError::Invalid`] for an unknown cursor; [`LiveError::Db`], [`LiveError::Corrupt`].
    pub async fn channels(&self, principal: &Principal, page: &PageRequest) -> Result<Page<Channel>> {
        let before = page.after.as_deref().map(cursor::<ChannelId>).transpose()?;
        let before = before.as_ref().map_or(BEFORE_ALL, ChannelId::as_str);
        let only = (!principal.may(Role::Creator)).then_some(Visibility::Public);
        let mut tx = self.db.read().await?;
        let limit = page.limit.saturating_add(1);
        let items = store::channel::list(&mut tx, &principal.tenant, before, only, limit).await?;
        Ok(Page::cut(items, page.limit, |channel| channel.id.to_string()))
    }

    /// A channel, and its open broadcast or else the last one.
    ///
    /// # Errors
    /// As for [`Live::channel`].
    pub async fn state(&self, principal: &Principal, id: &ChannelId) -> Result<(Channel, Option<Broadcast>)> {
        let (channel, broadcast) = self.state_public(id).await?;
        if sees(principal, &channel) { Ok((channel, broadcast)) } else { Err(LiveError::NotFound) }
    }

    /// The same of any tenant's channel, for viewers. The caller asks whether this one may watch it.
    ///
    /// # Errors
    /// As for [`Live::channel_public`].
    pub async fn state_public(&self, id: &ChannelId) -> Result<(Channel, Option<Broadcast>)> {
        let mut tx = self.db.read().await?;
        let found = store::channel::find(&mut tx, id).await?.ok_or(LiveError::NotFound)?.channel;
        let latest = store::broadcast::latest(&mut tx, id).await?;
        Ok((found, latest.map(|stored| stored.broadcast)))
    }

    /// What a channel sent, newest first, as long as it is kept ([`crate::BROADCASTS_KEPT`]). The cursor is the
    /// identifier of the last one seen.
    ///
    /// # Errors
    /// As for [`Live::channel`]; [`LiveError::Invalid`] for an unknown cursor.
    pub async fn broadcasts(
        &self,
        principal: &Principal,
        id: &ChannelId,
        page: &PageRequest,
    ) -> Result<Page<Broadcast>> {
        let before = page.after.as_deref().map(cursor::<BroadcastId>).transpose()?;
        let before = before.as_ref().map_or(BEFORE_ALL, BroadcastId::as_str);
        let mut tx = self.db.read().await?;
        let found = store::channel::find(&mut tx, id).await?.ok_or(LiveError::NotFound)?.channel;
        if !sees(principal, &found) {
            return Err(LiveError::NotFound);
        }
        let items = store::broadcast::list(&mut tx, id, before, page.limit.saturating_add(1)).await?;
        Ok(Page::cut(items, page.limit, |broadcast| broadcast.id.to_string()))
    }

    /// Changes what was chosen about a channel; what it is then. A broadcast that is open goes on; what is made of it
    /// changes with the next one.
    ///
    /// # Errors
    /// [`LiveError::NotFound`]; [`LiveError::Forbidden`] below [`Role::Creator`]; [`LiveError::Invalid`];
    /// [`LiveError::Db`].
    pub async fn update(
        &self,
        principal: &Principal,
        id: &ChannelId,
        patch: ChannelPatch,
    ) -> Result<Channel> {
        needs(principal, Role::Creator)?;
        let mut tx = self.db.write().await?;
        let held = self.hold_own(&mut tx, principal, id).await?.channel;
        let choices = held.choices.clone().patched(patch).checked(self.plain)?;
        let updated = self.ambient.now();
        store::channel::change(&mut tx, id, &choices, updated).await?;
        tx.commit().await?;
        Ok(Channel { choices, updated, ..held })
    }

    /// Deletes a channel in any state, with the record of its broadcasts; what it was. A broadcast that is open ends,
    /// and its holder learns it at its next renewal. Recordings are assets and stay.
    ///
    /// # Errors
    /// [`LiveError::NotFound`]; [`LiveError::Forbidden`] below [`Role::Creator`]; [`LiveError::Db`],
    /// [`LiveError::Events`].
    pub async fn delete(&self, principal: &Principal, id: &ChannelId) -> Result<Channel> {
        needs(principal, Role::Creator)?;
        let mut tx = self.db.write().await?;
        let mut held = self.hold_own(&mut tx, principal, id).await?.channel;
        self.end_open(&mut tx, &mut held, EndReason::ChannelDeleted).await?;
        store::broadcast::forget(&mut tx, id).await?;
        store::channel::remove(&mut tx, id).await?;
        tx.commit().await?;
        Ok(held)
    }

    /// Ends the channel's open broadcast; the channel as it is then. The publisher may come again with the same key.
    ///
    /// # Errors
    /// [`LiveError::NotFound`]; [`LiveError::Forbidden`] below [`Role::Creator`]; [`LiveError::NotOnAir`];
    /// [`LiveError::Db`], [`LiveError::Events`].
    pub async fn kick(&self, principal: &Principal, id: &ChannelId) -> Result<Channel> {
        needs(principal, Role::Creator)?;
        let mut tx = self.db.write().await?;
        let mut held = self.hold_own(&mut tx, principal, id).await?.channel;
        if !self.end_open(&mut tx, &mut held, EndReason::Kicked).await? {
            return Err(LiveError::NotOnAir);
        }
        tx.commit().await?;
        Ok(held)
    }
}
