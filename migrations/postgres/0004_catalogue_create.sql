create table asset (
    id text collate "C" primary key not null,
    tenant text collate "C" not null,
    title text collate "C" not null,
    -- the title in lower case, for searches
    title_folded text collate "C" not null,
    visibility text collate "C" not null check (visibility in ('public', 'unlisted', 'private')),
    state text collate "C" not null
        check (state in ('uploading', 'queued', 'probing', 'transcoding', 'ready', 'failed', 'deleted')),
    -- why it failed
    reason text collate "C",
    -- the version that is being made, or was made last
    version bigint not null,
    -- the version viewers get
    playing bigint,
    created_us bigint not null,
    updated_us bigint not null,
    duration_us bigint,
    source_name text collate "C" not null,
    source_sha256 text collate "C"
);

create index asset_by_tenant on asset (tenant, id);

-- the file an asset is made from
create table upload (
    id text collate "C" primary key not null,
    asset text collate "C" not null unique references asset (id),
    tenant text collate "C" not null,
    length bigint not null,
    -- bytes that are durable, as far as was reported
    received bigint not null,
    -- the Upload-Metadata header, to be echoed
    metadata text collate "C" not null,
    created_us bigint not null,
    expires_us bigint not null,
    finished_us bigint
);

create index upload_by_open on upload (expires_us) where finished_us is null;

-- a version of an asset: what is made, and what the gate found in it
create table edition (
    asset text collate "C" not null references asset (id),
    version bigint not null,
    plan jsonb not null,
    findings jsonb not null,
    created_us bigint not null,
    primary key (asset, version)
);

-- what has to be made before a version can be published: chunk-N, audio-N, images
create table piece (
    asset text collate "C" not null,
    version bigint not null,
    name text collate "C" not null,
    -- the attempt that made it
    attempt bigint,
    done_us bigint,
    primary key (asset, version, name),
    foreign key (asset, version) references edition (asset, version)
);

create table track (
    asset text collate "C" not null,
    version bigint not null,
    name text collate "C" not null,
    kind text collate "C" not null check (kind in ('video', 'audio')),
    -- place in playlists
    position bigint not null,
    primary key (asset, version, name),
    foreign key (asset, version) references edition (asset, version)
);

-- a chunk of a track, as made by the attempt that won
create table part (
    asset text collate "C" not null,
    version bigint not null,
    track text collate "C" not null,
    chunk bigint not null,
    -- the number its objects carry
    attempt bigint not null,
    first_seq bigint not null,
    segment_count bigint not null,
    -- what the track's header says; with chunk 0, whose attempt wrote it
    info jsonb check ((info is null) = (chunk <> 0)),
    segments jsonb not null,
    primary key (asset, version, track, chunk),
    foreign key (asset, version, track) references track (asset, version, name)
);

create unique index part_by_seq on part (asset, version, track, first_seq);
