-- whose turn it is: see docs/decisions/fair-queue.md
drop index job_by_claim;
create index job_by_turn on job (tenant, priority desc, run_after_us, id) where state = 'waiting';
create index job_by_due on job (visible_us) where state = 'waiting';
create index job_by_running on job (tenant) where state = 'running';

-- how long the present holder's lease lasts, and how often it was renewed: docs/decisions/leases.md
alter table job add column lease_us bigint not null default 0;
alter table job add column beats bigint not null default 0;

-- when it was claimed last
alter table job add column claimed_us bigint;

-- processes that claim jobs
create table worker (
    id text collate "C" primary key not null,
    -- for people: the machine's name and the process's number
    name text collate "C" not null,
    -- jobs at a time
    slots bigint not null,
    started_us bigint not null,
    -- heard of last
    seen_us bigint not null
);

create index worker_by_seen on worker (seen_us);

-- until when the objects of a version that was replaced stay for the players that are in the middle of it
alter table edition add column kept_until_us bigint;

-- what the objects of a part, and those of the images, take
alter table part add column bytes bigint not null default 0;
alter table piece add column bytes bigint not null default 0;
