-- somebody's watching of an asset, for as long as their player says so
create table play (
    id text primary key not null,
    asset text not null references asset (id),
    begun_us integer not null,
    -- ended unless heard of again by then
    expires_us integer not null,
    -- 1 once it has lasted long enough to count
    counted integer not null check (counted in (0, 1))
) strict;

create index play_by_asset on play (asset, expires_us);
create index play_by_expiry on play (expires_us);

-- how often an asset was played
create table play_count (
    asset text primary key not null references asset (id),
    plays integer not null
) strict;
