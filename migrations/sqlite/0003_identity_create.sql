-- facts of which there is one: 'tenant' (the first tenant) and 'owner_key' (the first key). The primary key
-- makes one of several processes that start at once the maker.
create table installation (
    name text primary key not null,
    value text not null
) strict;

create table tenant (
    id text primary key not null,
    name text not null,
    created_us integer not null
) strict;

create table api_key (
    id text primary key not null,
    tenant text not null references tenant (id),
    name text not null,
    role text not null check (role in ('viewer', 'creator', 'admin', 'owner')),
    -- SHA-256 of the 32 random bytes of the secret
    hash blob not null,
    created_us integer not null,
    -- to within a minute
    last_used_us integer,
    revoked_us integer
) strict;

create index api_key_by_tenant on api_key (tenant, id);

create table session (
    id text primary key not null,
    api_key text not null references api_key (id),
    -- SHA-256 of the 32 random bytes of the secret
    hash blob not null,
    created_us integer not null,
    expires_us integer not null
) strict;

create index session_by_key on session (api_key, created_us);
create index session_by_expiry on session (expires_us);
