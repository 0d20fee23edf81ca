-- somebody's watching of an asset, for as long as their player says so
create table play (
    id text collate "C" primary key not null,
    asset text collate "C" not null references asset (id),
    begun_us bigint not null,
    -- ended unless heard of again by then
    expires_us bigint not null,
    -- 1 once it has lasted long enough to count
    counted bigint not null check (counted in (0, 1))
);

create index play_by_asset on play (asset, expires_us);
create index play_by_expiry on play (expires_us);

-- how often an asset was played
create table play_count (
    asset text collate "C" primary key not null references asset (id),
    plays bigint not null
);
