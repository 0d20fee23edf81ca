-- who did what: sign-ins, changes of people and keys, set-up, deletions
create table audit (
    id text collate "C" primary key not null,
    tenant text collate "C" not null references tenant (id),
    at_us bigint not null,
    -- user:ID, key:ID, or a word for whoever needs no credential
    actor text collate "C" not null,
    -- what the actor was called then
    actor_name text collate "C" not null,
    action text collate "C" not null,
    -- user:ID, key:ID, asset:ID or tenant:ID
    subject text collate "C" not null,
    -- in words
    detail text collate "C" not null,
    -- where the request came from, if it came from anywhere
    address text collate "C"
);

create index audit_by_tenant on audit (tenant, id);
create index audit_by_time on audit (at_us);
