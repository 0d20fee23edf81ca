//! All SQL of webhooks.
//!
//! A delivery is held by a lease: [`claim`] moves its `due_us` to the lease's end and gives it a token, and
//! every change by the holder names that token, so one that wakes late changes nothing. A delivery is only
//! claimed while no earlier one of the same subject waits for the same address, which is what keeps the order.
//!
//! Who changes an address and its deliveries locks the address first ([`lock`]).

use base::{DeliveryId, EventId, TenantId, Timestamp, WebhookId};
use db::{DbError, Json, Tx, statements};

use super::model::{Delivery, DeliveryState, Webhook, body_of};
use crate::Event;

/// Attempts at one address at once.
const ATTEMPTS_AT_ONCE_MAX: u32 = 4;

/// Takes the delivery that has been due the longest, with `$lock` behind the choice.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "update webhook_delivery set due_us = $4, token = $5, attempts = attempts + 1,
            first_us = coalesce(first_us, $1)
        where id = (select d.id from webhook_delivery d join webhook w on w.id = d.webhook
        where d.state = 'waiting' and d.due_us <= $1 and w.key_id = $2
            and not exists (select 1 from webhook_delivery e where e.webhook = d.webhook
                and e.subject = d.subject and e.seq < d.seq and e.state = 'waiting')
            and (select count(*) from webhook_delivery f where f.webhook = d.webhook
                and f.token is not null and f.due_us > $1) < $3
        order by d.due_us, d.id limit 1",
            $lock,
            ")
        returning id, webhook, event, body, attempts, first_us"
        )
    };
}

statements! {
    COUNT -> (i64,) = "select count(*) from webhook where tenant = $1";
    ADD -> () = "insert into webhook (id, tenant, url, description, kinds, key_id, nonce, created_us, updated_us)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $8)";
    FIND -> WebhookRow = "select id, tenant, url, description, kinds, nonce, old_nonce, old_until_us,
            created_us, updated_us, accepted_us, failing_us, disabled_us, disabled_reason
        from webhook where id = $1";
    LOCK -> WebhookRow = "select id, tenant, url, description, kinds, nonce, old_nonce, old_until_us,
            created_us, updated_us, accepted_us, failing_us, disabled_us, disabled_reason
        from webhook where id = $1",
        pg = "select id, tenant, url, description, kinds, nonce, old_nonce, old_until_us,
            created_us, updated_us, accepted_us, failing_us, disabled_us, disabled_reason
        from webhook where id = $1 for update";
    LIST -> WebhookRow = "select id, tenant, url, description, kinds, nonce, old_nonce, old_until_us,
            created_us, updated_us, accepted_us, failing_us, disabled_us, disabled_reason
        from webhook where tenant = $1 and id < $2 order by id desc limit $3";
    CHANGE -> () = "update webhook set url = $2, description = $3, kinds = $4, updated_us = $5 where id = $1";
    ROTATE -> () = "update webhook set old_nonce = case when key_id = $2 then nonce end, old_until_us = $4,
            key_id = $2, nonce = $3, updated_us = $5
        where id = $1";
    DISABLE -> () = "update webhook set disabled_us = $2, disabled_reason = $3 where id = $1";
    ENABLE -> () = "update webhook set disabled_us = null, disabled_reason = null, failing_us = null
        where id = $1";
    ACCEPTED -> () = "update webhook set accepted_us = $2, failing_us = null where id = $1";
    FAILING -> () = "update webhook set failing_us = coalesce(failing_us, $2) where id = $1";
    REMOVE_DELIVERIES -> () = "delete from webhook_delivery where webhook = $1";
    REMOVE -> () = "delete from webhook where id = $1";

    ENQUEUE -> () = "insert into webhook_delivery (id, webhook, event, kind, subject, seq, body, state, attempts,
            due_us, created_us)
        select $1, $2, $3, $4, $5, $6, $7, 'waiting', 0, $8, $8
        where (select count(*) from webhook_delivery where webhook = $2 and state = 'waiting') < $9
        on conflict (webhook, event) do nothing",
        pg = "insert into webhook_delivery (id, webhook, event, kind, subject, seq, body, state, attempts,
            due_us, created_us)
        select $1, $2, $3, $4, $5, cast($6 as bigint), $7, 'waiting', 0, cast($8 as bigint), $8
        where (select count(*) from webhook_delivery where webhook = $2 and state = 'waiting') < $9
        on conflict (webhook, event) do nothing";
    DUE -> (String,) = "select d.id from webhook_delivery d join webhook w on w.id = d.webhook
        where d.state = 'waiting' and d.due_us <= $1 and w.key_id = $2
            and not exists (select 1 from webhook_delivery e where e.webhook = d.webhook
                and e.subject = d.subject and e.seq < d.seq and e.state = 'waiting')
            and (select count(*) from webhook_delivery f where f.webhook = d.webhook
                and f.token is not null and f.due_us > $1) < $3
        limit 1";
    /// PostgreSQL: `skip locked` lets claimers pass each other, and locking a row checks again, on its newest
    /// version, that it is still due.
    CLAIM -> ClaimRow = claim!(""), pg = claim!(" for update of d skip locked");
    SETTLE -> () = "update webhook_delivery set state = $3, token = null, due_us = $4, status = $5, reason = $6,
            attempted_us = $7, finished_us = $8
        where id = $1 and token = $2";
    GIVE_UP_WAITING -> () = "update webhook_delivery set state = 'failed', token = null, reason = $2,
            finished_us = $3
        where webhook = $1 and state = 'waiting'";
    DELIVERIES -> DeliveryRow = "select id, event, kind, subject, state, attempts, status, reason, created_us,
            attempted_us, due_us
        from webhook_delivery where webhook = $1 and id < $2 order by id desc limit $3";
    DELIVERY -> DeliveryRow = "select id, event, kind, subject, state, attempts, status, reason, created_us,
            attempted_us, due_us
        from webhook_delivery where id = $1";
    SWEEP -> () = "delete from webhook_delivery where id in (select id from webhook_delivery
        where state <> 'waiting' and finished_us < $1 order by finished_us limit $2)";
    WAITING -> (i64,) = "select count(*) from webhook_delivery where state = 'waiting'";
}

