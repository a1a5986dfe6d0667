-- A rotation of the master key finds what an older version wraps.
create index data_keys_version on data_keys (master_version, owner_kind, owner_id);

-- Receipts of erasures. They stand beside the keys, so that data restored from an old backup meets
-- them. person_index is made with a key of its own and leads to no other row.
create table erasures (
    id             integer primary key autoincrement,
    uuid           blob    not null unique,
    workspace_id   integer not null,
    person_index   blob    not null,
    links          integer not null,
    objects        integer not null,
    contributions  integer not null,
    source_calls   integer not null,
    deliveries     integer not null,
    erased_at      integer not null,
    admitted_at    integer
) strict;
create index erasures_person on erasures (workspace_id, person_index, id);
