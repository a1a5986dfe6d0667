-- A code beside a user's password. It is asked for once confirmed_at is there; last_step is the newest
-- step of thirty seconds of which a code was taken. Of recovery codes the hashes are kept.
create table second_factors (
    user_id      integer primary key references users (id),
    confirmed_at integer,
    last_step    integer not null default 0,
    sealed       blob    not null
) strict;

create table recovery_codes (
    code_hash blob    not null primary key,
    user_id   integer not null references users (id)
) strict;
create index recovery_codes_user on recovery_codes (user_id);

-- How long new links took to have data.
create index loads_created on loads (workspace_id, finished_at) where trigger = 'creation' and state = 'done';