#[derive(sqlx::FromRow)]
struct WebhookRow {
    #[sqlx(try_from = "String")]
    id: WebhookId,
    #[sqlx(try_from = "String")]
    tenant: TenantId,
    url: String,
    description: String,
    kinds: Json<Vec<String>>,
    nonce: Vec<u8>,
    old_nonce: Option<Vec<u8>>,
    old_until_us: Option<i64>,
    created_us: i64,
    updated_us: i64,
    accepted_us: Option<i64>,
    failing_us: Option<i64>,
    disabled_us: Option<i64>,
    disabled_reason: Option<String>,
}

/// What an address signs with.
pub(crate) struct Nonces {
    pub nonce: Vec<u8>,
    pub old: Option<(Vec<u8>, Timestamp)>,
}

/// A webhook with what only this room may see.
pub(crate) struct StoredWebhook {
    pub webhook: Webhook,
    pub nonces: Nonces,
}

impl From<WebhookRow> for StoredWebhook {
    fn from(row: WebhookRow) -> Self {
        let old = row.old_nonce.zip(row.old_until_us.map(Timestamp));
        Self {
            nonces: Nonces { nonce: row.nonce, old },
            webhook: Webhook {
                id: row.id,
                tenant: row.tenant,
                url: row.url,
                description: row.description,
                kinds: row.kinds.0,
                created: Timestamp(row.created_us),
                updated: Timestamp(row.updated_us),
                accepted: row.accepted_us.map(Timestamp),
                failing: row.failing_us.map(Timestamp),
                disabled: row.disabled_us.map(Timestamp).zip(row.disabled_reason),
            },
        }
    }
}

