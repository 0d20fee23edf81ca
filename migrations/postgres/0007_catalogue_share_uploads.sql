-- several requests and processes share an upload: one writes at a time, and one upload is made of others
alter table upload alter column asset drop not null;
alter table upload alter column length drop not null;
-- bytes that count towards its tenant's limit: what it has or may yet have, unless another upload has taken them
alter table upload add column counted bigint;
update upload set counted = length;
alter table upload alter column counted set not null;
-- the Upload-Concat header, to be echoed; null for an upload on its own
alter table upload add column concat text collate "C";
-- the final upload that takes a partial one's bytes
alter table upload add column used_by text collate "C";
-- the process that writes, and under what lease; all null while nobody does
alter table upload add column writer text collate "C";
alter table upload add column write_token text collate "C";
alter table upload add column write_until_us bigint;

create index upload_by_partial on upload (expires_us) where asset is null;
create index upload_by_tenant on upload (tenant);
create index upload_by_writer on upload (writer) where writer is not null;

-- what a tenant is limited by otherwise than the settings say; null is as they say, zero is no limit
create table upload_limit (
    tenant text collate "C" primary key not null,
    bytes_max bigint,
    size_max bigint
);
