-- several requests and processes share an upload: one writes at a time, and one upload is made of others
create table upload_shared (
    id text primary key not null,
    -- null for a partial upload, which becomes part of another one's asset
    asset text unique references asset (id),
    tenant text not null,
    -- null while the client has not said it
    length integer,
    -- bytes that are durable, as far as was reported
    received integer not null,
    -- bytes that count towards its tenant's limit: what it has or may yet have, unless another upload has taken them
    counted integer not null,
    -- the Upload-Metadata header, to be echoed
    metadata text not null,
    -- the Upload-Concat header, to be echoed; null for an upload on its own
    concat text,
    -- the final upload that takes a partial one's bytes
    used_by text,
    created_us integer not null,
    expires_us integer not null,
    finished_us integer,
    -- the process that writes, and under what lease; all null while nobody does
    writer text,
    write_token text,
    write_until_us integer
) strict;

insert into upload_shared (id, asset, tenant, length, received, counted, metadata, created_us, expires_us,
        finished_us)
    select id, asset, tenant, length, received, length, metadata, created_us, expires_us, finished_us from upload;
drop table upload;
alter table upload_shared rename to upload;

create index upload_by_open on upload (expires_us) where finished_us is null;
create index upload_by_partial on upload (expires_us) where asset is null;
create index upload_by_tenant on upload (tenant);
create index upload_by_writer on upload (writer) where writer is not null;

-- what a tenant is limited by otherwise than the settings say; null is as they say, zero is no limit
create table upload_limit (
    tenant text primary key not null,
    bytes_max integer,
    size_max integer
) strict;
