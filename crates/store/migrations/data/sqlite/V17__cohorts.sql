-- People handed in together, to be made links of. The sealed text of a row goes when the row ends;
-- person_index is its person under the key that is for erasures, and goes with it. counted says that
-- the cohort's numbers have it.
create table cohorts (
    id           integer primary key autoincrement,
    uuid         blob    not null,
    workspace_id integer not null references workspaces (id),
    state        text    not null check (state in ('receiving', 'running', 'cancelling', 'finished', 'cancelled')),
    quiet        integer not null,
    defaults     text    not null,
    total        integer not null,
    ok           integer not null,
    no_data      integer not null,
    invalid      integer not null,
    failed       integer not null,
    cancelled    integer not null,
    created_at   integer not null,
    finished_at  integer
) strict;
create unique index cohorts_uuid on cohorts (uuid);
create index cohorts_newest on cohorts (workspace_id, created_at desc, id desc);
create index cohorts_open on cohorts (workspace_id, state, id);

create table cohort_rows (
    cohort_id    integer not null references cohorts (id),
    line         integer not null,
    workspace_id integer not null,
    state        text    not null check (state in ('waiting', 'loading', 'ok', 'no_data', 'invalid', 'failed', 'cancelled')),
    found        integer not null,
    tries        integer not null,
    due_at       integer not null,
    person_index blob,
    sealed       blob,
    link_uuid    blob,
    load_id      integer,
    code         text,
    field        text,
    ended_at     integer,
    counted      integer not null,
    primary key (cohort_id, line)
) strict, without rowid;
create index cohort_rows_state on cohort_rows (cohort_id, state, due_at, line);
create index cohort_rows_uncounted on cohort_rows (cohort_id) where ended_at is not null and counted = 0;
create index cohort_rows_person on cohort_rows (workspace_id, person_index) where person_index is not null;
create index cohort_rows_ended on cohort_rows (workspace_id, ended_at) where ended_at is not null;

-- Whether the customer is not told what the load found.
alter table loads add column quiet integer not null default 0;
