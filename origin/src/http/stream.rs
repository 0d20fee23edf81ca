//! Server-sent events: a tenant's, or one asset's.
//!
//! Events that are kept carry their place as `id`, so that a browser that reconnects says where it was
//! (`Last-Event-ID`) and is told what it missed; progress is not kept and has none.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName},
    response::Response,
};
use base::{AssetId, ChannelId, Principal, Role};
use events::{Event, Subscription, SubscriptionError, webhooks::WEBHOOK_DISABLED};
use futures_util::{Stream, StreamExt, stream};
use httpkit::{Path, Problem, sse};
use live::events::{ENDED, STARTED, STATE};
use serde::Serialize;

use super::{
    auth::Member,
    error::problem,
    followers::Follower,
    table::{READ, Routes},
    view,
};
use crate::Origin;

/// Silence after which a comment line keeps the connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events told again to who comes back; who missed more reads the present state instead.
const MISSED_MAX: u32 = 1_000;
/// When a follower that was refused may come again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Says that what was missed cannot be told, so that the present state is to be read.
const RESET: &str = "reset";

#[derive(Serialize)]
struct Deleted<'a> {
    asset: &'a str,
}

#[derive(Serialize)]
struct Nothing {}

pub(super) fn routes() -> Routes {
    Routes::new().get("/api/v1/events", READ, of_tenant).get("/api/v1/assets/{id}/events", READ, of_asset)
}

/// Where a follower was, of its header; unreadable text is as if it had been nowhere.
fn last_seen(headers: &HeaderMap) -> Option<i64> {
    headers.get(LAST_EVENT_ID)?.to_str().ok()?.parse().ok()
}

fn place(origin: &Origin, caller: &Principal) -> Result<Follower, Problem> {
    let full = || Problem::unavailable("too many follow events at the moment", RETRY_AFTER);
    origin.followers().join(&caller.tenant).ok_or_else(full)
}

async fn of_tenant(
    State(origin): State<Origin>,
    Member(caller): Member,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let follower = place(&origin, &caller)?;
    // Subscribed before the look, so that nothing falls between.
    let subscription = origin.bus.subscribe(&caller.tenant);
    let missed = match last_seen(&headers) {
        Some(seq) => Some(origin.bus.missed(&caller.tenant, seq, MISSED_MAX).await.map_err(problem)?),
        None => None,
    };
    let stop = origin.tasks.soft();
    let (missed, lost) = match missed {
        Some(Some(missed)) => (missed, false),
        Some(None) => (Vec::new(), true),
        None => (Vec::new(), false),
    };
    let reset = stream::iter(lost.then(|| json(RESET, &Nothing {})).flatten());
    let listener = Listener { origin, caller, only: None, seen: 0, _follower: follower };
    Ok(sse::respond(reset.chain(told(listener, missed, subscription)), KEEP_ALIVE, stop))
}

async fn of_asset(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<AssetId>,
) -> Result<Response, Problem> {
    let follower = place(&origin, &caller)?;
    // Subscribed before the look, so that nothing falls between.
    let subscription = origin.bus.subscribe(&caller.tenant);
    let asset = origin.catalogue.asset(&caller, &id).await.map_err(problem)?;
    let present = json("asset.updated", &view::asset(&origin, asset).await?);
    let stop = origin.tasks.soft();
    let listener = Listener { origin, caller, only: Some(id), seen: 0, _follower: follower };
    let later = told(listener, Vec::new(), subscription);
    Ok(sse::respond(stream::iter(present).chain(later), KEEP_ALIVE, stop))
}

fn json(kind: &str, value: &impl Serialize) -> Option<sse::Event> {
    sse::Event::default().event(kind).json_data(value).ok()
}

struct Listener {
    origin: Origin,
    caller: Principal,
    only: Option<AssetId>,
    /// The last place told of.
    seen: i64,
    _follower: Follower,
}

impl Listener {
    /// What this listener is told of an event, if anything; nothing a second time.
    async fn hear(&mut self, event: &Event) -> Option<sse::Event> {
        if event.seq.is_some_and(|seq| seq <= self.seen) {
            return None;
        }
        self.seen = event.seq.unwrap_or(self.seen);
        let wanted = self.only.as_ref().is_none_or(|id| id.as_str() == event.subject);
        let told = if wanted { self.translate(event).await } else { None };
        told.map(|told| match event.seq {
            Some(seq) => told.id(seq.to_string()),
            None => told,
        })
    }

    /// An event in the API's words. State changes carry the asset as it is now, which may be newer than the
    /// event.
    async fn translate(&self, event: &Event) -> Option<sse::Event> {
        match event.kind.as_str() {
            "asset.progress" | "upload.progress" => json(&event.kind, &event.payload),
            "asset.deleted" => json(&event.kind, &Deleted { asset: &event.subject }),
            WEBHOOK_DISABLED if !self.caller.may(Role::Admin) => None,
            WEBHOOK_DISABLED => json(&event.kind, &event.payload),
            STATE | STARTED | ENDED => {
                // Who may only watch hears of channels that they see; of a deleted one only who could delete it.
                let id: ChannelId = event.subject.parse().ok()?;
                let told = self.caller.may(Role::Creator)
                    || self.origin.live.channel(&self.caller, &id).await.is_ok();
                if told { json(&event.kind, &event.payload) } else { None }
            }
            kind => {
                let id: AssetId = event.subject.parse().ok()?;
                let asset = self.origin.catalogue.asset(&self.caller, &id).await.ok()?;
                json(kind, &view::asset(&self.origin, asset).await.ok()?)
            }
        }
    }
}

/// What was missed and then the subscription, as a listener reads them; ends when the listener fell behind, so
/// that it comes again and says where it was.
fn told(
    listener: Listener,
    missed: Vec<Event>,
    subscription: Subscription,
) -> impl Stream<Item = sse::Event> + Send + 'static {
    let state = (listener, missed.into_iter(), subscription);
    let batches = stream::unfold(state, |(mut listener, mut missed, mut subscription)| async move {
        let event = match missed.next() {
            Some(event) => Arc::new(event),
            None => match subscription.next().await {
                Ok(event) => event,
                Err(SubscriptionError::Lagged(_) | SubscriptionError::Closed) => return None,
            },
        };
        let told = listener.hear(&event).await;
        Some((stream::iter(told), (listener, missed, subscription)))
    });
    batches.flatten()
}
