-- the broadcast that an asset is the recording of; null for what is made from a file
alter table asset add column broadcast text collate "C";
create unique index asset_by_broadcast on asset (broadcast) where broadcast is not null;
-- how many runs the longest track of a recording has; null for what is made from a file
alter table edition add column runs bigint;
-- the stretch of a broadcast that a part is: its header, its date and which objects hold it, as JSON; null for a chunk
-- of a film, whose objects the attempt names
alter table part add column run jsonb;
-- the number of that run's header
alter table part add column header bigint;
