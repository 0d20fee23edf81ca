-- who did what: sign-ins, changes of people and keys, set-up, deletions
create table audit (
    id text primary key not null,
    tenant text not null references tenant (id),
    at_us integer not null,
    -- user:ID, key:ID, or a word for whoever needs no credential
    actor text not null,
    -- what the actor was called then
    actor_name text not null,
    action text not null,
    -- user:ID, key:ID, asset:ID or tenant:ID
    subject text not null,
    -- in words
    detail text not null,
    -- where the request came from, if it came from anywhere
    address text
) strict;

create index audit_by_tenant on audit (tenant, id);
create index audit_by_time on audit (at_us);
