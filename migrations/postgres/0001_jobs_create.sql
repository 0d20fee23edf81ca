create table job (
    id text collate "C" primary key not null,
    tenant text collate "C" not null,
    kind text collate "C" not null,
    -- what the job is about, such as an asset; all jobs of a subject can be cancelled together
    subject text collate "C" not null,
    payload jsonb not null,
    -- larger first
    priority bigint not null,
    state text collate "C" not null check (state in ('waiting', 'running', 'dead')),
    -- not before; together with priority its place in the queue, which it keeps through retries
    run_after_us bigint not null,
    -- from when it may be claimed: while waiting, run_after or the end of a pause; while running, of its lease
    visible_us bigint not null,
    -- unique among jobs that are not dead
    dedupe text collate "C",
    -- claims so far; names what an attempt writes, so it never goes back
    attempt bigint not null,
    failures bigint not null,
    -- leases that ended without a word from their holder
    interruptions bigint not null,
    worker text collate "C",
    -- of the present lease; every change by its holder names it
    token text collate "C",
    reason text collate "C",
    created_us bigint not null,
    updated_us bigint not null
);

create unique index job_by_dedupe on job (tenant, dedupe) where state <> 'dead';
create index job_by_claim on job (priority desc, run_after_us, id) where state <> 'dead';
create index job_by_subject on job (tenant, subject);
create index job_by_worker on job (worker);
