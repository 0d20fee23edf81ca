-- renditions of a broadcast, and what restores their lists and makes tracks of them
create table broadcast_rendition (
    broadcast text collate "C" not null,
    name text collate "C" not null,
    -- codec, format, role and list parameters, as JSON
    about jsonb not null,
    -- those of its segments whose rows are gone (EXT-X-DISCONTINUITY-SEQUENCE)
    discontinuities bigint not null,
    primary key (broadcast, name)
);

-- headers of a rendition whose objects are in the store
create table broadcast_header (
    broadcast text collate "C" not null,
    rendition text collate "C" not null,
    number bigint not null,
    -- the term in its object's name
    term bigint not null,
    bytes bigint not null,
    primary key (broadcast, rendition, number)
);

-- whole segments whose objects are in the store, and gaps; rows and objects outlive those of the broadcast until both
-- are removed or an asset has them
create table broadcast_segment (
    broadcast text collate "C" not null,
    rendition text collate "C" not null,
    msn bigint not null,
    -- the term in its object's name
    term bigint not null,
    -- its header, and the term in that one's name
    init bigint not null,
    init_term bigint not null,
    date_us bigint not null,
    duration_us bigint not null,
    -- ticks per second, decode time of its first sample and length in ticks
    timescale bigint not null,
    start bigint not null,
    ticks bigint not null,
    -- right before it
    discontinuities bigint not null,
    -- 1 when it stands for missing media and has no object
    gap bigint not null check (gap in (0, 1)),
    -- its parts, as JSON: length in microseconds, independence, bytes
    parts jsonb not null,
    bytes bigint not null,
    -- when it was listed as a whole
    listed_us bigint not null,
    primary key (broadcast, rendition, msn)
);
