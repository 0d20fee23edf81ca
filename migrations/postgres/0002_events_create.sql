create table outbox (
    id text collate "C" primary key not null,
    tenant text collate "C" not null,
    kind text collate "C" not null,
    subject text collate "C" not null,
    payload jsonb not null,
    -- rises within a subject, whatever the clocks say
    at_us bigint not null,
    -- given after the commit, see crates/events/src/store.rs; null until then
    seq bigint
);

create unique index outbox_by_seq on outbox (seq);
create index outbox_by_new on outbox (at_us, id) where seq is null;
create index outbox_by_subject on outbox (tenant, subject, at_us);
create index outbox_by_tenant on outbox (tenant, seq);

-- one row: the last seq given
create table outbox_head (
    id bigint primary key not null check (id = 1),
    seq bigint not null
);

insert into outbox_head (id, seq) values (1, 0);
