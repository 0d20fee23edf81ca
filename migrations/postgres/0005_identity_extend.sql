create table person (
    id text collate "C" primary key not null,
    tenant text collate "C" not null references tenant (id),
    -- what they sign in with, in lower case; one person in the whole installation
    name text collate "C" not null unique,
    role text collate "C" not null check (role in ('viewer', 'creator', 'admin', 'owner')),
    -- PHC string: Argon2id with its parameters, salt and hash
    password text collate "C" not null,
    created_us bigint not null,
    last_sign_in_us bigint,
    disabled_us bigint
);

create index person_by_tenant on person (tenant, id);

-- words apart by spaces; null means all that the role may
alter table api_key add column scopes text collate "C";
alter table api_key add column expires_us bigint;

-- a session is a key's or a person's
alter table session alter column api_key drop not null;
alter table session add column person text collate "C" references person (id);
alter table session add check ((api_key is null) <> (person is null));
create index session_by_person on session (person, created_us);

-- the link by which the first owner is made; there is at most one
create table setup_link (
    purpose text collate "C" primary key not null check (purpose = 'owner'),
    -- SHA-256 of the 32 random bytes of the secret
    hash bytea not null,
    -- the machine and data folder of whoever printed it
    maker text collate "C" not null,
    created_us bigint not null,
    expires_us bigint not null
);

-- tries to sign in with a password, counted by the name that was tried, be it known or not
create table sign_in_attempt (
    -- the first 16 bits of the SHA-256 of the name: a flood of names fills 65,536 rows and no more
    bucket bigint primary key not null,
    attempts bigint not null,
    -- when the first of them was made
    began_us bigint not null
);
