//! What this domain announces, written with the rows it tells of.

use ::events::Outbox;
use base::{BroadcastId, ChannelId};
use db::Tx;
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    model::{Broadcast, Channel, State},
};

/// A channel came to another state. Payload: [`ChannelState`].
pub const STATE: &str = "channel.state";
/// A broadcast went on air: its first media can be watched. Payload: [`Started`].
pub const STARTED: &str = "live.started";
/// A broadcast that was on air is over. Payload: [`Ended`].
pub const ENDED: &str = "live.ended";
/// What outsiders may be told of.
pub const OUTCOMES: &[&str] = &[STARTED, ENDED];

/// Where a channel is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelState {
    /// The channel.
    pub channel: ChannelId,
    /// Its state, by name.
    pub state: String,
    /// The broadcast that brought it there.
    pub broadcast: BroadcastId,
}

/// What went on air.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The channel.
    pub channel: ChannelId,
    /// What it is called.
    pub name: String,
    /// The broadcast.
    pub broadcast: BroadcastId,
    /// When, in milliseconds since 1970.
    pub live_ms: i64,
}

/// What is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The channel.
    pub channel: ChannelId,
    /// What it is called.
    pub name: String,
    /// The broadcast.
    pub broadcast: BroadcastId,
    /// When, in milliseconds since 1970.
    pub ended_ms: i64,
    /// Why, by name.
    pub reason: String,
    /// The rest in words; may be empty.
    pub detail: String,
    /// The recording, if there is one.
    pub asset: Option<String>,
}

async fn append(
    outbox: &Outbox,
    tx: &mut Tx,
    channel: &Channel,
    kind: &str,
    payload: &impl Serialize,
) -> Result<()> {
    // The payloads are plain structs of text and numbers, which always have a JSON form.
    let payload = serde_json::to_value(payload).unwrap_or_default();
    outbox.append(tx, &channel.tenant, kind, channel.id.as_str(), payload).await?;
    Ok(())
}

/// Announces, with the commit of `tx`, that a channel came to `state` by a broadcast.
pub(crate) async fn moved(
    outbox: &Outbox,
    tx: &mut Tx,
    channel: &Channel,
    state: State,
    broadcast: &BroadcastId,
) -> Result<()> {
    let payload = ChannelState {
        channel: channel.id.clone(),
        state: state.as_str().to_owned(),
        broadcast: broadcast.clone(),
    };
    append(outbox, tx, channel, STATE, &payload).await
}

/// Announces that a broadcast went on air.
pub(crate) async fn started(
    outbox: &Outbox,
    tx: &mut Tx,
    channel: &Channel,
    broadcast: &BroadcastId,
    live_ms: i64,
) -> Result<()> {
    let (name, id) = (channel.choices.name.clone(), channel.id.clone());
    append(
        outbox,
        tx,
        channel,
        STARTED,
        &Started { channel: id, name, broadcast: broadcast.clone(), live_ms },
    )
    .await
}

/// Announces the end of a broadcast, unless nobody could watch any of it.
pub(crate) async fn ended(
    outbox: &Outbox,
    tx: &mut Tx,
    channel: &Channel,
    broadcast: &Broadcast,
) -> Result<()> {
    let (Some(end), Some(_)) = (&broadcast.ended, broadcast.live) else { return Ok(()) };
    let payload = Ended {
        channel: channel.id.clone(),
        name: channel.choices.name.clone(),
        broadcast: broadcast.id.clone(),
        ended_ms: end.at.millis(),
        reason: end.reason.as_str().to_owned(),
        detail: end.detail.clone(),
        asset: broadcast.asset.clone().map(String::from),
    };
    append(outbox, tx, channel, ENDED, &payload).await
}
