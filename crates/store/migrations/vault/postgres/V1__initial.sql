-- Wrapped keys live apart from the data they open: erasing a row here makes every copy of the data,
-- backups included, unreadable for that person.

create schema if not exists vault;

create table vault.root_keys (
    id         bigint primary key check (id = 1),
    wrapped    bytea not null,
    created_at bigint  not null
);

create table vault.data_keys (
    owner_kind     text collate "C" not null check (owner_kind in ('workspace', 'subject')),
    owner_id       bigint not null,
    master_version bigint not null,
    wrapped        bytea not null,
    created_at     bigint not null,
    primary key (owner_kind, owner_id)
);
