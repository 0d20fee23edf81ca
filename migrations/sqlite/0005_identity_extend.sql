create table person (
    id text primary key not null,
    tenant text not null references tenant (id),
    -- what they sign in with, in lower case; one person in the whole installation
    name text not null unique,
    role text not null check (role in ('viewer', 'creator', 'admin', 'owner')),
    -- PHC string: Argon2id with its parameters, salt and hash
    password text not null,
    created_us integer not null,
    last_sign_in_us integer,
    disabled_us integer
) strict;

create index person_by_tenant on person (tenant, id);

-- words apart by spaces; null means all that the role may
alter table api_key add column scopes text;
alter table api_key add column expires_us integer;

-- a session is a key's or a person's
create table session_next (
    id text primary key not null,
    api_key text references api_key (id),
    -- SHA-256 of the 32 random bytes of the secret
    hash blob not null,
    created_us integer not null,
    expires_us integer not null,
    person text references person (id),
    check ((api_key is null) <> (person is null))
) strict;

insert into session_next (id, api_key, hash, created_us, expires_us)
    select id, api_key, hash, created_us, expires_us from session;
drop table session;
alter table session_next rename to session;
create index session_by_key on session (api_key, created_us);
create index session_by_expiry on session (expires_us);
create index session_by_person on session (person, created_us);

-- the link by which the first owner is made; there is at most one
create table setup_link (
    purpose text primary key not null check (purpose = 'owner'),
    -- SHA-256 of the 32 random bytes of the secret
    hash blob not null,
    -- the machine and data folder of whoever printed it
    maker text not null,
    created_us integer not null,
    expires_us integer not null
) strict;

-- tries to sign in with a password, counted by the name that was tried, be it known or not
create table sign_in_attempt (
    -- the first 16 bits of the SHA-256 of the name: a flood of names fills 65,536 rows and no more
    bucket integer primary key not null,
    attempts integer not null,
    -- when the first of them was made
    began_us integer not null
) strict;
