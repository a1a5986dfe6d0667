-- Who did what. Entries and blocks are written once; chaining an entry names its block, nothing else changes.
-- writer is the process that wrote an entry, chain the process whose block holds it.
create table audit_entries (
    id           integer primary key autoincrement,
    writer       blob not null,
    chain        blob,
    block        integer,
    workspace_id integer,
    created_at   integer not null,
    action       text not null,
    actor        text not null,
    actor_id     blob,
    person       integer,
    link         blob,
    object       blob,
    objects      integer not null,
    request_id   blob,
    sealed       blob
) strict;
create index audit_entries_newest on audit_entries (workspace_id, created_at desc, id desc);
create index audit_entries_link on audit_entries (link) where link is not null;
create index audit_entries_person on audit_entries (person) where person is not null;
create index audit_entries_open on audit_entries (writer, id) where block is null;
create index audit_entries_block on audit_entries (chain, block) where block is not null;

create table audit_blocks (
    chain      blob not null,
    sequence   integer not null,
    created_at integer not null,
    entries    integer not null,
    digest     blob not null,
    previous   blob not null,
    anchors    blob not null,
    hash       blob not null,
    seal       blob not null,
    primary key (chain, sequence)
) strict;

-- Where each chain ends, and what was before its first block when older ones were dropped.
create table audit_heads (
    chain      blob not null primary key,
    sequence   integer not null,
    hash       blob not null,
    updated_at integer not null,
    first      integer not null,
    base       blob not null
) strict;
create index audit_heads_newest on audit_heads (updated_at);
