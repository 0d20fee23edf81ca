-- the answer to a request that created something, under the Idempotency-Key it came with
create table idempotency (
    tenant text not null,
    name text not null,
    -- of the request: the same key with another one is a mistake
    fingerprint text not null,
    -- 0 only within the transaction that claims the key
    status integer not null,
    body text not null,
    expires_us integer not null,
    primary key (tenant, name)
) strict;

create index idempotency_by_expiry on idempotency (expires_us);

-- lists by state and by visibility, newest first
create index asset_by_state on asset (tenant, state, id);
create index asset_by_visibility on asset (tenant, visibility, id);