#[derive(sqlx::FromRow)]
struct ClaimRow {
    #[sqlx(try_from = "String")]
    id: DeliveryId,
    #[sqlx(try_from = "String")]
    webhook: WebhookId,
    #[sqlx(try_from = "String")]
    event: EventId,
    body: String,
    #[sqlx(try_from = "i64")]
    attempts: u32,
    first_us: i64,
}

/// A delivery that was claimed.
pub(crate) struct Claimed {
    pub id: DeliveryId,
    pub webhook: WebhookId,
    pub event: EventId,
    pub body: String,
    pub attempts: u32,
    pub first: Timestamp,
}

#[derive(sqlx::FromRow)]
struct DeliveryRow {
    #[sqlx(try_from = "String")]
    id: DeliveryId,
    #[sqlx(try_from = "String")]
    event: EventId,
    kind: String,
    subject: String,
    #[sqlx(try_from = "String")]
    state: DeliveryState,
    #[sqlx(try_from = "i64")]
    attempts: u32,
    status: Option<i64>,
    reason: Option<String>,
    created_us: i64,
    attempted_us: Option<i64>,
    due_us: i64,
}

impl From<DeliveryRow> for Delivery {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id,
            event: row.event,
            kind: row.kind,
            subject: row.subject,
            state: row.state,
            attempts: row.attempts,
            status: row.status.and_then(|status| u16::try_from(status).ok()),
            reason: row.reason,
            created: Timestamp(row.created_us),
            attempted: row.attempted_us.map(Timestamp),
            due: Timestamp(row.due_us),
        }
    }
}

pub(crate) async fn count(tx: &mut Tx, tenant: &TenantId) -> Result<i64, DbError> {
    Ok(tx.one(COUNT, (tenant,)).await?.0)
}

pub(crate) async fn add(tx: &mut Tx, webhook: &Webhook, key_id: &str, nonce: &[u8]) -> Result<(), DbError> {
    let Webhook { id, tenant, url, description, kinds, created, .. } = webhook;
    tx.exec(ADD, (id, tenant, url, description, Json(kinds), key_id, nonce, *created)).await.map(drop)
}

pub(crate) async fn find(tx: &mut Tx, id: &WebhookId) -> Result<Option<StoredWebhook>, DbError> {
    Ok(tx.opt(FIND, (id,)).await?.map(StoredWebhook::from))
}

/// Holds the address: others that lock it wait until this transaction ends, and see what it wrote.
pub(crate) async fn lock(tx: &mut Tx, id: &WebhookId) -> Result<Option<StoredWebhook>, DbError> {
    Ok(tx.opt(LOCK, (id,)).await?.map(StoredWebhook::from))
}

/// Up to `limit` of a tenant's webhooks with identifiers below `before`, newest first.
pub(crate) async fn list(
    tx: &mut Tx,
    tenant: &TenantId,
    before: &str,
    limit: u32,
) -> Result<Vec<Webhook>, DbError> {
    let rows = tx.all(LIST, (tenant, before, limit)).await?;
    Ok(rows.into_iter().map(|row| StoredWebhook::from(row).webhook).collect())
}

pub(crate) async fn change(tx: &mut Tx, webhook: &Webhook) -> Result<(), DbError> {
    let Webhook { id, url, description, kinds, updated, .. } = webhook;
    tx.exec(CHANGE, (id, url, description, Json(kinds), *updated)).await.map(drop)
}

/// Replaces the nonce; the one before signs too until `old_until`, if the same master key was used.
pub(crate) async fn rotate(
    tx: &mut Tx,
    id: &WebhookId,
    key_id: &str,
    nonce: &[u8],
    old_until: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.exec(ROTATE, (id, key_id, nonce, old_until, now)).await.map(drop)
}

/// Sends nothing to an address any more and gives up what waits for it.
pub(crate) async fn disable(
    tx: &mut Tx,
    id: &WebhookId,
    reason: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.exec(DISABLE, (id, now, reason)).await?;
    tx.exec(GIVE_UP_WAITING, (id, reason, now)).await.map(drop)
}

