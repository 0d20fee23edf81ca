-- where the server itself fetches an upload's bytes; null for what clients send, and once it is finished: addresses
-- may hold secrets
alter table upload add column fetch_url text collate "C";
-- the validator of what was fetched so far, as If-Range takes it; null while it has none
alter table upload add column fetch_mark text collate "C";
