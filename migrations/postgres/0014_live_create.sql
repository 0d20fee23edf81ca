-- where somebody broadcasts, again and again
create table channel (
    id text collate "C" primary key not null,
    tenant text collate "C" not null,
    name text collate "C" not null,
    visibility text collate "C" not null check (visibility in ('public', 'unlisted', 'private')),
    state text collate "C" not null check (state in ('idle', 'connecting', 'live', 'recovering', 'ended')),
    -- since when it is in this state
    state_us bigint not null,
    -- heights of the rungs besides the source, a JSON array; null for those of the settings
    rungs jsonb,
    -- how far viewers may go back; null for the whole broadcast
    dvr_seconds bigint,
    -- 1 when broadcasts are kept as assets
    recording bigint not null check (recording in (0, 1)),
    -- who is asked whether a publisher may come in
    admission_url text collate "C",
    -- SHA-256 of the 24 random bytes of the stream key
    key_hash bytea not null,
    -- which master key the SRT passphrase is derived with, and the nonce it is derived from
    key_id text collate "C" not null,
    nonce bytea not null,
    -- when both were made
    keyed_us bigint not null,
    created_us bigint not null,
    updated_us bigint not null
);

create index channel_by_tenant on channel (tenant, id);

-- what a channel sent from one publisher's coming to its end, reconnections included
create table broadcast (
    id text collate "C" primary key not null,
    channel text collate "C" not null references channel (id),
    tenant text collate "C" not null,
    -- by what its publisher came: rtmp, srt, whip
    protocol text collate "C" not null,
    -- what the publisher says it is; may be empty
    encoder text collate "C" not null,
    started_us bigint not null,
    -- when its first media were there
    live_us bigint,
    -- when its holder was last heard of
    seen_us bigint not null,
    ended_us bigint,
    -- why it ended, by name, and in words
    reason text collate "C",
    detail text collate "C",
    -- the recording
    asset text collate "C",
    -- the process that holds it, and under what lease; null while nobody does
    holder text collate "C",
    token text collate "C",
    -- how often it was taken, and how often the present lease was renewed
    term bigint not null,
    beats bigint not null,
    check ((ended_us is null) = (reason is null)),
    check ((holder is null) = (token is null))
);

-- one broadcast of a channel at a time
create unique index broadcast_by_open on broadcast (channel) where ended_us is null;
create index broadcast_by_channel on broadcast (channel, id);
create index broadcast_by_tenant on broadcast (tenant) where ended_us is null;
create index broadcast_by_holder on broadcast (holder) where holder is not null;
create index broadcast_by_end on broadcast (ended_us) where ended_us is not null;

-- what a tenant is limited by otherwise than the settings say; null is as they say, zero is no limit
create table live_limit (
    tenant text collate "C" primary key not null,
    channels_max bigint,
    streams_max bigint,
    bitrate_max_kbps bigint
);
