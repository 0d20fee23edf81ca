-- where somebody broadcasts, again and again
create table channel (
    id text primary key not null,
    tenant text not null,
    name text not null,
    visibility text not null check (visibility in ('public', 'unlisted', 'private')),
    state text not null check (state in ('idle', 'connecting', 'live', 'recovering', 'ended')),
    -- since when it is in this state
    state_us integer not null,
    -- heights of the rungs besides the source, a JSON array; null for those of the settings
    rungs text,
    -- how far viewers may go back; null for the whole broadcast
    dvr_seconds integer,
    -- 1 when broadcasts are kept as assets
    recording integer not null check (recording in (0, 1)),
    -- who is asked whether a publisher may come in
    admission_url text,
    -- SHA-256 of the 24 random bytes of the stream key
    key_hash blob not null,
    -- which master key the SRT passphrase is derived with, and the nonce it is derived from
    key_id text not null,
    nonce blob not null,
    -- when both were made
    keyed_us integer not null,
    created_us integer not null,
    updated_us integer not null
) strict;

create index channel_by_tenant on channel (tenant, id);

-- what a channel sent from one publisher's coming to its end, reconnections included
create table broadcast (
    id text primary key not null,
    channel text not null references channel (id),
    tenant text not null,
    -- by what its publisher came: rtmp, srt, whip
    protocol text not null,
    -- what the publisher says it is; may be empty
    encoder text not null,
    started_us integer not null,
    -- when its first media were there
    live_us integer,
    -- when its holder was last heard of
    seen_us integer not null,
    ended_us integer,
    -- why it ended, by name, and in words
    reason text,
    detail text,
    -- the recording
    asset text,
    -- the process that holds it, and under what lease; null while nobody does
    holder text,
    token text,
    -- how often it was taken, and how often the present lease was renewed
    term integer not null,
    beats integer not null,
    check ((ended_us is null) = (reason is null)),
    check ((holder is null) = (token is null))
) strict;

-- one broadcast of a channel at a time
create unique index broadcast_by_open on broadcast (channel) where ended_us is null;
create index broadcast_by_channel on broadcast (channel, id);
create index broadcast_by_tenant on broadcast (tenant) where ended_us is null;
create index broadcast_by_holder on broadcast (holder) where holder is not null;
create index broadcast_by_end on broadcast (ended_us) where ended_us is not null;

-- what a tenant is limited by otherwise than the settings say; null is as they say, zero is no limit
create table live_limit (
    tenant text primary key not null,
    channels_max integer,
    streams_max integer,
    bitrate_max_kbps integer
) strict;