pub(crate) async fn enable(tx: &mut Tx, id: &WebhookId) -> Result<(), DbError> {
    tx.exec(ENABLE, (id,)).await.map(drop)
}

pub(crate) async fn accepted(tx: &mut Tx, id: &WebhookId, now: Timestamp) -> Result<(), DbError> {
    tx.exec(ACCEPTED, (id, now)).await.map(drop)
}

pub(crate) async fn failing(tx: &mut Tx, id: &WebhookId, now: Timestamp) -> Result<(), DbError> {
    tx.exec(FAILING, (id, now)).await.map(drop)
}

/// Removes an address and its deliveries.
pub(crate) async fn remove(tx: &mut Tx, id: &WebhookId) -> Result<(), DbError> {
    tx.exec(REMOVE_DELIVERIES, (id,)).await?;
    tx.exec(REMOVE, (id,)).await.map(drop)
}

/// Adds a delivery of an event to an address; `false` when it is there already, or when
/// `waiting_max` wait.
pub(crate) async fn enqueue(
    tx: &mut Tx,
    id: &DeliveryId,
    webhook: &WebhookId,
    event: &Event,
    waiting_max: u32,
    now: Timestamp,
) -> Result<bool, DbError> {
    let seq = event.seq.unwrap_or_default();
    let row = (id, webhook, &event.id, &event.kind, &event.subject, seq, body_of(event), now, waiting_max);
    Ok(tx.exec(ENQUEUE, row).await? == 1)
}

/// Whether [`claim`] would find something, without a lock.
pub(crate) async fn is_due(tx: &mut Tx, key_id: &str, now: Timestamp) -> Result<bool, DbError> {
    Ok(tx.opt(DUE, (now, key_id, ATTEMPTS_AT_ONCE_MAX)).await?.is_some())
}

/// Takes a due delivery of an address whose secret this master key makes.
pub(crate) async fn claim(
    tx: &mut Tx,
    key_id: &str,
    token: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<Claimed>, DbError> {
    let row = tx.opt(CLAIM, (now, key_id, ATTEMPTS_AT_ONCE_MAX, until, token)).await?;
    Ok(row.map(|row| Claimed {
        id: row.id,
        webhook: row.webhook,
        event: row.event,
        body: row.body,
        attempts: row.attempts,
        first: Timestamp(row.first_us),
    }))
}

/// How an attempt ended, for [`settle`].
pub(crate) struct End<'a> {
    pub state: DeliveryState,
    pub due: Timestamp,
    pub status: Option<u16>,
    pub reason: Option<&'a str>,
}

/// Writes down how an attempt ended; `false` when its holder no longer holds it.
pub(crate) async fn settle(
    tx: &mut Tx,
    id: &DeliveryId,
    token: &str,
    end: End<'_>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let finished = (end.state != DeliveryState::Waiting).then_some(now);
    let status = end.status.map(i64::from);
    let row = (id, token, end.state.as_str(), end.due, status, end.reason, now, finished);
    Ok(tx.exec(SETTLE, row).await? == 1)
}

/// Up to `limit` deliveries to an address with identifiers below `before`, newest first.
pub(crate) async fn deliveries(
    tx: &mut Tx,
    webhook: &WebhookId,
    before: &str,
    limit: u32,
) -> Result<Vec<Delivery>, DbError> {
    let rows = tx.all(DELIVERIES, (webhook, before, limit)).await?;
    Ok(rows.into_iter().map(Delivery::from).collect())
}

pub(crate) async fn delivery(tx: &mut Tx, id: &DeliveryId) -> Result<Option<Delivery>, DbError> {
    Ok(tx.opt(DELIVERY, (id,)).await?.map(Delivery::from))
}

/// Forgets up to `limit` deliveries that ended before `before`; how many.
pub(crate) async fn sweep(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<u64, DbError> {
    tx.exec(SWEEP, (before, limit)).await
}

/// How many deliveries wait.
pub(crate) async fn waiting(tx: &mut Tx) -> Result<i64, DbError> {
    Ok(tx.one(WAITING, ()).await?.0)
}
