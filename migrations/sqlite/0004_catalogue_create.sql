create table asset (
    id text primary key not null,
    tenant text not null,
    title text not null,
    -- the title in lower case, for searches
    title_folded text not null,
    visibility text not null check (visibility in ('public', 'unlisted', 'private')),
    state text not null
        check (state in ('uploading', 'queued', 'probing', 'transcoding', 'ready', 'failed', 'deleted')),
    -- why it failed
    reason text,
    -- the version that is being made, or was made last
    version integer not null,
    -- the version viewers get
    playing integer,
    created_us integer not null,
    updated_us integer not null,
    duration_us integer,
    source_name text not null,
    source_sha256 text
) strict;

create index asset_by_tenant on asset (tenant, id);

-- the file an asset is made from
create table upload (
    id text primary key not null,
    asset text not null unique references asset (id),
    tenant text not null,
    length integer not null,
    -- bytes that are durable, as far as was reported
    received integer not null,
    -- the Upload-Metadata header, to be echoed
    metadata text not null,
    created_us integer not null,
    expires_us integer not null,
    finished_us integer
) strict;

create index upload_by_open on upload (expires_us) where finished_us is null;

-- a version of an asset: what is made, and what the gate found in it
create table edition (
    asset text not null references asset (id),
    version integer not null,
    plan text not null,
    findings text not null,
    created_us integer not null,
    primary key (asset, version)
) strict;

-- what has to be made before a version can be published: chunk-N, audio-N, images
create table piece (
    asset text not null,
    version integer not null,
    name text not null,
    -- the attempt that made it
    attempt integer,
    done_us integer,
    primary key (asset, version, name),
    foreign key (asset, version) references edition (asset, version)
) strict;

create table track (
    asset text not null,
    version integer not null,
    name text not null,
    kind text not null check (kind in ('video', 'audio')),
    -- place in playlists
    position integer not null,
    primary key (asset, version, name),
    foreign key (asset, version) references edition (asset, version)
) strict;

-- a chunk of a track, as made by the attempt that won
create table part (
    asset text not null,
    version integer not null,
    track text not null,
    chunk integer not null,
    -- the number its objects carry
    attempt integer not null,
    first_seq integer not null,
    segment_count integer not null,
    -- what the track's header says; with chunk 0, whose attempt wrote it
    info text check ((info is null) = (chunk <> 0)),
    segments text not null,
    primary key (asset, version, track, chunk),
    foreign key (asset, version, track) references track (asset, version, name)
) strict;

create unique index part_by_seq on part (asset, version, track, first_seq);
