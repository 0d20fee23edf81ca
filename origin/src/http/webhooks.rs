//! `/api/v1/webhooks`.

use axum::{
    extract::State,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base::{Principal, WebhookId};
use events::webhooks::{Delivery, DeliveryState, NewWebhook, Revealed, Webhook, WebhookPatch};
use httpkit::{Json, Listing, Paging, Path, Problem};
use serde::{Deserialize, Serialize};
use settings::Secret;

use super::{
    auth::Member,
    error::problem,
    idempotent::{Key, Once},
    link,
    table::{ADMIN, Routes},
};
use crate::Origin;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct New {
    url: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    kinds: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    url: Option<String>,
    description: Option<String>,
    kinds: Option<Vec<String>>,
    enabled: Option<bool>,
}

#[derive(Serialize, Deserialize)]
struct WebhookView {
    id: String,
    url: String,
    description: String,
    kinds: Vec<String>,
    enabled: bool,
    disabled_ms: Option<i64>,
    disabled_reason: Option<String>,
    failing_since_ms: Option<i64>,
    accepted_ms: Option<i64>,
    created_ms: i64,
    updated_ms: i64,
}

/// With its secret, which is shown here and never again.
#[derive(Serialize)]
struct RevealedView {
    #[serde(flatten)]
    webhook: WebhookView,
    secret: Option<String>,
}

#[derive(Serialize)]
struct DeliveryView {
    id: String,
    event: String,
    kind: String,
    subject: String,
    state: &'static str,
    attempts: u32,
    status: Option<u16>,
    reason: Option<String>,
    created_ms: i64,
    attempted_ms: Option<i64>,
    next_ms: Option<i64>,
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        let (disabled, reason) = webhook.disabled.unzip();
        Self {
            id: webhook.id.into(),
            url: webhook.url,
            description: webhook.description,
            kinds: webhook.kinds,
            enabled: disabled.is_none(),
            disabled_ms: disabled.map(base::Timestamp::millis),
            disabled_reason: reason,
            failing_since_ms: webhook.failing.map(base::Timestamp::millis),
            accepted_ms: webhook.accepted.map(base::Timestamp::millis),
            created_ms: webhook.created.millis(),
            updated_ms: webhook.updated.millis(),
        }
    }
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let waits = delivery.state == DeliveryState::Waiting;
        Self {
            id: delivery.id.into(),
            event: delivery.event.into(),
            kind: delivery.kind,
            subject: delivery.subject,
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            status: delivery.status,
            reason: delivery.reason,
            created_ms: delivery.created.millis(),
            attempted_ms: delivery.attempted.map(base::Timestamp::millis),
            next_ms: waits.then(|| delivery.due.millis()),
        }
    }
}

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/api/v1/webhooks", ADMIN, list)
        .post("/api/v1/webhooks", ADMIN, create)
        .get("/api/v1/webhooks/{id}", ADMIN, show)
        .patch("/api/v1/webhooks/{id}", ADMIN, change)
        .delete("/api/v1/webhooks/{id}", ADMIN, remove)
        .post("/api/v1/webhooks/{id}/rotate", ADMIN, rotate)
        .post("/api/v1/webhooks/{id}/ping", ADMIN, ping)
        .get("/api/v1/webhooks/{id}/deliveries", ADMIN, deliveries)
}

async fn list(
    State(origin): State<Origin>,
    Member(caller): Member,
    Paging(page): Paging,
    uri: Uri,
) -> Result<Listing<WebhookView>, Problem> {
    let found = origin.webhooks.list(&caller.tenant, &page).await.map_err(problem)?;
    Ok(Listing(found.map(WebhookView::from), uri))
}

async fn create(
    State(origin): State<Origin>,
    Member(caller): Member,
    key: Key,
    Json(new): Json<New>,
) -> Result<Response, Problem> {
    link::check_reach(&origin, "url", &new.url)?;
    let mut once = Once::begin(&origin, &caller, key, "POST /api/v1/webhooks", &new).await?;
    if let Some(webhook) = once.before()? {
        return repeated(&origin, &caller, once, webhook).await;
    }
    let New { url, description, kinds } = new;
    let new = NewWebhook { url, description, kinds };
    let Revealed { webhook, secret } =
        origin.webhooks.create(once.tx(), &caller.tenant, new).await.map_err(problem)?;
    let webhook = WebhookView::from(webhook);
    once.commit(&origin, StatusCode::CREATED, &webhook).await?;
    Ok(created(webhook, Some(&secret)))
}

fn created(webhook: WebhookView, secret: Option<&Secret>) -> Response {
    let location = [(header::LOCATION, format!("/api/v1/webhooks/{}", webhook.id))];
    let secret = secret.map(|secret| secret.expose().to_owned());
    (StatusCode::CREATED, location, Json(RevealedView { webhook, secret })).into_response()
}

/// The answer again. The secret is not kept with it but made anew, unless the webhook was changed meanwhile.
async fn repeated(
    origin: &Origin,
    caller: &Principal,
    mut once: Once,
    webhook: WebhookView,
) -> Result<Response, Problem> {
    let id: WebhookId = webhook.id.parse().map_err(|_| Problem::internal())?;
    let secret = origin.webhooks.first_secret(once.tx(), &caller.tenant, &id).await.map_err(problem)?;
    Ok(created(webhook, secret.as_ref()))
}

async fn show(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<WebhookId>,
) -> Result<Json<WebhookView>, Problem> {
    let webhook = origin.webhooks.find(&caller.tenant, &id).await.map_err(problem)?;
    Ok(Json(webhook.into()))
}

async fn change(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<WebhookId>,
    Json(change): Json<Change>,
) -> Result<Json<WebhookView>, Problem> {
    if let Some(url) = &change.url {
        link::check_reach(&origin, "url", url)?;
    }
    let Change { url, description, kinds, enabled } = change;
    let patch = WebhookPatch { url, description, kinds, enabled };
    let webhook = origin.webhooks.update(&caller.tenant, &id, patch).await.map_err(problem)?;
    Ok(Json(webhook.into()))
}

async fn remove(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<WebhookId>,
) -> Result<StatusCode, Problem> {
    origin.webhooks.remove(&caller.tenant, &id).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rotate(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<WebhookId>,
) -> Result<Json<RevealedView>, Problem> {
    let Revealed { webhook, secret } = origin.webhooks.rotate(&caller.tenant, &id).await.map_err(problem)?;
    Ok(Json(RevealedView { webhook: webhook.into(), secret: Some(secret.expose().to_owned()) }))
}

async fn ping(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<WebhookId>,
) -> Result<Response, Problem> {
    let delivery = origin.webhooks.ping(&caller.tenant, &id).await.map_err(problem)?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryView::from(delivery))).into_response())
}

async fn deliveries(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<WebhookId>,
    Paging(page): Paging,
    uri: Uri,
) -> Result<Listing<DeliveryView>, Problem> {
    let found = origin.webhooks.deliveries(&caller.tenant, &id, &page).await.map_err(problem)?;
    Ok(Listing(found.map(DeliveryView::from), uri))
}
