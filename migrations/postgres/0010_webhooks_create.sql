-- how far a reader of the outbox has come, by its name
create table outbox_cursor (
    name text collate "C" primary key not null,
    seq bigint not null
);

-- an address that a tenant's events are posted to
create table webhook (
    id text collate "C" primary key not null,
    tenant text collate "C" not null,
    url text collate "C" not null,
    description text collate "C" not null,
    -- the kinds of events it gets, a JSON array
    kinds jsonb not null,
    -- which master key its secret is derived with, and the nonce it is derived from
    key_id text collate "C" not null,
    nonce bytea not null,
    -- the nonce before the last rotation, which signs too until then
    old_nonce bytea,
    old_until_us bigint,
    created_us bigint not null,
    updated_us bigint not null,
    -- when it last took a delivery
    accepted_us bigint,
    -- since when it has refused every one
    failing_us bigint,
    -- set while nothing is sent to it
    disabled_us bigint,
    disabled_reason text collate "C",
    check ((disabled_us is null) = (disabled_reason is null))
);

create index webhook_by_tenant on webhook (tenant, id);

-- an event on its way to an address
create table webhook_delivery (
    id text collate "C" primary key not null,
    webhook text collate "C" not null references webhook (id),
    -- the event's identifier, by which the receiver knows it again
    event text collate "C" not null,
    kind text collate "C" not null,
    -- what the event is about: deliveries of one subject keep their order
    subject text collate "C" not null,
    -- its place among the events of its subject
    seq bigint not null,
    -- what is posted, the same at every attempt
    body text collate "C" not null,
    state text collate "C" not null check (state in ('waiting', 'delivered', 'failed')),
    attempts bigint not null,
    -- from when it may be claimed; while it is held, the end of its lease
    due_us bigint not null,
    -- of the present lease; every change by its holder names it
    token text collate "C",
    -- the last answer's status
    status bigint,
    -- why the last attempt failed
    reason text collate "C",
    created_us bigint not null,
    first_us bigint,
    attempted_us bigint,
    finished_us bigint
);

create unique index webhook_delivery_by_event on webhook_delivery (webhook, event);
create index webhook_delivery_by_due on webhook_delivery (due_us, id) where state = 'waiting';
create index webhook_delivery_by_order on webhook_delivery (webhook, subject, seq) where state = 'waiting';
create index webhook_delivery_by_lease on webhook_delivery (webhook, due_us) where token is not null;
create index webhook_delivery_by_webhook on webhook_delivery (webhook, id);
create index webhook_delivery_by_end on webhook_delivery (finished_us) where state <> 'waiting';
