-- Tracks of text. A check cannot be changed in place; part refers to track, so both are written anew.
create table track_new (
    asset text not null,
    version integer not null,
    name text not null,
    kind text not null check (kind in ('video', 'audio', 'text')),
    -- place in playlists
    position integer not null,
    primary key (asset, version, name),
    foreign key (asset, version) references edition (asset, version)
) strict;

insert into track_new (asset, version, name, kind, position)
    select asset, version, name, kind, position from track;

create table part_new (
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
    -- what its objects take
    bytes integer not null default 0,
    primary key (asset, version, track, chunk),
    foreign key (asset, version, track) references track_new (asset, version, name)
) strict;

insert into part_new (asset, version, track, chunk, attempt, first_seq, segment_count, info, segments, bytes)
    select asset, version, track, chunk, attempt, first_seq, segment_count, info, segments, bytes from part;

drop table part;
drop table track;
alter table track_new rename to track;
alter table part_new rename to part;

create unique index part_by_seq on part (asset, version, track, first_seq);
