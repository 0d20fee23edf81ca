create table outbox (
    id text primary key not null,
    tenant text not null,
    kind text not null,
    subject text not null,
    payload text not null,
    -- rises within a subject, whatever the clocks say
    at_us integer not null,
    -- given after the commit, see crates/events/src/store.rs; null until then
    seq integer
) strict;

create unique index outbox_by_seq on outbox (seq);
create index outbox_by_new on outbox (at_us, id) where seq is null;
create index outbox_by_subject on outbox (tenant, subject, at_us);
create index outbox_by_tenant on outbox (tenant, seq);

-- one row: the last seq given
create table outbox_head (
    id integer primary key not null check (id = 1),
    seq integer not null
) strict;

insert into outbox_head (id, seq) values (1, 0);
