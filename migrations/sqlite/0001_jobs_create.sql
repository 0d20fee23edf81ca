create table job (
    id text primary key not null,
    tenant text not null,
    kind text not null,
    -- what the job is about, such as an asset; all jobs of a subject can be cancelled together
    subject text not null,
    payload text not null,
    -- larger first
    priority integer not null,
    state text not null check (state in ('waiting', 'running', 'dead')),
    -- not before; together with priority its place in the queue, which it keeps through retries
    run_after_us integer not null,
    -- from when it may be claimed: while waiting, run_after or the end of a pause; while running, of its lease
    visible_us integer not null,
    -- unique among jobs that are not dead
    dedupe text,
    -- claims so far; names what an attempt writes, so it never goes back
    attempt integer not null,
    failures integer not null,
    -- leases that ended without a word from their holder
    interruptions integer not null,
    worker text,
    -- of the present lease; every change by its holder names it
    token text,
    reason text,
    created_us integer not null,
    updated_us integer not null
) strict;

create unique index job_by_dedupe on job (tenant, dedupe) where state <> 'dead';
create index job_by_claim on job (priority desc, run_after_us, id) where state <> 'dead';
create index job_by_subject on job (tenant, subject);
create index job_by_worker on job (worker);
