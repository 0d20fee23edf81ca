-- how far a reader of the outbox has come, by its name
create table outbox_cursor (
    name text primary key not null,
    seq integer not null
) strict;

-- an address that a tenant's events are posted to
create table webhook (
    id text primary key not null,
    tenant text not null,
    url text not null,
    description text not null,
    -- the kinds of events it gets, a JSON array
    kinds text not null,
    -- which master key its secret is derived with, and the nonce it is derived from
    key_id text not null,
    nonce blob not null,
    -- the nonce before the last rotation, which signs too until then
    old_nonce blob,
    old_until_us integer,
    created_us integer not null,
    updated_us integer not null,
    -- when it last took a delivery
    accepted_us integer,
    -- since when it has refused every one
    failing_us integer,
    -- set while nothing is sent to it
    disabled_us integer,
    disabled_reason text,
    check ((disabled_us is null) = (disabled_reason is null))
) strict;

create index webhook_by_tenant on webhook (tenant, id);

-- an event on its way to an address
create table webhook_delivery (
    id text primary key not null,
    webhook text not null references webhook (id),
    -- the event's identifier, by which the receiver knows it again
    event text not null,
    kind text not null,
    -- what the event is about: deliveries of one subject keep their order
    subject text not null,
    -- its place among the events of its subject
    seq integer not null,
    -- what is posted, the same at every attempt
    body text not null,
    state text not null check (state in ('waiting', 'delivered', 'failed')),
    attempts integer not null,
    -- from when it may be claimed; while it is held, the end of its lease
    due_us integer not null,
    -- of the present lease; every change by its holder names it
    token text,
    -- the last answer's status
    status integer,
    -- why the last attempt failed
    reason text,
    created_us integer not null,
    first_us integer,
    attempted_us integer,
    finished_us integer
) strict;

create unique index webhook_delivery_by_event on webhook_delivery (webhook, event);
create index webhook_delivery_by_due on webhook_delivery (due_us, id) where state = 'waiting';
create index webhook_delivery_by_order on webhook_delivery (webhook, subject, seq) where state = 'waiting';
create index webhook_delivery_by_lease on webhook_delivery (webhook, due_us) where token is not null;
create index webhook_delivery_by_webhook on webhook_delivery (webhook, id);
create index webhook_delivery_by_end on webhook_delivery (finished_us) where state <> 'waiting';
