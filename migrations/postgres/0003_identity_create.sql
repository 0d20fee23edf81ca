-- facts of which there is one: 'tenant' (the first tenant) and 'owner_key' (the first key). The primary key
-- makes one of several processes that start at once the maker.
create table installation (
    name text collate "C" primary key not null,
    value text collate "C" not null
);

create table tenant (
    id text collate "C" primary key not null,
    name text collate "C" not null,
    created_us bigint not null
);

create table api_key (
    id text collate "C" primary key not null,
    tenant text collate "C" not null references tenant (id),
    name text collate "C" not null,
    role text collate "C" not null check (role in ('viewer', 'creator', 'admin', 'owner')),
    -- SHA-256 of the 32 random bytes of the secret
    hash bytea not null,
    created_us bigint not null,
    -- to within a minute
    last_used_us bigint,
    revoked_us bigint
);

create index api_key_by_tenant on api_key (tenant, id);

create table session (
    id text collate "C" primary key not null,
    api_key text collate "C" not null references api_key (id),
    -- SHA-256 of the 32 random bytes of the secret
    hash bytea not null,
    created_us bigint not null,
    expires_us bigint not null
);

create index session_by_key on session (api_key, created_us);
create index session_by_expiry on session (expires_us);
