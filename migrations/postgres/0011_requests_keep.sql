-- the answer to a request that created something, under the Idempotency-Key it came with
create table idempotency (
    tenant text collate "C" not null,
    name text collate "C" not null,
    -- of the request: the same key with another one is a mistake
    fingerprint text collate "C" not null,
    -- 0 only within the transaction that claims the key
    status bigint not null,
    body text collate "C" not null,
    expires_us bigint not null,
    primary key (tenant, name)
);

create index idempotency_by_expiry on idempotency (expires_us);

-- lists by state and by visibility, newest first
create index asset_by_state on asset (tenant, state, id);
create index asset_by_visibility on asset (tenant, visibility, id);
