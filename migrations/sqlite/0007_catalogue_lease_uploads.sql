-- the process that writes to an upload, and under what lease; all null while nobody does
alter table upload add column writer text;
alter table upload add column write_token text;
alter table upload add column write_until_us integer;
create index upload_by_writer on upload (writer) where writer is not null;
