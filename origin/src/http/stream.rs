//! Server-sent events: a tenant's, or one asset's.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, response::Response};
use base::{AssetId, Principal};
use events::{Event, Subscription, SubscriptionError};
use futures_util::{Stream, StreamExt, stream};
use httpkit::{Path, Problem, sse};
use serde::Serialize;

use super::{
    auth::Member,
    error::problem,
    table::{READ, Routes},
    view,
};
use crate::Origin;

/// Silence after which a comment line keeps the connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Serialize)]
struct Deleted<'a> {
    asset: &'a str,
}

pub(super) fn routes() -> Routes {
    Routes::new().get("/api/v1/events", READ, of_tenant).get("/api/v1/assets/{id}/events", READ, of_asset)
}

async fn of_tenant(State(origin): State<Origin>, Member(caller): Member) -> Response {
    let subscription = origin.bus.subscribe(&caller.tenant);
    let stop = origin.tasks.soft();
    sse::respond(told(origin, caller, subscription, None), KEEP_ALIVE, stop)
}

async fn of_asset(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<AssetId>,
) -> Result<Response, Problem> {
    // Subscribed before the look, so that nothing falls between.
    let subscription = origin.bus.subscribe(&caller.tenant);
    let asset = origin.catalogue.asset(&caller, &id).await.map_err(problem)?;
    let present = json("asset.updated", &view::asset(&origin, asset).await?);
    let stop = origin.tasks.soft();
    let later = told(origin, caller, subscription, Some(id));
    Ok(sse::respond(stream::iter(present).chain(later), KEEP_ALIVE, stop))
}

fn json(kind: &str, value: &impl Serialize) -> Option<sse::Event> {
    sse::Event::default().event(kind).json_data(value).ok()
}

/// The subscription as a listener reads it; ends when the listener fell behind, so that it starts over with
/// the present state.
fn told(
    origin: Origin,
    caller: Principal,
    subscription: Subscription,
    only: Option<AssetId>,
) -> impl Stream<Item = sse::Event> + Send + 'static {
    let state = (origin, caller, subscription, only);
    let batches = stream::unfold(state, |(origin, caller, mut subscription, only)| async move {
        let event = match subscription.next().await {
            Ok(event) => event,
            Err(SubscriptionError::Lagged(_) | SubscriptionError::Closed) => return None,
        };
        let wanted = only.as_ref().is_none_or(|id| id.as_str() == event.subject);
        let told = if wanted { translate(&origin, &caller, &event).await } else { None };
        Some((stream::iter(told), (origin, caller, subscription, only)))
    });
    batches.flatten()
}

/// An event in the API's words. State changes carry the asset as it is now, which may be newer than the event.
async fn translate(origin: &Origin, caller: &Principal, event: &Arc<Event>) -> Option<sse::Event> {
    match event.kind.as_str() {
        "asset.progress" | "upload.progress" => json(&event.kind, &event.payload),
        "asset.deleted" => json(&event.kind, &Deleted { asset: &event.subject }),
        kind => {
            let id: AssetId = event.subject.parse().ok()?;
            let asset = origin.catalogue.asset(caller, &id).await.ok()?;
            json(kind, &view::asset(origin, asset).await.ok()?)
        }
    }
}
