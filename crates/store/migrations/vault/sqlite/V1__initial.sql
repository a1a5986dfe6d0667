-- Wrapped keys live apart from the data they open: erasing a row here makes every copy of the data,
-- backups included, unreadable for that person.

create table root_keys (
    id         integer primary key check (id = 1),
    wrapped    blob    not null,
    created_at integer  not null
) strict;

create table data_keys (
    owner_kind     text   not null check (owner_kind in ('workspace', 'subject')),
    owner_id       integer not null,
    master_version integer not null,
    wrapped        blob   not null,
    created_at     integer not null,
    primary key (owner_kind, owner_id)
) strict, without rowid;
