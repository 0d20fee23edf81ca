-- renditions of a broadcast, and what restores their lists and makes tracks of them
create table broadcast_rendition (
    broadcast text not null,
    name text not null,
    -- codec, format, role and list parameters, as JSON
    about text not null,
    -- those of its segments whose rows are gone (EXT-X-DISCONTINUITY-SEQUENCE)
    discontinuities integer not null,
    primary key (broadcast, name)
) strict;

-- headers of a rendition whose objects are in the store
create table broadcast_header (
    broadcast text not null,
    rendition text not null,
    number integer not null,
    -- the term in its object's name
    term integer not null,
    bytes integer not null,
    primary key (broadcast, rendition, number)
) strict;

-- whole segments whose objects are in the store, and gaps; rows and objects outlive those of the broadcast until both
-- are removed or an asset has them
create table broadcast_segment (
    broadcast text not null,
    rendition text not null,
    msn integer not null,
    -- the term in its object's name
    term integer not null,
    -- its header, and the term in that one's name
    init integer not null,
    init_term integer not null,
    date_us integer not null,
    duration_us integer not null,
    -- ticks per second, decode time of its first sample and length in ticks
    timescale integer not null,
    start integer not null,
    ticks integer not null,
    -- right before it
    discontinuities integer not null,
    -- 1 when it stands for missing media and has no object
    gap integer not null check (gap in (0, 1)),
    -- its parts, as JSON: length in microseconds, independence, bytes
    parts text not null,
    bytes integer not null,
    -- when it was listed as a whole
    listed_us integer not null,
    primary key (broadcast, rendition, msn)
) strict;
